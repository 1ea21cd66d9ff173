"""A sweep: grids to cells, their results, and what is written of them."""

import csv
import json
import re
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from cluster.config import load_config
from cluster.errors import UserError
from finetune.__main__ import main
from finetune.cells import Cell
from finetune.config import (
    FinetuneConfig,
    GridConfig,
    ReleaseChoice,
    SweepConfig,
    TargetChoice,
)
from finetune.folds import FoldsConfig
from finetune.materials import Materials
from finetune.rows import ROWS
from finetune.sweep import as_sweep, check_sweep, plan_cells
from finetune.synthetic import SyntheticConfig
from finetune.targets.choose import TargetConfig
from finetune.targets.recording import Target
from finetune.targets.seglearn_watch import SeglearnWatchConfig
from finetune.windows import WindowsConfig
from pretrain.encoders import ImuEncoderConfig, PoseEncoderConfig
from pretrain.model import ModelConfig, Multi3Net
from pretrain.release import ReleaseCard, save_release
from tests.finetune import made_target
from tests.finetune.made_shards import CLASSES

# More experts than any address space holds.
TOO_MANY = 10**13
FROZEN, BASE, NEURAL = "multi3net_plus_frozen", "base", "deepconvlstm"
NEURAL_BESIDE = "deepconvlstm_imugpt"
PRESET = {
    "baseline": NEURAL,
    "folds": {"count": 3},
    "classifier": {"width": 8, "heads": 2, "feed_forward": 8, "experts": 2, "expert_width": 4},
    "deepconvlstm": {"filters": 4, "width": 8, "recurrent_layers": 1, "dropout": 0},
    "training": {"epochs": 1, "batch_size": 32},
    "targets": {
        "one": {"target": {"seglearn_watch": {"gravity_sign": 1}}, "windows": {"seconds": 2}},
        "two": {"target": {"seglearn_watch": {"gravity_sign": -1}}, "windows": {"seconds": 2}},
    },
    "grids": [
        {"rows": [FROZEN, BASE, NEURAL], "releases": ["whole"], "label_shares": [0.1, 1.0]},
        {"rows": [FROZEN], "targets": ["one"], "releases": ["half", "whole"]},
        {"rows": [FROZEN], "targets": ["one"], "releases": ["whole"], "experts": [1, 2, TOO_MANY]},
        {"rows": [NEURAL_BESIDE], "targets": ["one"], "releases": ["whole"]},
    ],
}


@pytest.fixture(autouse=True)
def _made_targets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small targets stand in for the watch data, told apart by its sign of gravity."""

    def read(config: TargetConfig) -> Target:
        assert config.seglearn_watch
        return made_target.waves(people=6 if config.seglearn_watch.gravity_sign > 0 else 5)

    monkeypatch.setattr("finetune.materials.read_target", read)


@pytest.fixture(scope="module")
def releases(tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two releases of one architecture, one of another, one that is the first once more."""
    folder = tmp_path_factory.mktemp("releases")
    for name, width in (("half", 16), ("wide", 24)):
        torch.manual_seed(width)
        imu = ImuEncoderConfig(width=width, blocks=1, heads=2, mlp_ratio=1.0)
        pose = PoseEncoderConfig(
            spatial_width=8,
            spatial_blocks=1,
            temporal_width=16,
            temporal_blocks=1,
            spatial_heads=2,
        )
        config = ModelConfig(embedding=16, imu=imu, pose=pose)
        card = ReleaseCard("nothing", "none", 0, {}, "unknown", "minilm", "watch")
        save_release(folder / name, Multi3Net(config, 32), config, card)
    shutil.copytree(tiny_release, folder / "again")
    return {"whole": tiny_release, **{name: folder / name for name in ("half", "wide", "again")}}


