"""`python -m datagen fidelity` without pairs: distributions, and calibration across people."""

import json
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import exit_with
from datagen import __main__ as cli
from datagen.body import BodyConfig
from datagen.config import SourcesConfig, open_sources
from datagen.imu import ImuConfig
from datagen.simulator import Simulator
from datagen.sources.bvh import BvhConfig
from tests.datagen.running import write_motion

PRESET = Path(__file__).resolve().parents[2] / "configs" / "datagen" / "fidelity_unpaired.yaml"
HEADER = "x_acc,y_acc,z_acc,x_gyro,y_gyro,z_gyro,timestamp,label"
GAINS = np.array([1.1, 1.1, 1.1, 2, 2, 2])
PEOPLE = ("s01", "s02", "s03", "s04")
FOLDERS = ("unpaired.folder=watches", "sources.bvh.bandai.folder=mocap")
OVERRIDES = (*FOLDERS, "sources.bvh.bandai.skeleton=mixamo", "unpaired.clips=walk")


@pytest.fixture
def unpaired(monkeypatch, capsys, tmp_path, watches):
    """Run the command in this process, beside the recordings: status, output, complaints."""
    monkeypatch.chdir(watches.parent)

    def run(*overrides):
        keys = (*OVERRIDES, f"output={tmp_path}", *overrides)
        arguments = ["datagen", "fidelity", "--config", str(PRESET), *keys]
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as left:
            exit_with(cli.main)
        return left.value.code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def watches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people whose watches read a tenth more, and turn twice as fast, as simulated."""
    tmp_path = tmp_path_factory.mktemp("unpaired")
    for seed in range(3):
        write_motion(tmp_path / "mocap", f"walk_{seed}", seconds=20, seed=seed)
    write_motion(tmp_path / "mocap", "jump_0", seconds=4, seed=9)
    source = BvhConfig(str(tmp_path / "mocap"), "mixamo")
    (walks,) = open_sources(SourcesConfig(bvh={"bandai": source})).values()
    refs = [ref for ref in walks.list_clips() if "walk" in ref.name]
    simulator = Simulator(BodyConfig(), ImuConfig())
    made = np.concatenate([simulator.signals(walks.read_clip(ref))[:, 0] for ref in refs])
    rng = np.random.default_rng(0)
    for person in PEOPLE:
        (tmp_path / "watches" / person).mkdir(parents=True)
        signals = GAINS * made + 0.01 * rng.standard_normal(made.shape)
        stamps = 1.6e12 + 1000 * np.arange(len(made)) / 60
        still = np.tile([0, 0, 9.81, 0, 0, 0], (300, 1))
        rows = [*zip(signals, ["WALKING"] * len(made), strict=True)]
        rows += [*zip(still, ["SEATED"] * 300, strict=True)]
        stamps = np.r_[stamps, stamps[-1] + 1000 * np.arange(1, 301) / 60]
        lines = [
            f"{','.join(f'{x:.6f}' for x in row)},{stamp:.3f},{label}"
            for (row, label), stamp in zip(rows, stamps, strict=True)
        ]
        path = tmp_path / "watches" / person / f"{person}_01_sw.csv"
        path.write_text("\n".join([HEADER, *lines]))
    return tmp_path / "watches"


def test_calibration_of_one_half_serves_the_other(unpaired, tmp_path) -> None:
    status, out, err = unpaired()
    assert status == 0, err
    found = json.loads((tmp_path / "fidelity.json").read_text())
    first, second = found["people"]
    assert sorted(first + second) == list(PEOPLE)
    assert len(first) == len(second) == 2
    assert found["clips"] == 3  # not the jump
    for half in found["halves"]:
        for kind in ("accelerometer", "gyroscope"):
            made, calibrated = half["synthetic"][kind], half["calibrated"][kind]
            assert calibrated["wasserstein"] < made["wasserstein"] / 50
            assert calibrated["spectral"] < made["spectral"]
        assert half["other people"]["gyroscope"]["wasserstein"] < 0.01
    real = found["magnitudes"]["real"]["gyroscope"]
    made = found["magnitudes"]["synthetic"]["gyroscope"]
    np.testing.assert_allclose(real, 2 * np.array(made), rtol=0.01)
    assert "real           4 people, 240 s" in out  # not while they sit
    assert (tmp_path / "fidelity.png").stat().st_size > 10_000


@pytest.mark.parametrize("label", ["1", "007", "None"])
def test_labels_are_compared_as_they_are_spelt(unpaired, watches, tmp_path, label) -> None:
    for path in watches.rglob("*.csv"):
        renamed = tmp_path / "renamed" / path.relative_to(watches)
        renamed.parent.mkdir(parents=True)
        text = path.read_text().replace("WALKING", label).replace("SEATED", "0")
        renamed.write_text(text)
    folder = f"unpaired.folder={tmp_path / 'renamed'}"
    status, out, err = unpaired(folder, f"unpaired.activity='{label}'")
    assert status == 0, err
    assert "real           4 people, 240 s" in out


def test_damaged_recording_is_listed_and_left_out(unpaired, watches) -> None:
    damaged = watches / "s05_01_sw.csv"
    damaged.write_text(f"{HEADER}\n1,2,3\n")
    try:
        status, out, err = unpaired()
    finally:
        damaged.unlink()
    assert status == 0, err
    assert "left out       s05_01_sw.csv: " in out
    assert "real           4 people" in out


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (("unpaired.folder=absent",), "absent: no such folder"),
        (("unpaired.activity=FLYING",), "no two seconds are FLYING"),
        (("unpaired.clips=swim",), "no clip's name fits unpaired.clips=swim"),
        (("unpaired.clips='['",), "unpaired.clips=["),
        (("unpaired.person=(watch)",), "finds 1 people"),
        (("unpaired.person=nobody",), "needs one group"),
        (("unpaired.person=(nobody)",), "finds nobody in it"),
        (("unpaired.wrist=nose",), "give left or right"),
        (("columns.time_unit=s",), "is time in s?"),
        (("unpaired.label=act",), "has no column act; the nearest is"),
    ],
)
def test_mistake_is_one_line(unpaired, overrides, part) -> None:
    status, out, err = unpaired(*overrides)
    assert (status, out) == (2, "")
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert part in lines[0]


@pytest.mark.real_data
def test_real_walks_come_nearer_by_the_calibration_of_others(
    unpaired, tmp_path, shared_data: Path
) -> None:
    status, _, err = unpaired(
        f"unpaired.folder={shared_data / 'geotec'}",
        "unpaired.files=s0[1-6]_0[12]_sw.csv",
        "unpaired.clips=_walk_normal_",
        f"sources.bvh.bandai.folder={shared_data / 'bandai' / 'bvh'}",
        "sources.bvh.bandai.skeleton=bandai",
    )
    assert status == 0, err
    for half in json.loads((tmp_path / "fidelity.json").read_text())["halves"]:
        for kind in ("accelerometer", "gyroscope"):
            made, calibrated = half["synthetic"][kind], half["calibrated"][kind]
            assert calibrated["wasserstein"] < made["wasserstein"] / 2
