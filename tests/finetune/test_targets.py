"""Readers on files of the layout of each data set. Shape letters: T samples, C channels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from cluster.config import load_config
from cluster.errors import UserError
from finetune.config import FinetuneConfig
from finetune.folds import FoldsConfig, make_folds
from finetune.targets.choose import read_target
from finetune.targets.recording import UNLABELLED, Target
from tests.finetune import made_recordings as made
from tests.finetune.made_recordings import wrist

PRESETS = Path("configs/finetune/targets")
ANY = ["release=none", "output=none"]


def target_of(*changes: str, preset: str | None = None) -> Target:
    config = load_config(FinetuneConfig, PRESETS / preset if preset else None, [*ANY, *changes])
    return read_target(config.target)


def seconds_of(target: Target, recording: int = 0) -> dict[str, float]:
    part = target.recordings[recording]
    step = np.diff(part.timestamps_T).mean()
    names = [*target.label_names, "nothing"]
    labels, counts = np.unique(part.labels_T, return_counts=True)
    return {names[label]: float(count * step) for label, count in zip(labels, counts, strict=True)}


def test_geotec(tmp_path: Path) -> None:
    made.write_geotec(tmp_path)
    target = target_of(f"target.geotec.folder={tmp_path}", preset="geotec.yaml")
    assert target.subjects == ("s01", "s02")
    first = target.recordings[0]
    truth_TC = np.delete(wrist(15, 104, seed=1), 7, axis=0)
    np.testing.assert_allclose(first.signals_TWC[:, 0], truth_TC, atol=1e-9)
    assert not first.signals_TWC[:, 1].any()
    assert first.wrists == (True, False)
    assert first.not_rising == 1
    assert first.timestamps_T[0] == 0
    assert first.timestamps_T[-1] == pytest.approx(15 - 1 / 104, abs=0.001)
    assert seconds_of(target)["seated"] == pytest.approx(3, abs=0.2)


def test_openpack_aligns_both_wrists_and_knows_who_came_twice(tmp_path: Path) -> None:
    made.write_openpack(tmp_path, ["U0105", "U0202", "U0206"])
    target = target_of(f"target.openpack.folder={tmp_path}")
    assert target.subjects == ("U0105", "U0206")
    assert [part.subject for part in target.recordings] == ["U0105", "U0105", "U0206"]
    assert len(target.label_names) == 11
    part = target.recordings[2]
    assert part.wrists == (True, True)
    left_TC, right_TC = part.signals_TWC[:, 0], part.signals_TWC[:, 1]
    truth_TC = wrist(20, 30, seed=2)
    # The left clock starts 11 ms before the right one, so its first sample has no partner.
    np.testing.assert_allclose(left_TC, truth_TC[1:], atol=1e-6)
    time_T = np.arange(len(truth_TC)) / 30
    at_left_T = time_T[1:] - 0.011
    for channel, sign in enumerate((-1, 1, 1, 1, -1, -1)):
        expected_T = sign * np.interp(at_left_T, time_T, truth_TC[:, channel])
        np.testing.assert_allclose(right_TC[:, channel], expected_T, atol=0.06)
    lasts = seconds_of(target)
    assert lasts["picking"] == pytest.approx(9, abs=0.1)
    assert lasts["fill out order"] == pytest.approx(5, abs=0.1)
    assert lasts["null"] == pytest.approx(6, abs=0.1)


def test_openpack_tells_operations_that_reach_beyond_a_session(tmp_path: Path) -> None:
    made.write_openpack(tmp_path, ["U0105", "U0206"])
    path = tmp_path / "U0206" / "annotation" / "openpack-operations" / "S0100.csv"
    table = pd.read_csv(path)
    last = table.index[-1]
    table.loc[last, "end"] = (pd.Timestamp(table.loc[last, "end"]) + pd.Timedelta("1h")).isoformat()
    table.to_csv(path, index=False)
    found = target_of(f"target.openpack.folder={tmp_path}").recordings
    assert [part.segments_beyond for part in found] == [0, 1]


def test_openpack_by_wrist_by_device_and_by_the_papers_users(tmp_path: Path) -> None:
    users = ["U0201", "U0206", "U0207", "U0208", "U0209", "U0101"]
    made.write_openpack(tmp_path, users)
    folder = f"target.openpack.folder={tmp_path}"
    paper = target_of(folder, "target.openpack.wrists=[left]", preset="openpack_paper.yaml")
    assert paper.subjects == ("U0201", "U0206", "U0207", "U0208", "U0209")
    assert all(part.wrists == (True, False) for part in paper.recordings)
    assert all(part.has_gyroscope for part in paper.recordings)
    bands = target_of(folder, "target.openpack.device=e4").recordings
    assert not any(part.has_gyroscope for part in bands)
    assert bands[0].wrists == (True, True)
    assert 1 / np.diff(bands[0].timestamps_T).mean() == pytest.approx(32, rel=0.01)
    # The watch's x is the sensor's -y, its y the sensor's x.
    turned = target_of(folder, "target.openpack.frame_left=[-y,x,z]").recordings[0]
    plain = target_of(folder).recordings[0]
    quarter_TC = plain.signals_TWC[:, 0][:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]
    np.testing.assert_array_equal(turned.signals_TWC[:, 0], quarter_TC)
    (tmp_path / "U0101" / "atr" / "atr01" / "S0100.csv").unlink()
    assert target_of(folder).recordings[0].wrists == (True, False)
    with pytest.raises(UserError, match=r"U0999.*fetch its annotations, or name the others in"):
        target_of(folder, "target.openpack.users=[U0999]")
    with pytest.raises(UserError, match=r"target.openpack.wrists.*\[left\], \[right\]"):
        target_of(folder, "target.openpack.wrists=[middle]")
    with pytest.raises(UserError, match=r"target.openpack.device is e5; one of atr, e4"):
        target_of(folder, "target.openpack.device=e5")


def test_mmfit_joins_four_clocks_and_wants_to_know_whose_a_workout_is(tmp_path: Path) -> None:
    made.write_mmfit(tmp_path, ["w00", "w01", "w02"])
    folder = f"target.mmfit.folder={tmp_path}"
    target = target_of(folder, "target.mmfit.people={w00: ann, w01: bob, w02: ann}")
    assert target.subjects == ("ann", "bob")
    part = target.recordings[0]
    truth_TC = wrist(20, 100)
    assert part.wrists == (True, True)
    assert part.has_gyroscope
    np.testing.assert_allclose(part.signals_TWC[:, 0, :3], truth_TC[1:, :3], atol=1e-9)
    np.testing.assert_allclose(part.signals_TWC[:, 0, 3:], truth_TC[1:, 3:], atol=0.05)
    mirrored_TC = part.signals_TWC[:, 1] * [-1, 1, 1, 1, -1, -1]
    np.testing.assert_allclose(mirrored_TC, part.signals_TWC[:, 0], atol=1e-9)
    assert seconds_of(target) == pytest.approx(
        {"squats": 6.03, "pushups": 3.03, "none": 10.93}, abs=0.1
    )
    with pytest.raises(UserError, match=r"target.mmfit.people is empty.*the files do not"):
        target_of(folder)
    with pytest.raises(UserError, match=r"w07: no such workout.*target.mmfit.people"):
        target_of(folder, "target.mmfit.people={w07: ann}")


def test_mmfit_by_its_authors_split(tmp_path: Path) -> None:
    config = OmegaConf.load(PRESETS / "mmfit_official.yaml")
    workouts = sorted(config.target.mmfit.people)
    assert len(workouts) == 18
    subjects_N, labels_N = np.repeat(workouts, 3), np.tile([0, 1, 2], len(workouts))
    loaded = load_config(
        FinetuneConfig, PRESETS / "mmfit_official.yaml", [*ANY, f"target.mmfit.folder={tmp_path}"]
    )
    assert loaded.training.early_stopping
    (fold,) = make_folds(subjects_N, labels_N, loaded.folds, seed=3)
    assert fold.test == ("w00", "w05", "w12", "w13", "w20")
    assert fold.validation == ("w14", "w15", "w19")
    assert set(fold.train) == set(workouts) - set(fold.test) - set(fold.validation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 5}, "folds.count is 5"),
        ({"split": {"train": ["a"], "test": ["b"]}}, "it needs train, validation, test"),
        ({"split": {"train": ["a"], "validation": ["b"], "test": ["z"]}}, "z has no window"),
        ({"split": {"train": ["a"], "validation": ["b"], "test": ["a"]}}, "a is named twice"),
        ({"split": {"train": ["a"], "validation": [], "test": ["b"]}}, "a part has nobody"),
    ],
)
def test_a_split_that_cannot_be(change: dict, message: str) -> None:
    split = {"train": ["a"], "validation": ["b"], "test": ["c"]}
    config = FoldsConfig(**{"count": 1, "split": split, **change})
    with pytest.raises(UserError, match=message):
        make_folds(np.array(["a", "b", "c"]), np.array([0, 0, 0]), config, 0)


def test_als_har(tmp_path: Path) -> None:
    made.write_als_har(tmp_path, ["r1", "r2", "r3", "r4"])
    folder = f"target.als_har.folder={tmp_path}"
    target = target_of(folder)
    assert target.label_names == ("cleaning", "cooking")
    assert target.subjects == ("person 0", "person 1", "person 2")
    part = target.recordings[1]
    signals_TC, truth_TC = part.signals_TWC[:, 0], wrist(20, 100, seed=1)[1:]
    np.testing.assert_allclose(signals_TC[:, :3], truth_TC[:, :3])
    np.testing.assert_allclose(signals_TC[:, 3:], truth_TC[:, 3:], atol=0.05)
    assert seconds_of(target) == pytest.approx({"cleaning": 7, "cooking": 7, "nothing": 6}, abs=0.1)
    # A logger that takes gravity out is told from one that does not.
    for path in tmp_path.glob("r*/Accelerometer.csv"):
        table = pd.read_csv(path)
        path.rename(path.with_name("TotalAcceleration.csv"))
        table[["x", "y", "z"]] *= 0.05
        made.write_csv(table, path)
    with pytest.raises(UserError, match="name columns that include gravity"):
        target_of(folder)
    named = target_of(folder, "target.als_har.accelerometer=TotalAcceleration")
    np.testing.assert_array_equal(named.recordings[0].signals_TWC, target.recordings[0].signals_TWC)
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("r9,person 1,cooking,0,1\n")
    with pytest.raises(UserError, match=r"r9.*mend its recording r9"):
        target_of(folder)


def test_als_har_takes_names_as_they_are_spelt(tmp_path: Path) -> None:
    made.write_als_har(tmp_path, ["001", "1", "NA"])
    rows = "001,07,null,0,5\n1,7,None,0,5\nNA,NA,null,0,5\n"
    (tmp_path / "labels.csv").write_text("recording,person,label,start,end\n" + rows)
    folder = f"target.als_har.folder={tmp_path}"
    target = target_of(folder)
    assert [part.name for part in target.recordings] == ["001", "1", "NA"]
    assert [part.subject for part in target.recordings] == ["07", "7", "NA"]
    assert target.label_names == ("None", "null")
    first = target.recordings[0].signals_TWC[:, 0, :3]
    np.testing.assert_allclose(first, wrist(20, 100, seed=0)[1:, :3])
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("NA,NA, ,5,6\n")
    with pytest.raises(UserError, match=r"row 5 lacks its recording, person or label"):
        target_of(folder)


def test_labels_outside_every_segment_are_none(tmp_path: Path) -> None:
    made.write_als_har(tmp_path, ["r1", "r2"])
    part = target_of(f"target.als_har.folder={tmp_path}").recordings[0]
    outside_T = (part.timestamps_T + 0.51 < 1) | (part.timestamps_T + 0.51 >= 15)
    assert ((part.labels_T == UNLABELLED) == outside_T).all()


@pytest.mark.parametrize("rows", ["r1,person 0,cooking,5,", "r1,person 0,cooking,5,4"])
def test_als_har_segments_that_cannot_be(tmp_path: Path, rows: str) -> None:
    made.write_als_har(tmp_path, ["r1", "r2"])
    with (tmp_path / "labels.csv").open("a") as file:
        file.write(f"{rows}\n")
    with pytest.raises(UserError, match=r"labels.csv: row \d+: a segment from 5 to (nan|4);"):
        target_of(f"target.als_har.folder={tmp_path}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("90,,10,squats", r"row 1: a segment from 90 to nan; it needs a start and a later end"),
        ("300,90,10,squats", r"row 1: a segment from 300 to 90; it needs"),
        ("90,x300,10,squats", r"column last holds 'x300' where a number belongs, row 1"),
        ("", r"w00_labels.csv: the file has no rows; fetch it again"),
    ],
)
def test_mmfit_labels_that_cannot_be(tmp_path: Path, row: str, message: str) -> None:
    made.write_mmfit(tmp_path, ["w00", "w01"])
    (tmp_path / "w00" / "w00_labels.csv").write_text(f"{row}\n" if row else "")
    with pytest.raises(UserError, match=message):
        target_of(f"target.mmfit.folder={tmp_path}", "target.mmfit.people={w00: a, w01: b}")
