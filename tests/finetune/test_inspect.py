"""`python -m finetune inspect`, and the physics that it judges frames, signs and units by.

Shape letters: T samples, C channels.
"""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import UserError
from finetune.__main__ import main
from finetune.targets.checks import resting_magnitude
from finetune.targets.choose import TargetConfig, read_target
from finetune.targets.doubts import doubts
from finetune.targets.geotec import GeotecConfig
from finetune.targets.recording import Recording, Target
from finetune.targets.turning import gyroscope_agreement
from tests.finetune.made_recordings import csv_folder, csv_table, wrist, write_csv
from tests.finetune.made_target import recording, target

PLAIN = ("files={person}/{wrist}.csv", "time=t", "label=activity")
MIRROR = np.array([-1, 1, 1, 1, -1, -1])


def inspect(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["finetune", "inspect", *arguments])
    return main()


def keys(folder: Path, *more: str) -> list[str]:
    said = (f"folder={folder}", "files='{person}/{wrist}.csv'", *PLAIN[1:], *more)
    return [f"target.csv.{key}" for key in said]


def lines_of(printed: str) -> dict[str, str]:
    """Return what follows the first word of each line."""
    pairs = (line.partition(" ") for line in printed.splitlines() if line)
    return {first: rest.strip() for first, _, rest in pairs}


def test_too_few_people_for_the_folds_and_one_in_two_spellings_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path, people=4)
    (tmp_path / "p3").rename(tmp_path / "P0")
    assert inspect(monkeypatch, *keys(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "warning: P0 and p0 are taken for different people: one in two spellings" in printed
    assert re.search(
        r"^warning: `run` and .* folds.count is 5 but .* has 4 .*: lower", printed, re.M
    )
    for name in ("p2", "P0"):
        shutil.rmtree(tmp_path / name)
    assert inspect(monkeypatch, *keys(tmp_path), "folds.count=2") == 0
    assert "2 people; every fold needs" in (printed := capsys.readouterr().out)
    assert "for training: add people, three at least" in printed


def test_what_is_strange_is_told_where_no_window_can_be_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path)
    table = csv_table(seed=1)
    write_csv(table.drop(range(300, 400)), tmp_path / "p1" / "left.csv")
    assert inspect(monkeypatch, *keys(tmp_path), "windows.seconds=60") == 1
    printed = capsys.readouterr().out
    assert re.search(r"^walk .* - +3$", printed, re.MULTILINE)
    assert "warning: 1 gap" in printed
    error = r"^error: .* in 3 recordings, [0-9.]+ % of .*; lower windows.seconds"
    assert re.search(error, printed, re.MULTILINE)


@pytest.mark.parametrize("signs", [(-1, -1, 1), (-1, 1, 1), (-1, -1, -1)])
def test_one_person_s_watch_that_is_worn_otherwise_is_told(signs: tuple[int, ...]) -> None:
    """Turned by half a turn about z, on the other wrist, or with the other sign of gravity."""
    recordings = []
    for person in range(4):
        signals_TC = wrist(20, 50, seed=person)
        signals_TC[:, :3] += [-6, -4, 3] - signals_TC[:, :3].mean(0)
        if person == 2:
            signals_TC[:, :3] *= signs
        signals_TWC = np.stack([signals_TC, np.zeros_like(signals_TC)], axis=1)
        times_T = np.arange(len(signals_TC)) / 50
        recordings.append(recording(signals_TWC, times_T, subject=f"p{person}"))
    told = [text for text in doubts(target(*recordings), 0.2) if "points elsewhere" in text]
    assert len(told) == 1
    assert told[0].startswith("left wrist: the mean acceleration of p2 (cosine -")
    sound = [each for each in recordings if each.subject != "p2"]
    assert not [text for text in doubts(target(*sound), 0.2) if "points elsewhere" in text]


def test_it_tells_what_a_target_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path)
    table = csv_table(seed=1)
    table.loc[100:199, "ay"] = np.nan
    table.loc[300, "t"] = table.loc[299, "t"]
    table.loc[960:, "activity"] = "jump"
    write_csv(table, tmp_path / "p1" / "left.csv")
    assert inspect(monkeypatch, *keys(tmp_path), "windows.seconds=2") == 0
    printed = capsys.readouterr().out
    lines = lines_of(printed)
    assert lines["people"] == "3: p0, p1, p2"
    assert lines["recordings"].startswith("3, 0.02 h")
    assert lines["wrists"] == "3 left, 0 right, 0 both"
    assert lines["rate"] == "50 Hz (49.94 to 50), uneven in 1"
    assert lines["gaps"] == "1 longer than 0.2 s"
    # Windows start every second, 0 to 18, but for 1 to 3 at the gap of the third recording.
    assert lines["walk"].split() == ["28", "24", "3"]
    assert lines["rest"].split() == ["29", "30", "3"]
    assert lines["jump"].split() == ["1", "0", "0"]
    assert "warning: there is no window of 2 s of 'jump', which never lasts for most" in printed
    assert "warning: class 'jump' is of one person only, p1" in printed
    assert "warning: 1 samples whose time stamp does not rise dropped, in 1 recordings" in printed
    assert "warning: 100 samples without a value dropped, in 1 recordings" in printed
    assert "warning: 1 gaps in time longer than 0.2 s, the longest 2.0 s" in printed
    (acceleration,) = [line for line in printed.splitlines() if line.startswith("acceleration")]
    assert acceleration.split()[2:] == ["9.81"] * 5


