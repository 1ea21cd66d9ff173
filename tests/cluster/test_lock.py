import json
import os
import socket
import subprocess
import time

import pytest

from cluster import lock
from cluster.errors import UserError
from cluster.lock import LOCK, locked

ELSEWHERE = {"host": "elsewhere", "pid": 1, "run": "other"}


@pytest.fixture
def folder(memory):
    return memory / "shards"


def held(folder, **changed):
    (folder / LOCK).write_bytes(json.dumps(ELSEWHERE | {"renewed": time.time()} | changed).encode())


def dead_process():
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("kind", ["memory", "local"])
def test_only_one_run_has_a_folder(folder, tmp_path, kind):
    folder = folder if kind == "memory" else tmp_path / "shards"
    with locked(folder, "output"):
        with (
            pytest.raises(UserError, match=f"output={folder}: another run is writing there"),
            locked(folder, "output"),
        ):
            pass
        assert (folder / LOCK).exists()
    with locked(folder, "output"):
        pass


def test_the_lock_at_a_url_says_who_has_it_and_goes_with_the_run(folder):
    def fail():
        with locked(folder, "output"):
            holder = json.loads((folder / LOCK).read_text())
            assert (holder["host"], holder["pid"]) == (socket.gethostname(), os.getpid())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not (folder / LOCK).exists()


def test_a_living_run_elsewhere_keeps_its_folder(folder):
    held(folder)
    with (
        pytest.raises(UserError, match=r"process 1 on elsewhere.*ends in (90|89) s, or when you"),
        locked(folder, "output"),
    ):
        pass
    assert json.loads((folder / LOCK).read_text())["run"] == "other"


@pytest.mark.parametrize("left", ["old", "dead here", "no JSON"])
def test_what_a_killed_run_left_is_taken_over(folder, left):
    if left == "no JSON":
        (folder / LOCK).write_bytes(b"{")
    elif left == "old":
        held(folder, renewed=time.time() - 91)
    else:
        held(folder, host=socket.gethostname(), pid=dead_process())
    with locked(folder, "output"):
        assert json.loads((folder / LOCK).read_text())["pid"] == os.getpid()


def test_a_lock_is_renewed_while_the_run_lasts_and_one_that_was_lost_is_left(folder, monkeypatch):
    monkeypatch.setattr(lock, "SECONDS_BETWEEN_RENEWALS", 0.01)
    path = folder / LOCK
    with locked(folder, "output"):
        first = json.loads(path.read_text())["renewed"]
        end = time.monotonic() + 5
        while json.loads(path.read_text())["renewed"] == first:
            assert time.monotonic() < end
            time.sleep(0.005)
        held(folder)
        time.sleep(0.05)
    assert json.loads(path.read_text())["run"] == "other"
