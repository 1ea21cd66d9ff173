"""`python -m datagen fidelity` on recordings that the tests made, with errors that are known."""

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
from datagen.sources.amass import AmassConfig
from datagen.sources.bvh import BvhConfig
from datagen.sources.joints import JointsConfig
from tests.datagen.made_smpl import swaying, write_amass
from tests.datagen.made_watch import worn, write_csv, write_mmfit
from tests.datagen.running import write_motion
from tests.datagen.test_joints import human36m_positions, mmfit

PRESETS = Path(__file__).resolve().parents[2] / "configs" / "datagen"
GAIN = 1.05


@pytest.fixture
def fidelity(monkeypatch, capsys, tmp_path):
    """Run the command in this process, in an empty folder: status, output, complaints."""
    monkeypatch.chdir(tmp_path)

    def run(preset, *overrides):
        arguments = ["datagen", "fidelity", "--config", str(PRESETS / preset), *overrides]
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit) as left:
            exit_with(cli.main)
        return left.value.code, *capsys.readouterr()

    return run


def result(folder: str) -> dict:
    return json.loads((Path(folder) / "fidelity.json").read_text())


def performed(sources: SourcesConfig, cutoff: float = 12.0) -> dict[str, np.ndarray]:
    """Signals (T, W, 6) of every clip by name."""
    simulator = Simulator(BodyConfig(), ImuConfig(cutoff=cutoff))
    return {
        ref.name: simulator.signals(source.read_clip(ref))
        for source in open_sources(sources).values()
        for ref in source.list_clips()
    }


