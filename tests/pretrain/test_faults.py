"""Ranks that are asked to stop, die or hang, started by DeepSpeed's launcher as a user does."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from made_shards import make_shards
from training import TRAINER, arguments, free_port, records, start

from pretrain import train
from pretrain.stopping import STATUS_OF_SIGTERM


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder, train_shards=4, samples=6)
    return folder


def two_ranks(data: Path, output: Path, *overrides: str):
    changes = ("batch_size=4", "steps=100000", "save.every=1000", *overrides)
    line = ("--num_accelerators", "2", "--master_port", free_port(), TRAINER)
    return start("deepspeed", *line, *arguments(data, output, *changes))


def ranks_of(process) -> list[psutil.Process]:
    """The training processes, in the order of their ranks."""
    found = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if TRAINER in child.cmdline() and "launcher" not in " ".join(child.cmdline())
    ]
    return sorted(found, key=lambda child: child.environ().get("RANK", ""))


def after_some_steps(process, output: Path, then: Callable[[], None]) -> str:
    until = time.monotonic() + 150
    while len(records(output)) < 3:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
    then()
    said, _ = process.communicate(timeout=120)
    return said


def test_sigterm_saves_and_stops_every_rank(data: Path, tmp_path: Path) -> None:
    process = two_ranks(data, tmp_path, "zero=1")

    def notice() -> None:
        for rank in ranks_of(process):
            rank.send_signal(signal.SIGTERM)

    said = after_some_steps(process, tmp_path, notice)
    assert process.returncode == STATUS_OF_SIGTERM
    last = records(tmp_path)[-1]["step"]
    assert f"stopped after step {last} as SIGTERM asked" in said
    assert [path.name for path in (tmp_path / "checkpoints").glob("step-*")] == [f"step-{last:08d}"]
    assert train.find_checkpoint(tmp_path, resume=None) is not None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
def test_a_rank_that_is_lost_ends_the_others_and_is_named(
    data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = two_ranks(data, tmp_path, "timeout=5")
    lost: list[psutil.Process] = []

    def lose() -> None:
        lost.append(ranks_of(process)[1])
        lost[0].send_signal(number)

    began = time.monotonic()
    said = after_some_steps(process, tmp_path, lose)
    assert process.returncode != 0
    assert time.monotonic() - began < 150
    assert not lost[0].is_running() or lost[0].status() == psutil.STATUS_ZOMBIE
    [line] = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "rank 1 of 2 is gone or hangs: last seen" in line
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
