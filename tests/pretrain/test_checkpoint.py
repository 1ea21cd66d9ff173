import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from deepspeed.runtime.fp16.loss_scaler import LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from made_shards import make_shards
from training import arguments, records, results

from cluster.errors import UserError
from pretrain import checkpoint, train
from pretrain.checkpoint import COMPLETE


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder)
    return folder


def made(run: Path, step: int, content: bytes = b"weights") -> Path:
    """A folder that looks like a checkpoint."""
    path = run / "checkpoints" / f"step-{step:08d}"
    path.mkdir(parents=True)
    (path / "weights.pt").write_bytes(content)
    (path / COMPLETE).write_text(json.dumps({"files": {"weights.pt": len(content)}}))
    return path


def test_the_latest_is_found(tmp_path: Path) -> None:
    made(tmp_path, 900)
    latest = made(tmp_path, 1000)
    assert checkpoint.find(tmp_path, asked_for=False) == latest
    assert checkpoint.find(latest, asked_for=True) == latest


@pytest.mark.parametrize("damage", ["mark", "file", "length", "json"])
def test_one_that_is_not_whole_is_passed_over_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    before, broken = made(tmp_path, 1), made(tmp_path, 2)
    if damage == "mark":
        (broken / COMPLETE).unlink()
    elif damage == "file":
        (broken / "weights.pt").unlink()
    elif damage == "length":
        (broken / "weights.pt").write_bytes(b"weig")
    else:
        (broken / COMPLETE).write_text("{")
    assert checkpoint.find(tmp_path, asked_for=False) == before
    assert f"{broken}: passed over" in capsys.readouterr().out


def test_what_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    assert checkpoint.find(tmp_path / "none", asked_for=False) is None
    with pytest.raises(UserError, match="none: no such folder"):
        checkpoint.find(tmp_path / "none", asked_for=True)
    with pytest.raises(UserError, match="no whole checkpoint in it"):
        checkpoint.find(tmp_path, asked_for=True)


def test_old_ones_and_halves_are_deleted(tmp_path: Path) -> None:
    for step in (5, 10, 15, 20):
        made(tmp_path, step)
    (made(tmp_path, 25) / COMPLETE).unlink()
    checkpoint.keep_latest(tmp_path, 2)
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "step-00000015",
        "step-00000020",
    ]


def test_what_a_user_has_put_beside_them_stays_and_is_not_continued_from(tmp_path: Path) -> None:
    made(tmp_path, 5)
    latest = made(tmp_path, 10)
    names = ("step-notes", "step-5", "step-00000010-best", "step-00000099.old")
    for name in names:
        shutil.copytree(latest, latest.with_name(name))
    assert checkpoint.find(tmp_path, asked_for=True) == latest
    checkpoint.keep_latest(tmp_path, 1)
    assert {path.name for path in latest.parent.iterdir()} == {latest.name, *names}
    assert (latest.with_name("step-notes") / "weights.pt").read_bytes() == b"weights"


def test_a_run_goes_on_from_the_last_whole_checkpoint_of_itself_or_of_another(
    data: Path, tmp_path: Path
) -> None:
    train.main(arguments(data, tmp_path / "one"))
    whole = results(tmp_path / "one")
    first, last = sorted((tmp_path / "one" / "checkpoints").iterdir())
    assert (first.name, last.name) == ("step-00000008", "step-00000012")
    cut = next(last.glob("*.pt"))
    cut.write_bytes(cut.read_bytes()[:-1])
    train.main(arguments(data, tmp_path / "one"))
    assert results(tmp_path / "one") == whole
    train.main(arguments(data, tmp_path / "other", f"resume={first}"))
    assert [record["step"] for record in records(tmp_path / "other")] == [9, 10, 11, 12]
    assert records(tmp_path / "other")[-1]["loss/total"] == whole[11]["loss/total"]


class Harmful:
    def __reduce__(self) -> tuple:
        return print, ("harm done",)


def test_a_checkpoint_cannot_run_code(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main(arguments(data, tmp_path, "steps=4"))
    path = tmp_path / "checkpoints" / "step-00000004"
    harmful = pickle.dumps(Harmful(), protocol=2)
    weights = next(path.glob("mp_rank*.pt"))
    weights.write_bytes(harmful)
    record = json.loads((path / COMPLETE).read_text())
    record["files"][weights.name] = len(harmful)
    (path / COMPLETE).write_text(json.dumps(record))
    with pytest.raises(UserError, match="step-00000004: DeepSpeed cannot read"):
        train.main(arguments(data, tmp_path, "steps=4"))
    assert "harm done" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError("unexpected pos 64 vs 0")],
    ids=["system", "torch"],
)
def test_a_disk_that_is_full_while_saving_ends_the_run_and_keeps_the_last_whole_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    save = torch.save

    def until_full(state: object, path: str, **how: object) -> None:
        if "step-00000008" in str(path):
            raise error
        save(state, path, **how)

    monkeypatch.setattr(torch, "save", until_full)
    with pytest.raises(UserError, match=rf"could not be written: .*{error.args[-1]}") as said:
        train.main(arguments(data, tmp_path))
    assert "\n" not in str(said.value)
    monkeypatch.undo()
    assert checkpoint.find(tmp_path, asked_for=True) == tmp_path / "checkpoints" / "step-00000004"


class _AsOlderPythonsDo:
    """A member of an enumeration, pickled as Python before 3.11.4 does it."""

    def __init__(self, kind: type, name: str) -> None:
        self.kind, self.name = kind, name

    def __reduce__(self) -> tuple:
        return getattr, (self.kind, self.name)


def test_checkpoints_of_older_pythons_are_read_and_getattr_of_anything_else_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "states.pt"
    torch.save({"stage": _AsOlderPythonsDo(ZeroStageEnum, "weights")}, path)
    with checkpoint.weights_only():
        assert torch.load(path) == {"stage": ZeroStageEnum.weights}
    torch.save({"stage": _AsOlderPythonsDo(LossScaler, "__init__")}, path)
    with checkpoint.weights_only(), pytest.raises(pickle.UnpicklingError, match="getattr of"):
        torch.load(path)
