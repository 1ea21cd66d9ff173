"""Fine-tuning the way a user does it: the command, on the watch data, with a tiny network."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster.errors import UserError
from finetune.__main__ import main
from finetune.rows import DEFAULT_ROWS, ROWS

# More experts than any address space holds.
TOO_MANY = 10**13
PRESET = Path("configs/finetune/demo.yaml")
SMALL = (
    "windows.seconds=2",
    "windows.overlap=0",
    "folds.count=2",
    "training.epochs=1",
    "classifier.width=8",
    "classifier.heads=2",
    "classifier.feed_forward=8",
    "classifier.expert_width=4",
    "deepconvlstm.filters=4",
    "deepconvlstm.width=8",
    "deepconvlstm.recurrent_layers=1",
    "deepconvlstm.dropout=0",
)


def command(release: Path, output: Path, *changes: str) -> list[str]:
    return ["run", "--config", str(PRESET), f"release={release}", f"output={output}", *changes]


def in_process(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["finetune", *arguments])
    return main()


@pytest.fixture(scope="module")
def finished(tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Kill a run with SIGKILL after its first cell, then give the same command again."""
    output = tmp_path_factory.mktemp("run")
    line = [sys.executable, "-m", "finetune", *command(tiny_release, output, *SMALL)]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 120
        while not list(output.glob("cells/*.json")):
            assert killed.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    early = {path: path.stat().st_mtime_ns for path in output.glob("cells/*.json")}
    assert not (output / "scores.json").exists()
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(early) < 8
    assert all(path.stat().st_mtime_ns == when for path, when in early.items())
    return output, done.stdout


def test_a_killed_run_is_finished_by_the_same_command(finished: tuple[Path, str]) -> None:
    output, printed = finished
    scores = json.loads((output / "scores.json").read_text())
    assert [line["row"] for line in scores["rows"]] == list(DEFAULT_ROWS)
    assert scores["failures"] == []
    for line in scores["rows"]:
        assert len(line["by_cell"]) == line["cells"] == 2
        values = [cell["macro_f1"] for cell in line["by_cell"]]
        assert line["macro_f1"]["mean"] == pytest.approx(sum(values) / 2)
        assert sorted(p for cell in line["by_cell"] for p in cell["test_people"]) == sorted(
            line["people"]
        )
        mean = f"{100 * line['macro_f1']['mean']:.1f}"
        assert re.search(rf"^{re.escape(line['title'])} +{mean} ± ", printed, re.MULTILINE)
        assert list((output / "tensorboard" / line["row"]).glob("*/events*"))
    assert len(list(output.glob("cells/*.json"))) == 8
    assert json.loads((output / "run.json").read_text())["seed"] == 0


def test_the_report_needs_nothing_beside_it(finished: tuple[Path, str]) -> None:
    page = (finished[0] / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 7
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    for row in DEFAULT_ROWS:
        assert ROWS[row].title in page
    assert "trapezius extension" in page


def test_a_finished_run_computes_nothing_again(
    finished: tuple[Path, str],
    tiny_release: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_ray(*_: object) -> None:
        raise AssertionError("a cell was computed")

    monkeypatch.setattr("finetune.execution.connected", no_ray)
    output, printed = finished
    before = (output / "scores.json").read_bytes()
    assert in_process(monkeypatch, *command(tiny_release, output, *SMALL)) == 0
    assert (output / "scores.json").read_bytes() == before
    assert capsys.readouterr().out == printed


def test_a_sweep_goes_through_its_grid_and_lists_what_failed(
    tiny_release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, *rest = command(tiny_release, tmp_path, *SMALL)
    grid = ("rows=[base,deepconvlstm]", f"experts=[1,{TOO_MANY}]", "label_shares=[1.0,0.1]")
    assert in_process(monkeypatch, "sweep", *rest, *grid) == 1
    scores = json.loads((tmp_path / "scores.json").read_text())
    variants = [(line["row"], line["experts"], line["label_share"]) for line in scores["rows"]]
    assert variants == [
        ("base", 1, 1.0),
        ("base", 1, 0.1),
        ("deepconvlstm", 0, 1.0),
        ("deepconvlstm", 0, 0.1),
    ]
    failed = [failure["cell"] for failure in scores["failures"]]
    assert [(cell["row"], cell["experts"]) for cell in failed] == [("base", TOO_MANY)] * 4
    assert all("RuntimeError" in failure["reason"] for failure in scores["failures"])
    printed = capsys.readouterr()
    assert "Base (no pre-training), 1 expert, 10 % labels" in printed.out
    assert printed.err.count("\nfailed: Cell(row='base'") >= 3
    assert "Failed cells" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["rows=[base,svm]"], "svm is not a row; the rows are multi3net_plus_frozen"),
        (["rows=[]"], "rows is empty"),
        (["folds.count=11"], "folds.count is 11 but the target has 10 people"),
        (["training.epoch=3"], "unknown key training.epoch.*training.epochs"),
        (["training.epochs=many"], "training.epochs"),
        (["windows.seconds=100"], "no labelled window of 100 s"),
        (["classifier.heads=3"], "classifier.width is 64"),
        (["target.seglearn_watch=null"], "0 data sets are named"),
    ],
)
def test_mistakes_end_with_one_line(
    tiny_release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: list[str],
    message: str,
) -> None:
    with pytest.raises(UserError, match=message) as error:
        in_process(monkeypatch, *command(tiny_release, tmp_path, *changes))
    assert "\n" not in str(error.value)


def test_a_missing_or_broken_release_ends_with_one_line_and_status_2(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = [sys.executable, "-m", "finetune", *command(tmp_path / "none", tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path / 'none'}: no such release folder" in done.stderr
    broken = tmp_path / "release"
    broken.mkdir()
    for path in tiny_release.iterdir():
        text = path.read_bytes()
        if path.suffix == ".yaml":
            text = text.replace(b"width: 16", b"width: 32")
        (broken / path.name).write_bytes(text)
    with pytest.raises(UserError, match="another architecture"):
        in_process(monkeypatch, *command(broken, tmp_path))
