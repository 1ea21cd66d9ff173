"""A page is written of scores alone, and says nothing that is nobody's business."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.connect import ClusterConfig
from cluster.errors import UserError
from finetune.__main__ import main
from finetune.config import SweepConfig
from finetune.study import make_study, write_study


def results(monkeypatch: pytest.MonkeyPatch, output: Path, page: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["finetune", "results", str(output), "--page", str(page)])
    main()


def test_a_page_needs_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    with pytest.raises(UserError, match="no such file; give the output folder of a finished run"):
        results(monkeypatch, tmp_path, page)
    (tmp_path / "scores.json").write_text("{}")
    with pytest.raises(UserError, match="not the scores of this version"):
        results(monkeypatch, tmp_path, page)


def test_a_page_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for page in (tmp_path, tmp_path / "without_suffix"):
        with pytest.raises(UserError, match=f"--page {page}: a folder; give a Markdown file"):
            results(monkeypatch, tmp_path, page)
    assert list(tmp_path.iterdir()) == []


def test_scores_hold_no_password_of_the_settings(tmp_path: Path) -> None:
    sweep = SweepConfig(output="out", cluster=ClusterConfig(address="http://ada:lovelace@host/x"))
    nothing: Any = SimpleNamespace(targets={}, releases={})
    write_study(tmp_path, make_study(sweep, sweep, nothing, [], []))
    settings = json.loads((tmp_path / "scores.json").read_text())["settings"]
    assert "@host/x" in settings
    assert "lovelace" not in settings