def sweep_of(releases: dict[str, Path], *grids: GridConfig, targets: int = 1) -> SweepConfig:
    choices = {
        name: TargetChoice(
            TargetConfig(SeglearnWatchConfig(gravity_sign=sign)), WindowsConfig(seconds=2)
        )
        for name, sign in [("one", 1), ("two", -1)][:targets]
    }
    return SweepConfig(
        output="unused",
        folds=FoldsConfig(count=3),
        targets=choices,
        releases={name: ReleaseChoice(str(folder)) for name, folder in releases.items()},
        grids=list(grids),
    )


def plan(sweep: SweepConfig) -> list[Cell]:
    check_sweep(sweep)
    return plan_cells(sweep, Materials(sweep))


def test_what_a_row_does_not_depend_on_is_not_repeated(releases: dict[str, Path]) -> None:
    grid = GridConfig(rows=[FROZEN, BASE, NEURAL], experts=[1, 4], label_shares=[0.5, 1.0])
    cells = plan(sweep_of(releases, grid))
    folds, shares = 3, 2
    counts = {row: sum(cell.row == row for cell in cells) for row in (FROZEN, BASE, NEURAL)}
    assert counts[NEURAL] == folds * shares
    assert counts[BASE] == folds * shares * 2 * len({"architecture of whole", "of wide"})
    assert counts[FROZEN] == folds * shares * 2 * len(releases)
    assert {cell.release for cell in cells if cell.row == BASE} == {"whole", "wide"}
    assert {cell.release for cell in cells if cell.row == NEURAL} == {""}


def test_grids_are_united(releases: dict[str, Path]) -> None:
    by_windows = GridConfig(rows=[BASE, NEURAL], label_shares=[0.5, 1.0])
    by_people = GridConfig(rows=[NEURAL], label_shares=[0.5, 1.0], share_by="people")
    one = {"whole": releases["whole"]}
    cells = plan(sweep_of(one, by_windows, by_people, by_windows, targets=2))
    assert len(cells) == len(set(cells)) == 2 * 3 * (4 + 1)
    assert cells == sorted(cells, key=lambda cell: cell.target)


def test_a_grid_takes_some_of_the_seeds(releases: dict[str, Path]) -> None:
    sweep = sweep_of(releases, GridConfig(rows=[NEURAL]), GridConfig(rows=["forest"], seeds=[7]))
    sweep.seeds = [5, 7]
    cells = plan(sweep)
    assert {cell.seed for cell in cells if cell.row == NEURAL} == {5, 7}
    assert {cell.seed for cell in cells if cell.row == "forest"} == {7}


def test_presets_can_be_meant() -> None:
    folders = ["targets.geotec.target.geotec.folder=FOLDER"]
    for name in ("headline", "results"):
        check_sweep(load_config(SweepConfig, Path(f"configs/finetune/{name}.yaml"), folders))
    check_sweep(load_config(SweepConfig, Path("configs/finetune/sweep_demo.yaml"), []))
    with pytest.raises(UserError, match=r"targets.geotec.target.geotec.folder has no value"):
        load_config(SweepConfig, Path("configs/finetune/results.yaml"), [])


@pytest.mark.parametrize("name", ["half & half", "50%", "a/b", ""])
def test_names_that_no_file_link_or_label_can_have(releases: dict[str, Path], name: str) -> None:
    sweep = sweep_of(releases, GridConfig(rows=[NEURAL]))
    sweep.targets[name] = sweep.targets.pop("one")
    with pytest.raises(UserError, match=r"targets and releases: '.*' cannot be a name; give lett"):
        check_sweep(sweep)


def test_an_empty_list_does_not_mean_all(releases: dict[str, Path]) -> None:
    for key in ("targets", "releases"):
        with pytest.raises(UserError, match=rf"grids: {key} is empty; name at least one, or null"):
            check_sweep(sweep_of(releases, GridConfig(rows=[NEURAL], **{key: []})))


