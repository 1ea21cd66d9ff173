"""Fine-tuning the way a user does it: the command, on the watch data, with a tiny network."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from cluster.errors import UserError
from finetune.__main__ import main
from finetune.calibration import reliability
from finetune.rows import ROWS
from finetune.scores import score
from finetune.targets import seglearn_watch
from finetune.targets.seglearn_watch import SeglearnWatchConfig
from finetune.windows import WindowsConfig, cut_windows
from tests.finetune.made_recordings import csv_folder

PRESET = Path("configs/finetune/demo.yaml")
TRIED = ("multi3net_plus_frozen", "base", "forest")
SMALL = (
    f"rows=[{','.join(TRIED)}]",
    "cluster.workers=1",
    "windows.seconds=2",
    "windows.overlap=0",
    "folds.count=2",
    "training.epochs=1",
    "classifier.width=8",
    "classifier.heads=2",
    "classifier.feed_forward=8",
    "classifier.expert_width=4",
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
        while not list(output.glob("cells/*.json")):
            assert killed.poll() is None
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
    early = {path: path.stat().st_mtime_ns for path in output.glob("cells/*.json")}
    assert not (output / "scores.json").exists()
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(early) < 2 * len(TRIED)
    assert all(path.stat().st_mtime_ns == when for path, when in early.items())
    return output, done.stdout


def test_a_killed_run_is_finished_by_the_same_command(finished: tuple[Path, str]) -> None:
    output, printed = finished
    scores = json.loads((output / "scores.json").read_text())
    assert {line["row"] for line in scores["lines"]} == set(TRIED)
    assert scores["failures"] == []
    for line in scores["lines"]:
        assert len(line["by_cell"]) == line["cells"] == 2
        assert line["macro_f1"]["low"] <= line["macro_f1"]["value"] <= line["macro_f1"]["high"]
        assert sorted(p for cell in line["by_cell"] for p in cell["test_people"]) == sorted(
            line["people"]
        )
        mean = f"{100 * line['macro_f1']['value']:.1f}"
        assert re.search(rf"^{re.escape(line['title'])} +{mean} ", printed, re.MULTILINE)
        logs = output / "tensorboard" / "seglearn_watch" / line["row"]
        assert len(list(logs.glob("*/events*"))) == 2
    assert len(list(output.glob("cells/*.json"))) == 2 * len(TRIED)
    assert json.loads((output / "run.json").read_text())["seed"] == 0


def test_scores_are_computed_again_from_what_is_stored(finished: tuple[Path, str]) -> None:
    labels_N = cut_windows(
        seglearn_watch.read(SeglearnWatchConfig()), WindowsConfig(seconds=2, overlap=0)
    ).labels_N
    for path in finished[0].glob("cells/*.json"):
        stored = json.loads(path.read_text())
        with np.load(path.with_suffix(".npz")) as arrays:
            true_M, probabilities_MK = labels_N[arrays["windows"]], arrays["probabilities"]
        found = score(true_M, probabilities_MK.argmax(1), probabilities_MK.shape[1])
        assert asdict(found) == stored["scores"]
        assert asdict(reliability(true_M, probabilities_MK)) == stored["reliability"]


def test_the_report_needs_nothing_beside_it(finished: tuple[Path, str]) -> None:
    page = (finished[0] / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(sources) == 4 + len(TRIED)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<script" not in page
    assert "url(" not in page
    for row in TRIED:
        assert ROWS[row].title in page
    assert "trapezius extension" in page
    assert "convolutional recurrent network" in page
    assert "88.9" in page


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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["rows=[base,tree]"], "tree is not a row; the rows are multi3net_plus_frozen"),
        (["rows=[]"], "rows is empty"),
        (["folds.count=11"], "folds.count is 11 but the target has 10 people"),
        (["training.epoch=3"], "unknown key training.epoch.*training.epochs"),
        (["training.epochs=many"], "training.epochs"),
        (["windows.seconds=100"], "no labelled window of 100 s"),
        (["target.seglearn_watch=null"], "0 data sets are named"),
        (["folds.kind=random"], "folds.kind is random; it is one of people, leave_one_out"),
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


@pytest.mark.parametrize(
    "command_and_preset",
    [("run", PRESET), ("sweep", Path("configs/finetune/sweep_demo.yaml")), ("fit", PRESET)],
)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seeds=[]", "seeds is empty; name at least one"),
        ("training.warmup=.inf", "training.warmup is inf; from 0 up to any number, but not inf"),
        ("seeds=[99999999999999999999]", "seeds is .*; a whole number from 0 to 2"),
        ("classifier.heads=0", "classifier.heads is 0; at least 1"),
        ("classifier.heads=3", "classifier.width is 64; it must be a multiple of classifier.heads"),
        ("classifier.kernel=4", "classifier.kernel is 4; it must be odd"),
        ("classifier.kernel=0", "classifier.kernel is 0; at least 1"),
        ("classifier.k=0", "classifier.k is 0; at least 1"),
        ("classifier.experts=0", "classifier.experts is 0; at least 1"),
        ("classifier.dropout=1", r"classifier.dropout is 1\.0; from 0 up to but not 1"),
        ("deepconvlstm.convolutions=0", "deepconvlstm.convolutions is 0; at least 1"),
        ("resnet.filters=[]", r"resnet.filters is \[\]; at least 1"),
        ("resnet.filters=[64,0]", r"resnet.filters is \[64, 0\]; at least 1"),
        ("training.epochs=0", "training.epochs is 0; at least 1"),
        ("training.batch_size=0", "training.batch_size is 0; at least 1"),
        ("training.least_batches=0", "training.least_batches is 0; at least 1"),
        ("training.patience=0", "training.patience is 0; at least 1"),
        ("training.learning_rate=.nan", "training.learning_rate is nan; above 0"),
        ("training.views=-1", "training.views is -1; at least 0"),
        ("training.augment.mirror=0.5", "training.augment.mirror: labelled windows settle this"),
        ("training.augment.drop_wrist=1", "training.augment.drop_wrist: labelled windows settle"),
        ("training.augment.time_warp=2", "training.augment.time_warp: must be from 0 to 0.9"),
        ("baseline=tree", "baseline: tree is not a row"),
    ],
)
def test_settings_by_which_nothing_can_be_trained_end_with_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command_and_preset: tuple[str, Path],
    change: str,
    message: str,
) -> None:
    """Before anything is read: there is no release."""
    name, preset = command_and_preset
    release = "releases.demo.folder" if name == "sweep" else "release"
    line = (name, "--config", str(preset), f"{release}=nowhere", f"output={tmp_path / 'out'}")
    with pytest.raises(UserError, match=message) as error:
        in_process(monkeypatch, *line, change)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize("name", ["run", "fit"])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rate", 50, "its encoders expect 50 Hz, not 60; give a release"),
        (
            "placement",
            '{"left": {"segment": "left_knee"}, "right": {"segment": "right_knee"}}',
            "made for a left sensor on the segment left_knee, but the target's is on the",
        ),
        (
            "placement",
            '[{"left": {"segment": "left_elbow"}, "right": {"segment": "right_elbow"}},'
            ' {"left": {"segment": "left_elbow"}, "right": {"segment": "right_knee"}}]',
            "made for a right sensor on the segment right_knee, but the target's is on the",
        ),
    ],
)
def test_a_release_that_does_not_fit_ends_with_one_line(
    tiny_release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    key: str,
    value: object,
    message: str,
) -> None:
    other = shutil.copytree(tiny_release, tmp_path / "release")
    config = OmegaConf.load(other / "config.yaml")
    config[key] = value
    OmegaConf.save(config, other / "config.yaml")
    with pytest.raises(UserError, match=message) as error:
        in_process(monkeypatch, name, *command(other, tmp_path / "out")[1:])
    assert "\n" not in str(error.value)


def test_rows_without_an_encoder_need_no_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("run", "target.seglearn_watch={}", f"output={tmp_path}", *SMALL[1:6])
    small = ("deepconvlstm.filters=4", "deepconvlstm.width=4", "baseline=forest")
    assert in_process(monkeypatch, *given, "rows=[forest,deepconvlstm]", *small) == 0
    assert ROWS["deepconvlstm"].title in capsys.readouterr().out
    assert "<h2>Data" in (page := (tmp_path / "report.html").read_text())
    assert "pre-trained on" not in page
    with pytest.raises(UserError, match="row base needs a pre-trained release; give release=FOL"):
        in_process(monkeypatch, *given, "rows=[forest,base]")
    with pytest.raises(UserError, match="release has no value; give the folder"):
        in_process(monkeypatch, "fit", given[1], f"output={tmp_path / 'model'}")


def test_a_tilde_is_the_user_s_home(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    csv_folder(home / "recordings")
    (home / "release").symlink_to(tiny_release)
    (home / "own.yaml").write_text(
        "target: {csv: {folder: ~/recordings, files: '{person}/{wrist}.csv', time: t,"
        " label: activity, gravity_sign: 1}}\n"
        "release: ~/release\nfolds: {count: 3}\nbaseline: linear_frozen\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    own = ("--config", str(home / "own.yaml"), *SMALL[1:4])
    rows = "rows=[linear_frozen]"
    assert in_process(monkeypatch, "run", *own, rows, "output=~/run") == 0
    assert list((home / "run" / "tokens").iterdir())
    network = [*SMALL[-5:], "row=multi3net_plus_frozen", "output=~/model"]
    assert in_process(monkeypatch, "fit", *own, *network) == 0
    recording = str(home / "recordings" / "p0" / "left.csv")
    predict = ("predict", str(home / "model"), recording, "time=t", "output=~/labels")
    assert in_process(monkeypatch, *predict) == 0
    assert (home / "labels" / "left.labels.csv").exists()
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("runs/demo", "output is runs/demo, which holds pretrain and would be replaced as a whole"),
        ("runs/demo/shards", "which holds manifest.json and would be replaced"),
        ("runs/demo/pretrain/release", "which holds no classifier and would be replaced"),
        ("notes", "output is notes, a file; name a folder"),
        (".", r"output is \.; name a folder of the classifier's own"),
        ("runs/..", r"output is runs/\.\.; name a folder of the classifier's own"),
    ],
)
def test_a_fit_replaces_nothing_but_a_classifier(
    tiny_release: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    message: str,
) -> None:
    demo = tmp_path / "runs" / "demo"
    shutil.copytree(tiny_release, demo / "pretrain" / "release")
    (demo / "shards").mkdir()
    (demo / "shards" / "manifest.json").write_text("{}")
    (tmp_path / "notes").touch()
    before = sorted(tmp_path.rglob("*"))
    preset = PRESET.absolute()
    monkeypatch.chdir(tmp_path)
    line = ("fit", "--config", str(preset), f"release={tiny_release}", f"output={output}")
    with pytest.raises(UserError, match=message) as error:
        in_process(monkeypatch, *line)
    assert "\n" not in str(error.value)
    assert sorted(tmp_path.rglob("*")) == before