@pytest.fixture(scope="module")
def mocap(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """A folder of BVH files, and what watches would read."""
    folder = tmp_path_factory.mktemp("mocap")
    for seed, name in enumerate(("walk_p1", "reach_p2")):
        write_motion(folder, name, seconds=20, seed=seed)
    return folder, performed(SourcesConfig(bvh={"lab": BvhConfig(str(folder), "mixamo")}))


@pytest.fixture
def lab(tmp_path: Path, mocap) -> dict[str, np.ndarray]:
    """Those files beside which the command runs; returns what watches would read."""
    (tmp_path / "mocap").symlink_to(mocap[0])
    return mocap[1]


LAB = ("sources.bvh.lab.folder=mocap", "sources.bvh.lab.skeleton=mixamo")
FIRST = (*LAB, "pairs.first.clip=lab/walk_p1", "pairs.first.file=watch.csv")


def recording(made_TW6: np.ndarray, wrist: int = 0, gain: float = GAIN):
    """A watch switched on 2.35 s before the motion begins."""
    times, signals = worn([(2.35, made_TW6[:, wrist])], 26)
    return times, signals * ([gain] * 3 + [1] * 3)


def test_pair_gives_back_the_clock_and_the_known_error(fidelity, lab, tmp_path) -> None:
    made = lab["lab/walk_p1"]
    times, signals = recording(made)
    write_csv(tmp_path / "watch.csv", times, signals)
    (tmp_path / "acts.csv").write_text("start,end,activity\n2,8,walking\n8,12,turning\n")
    status, out, err = fidelity(
        "fidelity_pair.yaml", *FIRST, "pairs.first.activities=acts.csv", "pairs.first.person=ann"
    )
    assert status == 0, err
    found = result("runs/fidelity/pair")
    first = found["recordings"]["first"]
    assert first["alignment"]["offset"] == pytest.approx(2.35, abs=2e-3)
    assert (first["alignment"]["verdict"], first["person"]) == ("matches", "ann")
    size = np.linalg.norm(made[:, 0, :3], axis=1)
    everything = found["all"]
    expected = 0.05**2 * np.mean(size**2)
    assert everything["accelerometer"]["mse"] == pytest.approx(expected, rel=0.02)
    assert everything["accelerometer"]["correlation"] > 0.999
    assert 0 < everything["accelerometer"]["spectral"] <= 20 * np.log10(GAIN) + 0.01
    assert everything["gyroscope"]["mse"] < 1e-4
    part = 0.05**2 * np.mean(size[120:480] ** 2)
    assert found["activities"]["walking"]["accelerometer"]["mse"] == pytest.approx(part, rel=0.02)
    assert found["activities"]["turning"]["accelerometer"]["seconds"] == pytest.approx(4)
    assert set(found["activities"]) == {"walking", "turning", "none"}
    assert set(found["people"]) == {"ann"}
    assert "matches" in out
    assert "of 1 recordings do not match" not in out
    assert (tmp_path / "runs/fidelity/pair/fidelity.png").stat().st_size > 10_000


def test_activities_are_called_what_the_file_calls_them(fidelity, lab, tmp_path) -> None:
    write_csv(tmp_path / "watch.csv", *recording(lab["lab/walk_p1"]))
    acts = tmp_path / "acts.csv"
    acts.write_text("start,end,activity\n2,5,007\n5,8, None \n8,12,1\n\n")
    given = (*FIRST, "pairs.first.activities=acts.csv")
    status, _, err = fidelity("fidelity_pair.yaml", *given)
    assert status == 0, err
    assert set(result("runs/fidelity/pair")["activities"]) == {"007", "None", "1", "none"}
    for rows, problem in (
        ("2,5,\n", "acts.csv, row 1: names no activity"),
        (
            "2,5,walk,\n5,6,run,\n",
            "acts.csv: is no CSV table: Error tokenizing data. C error: Expected 3",
        ),
    ):
        acts.write_text(f"start,end,activity\n{rows}")
        status, _, err = fidelity("fidelity_pair.yaml", *given)
        assert (status, problem in err) == (2, True), err


def test_units_of_a_data_sheet_and_a_known_start(fidelity, lab, tmp_path) -> None:
    times, signals = recording(lab["lab/walk_p1"], wrist=1, gain=1.0)
    scaled = signals / ([9.81] * 3 + [np.pi / 180] * 3)
    np.savetxt(
        tmp_path / "watch.csv",
        np.column_stack([1e3 * times + 1.7e12, scaled]),
        fmt="%.7f",
        delimiter=";",
        header="unixtime;ax;ay;az;gx;gy;gz",
        comments="",
    )
    text = (tmp_path / "watch.csv").read_text().replace(";", ",")
    (tmp_path / "watch.csv").write_text(text)
    status, _, err = fidelity(
        "fidelity_pair.yaml",
        *FIRST,
        "pairs.first.wrist=right",
        f"pairs.first.start={1.7e12 + 2000:.0f}",
        "columns.time=unixtime",
        "columns.time_unit=ms",
        "columns.accelerometer=[ax,ay,az]",
        "columns.accelerometer_unit=g",
        "columns.gyroscope=[gx,gy,gz]",
        "columns.gyroscope_unit=dps",
    )
    assert status == 0, err
    found = result("runs/fidelity/pair")
    offset = found["recordings"]["first"]["alignment"]["offset"]
    assert offset == pytest.approx(0.35, abs=2e-3)
    assert found["all"]["accelerometer"]["mse"] < 1e-3


def test_any_source_reads_the_motion_of_a_pair(fidelity, tmp_path) -> None:
    """AMASS without a body model does not know the performer: the body of 1.70 m stands in."""
    poses = swaying(2400, 156) + 0.2 * np.sin(np.arange(2400)[:, None] / 30 + np.arange(156))
    write_amass(tmp_path / "amass" / "S1" / "reach_poses.npz", frames=2400, poses=poses)
    source = AmassConfig(str(tmp_path / "amass"))
    ((name, made),) = performed(SourcesConfig(amass={"lab": source})).items()
    write_csv(tmp_path / "watch.csv", *recording(made, wrist=1))
    status, _, err = fidelity(
        "fidelity_pair.yaml",
        "sources.amass.lab.folder=amass",
        f"pairs.first.clip={name}",
        "pairs.first.file=watch.csv",
        "pairs.first.wrist=right",
    )
    assert status == 0, err
    found = result("runs/fidelity/pair")
    assert found["recordings"]["first"]["alignment"]["offset"] == pytest.approx(2.35, abs=2e-3)
    known = 0.05**2 * np.mean(np.linalg.norm(made[:, 1, :3], axis=1) ** 2)
    assert found["all"]["accelerometer"]["mse"] == pytest.approx(known, rel=0.02)


def test_recording_of_another_motion_is_said_not_to_match(fidelity, lab, tmp_path) -> None:
    write_csv(tmp_path / "watch.csv", *recording(lab["lab/reach_p2"]))
    status, out, _ = fidelity("fidelity_pair.yaml", *FIRST)
    assert status == 0
    assert "match: " in out
    assert "1 of 1 recordings do not match their motion for certain" in out
    assert result("runs/fidelity/pair")["recordings"]["first"]["matches"] is False


def test_stretch_of_nan_is_left_out_and_said(fidelity, lab, tmp_path) -> None:
    times, signals = recording(lab["lab/walk_p1"], gain=1.0)
    signals[1200:1440, 1] = np.nan
    write_csv(tmp_path / "watch.csv", times, signals)
    status, out, err = fidelity("fidelity_pair.yaml", *FIRST)
    assert status == 0, err
    assert "240 samples that are NaN are left out" in out
    found = result("runs/fidelity/pair")["all"]["accelerometer"]
    assert found["seconds"] == pytest.approx(18, abs=0.1)
    assert found["mse"] < 1e-4


def times_back(times, signals):
    times[700:] -= 3.5
    return times, signals


def in_g(times, signals):
    return times, signals / ([9.81] * 3 + [1.0] * 3)


def without_gravity(times, signals):
    return times, signals * ([0.05] * 3 + [1.0] * 3)


def in_degrees(times, signals):
    return times, signals * ([1.0] * 3 + [180 / np.pi] * 3)


def mostly_nan(times, signals):
    signals[: len(signals) // 2 + 10] = np.nan
    return times, signals


def in_milliseconds(times, signals):
    return 1e3 * times, signals


def next_day(times, signals):
    return times + 86_400, signals


@pytest.mark.parametrize(
    ("spoilt", "overrides", "part"),
    [
        (times_back, (), "time goes back by 3.49 s at sample 701 of the accelerometer"),
        (in_g, (), "reads 1.05 m/s2 with unit m/s2, not 9.81; it looks like g"),
        (without_gravity, (), "is it without gravity, or in another unit?"),
        (in_degrees, (), "rad/s with unit rad/s; no watch measures more than 35: is it in dps?"),
        (mostly_nan, (), "samples of the accelerometer are numbers"),
        (in_milliseconds, (), "is time in s? (s, ms, us, ns)"),
        (next_day, ("pairs.first.start=0",), "no 2 s in common within 10 s"),
        (None, ("columns.time=stamp",), "watch.csv: has no column stamp; the nearest is time"),
        (None, ("pairs.first.file=absent.csv",), "absent.csv: no such file"),
        (None, ("pairs.first.clip=lab/run",), "pairs.first.clip=lab/run: no source lists it"),
        (None, ("pairs.first.wrist=both",), "wrist=both: give left or right"),
        (None, ("columns.gyroscope_unit=rpm",), "give one of rad/s, dps"),
        (None, ("pairs.first.activities=absent.csv",), "absent.csv: no such file"),
        (None, ("alignment.search=-1",), "alignment.search=-1: give a value from 0"),
        (None, ("output=s3://box/x",), "output=s3://box/x: must be a folder of this machine"),
        (None, ("mmfit.source=lab",), "mmfit and pairs is to be compared"),
    ],
)
def test_mistake_is_one_line(fidelity, lab, tmp_path, spoilt, overrides, part) -> None:
    times, signals = recording(lab["lab/walk_p1"])
    write_csv(tmp_path / "watch.csv", *(spoilt(times, signals) if spoilt else (times, signals)))
    status, out, err = fidelity("fidelity_pair.yaml", *FIRST, *overrides)
    assert (status, out) == (2, "")
    lines = [line for line in err.splitlines() if not line.startswith("fidelity: ")]
    assert len(lines) == 1
    assert part in lines[0]


def test_text_among_the_numbers_is_one_line(fidelity, lab, tmp_path) -> None:
    path = write_csv(tmp_path / "watch.csv", *recording(lab["lab/walk_p1"]))
    lines = path.read_text().splitlines()
    lines[5] = "0.1,1,2,lost,0,0,0"
    path.write_text("\n".join(lines))
    status, _, err = fidelity("fidelity_pair.yaml", *FIRST)
    assert (status, "column acc_z holds 'lost', which is no number" in err) == (2, True)
    path.write_bytes(b"\xff\xfe\x00\x00")
    status, _, err = fidelity("fidelity_pair.yaml", *FIRST)
    assert (status, "Traceback" in err) == (2, False)


@pytest.fixture
def gym(tmp_path: Path) -> dict[str, np.ndarray]:
    """Two workouts in MM-Fit's layout with watches on both wrists, 0.3 s late by their frames."""
    for number, workout in enumerate(("w00", "w05")):
        folder = tmp_path / "mm-fit" / workout
        folder.mkdir(parents=True)
        frames = np.arange(1500)
        positions = human36m_positions(1500)[np.roll(frames, 200 * number)]
        np.save(folder / f"{workout}_pose_3d.npy", mmfit(positions, frames + 90))
        labels = "300,599,10,squats\n700,1100,12,bicep_curls\n"
        (folder / f"{workout}_labels.csv").write_text(labels)
    source = JointsConfig(str(tmp_path / "mm-fit"), "*_pose_3d.npy", rate=30, unit=1e-3, up="z")
    made = performed(SourcesConfig(joints={"mmfit": source}), cutoff=6)
    for workout in ("w00", "w05"):
        sets = [name for name in made if f"/{workout}_" in name]
        assert len(sets) == 2
        for wrist, side in enumerate(("sw_l", "sw_r")):
            starts = (300 / 30, 700 / 30)
            pieces = [(at, made[name][:, wrist]) for at, name in zip(starts, sets, strict=True)]
            times, signals = worn(pieces, 50)
            poses = tmp_path / "mm-fit" / workout / f"{workout}_pose_3d.npy"
            scaled = signals * ([GAIN] * 3 + [1] * 3)
            write_mmfit(poses, side, times, scaled, clock=1.5e9 + wrist, late=0.3)
    return made


MMFIT = "sources.joints.mmfit.folder=mm-fit"


def test_mmfit_gives_back_the_clock_and_the_known_error(fidelity, gym, tmp_path) -> None:
    status, out, err = fidelity("fidelity_mmfit.yaml", MMFIT, "mmfit.people={w00: p1, w05: p1}")
    assert status == 0, err
    found = result("runs/fidelity/mmfit")
    assert list(found["recordings"]) == ["w00-left", "w00-right", "w05-left", "w05-right"]
    for each in found["recordings"].values():
        # Half a camera's frame is what the frame numbers leave open.
        assert each["alignment"]["offset"] == pytest.approx(-0.3, abs=0.02)
        assert each["matches"], each
        assert each["measures"]["accelerometer"]["correlation"] > 0.999
    size = np.concatenate(
        [np.linalg.norm(signals[..., :3], axis=-1).ravel() for signals in gym.values()]
    )
    known = 0.05**2 * np.mean(size**2)
    assert found["all"]["accelerometer"]["mse"] == pytest.approx(known, rel=0.02)
    assert found["all"]["gyroscope"]["mse"] < 1e-4
    assert set(found["activities"]) == {"squats", "bicep curls"}
    assert set(found["people"]) == {"p1"}
    assert "bicep curls" in out


def test_missing_watch_is_left_out_with_its_reason(fidelity, gym, tmp_path) -> None:
    (tmp_path / "mm-fit/w05/w05_sw_r_gyr.npy").unlink()
    np.save(tmp_path / "mm-fit/w00/w00_sw_l_acc.npy", np.zeros((10, 4)))
    status, out, err = fidelity("fidelity_mmfit.yaml", MMFIT)
    assert status == 0, err
    left_out = result("runs/fidelity/mmfit")["left_out"]
    assert "w05_sw_r_gyr.npy: no such file" in left_out["w05-right"]
    assert "has an array of shape (10, 4), not (samples, 5)" in left_out["w00-left"]
    assert "left out: " in out
    for path in (tmp_path / "mm-fit").rglob("*_acc.npy"):
        path.unlink()
    status, _, err = fidelity("fidelity_mmfit.yaml", MMFIT, "output=again")
    assert (status, "nothing could be compared (and 3 more): w00-left" in err) == (2, True)


def test_folder_without_labels_is_no_workout(fidelity, gym, tmp_path) -> None:
    for path in (tmp_path / "mm-fit").rglob("*_labels.csv"):
        path.unlink()
    status, _, err = fidelity("fidelity_mmfit.yaml", MMFIT)
    assert (status, "holds no workout of MM-Fit" in err) == (2, True)