def test_sentences_are_embedded_for_the_releases_alone_that_are_asked(
    releases: dict[str, Path], tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.yaml"
    prompts.write_text("".join(f"class {n}: [a person does {n}]\n" for n in range(3)))
    sweep = sweep_of(
        releases,
        GridConfig(rows=["zero_shot"], releases=["whole"]),
        GridConfig(rows=["centroid"], releases=["half"]),
    )
    sweep.targets["one"].zero_shot.prompts = str(prompts)
    materials = Materials(sweep)
    assert "zero_shot" in materials.config("one", "whole").rows
    assert materials.config("one", "half").rows == ["centroid"]
    sweep.targets["one"].zero_shot.text.backend = "instructor"
    with pytest.raises(UserError, match=r": zero_shot.text.backend=instructor: the release was tr"):
        Materials(sweep)


def test_a_release_fits_the_targets_that_it_is_tried_on(
    releases: dict[str, Path], tmp_path: Path
) -> None:
    other = shutil.copytree(releases["half"], tmp_path / "release")
    config = OmegaConf.load(other / "config.yaml")
    config.rate = 50
    OmegaConf.save(config, other / "config.yaml")
    grids = (
        GridConfig(rows=[FROZEN], targets=["one"], releases=["misfit"]),
        GridConfig(rows=[FROZEN, BASE, NEURAL], targets=["two"], releases=["whole"]),
    )
    both = {"misfit": other, "whole": releases["whole"]}
    sweep = sweep_of(both, grids[1], targets=2)
    materials = Materials(sweep)
    cells = plan_cells(sweep, materials)
    assert {cell.release for cell in cells} == {"whole", ""}
    assert {materials.release_of(cell) for cell in cells} == {"whole"}
    with pytest.raises(UserError, match=r"its encoders expect 50 Hz, not 60; give a release"):
        Materials(sweep_of(both, *grids, targets=2))


def test_what_is_amiss_in_synthetic_windows_is_said_before_anything_is_computed(
    releases: dict[str, Path], tmp_path: Path
) -> None:
    sweep = sweep_of({"whole": releases["whole"]}, GridConfig(rows=[NEURAL_BESIDE]))
    sweep.targets["one"].synthetic = {"imugpt": SyntheticConfig(str(tmp_path), CLASSES)}
    with pytest.raises(UserError, match=r"target one: synthetic.imugpt.shards: .* no manifest"):
        plan(sweep)
    sweep.grids = [GridConfig()]
    assert not {cell.row for cell in plan(sweep)} & {NEURAL_BESIDE}


def test_a_run_is_a_sweep_of_one(releases: dict[str, Path]) -> None:
    config = FinetuneConfig(
        output="unused",
        release=str(releases["whole"]),
        target=TargetConfig(SeglearnWatchConfig()),
        windows=WindowsConfig(seconds=2),
        rows=[FROZEN, NEURAL],
        seeds=[3, 4],
        folds=FoldsConfig("leave_one_out"),
    )
    cells = plan(as_sweep(config))
    assert {cell.target for cell in cells} == {"seglearn_watch"}
    assert len(cells) == 2 * 2 * 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"grids": []}, "grids is empty"),
        (
            {"releases": {}, "grids": [GridConfig(rows=[NEURAL, BASE])]},
            f"row {BASE} needs a pre-trained release; give release=FOLDER, or releases in a sweep",
        ),
        ({"grids": [GridConfig(targets=["x"])]}, "x is not one of the targets; they are one"),
        ({"grids": [GridConfig(releases=["x"])]}, "x is not one of the releases; they are whole"),
        ({"grids": [GridConfig(rows=["svm2"])]}, "svm2 is not a row"),
        (
            {"grids": [GridConfig(experts=[0])]},
            r"experts is \[0\]; every number must be at least 1",
        ),
        ({"grids": [GridConfig(experts=[])]}, "experts is empty"),
        ({"grids": [GridConfig(seeds=[])]}, "seeds is empty"),
        ({"grids": [GridConfig(seeds=[1])]}, "grids: 1 is not one of the seeds; they are 0"),
        ({"grids": [GridConfig(label_shares=[2.0])]}, "label_shares: 2 is not a share"),
        ({"grids": [GridConfig(share_by="days")]}, "share_by is days"),
        ({"releases": {"a": ReleaseChoice("/nowhere")}}, "/nowhere: no such release folder"),
        (
            {"releases": {name: ReleaseChoice("/nowhere", data="x") for name in "ab"}},
            "releases: a and b are of the same data, tasks and share; say in releases.b.data what",
        ),
        (
            {"grids": [GridConfig(rows=["base_imutube"])]},
            "row base_imutube needs synthetic.imutube, which target one lacks; give its shards",
        ),
        (
            {"grids": [GridConfig(rows=["zero_shot"])]},
            "target one: row zero_shot needs zero_shot.prompts=FILE",
        ),
        ({"folds": FoldsConfig(count=7)}, "target one: folds.count is 7 but .* has 6 people"),
    ],
)
def test_a_sweep_that_cannot_be_meant_ends_with_one_line(
    releases: dict[str, Path], change: dict, message: str
) -> None:
    sweep = sweep_of(releases, GridConfig(rows=[NEURAL]))
    for key, value in change.items():
        setattr(sweep, key, value)
    with pytest.raises(UserError, match=message) as error:
        plan(sweep)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("people", "classes", "message"),
    [
        (6, 1, "target one: all .* windows are of the class class 0; at least two classes"),
        (1, 3, "target one: folds.count is 3 but the target has one person"),
    ],
)
def test_one_class_or_one_person_end_with_one_line(
    releases: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    people: int,
    classes: int,
    message: str,
) -> None:
    made = made_target.waves(people, classes)
    monkeypatch.setattr("finetune.materials.read_target", lambda _: made)
    with pytest.raises(UserError, match=message):
        plan(sweep_of(releases, GridConfig(rows=[NEURAL])))


