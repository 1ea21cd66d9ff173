import builtins
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import progress
from cluster.errors import USER_ERROR_STATUS, UserError
from cluster.progress import Progress
from cluster.runs import digest, replace_when_whole, seed_from, write_json, write_run_record
from tests.cluster.test_config import Outer


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    with replace_when_whole(path) as file:
        file.write("one")
        assert not path.exists()
    assert path.read_text() == "one"

    def fail():
        with replace_when_whole(path) as file:
            file.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("step", ["mkdir", "open", "replace"])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path, monkeypatch, number, step):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    holder = {"mkdir": Path, "open": builtins, "replace": os}[step]
    monkeypatch.setattr(holder, step, refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    path = tmp_path / "file.txt"
    with pytest.raises(UserError) as said, replace_when_whole(path) as file:
        file.write("one")
    assert str(said.value) == f"{path}: cannot be written to: {os.strerror(number)}"


def test_a_file_below_a_file_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"x\.json: cannot be written to: "):
        write_json(tmp_path / "file" / "x.json", {})


def test_seeds_and_digests_depend_on_the_values_alone():
    script = "from cluster.runs import *; print(seed_from(3, 'clip'), digest({'b': 1, 'a': [2.5]}))"
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split() == [str(seed_from(3, "clip")), digest({"a": [2.5], "b": 1})]
    assert seed_from("a", "b") != seed_from("ab")
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_run_folder_says_how_it_was_made(tmp_path):
    write_run_record(tmp_path, Outer(bodies=9), seed=5)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seed"] == 5
    assert record["versions"]["torch"]
    assert {"commit", "command", "started", "python"} <= set(record)
    assert "bodies: 9" in (tmp_path / "config.yaml").read_text()


def test_json_is_written_sorted(tmp_path):
    write_json(tmp_path / "x.json", {"b": 1, "a": 2})
    assert (tmp_path / "x.json").read_text().index('"a"') < 10


@pytest.mark.parametrize(
    ("raised", "status", "line"),
    [
        ("UserError('no such folder')", USER_ERROR_STATUS, "error: no such folder\n"),
        ("KeyboardInterrupt", 130, "interrupted; the same command continues the work\n"),
    ],
)
def test_a_command_ends_with_one_line(raised, status, line):
    script = f"""
from cluster.errors import *
def main():
    raise {raised}
exit_with(main)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, line)


def test_progress_in_a_log_counts_and_says_what_is_left(capsys):
    with Progress("clips", 2, "clips") as counted:
        counted.advance()
        counted.advance(note="done")
    assert "clips: 2/2 clips" in capsys.readouterr().err


def test_the_time_left_leaves_out_what_comes_before_the_first_unit(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("clips", 10, "clips") as counted:
        for seconds, left in ((100, None), (106, 18), (112, 12)):
            now[0] = seconds
            counted.advance(2)
            said = capsys.readouterr().err
            assert said.endswith(f", about {left} s left\n") == (left is not None)
            assert ("left" in said) == (left is not None)


def test_progress_says_what_an_estimate_says_and_nothing_where_it_knows_nothing(capsys):
    for estimate, said in ((7.4, "s, about 7 s left, done\n"), (None, "s, done\n")):
        with Progress("cells", 1, "cells", lambda known=estimate: known) as counted:
            counted.advance(note="done")
        assert capsys.readouterr().err.endswith(said)
