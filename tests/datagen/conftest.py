"""Fixtures for the tests of this room: the command in this process, as a user types it."""

import pytest

from cluster.errors import exit_with
from datagen import __main__ as cli


@pytest.fixture
def datagen(monkeypatch, capsys, tmp_path):
    """Run the command in an empty folder: status, output, complaints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["datagen", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            exit_with(cli.main)
        return left.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def refused(datagen):
    """Run a command that is a user's mistake: returns its one line."""

    def run(*arguments):
        status, out, err = datagen(*arguments)
        assert (status, out) == (2, ""), err
        assert len(err.splitlines()) == 1, err
        assert err.startswith("error: ")
        return err

    return run
