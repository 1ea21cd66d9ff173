"""What goes wrong for two real ranks ends on both, in time, with one line; see forked_ranks.py."""

import json
import re
from pathlib import Path

import pytest
from training import run

from pretrain import checkpoint

SAID = {
    "missing": r"shard-000002\.tar: is missing; run datagen's command again",
    "truncated": r"shard-000001\.tar: has 4096 bytes, not \d+; run datagen's command again",
    "flipped": r"rank 1: .*\.tar: its bytes do not match the checksum in its JSON",
    "flipped_validation": r"shard-000004\.tar: its bytes do not match the checksum in its JSON",
    "mixed_texts": r"several kinds \(minilm .* in .*00\.tar, instructor .* in .*01\.tar\)",
    "fewer_shards": r"has 1 training shards for 2 ranks; use fewer ranks",
    "empty_split": r"no validation windows; make more or longer clips",
    "impossible_zero": r"offload=parameters: ZeRO does this from stage 3 on; give zero=3",
    "full_disk": r"checkpoints: the checkpoint could not be written by rank 1: .*; make room",
    "full_disk_at_release": r"model\.safetensors: cannot be written: .*; make room",
    "not_finite": r"step 1: loss/contrastive/text-left is nan; .* imu_left of \S+ \(rank 1\)",
    "hung_before_they_met": r"rank 1 of 2 is gone or hangs: last seen starting",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cases")
    status, said = run("python", "tests/pretrain/forked_ranks.py", str(folder))
    assert status == 0, said
    return folder


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, dict]:
    return json.loads((folder / "outcomes.json").read_text())


@pytest.mark.parametrize("case", SAID)
def test_it_ends_on_both_ranks_with_one_line(outcomes: dict[str, dict], case: str) -> None:
    outcome = outcomes[case]
    [line] = [line for line in outcome["said"].splitlines() if line.startswith("error: ")]
    assert re.search(SAID[case], line), line
    assert "Traceback" not in outcome["said"]
    assert all(outcome["statuses"])


def test_the_sample_that_is_not_finite_is_named(outcomes: dict[str, dict]) -> None:
    said = outcomes["not_finite"]["said"]
    [spoilt] = re.findall(r"spoilt: (\S+)", said)
    assert f"imu_left of {spoilt} (rank 1)" in said


def test_half_a_checkpoint_is_passed_over_once(folder: Path, outcomes: dict[str, dict]) -> None:
    said = outcomes["half_a_checkpoint"]["said"]
    assert outcomes["half_a_checkpoint"]["statuses"] == [0, 0]
    assert said.count("step-00000004: passed over, complete.json is missing") == 1
    assert "continuing from" in said
    assert "step-00000002\n" in said
    assert "done: " in said


def test_a_full_disk_leaves_the_last_whole_checkpoint_or_none(folder: Path) -> None:
    assert checkpoint.find(folder / "half_a_checkpoint" / "run", asked_for=True) is not None
    assert checkpoint.find(folder / "full_disk" / "run", asked_for=False) is None
    assert not (folder / "full_disk_at_release" / "run" / "release").exists()