def test_a_sweep_is_computed_reported_and_used_again(
    releases: dict[str, Path],
    shards: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    preset, output = tmp_path / "sweep.yaml", tmp_path / "out"
    named = {
        "whole": {"folder": str(releases["whole"]), "data": "made up"},
        "half": {"folder": str(releases["half"]), "data": "made up", "share": 0.5},
    }
    OmegaConf.save({**PRESET, "releases": named, "output": str(output)}, preset)
    arguments = ["finetune", "sweep", "--config", str(preset), "cluster.workers=2"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(UserError, match=r"row deepconvlstm_imugpt needs synthetic.imugpt, which"):
        main()
    config = OmegaConf.load(preset)
    config.targets.one.synthetic = {"imugpt": {"shards": str(shards), "classes": CLASSES}}
    OmegaConf.save(config, preset)
    assert main() == 1
    printed = capsys.readouterr()
    assert printed.err.count("\nfailed: row multi3net_plus_frozen") >= 2

    scores = json.loads((output / "scores.json").read_text())
    failed = [failure["cell"] for failure in scores["failures"]]
    assert [(cell["row"], cell["experts"]) for cell in failed] == [(FROZEN, TOO_MANY)] * 3
    assert all("RuntimeError" in failure["reason"] for failure in scores["failures"])
    lines = {
        (e["target"], e["row"], e["release"], e["experts"], e["label_share"]): e
        for e in scores["lines"]
    }
    assert len(lines) == len(scores["lines"]) == 2 * 6 + 3
    assert all(line["cells"] == 3 for line in lines.values())
    difference = lines["one", BASE, "whole", 2, 0.1]["difference"]
    own, other = (
        lines[key]["macro_f1"]["value"]
        for key in [("one", BASE, "whole", 2, 0.1), ("one", NEURAL, "", 0, 0.1)]
    )
    assert difference["value"] == pytest.approx(own - other)
    assert lines["one", NEURAL, "", 0, 0.1]["difference"] is None
    beside = lines["one", NEURAL_BESIDE, "", 0, 1.0]["by_cell"]
    assert {cell["windows"]["synthetic"] for cell in beside} == {7}
    assert list(scores["targets"][0]["synthetic"]) == ["imugpt"]

    logs = next((output / "tensorboard" / "one" / BASE).glob("*labels0.1-windows"))
    assert _hparams(logs) == {
        **asdict(Cell(BASE, 0, 0, 2, 0.1)),
        "fold": int(logs.name.split("fold")[1][0]),
        "target": "one",
        "release": "whole",
    }
    _check_files(output, lines, tmp_path / "docs" / "results.md", monkeypatch)
    _check_continued(preset, output, releases, monkeypatch)


def _hparams(folder: Path) -> dict:
    """What TensorBoard's page HParams shows of a cell."""
    events = EventAccumulator(str(folder)).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    return {
        name: value.string_value if value.HasField("string_value") else value.number_value
        for name, value in values.items()
    }


def _check_files(output: Path, lines: dict, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(output / "tables" / "rows.csv") as file:
        head, *rows = csv.reader(file)
    assert head == ["row", "one", "two"]
    neural = next(row for row in rows if row[0] == "DeepConvLSTM")
    for text, target in zip(neural[1:], ("one", "two"), strict=True):
        assert text == f"{100 * lines[target, NEURAL, '', 0, 1.0]['macro_f1']['value']:.1f}"
    with open(output / "tables" / "confusion_one.csv") as file:
        counts = [list(map(int, row[5:])) for row in list(csv.reader(file))[1:]]
    ones = [line for (target, *_), line in lines.items() if target == "one"]
    assert counts == [row for line in ones for row in line["confusion"]]
    assert {"targets", "releases", "failed"} <= {
        path.stem for path in (output / "tables").glob("*.csv")
    }
    names = {path.stem for path in (output / "tables").glob("*.tex")}
    assert names == {path.stem for path in (output / "tables").glob("*.csv")}
    assert {"experts_one", "pretraining_one", "labels_windows_two", "people_one"} <= names
    report = (output / "report.html").read_text()
    assert "Failed cells" in report
    assert not re.findall(r'(?:src|href)="(?!data:)', report)

    monkeypatch.setattr(sys, "argv", ["finetune", "results", str(output), "--page", str(page)])
    assert main() == 0
    text = page.read_text()
    pictures = re.findall(r"\]\((images/[^)]+\.svg)\)", text)
    assert len(pictures) == len(set(pictures)) == 6
    assert all((page.parent / picture).read_text().startswith("<?xml") for picture in pictures)
    assert "3 cells failed" in text
    assert str(neural[1]) in text


def _check_continued(
    preset: Path, output: Path, releases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same results serve a sweep that calls the same things otherwise."""

    def no_ray(*_: object) -> None:
        raise AssertionError("a cell was computed")

    monkeypatch.setattr("finetune.execution.connected", no_ray)
    config = OmegaConf.load(preset)
    config.targets = {"renamed": config.targets.one}
    config.releases = {"called_again": {"folder": str(releases["again"])}}
    config.grids = [{"rows": [FROZEN, NEURAL], "label_shares": [0.1]}]
    OmegaConf.save(config, preset)
    monkeypatch.setattr(sys, "argv", ["finetune", "sweep", "--config", str(preset)])
    assert main() == 0
    found = json.loads((output / "scores.json").read_text())["lines"]
    assert {(line["target"], line["row"], line["release"]) for line in found} == {
        ("renamed", FROZEN, "called_again"),
        ("renamed", NEURAL, ""),
    }
    # A sweep of few labels alone has a headline, too.
    with open(output / "tables" / "rows.csv") as file:
        _, *rows = csv.reader(file)
    assert [row[0] for row in rows] == [ROWS[FROZEN].title, ROWS[NEURAL].title]
    assert "10 % of the labelled windows. Macro F1 over" in (output / "report.html").read_text()
