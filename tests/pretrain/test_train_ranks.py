"""Two real ranks, started by DeepSpeed's launcher as a user starts them."""

import json
from pathlib import Path

import pytest
import torch
from made_shards import make_shards
from training import TRAINER, arguments, equal, free_port, kept_states, records, run
from two_ranks import FIRST_STAGE, STAGED_STOPS, STAGES_FOR_ONE, staged, stopped_after

from pretrain import train, universal
from pretrain.evaluate import shortfall_of
from pretrain.schedule import learning_rate


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder, train_shards=4, samples=6)
    return folder


def launch(*command: str) -> tuple[int, str]:
    return run("deepspeed", "--num_accelerators", "2", "--master_port", free_port(), *command)


def of_one(data: Path, folder: Path, zero: int) -> list[str]:
    return arguments(data, folder, "batch_size=4", "steps=8", f"zero={zero}")


@pytest.fixture(scope="module")
def made_by_one(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A run of one rank, broken off in mid-epoch, for each stage of ZeRO."""
    folder = tmp_path_factory.mktemp("runs")
    saved = {}
    for zero in STAGES_FOR_ONE:
        with kept_states() as kept:
            stopped_after(
                6, lambda zero=zero: train.main(of_one(data, folder / f"from_one{zero}", zero))
            )
        saved[zero] = kept["saved"]
    return folder, saved


@pytest.fixture(scope="module")
def output(data: Path, made_by_one: tuple[Path, dict]) -> Path:
    folder, _ = made_by_one
    status, said = launch("tests/pretrain/two_ranks.py", str(data), str(folder))
    assert status == 0, said
    return folder


@pytest.fixture(scope="module")
def told(output: Path) -> list[dict]:
    return [json.loads((output / f"told{rank}.json").read_text()) for rank in (0, 1)]


def test_the_ranks_leave_no_shared_memory_behind(told: list[dict]) -> None:
    assert [each["shared_memory"] for each in told] == [[], []]


@pytest.mark.parametrize("way", ["plain", "cached"])
def test_half_the_batch_on_each_of_two_ranks_is_the_whole_batch_on_one(
    told: list[dict], way: str
) -> None:
    for rank in told:
        assert max(rank[way]["losses"]) < 1e-5
        assert max(rank[way]["gradients"]) < 1e-5


def test_two_ranks_continue_exactly(told: list[dict]) -> None:
    assert told[0]["equal"] == [True, True]


@pytest.mark.parametrize("zero", STAGES_FOR_ONE)
def test_two_ranks_continue_what_one_began(
    output: Path, made_by_one: tuple[Path, dict], zero: int
) -> None:
    saved = made_by_one[1][zero]
    for rank in (0, 1):
        assert equal(torch.load(output / f"loaded{zero}-{rank}.pt"), saved)
    assert [line["step"] for line in records(output / f"from_one{zero}")] == list(range(1, 9))


@pytest.mark.parametrize("zero", STAGES_FOR_ONE)
def test_one_rank_continues_what_two_began(
    data: Path, output: Path, zero: int, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = output / f"from_two{zero}"
    left = folder / universal.FOLDER / "step-00000004"  # by a killed conversion
    left.mkdir(parents=True)
    with kept_states() as kept:
        train.main(of_one(data, folder, zero))
    assert equal(kept["loaded"], torch.load(output / f"saved{zero}-0.pt"))
    assert [line["step"] for line in records(folder)] == list(range(1, 9))
    assert "made by 2 ranks: the rest of epoch 1 is left out" in capfd.readouterr().out
    assert not left.parent.exists()


def test_another_run_s_checkpoint_is_read_and_nothing_else_for_other_ranks(
    data: Path, output: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = output / "from_two1" / "checkpoints" / "step-00000004"
    before = sorted(source.parents[1].rglob("*"))
    train.main([*of_one(data, tmp_path / "own", 1), f"resume={source}"])
    assert sorted(source.parents[1].rglob("*")) == before
    assert "from 2 ranks to 1" in capfd.readouterr().out
    assert not (tmp_path / "own" / universal.FOLDER).exists()


@pytest.mark.parametrize("stop", STAGED_STOPS, ids=["between", "within"])
def test_one_rank_continues_the_stages_that_two_began(
    data: Path, output: Path, stop: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Between two stages nothing is left out; within an epoch, the rest of it."""
    line = staged(data, output / f"staged{stop}")
    config = train.read_config(line)
    with kept_states() as kept:
        train.main(line)
    assert equal(kept["loaded"], torch.load(output / f"staged{stop}-0.pt"))
    [_, epoch] = train.open_stages(config, 0, 1)
    between = stop == FIRST_STAGE
    steps = epoch.batches_per_epoch if between else 1
    rows = records(output / f"staged{stop}")
    assert [row["step"] for row in rows] == list(range(1, stop + steps + 1))
    assert ("the rest of epoch 1 is left out" in capfd.readouterr().out) == (not between)
    if between:
        rates = [learning_rate(config.optimizer, step, steps, 0) for step in range(steps)]
        assert [row["learning_rate"] for row in rows[stop:]] == rates
    best = min(
        (
            row
            for row in records(output / f"staged{stop}", "validation")
            if row["step"] > FIRST_STAGE
        ),
        key=lambda row: shortfall_of(row, config.model.losses.pairs),
    )
    card = (output / f"staged{stop}" / "release" / "card.md").read_text()
    assert f"for {best['step']} steps" in card


def test_a_mistake_is_said_once(data: Path, output: Path) -> None:
    status, said = launch(TRAINER, *arguments(data, output / "x", "optimizer.learningrate=1"))
    assert status != 0
    assert said.count("error: ") == 1
    assert "the nearest known key is optimizer.learning_rate" in said
    assert "Traceback" not in said
