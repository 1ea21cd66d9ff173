"""Stored results go stale with the code that decides them, and with nothing else."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune import code_version

ONE = '''"""A module."""

from finetune.made_two import f


def g(x):
    """Add."""
    return f(x)
'''
TWO = "def f(x):\n    return x + 1\n"


@pytest.fixture
def version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Return the version of a module that imports another, both written for the test."""
    import finetune

    monkeypatch.setattr(finetune, "__path__", [*finetune.__path__, str(tmp_path)])

    def of(one: str, two: str) -> str:
        (tmp_path / "made_one.py").write_text(one)
        (tmp_path / "made_two.py").write_text(two)
        for cached in (code_version.code_version, code_version._path, code_version._tree):
            cached.cache_clear()
        sys.path_importer_cache.clear()
        return code_version.code_version("finetune.made_one")

    return of


def test_code_counts_and_words_do_not(version: Callable[[str, str], str]) -> None:
    first = version(ONE, TWO)
    assert version(ONE, TWO) == first
    assert version(ONE.replace("Add.", "Add one."), "# Said.\n" + TWO) == first
    assert version(ONE.replace("return f(x)", "return  f( x )"), TWO) == first
    assert version(ONE.replace("return f(x)", "return f(-x)"), TWO) != first
    assert version(ONE, TWO.replace("1", "2")) != first


def test_all_that_computes_a_cell_is_reached() -> None:
    reached = code_version._imported("finetune.cells")
    assert {"finetune.fitting", "finetune.classifiers", "finetune.training", "finetune.folds",
            "finetune.shares", "finetune.scores", "pretrain.encoders",
            "datagen.calibration"} <= reached  # fmt: skip
    assert not {"finetune.report", "finetune.config", "datagen.shards"} & reached
