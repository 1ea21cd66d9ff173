"""The folder of a run: whose it is, and that it holds a release in the end."""

import os
import re
import shutil
import signal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from made_shards import make_shards
from training import TRAINER, arguments, free_port, records, run, start, wait_for_step

from cluster import runs
from cluster.errors import UserError
from cluster.lock import locked
from pretrain import train
from pretrain.evaluate import Verdict
from pretrain.release import load_pretrained


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder)
    return folder


@pytest.fixture
def best_at_first(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[Path]]:
    """A finished run of 12 steps whose first validation of three was the best; its checkpoints."""
    validate, shortfalls = train.validate, iter([0.1, 0.2, 0.3, 0.4])

    def pretend(*given: Any) -> Verdict:
        return validate(*given)._replace(shortfall=next(shortfalls))

    monkeypatch.setattr(train, "validate", pretend)
    folder = tmp_path / "run"
    train.main(arguments(data, folder))
    assert released_step(folder) == 4
    return folder, sorted((folder / "checkpoints").glob("step-*"))


def released_step(folder: Path) -> int:
    found = re.search(r"for (\d+) steps", (folder / "release" / "card.md").read_text())
    assert found
    return int(found[1])


def released_as_in(folder: Path, checkpoint: Path) -> bool:
    saved = torch.load(next(checkpoint.glob("*model_states.pt")))["module"]
    released = load_pretrained(folder / "release").model.state_dict()
    return all(torch.equal(released[name], saved[name]) for name in released)


@pytest.mark.parametrize("number", [0, 1], ids=["broken off", "finished"])
def test_another_run_is_continued_to_a_release_of_one_s_own(
    data: Path,
    tmp_path: Path,
    best_at_first: tuple[Path, list[Path]],
    capfd: pytest.CaptureFixture[str],
    number: int,
) -> None:
    """Though the best was before the checkpoint, and lies in the other run's folder alone."""
    place, other = best_at_first[1][number], tmp_path / "other"
    train.main(arguments(data, other, f"resume={place}"))
    assert released_step(other) == 12
    assert released_as_in(other, other / "checkpoints" / "step-00000012")
    said = capfd.readouterr().out
    assert f"{place}; the release of its best is not in this folder" in said
    assert f"done: {other / 'release'} holds the weights after step 12" in said


def test_a_finished_run_whose_release_was_deleted_makes_one_of_its_last_weights(
    data: Path, best_at_first: tuple[Path, list[Path]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder, (_, last) = best_at_first
    shutil.rmtree(folder / "release")
    for _ in range(2):
        capfd.readouterr()
        train.main(arguments(data, folder))
        assert released_as_in(folder, last)
        assert "holds the weights after step 12" in capfd.readouterr().out


def test_a_run_names_the_commit_that_it_began_with_and_keeps_its_record(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = count()
    monkeypatch.setattr(runs, "_git", lambda *_: f"commit{next(asked)}")
    runs.git_commit.cache_clear()
    train.main(arguments(data, tmp_path, "steps=4"))
    record = (tmp_path / "run.json").read_text()
    card = (tmp_path / "release" / "card.md").read_text()
    assert "commit0-dirty" in record
    assert "commit0-dirty" in card
    runs.git_commit.cache_clear()
    train.main(arguments(data, tmp_path, "steps=4"))
    assert (tmp_path / "run.json").read_text() == record
    runs.git_commit.cache_clear()


def test_one_run_at_a_time_writes_to_a_folder(data: Path, tmp_path: Path) -> None:
    line = arguments(data, tmp_path, "steps=40")
    process = start("python", TRAINER, *line)
    wait_for_step(tmp_path, 5)
    with pytest.raises(UserError, match=f"^output={tmp_path}: another run is writing there$"):
        train.main(line)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    train.main(line)
    assert [record["step"] for record in records(tmp_path)] == list(range(1, 41))


def test_two_ranks_say_once_that_another_run_has_their_folder(data: Path, tmp_path: Path) -> None:
    ranks = ("deepspeed", "--num_accelerators", "2", "--master_port", free_port())
    with locked(tmp_path, "output"):
        status, said = run(*ranks, TRAINER, *arguments(data, tmp_path, "batch_size=4"))
    assert status != 0
    assert said.count("error: ") == 1
    assert "another run is writing there" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("below", ["", "below/it"])
def test_a_file_is_no_folder_for_a_run(data: Path, tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UserError, match=f"^output={file / below}: {file} is a file; give a folder"):
        train.main(arguments(data, file / below))
    assert file.read_text() == "mine"


def test_a_run_needs_a_folder(data: Path) -> None:
    with pytest.raises(UserError, match=r"^output: has no value; give a folder for the run$"):
        train.main([*arguments(data, Path()), "output=''"])


def test_a_tilde_in_yaml_is_the_user_s_home(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = train.read_config([*arguments(data, Path("~/run")), "resume=~/other"])
    assert train.output_folder(config) == tmp_path / "run"
    with pytest.raises(UserError, match=f"^{tmp_path}/other: no such folder"):
        train.find_checkpoint(tmp_path / "run", config.resume)


def test_the_commands_to_go_on_with_can_be_pasted(
    data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run #2"
    train.main(arguments(data, folder, "steps=2"))
    said = capfd.readouterr().out
    assert f"tensorboard --logdir '{folder}'\n" in said
    assert f" 'release={folder}/release' output={tmp_path}/finetune\n" in said


def test_a_run_may_lie_where_one_stands(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train.main(arguments(data, Path("."), "steps=4"))
    assert released_step(tmp_path) == 4
    assert "release=release output=finetune" in capfd.readouterr().out
