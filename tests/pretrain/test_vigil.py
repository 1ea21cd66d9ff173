"""Ranks that watch one another where no operation fails, in processes of their own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

WAITING = """
import sys, time
from pathlib import Path
from pretrain import vigil
vigil.SECONDS_BETWEEN_SIGNS, vigil.SECONDS_OF_GRACE, vigil.SECONDS_TO_BE_HEARD = 0.1, 1.0, 5.0
vigil.SECONDS_OF_SILENCE = 0.5
run, rank, seconds, ranks = Path(sys.argv[1]), *map(float, sys.argv[2:])
# One that has imported torch sooner would be over before another begins.
(run / f"ready-{rank:g}").touch()
while len(list(run.glob("ready-*"))) < ranks:
    time.sleep(0.02)
own = vigil.Vigil(run, int(rank), 3, timeout=1.0)
own.doing = "in step 7"
time.sleep(seconds)
own.close()
"""


def waiting(run: Path, rank: int, seconds: float, ranks: int) -> subprocess.Popen[str]:
    """Start one of `ranks` processes that begin together."""
    line = [sys.executable, "-c", WAITING, str(run), str(rank), str(seconds), str(ranks)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True)


def leave_sign(run: Path, rank: int, **word: object) -> None:
    sign = {"seen": time.time(), "doing": "in step 6", "failed": False, "closed": False, **word}
    (run / ".ranks").mkdir(exist_ok=True)
    (run / ".ranks" / f"rank-{rank}.json").write_text(json.dumps(sign))


def test_a_rank_that_waits_for_good_names_the_silent_one_and_ends(tmp_path: Path) -> None:
    leave_sign(tmp_path, 2)
    both = [waiting(tmp_path, rank, 60, ranks=2) for rank in (0, 1)]
    said = [process.communicate(timeout=50)[1] for process in both]
    assert [process.returncode for process in both] == [2, 2]
    assert said[0] == (
        "error: rank 2 of 3 is gone or hangs: last seen in step 6, while rank 0 was in step 7; "
        "the same command goes on from the last checkpoint\n"
    )


def test_a_rank_that_leaves_the_word_to_another_gives_signs_meanwhile(tmp_path: Path) -> None:
    leave_sign(tmp_path, 0, seen=time.time() + 3600)
    leave_sign(tmp_path, 2)
    process = waiting(tmp_path, 1, 60, ranks=1)
    said = process.communicate(timeout=50)[1]
    sign = json.loads((tmp_path / ".ranks" / "rank-1.json").read_text())
    assert said.startswith("error: rank 2 of 3 is gone or hangs")
    assert time.time() - sign["seen"] < 3


@pytest.mark.parametrize("word", ["closed", "failed"])
def test_a_rank_that_has_said_why_it_is_silent_is_not_missed(tmp_path: Path, word: str) -> None:
    leave_sign(tmp_path, 1, **{word: True})
    leave_sign(tmp_path, 2, closed=True)
    process = waiting(tmp_path, 0, 5, ranks=1)
    assert process.communicate(timeout=50)[1] == ""
    assert process.returncode == 0


def test_ranks_that_give_signs_are_not_missed_and_say_when_they_close(tmp_path: Path) -> None:
    spans = ((0, 6.0), (1, 6.0), (2, 1.0))
    three = [waiting(tmp_path, rank, seconds, ranks=3) for rank, seconds in spans]
    assert [process.communicate(timeout=50)[1] for process in three] == ["", "", ""]
    assert [process.returncode for process in three] == [0, 0, 0]
    signs = [json.loads(path.read_text()) for path in (tmp_path / ".ranks").iterdir()]
    assert [sign["closed"] for sign in signs] == [True, True, True]