def test_it_tells_all_that_makes_data_useless_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path, people=1)
    assert inspect(monkeypatch, *keys(tmp_path, "accelerometer_unit=g")) == 1
    printed = capsys.readouterr().out
    assert "error: all recordings are of one person, p0" in printed
    assert "it looks like m/s2 declared as g" in printed
    assert lines_of(printed)["walk"].split() == ["10", "-", "1"]


def test_two_samples_are_a_recording_and_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path)
    write_csv(csv_table().head(2), tmp_path / "p1" / "left.csv")
    assert inspect(monkeypatch, *keys(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "nan" not in printed
    assert lines_of(printed)["recordings"] == "3, 0.01 h, with labels 0.01 h"
    write_csv(csv_table().head(1), tmp_path / "p1" / "left.csv")
    with pytest.raises(UserError, match=r"p1/left.csv: only one of its samples can be used"):
        inspect(monkeypatch, *keys(tmp_path))


def worn(change: Callable[[np.ndarray], np.ndarray], right: bool = False) -> Target:
    """Two people whose signals in the watch frame are changed."""
    recordings = []
    for person in range(4):
        own_TC = change(wrist(40, 50, seed=person) * (MIRROR if right else 1))
        signals_TWC = np.zeros((len(own_TC), 2, 6))
        signals_TWC[:, int(right)] = own_TC
        time_T = np.arange(len(own_TC)) / 50
        wrists = (not right, right)
        recordings.append(recording(signals_TWC, time_T, time_T > 20, f"p{person}", wrists=wrists))
    return target(*recordings, classes=2)


@pytest.mark.parametrize("right", [False, True])
def test_a_sound_wrist_raises_no_doubt(right: bool) -> None:
    made = worn(lambda own_TC: own_TC, right)
    assert doubts(made, max_gap=0.2) == []
    agreement = gyroscope_agreement(made.recordings, int(right))
    assert agreement
    assert agreement.as_declared == agreement.best < 0.05
    assert resting_magnitude(made.recordings, int(right)) == pytest.approx(9.81)


@pytest.mark.parametrize(
    ("signs", "message"),
    [
        ([-1, -1, -1, 1, 1, 1], "gravity_sign looks wrong"),
        ([-1, 1, 1, 1, -1, -1], "it looks like the other wrist"),
        ([-1, -1, 1, -1, -1, 1], "half a turn about z"),
        ([1, -1, -1, 1, -1, -1], "the frame looks wrong"),
        ([1, 1, 1, -1, 1, 1], "it would with x with the other sign"),
        ([1, 1, 1, 1, -1, -1], "it would with y and z with the other sign"),
        ([1, 1, 1, 57.2958, 57.2958, 57.2958], "it would with degrees declared as radians"),
        ([1, 1, 1, 0.0174533, 0.0174533, 0.0174533], "it would with radians as degrees"),
        ([1.2, 1.2, 1.2, 1, 1, 1], "at its calmest it reads 11.77 m/s2"),
    ],
)
@pytest.mark.parametrize("right", [False, True])
def test_what_is_wrong_with_a_wrist_is_told(signs: list[float], message: str, right: bool) -> None:
    (told,) = doubts(worn(lambda own_TC: own_TC * signs, right), max_gap=0.2)
    assert message in told
    assert told.startswith("right wrist" if right else "left wrist")


def test_one_sensor_out_of_scale_and_single_values_that_cannot_be_are_told() -> None:
    made = worn(lambda own_TC: own_TC)
    made.recordings[2].signals_TWC[:, 0, :3] *= 1.3
    (told,) = doubts(made, max_gap=0.2)
    assert "left wrist: at rest the recordings of p2 read 12.75 m/s2, not 9.81" in told
    made = worn(lambda own_TC: own_TC)
    made.recordings[1].signals_TWC[7, 0, 2] = -9999
    made.recordings[3].signals_TWC[9, 0, 4] = 1e6
    assert [text.split(", which")[0] for text in doubts(made, max_gap=0.2)] == [
        "left wrist: 1 samples read more than 314 m/s2",
        "left wrist: 1 samples read more than 70 rad/s",
    ]


def test_weeks_between_sessions_and_stamps_in_another_unit_cost_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    csv_folder(tmp_path)
    table = csv_table()
    table.loc[500:, "t"] += 365 * 24 * 3600
    write_csv(table, tmp_path / "p1" / "left.csv")
    assert inspect(monkeypatch, *keys(tmp_path)) == 0
    assert "the longest 31,536,000.0 s" in capsys.readouterr().out
    table["t"] = np.arange(len(table)) * 20_000_000 + 1_700_000_000_000_000_000
    write_csv(table, tmp_path / "p1" / "left.csv")
    assert inspect(monkeypatch, *keys(tmp_path)) == 1
    assert "its time stamps look 1,000,000,000 times too large" in capsys.readouterr().out


def test_a_target_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert inspect(monkeypatch, "seglearn_watch") == 0
    assert "people       10: 01, 02" in capsys.readouterr().out


def test_a_shuffled_gyroscope_is_not_called_by_a_sign() -> None:
    """Axes in another order cannot be mended by signs; nothing false is said about them."""
    made = worn(lambda own_TC: own_TC[:, [0, 1, 2, 4, 5, 3]])
    agreement = gyroscope_agreement(made.recordings, 0)
    assert agreement
    assert agreement.best > 0.5
    told = [text for text in doubts(made, 0.2) if "gyroscope" in text]
    assert len(told) == 1
    assert f"misses {100 * agreement.as_declared:.0f} % of how the accelerometer sees" in told[0]


@pytest.fixture(scope="module")
def geotec(shared_data: Path) -> Target:
    if not (shared_data / "geotec").is_dir():
        pytest.skip("no GeoTec recordings")
    return read_target(TargetConfig(geotec=GeotecConfig(str(shared_data / "geotec"))))


def mean_by_person(target: Target, label: str) -> np.ndarray:
    number = target.label_names.index(label)

    def chosen(part: Recording) -> np.ndarray:
        return part.signals_TWC[part.labels_T == number, 0, :3]

    return np.stack(
        [
            np.concatenate(
                [chosen(part) for part in target.recordings if part.subject == name]
            ).mean(0)
            for name in target.subjects
        ]
    )


@pytest.mark.real_data
def test_geotec_is_a_left_watch_with_specific_force(geotec: Target) -> None:
    assert len(geotec.subjects) == 23
    assert len(geotec.recordings) == 223
    walking, seated = mean_by_person(geotec, "walking"), mean_by_person(geotec, "seated")
    assert (walking[:, 0] < -8).all()
    assert (seated[:, 2] > 5).all()
    assert resting_magnitude(geotec.recordings, 0) == pytest.approx(9.81, rel=0.01)
    agreement = gyroscope_agreement(geotec.recordings, 0)
    assert agreement
    assert agreement.reading == ""
    assert agreement.best < 0.3
    (told,) = doubts(geotec, max_gap=0.2)
    assert "time stamp does not rise" in told
