"""What goes wrong between a watch and a CSV file is refused or told, not learnt from."""

import gzip
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.errors import UserError
from finetune.__main__ import main
from finetune.agreements import unlabelled_windows
from finetune.targets.checks import unusable
from finetune.targets.doubts import doubts
from finetune.targets.notes import notes, without_windows
from finetune.targets.recording import Target
from finetune.windows import WindowsConfig, cut_windows
from tests.finetune.made_recordings import PLAIN, csv_folder, csv_table, read, write_csv

MAX_GAP = 0.2


def in_packets(samples: int, within: float) -> np.ndarray:
    """Times of 50 Hz in packets of ten, whose samples come `within` seconds after each other."""
    return np.arange(samples) // 10 * 0.2 + np.arange(samples) % 10 * within


def folder_of(folder: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Path:
    """Write three people, the tables of one of them changed."""
    csv_folder(folder)
    write_csv(change(csv_table(seed=1)), folder / "p1" / "left.csv")
    return folder


@pytest.mark.parametrize("within", [0.001, 0.00005])
def test_stamps_of_arriving_packets_are_refused(tmp_path: Path, within: float) -> None:
    folder = folder_of(tmp_path, lambda table: table.assign(t=in_packets(len(table), within)))
    with pytest.raises(UserError, match=r"p1.left.csv: its samples come in bursts, .* the rate"):
        read(folder, *PLAIN)


def test_milder_bursts_are_told_and_single_gaps_are_none(tmp_path: Path) -> None:
    mild = folder_of(tmp_path / "mild", lambda table: table.assign(t=in_packets(len(table), 0.01)))
    said = [text for text in doubts(read(mild, *PLAIN), MAX_GAP) if "bursts" in text]
    assert len(said) == 1
    assert "the samples of 1 recordings come in bursts, the first p1/left.csv" in said[0]
    late = folder_of(tmp_path / "gap", lambda table: table.assign(t=table.t + (table.t > 9) * 0.9))
    assert not [text for text in doubts(read(late, *PLAIN), MAX_GAP) if "bursts" in text]


def test_an_accelerometer_without_gravity_is_refused_and_a_single_one_told(tmp_path: Path) -> None:
    axes = ["ax", "ay", "az"]

    def lively(table: pd.DataFrame) -> pd.DataFrame:
        """Movements so strong that the magnitude does not give the lack of gravity away."""
        return table.assign(**{axis: 8 * np.sin(40 * table.t + place) for place, axis in
                               enumerate(axes)})  # fmt: skip

    said = doubts(read(folder_of(tmp_path / "one", lively), *PLAIN), MAX_GAP)
    assert [text for text in said if "of 1 recordings is next to nothing, the first p1" in text]
    for person in ("p0", "p2"):
        write_csv(lively(csv_table()), tmp_path / "one" / person / "left.csv")
    with pytest.raises(UserError, match=r"gravity seems to be taken out; name columns that inclu"):
        read(tmp_path / "one", *PLAIN)


def test_a_wrong_unit_is_not_taken_for_a_lack_of_gravity(tmp_path: Path) -> None:
    found = read(csv_folder(tmp_path), *PLAIN)
    in_g = [replace(part, signals_TWC=part.signals_TWC / 9.81) for part in found.recordings]
    (told,) = unusable(replace(found, recordings=tuple(in_g)))
    assert "it looks like g declared as m/s2" in told


def segmented(folder: Path, *rows: str) -> Target:
    """Return three people whose labels are the same segments."""
    csv_folder(folder)
    for person in ("p0", "p1", "p2"):
        text = "\n".join(["start,end,label", *rows, ""])
        (folder / person / "left_labels.csv").write_text(text)
    return read(folder, *PLAIN[:2], "segments='{person}/{wrist}_labels.csv'")


def test_segments_beyond_a_recording_are_told_to_every_command(tmp_path: Path) -> None:
    found = segmented(tmp_path, "1,5,walk", "5,9,rest", "11000,19000,rest")
    (said,) = notes(found.recordings)
    assert said.startswith("3 labelled segments reach beyond their recording, the first in p0")


def test_segments_that_overlap_are_told(tmp_path: Path) -> None:
    found = segmented(tmp_path, "1,9,walk", "5,12,rest", "12,15,walk", "13,14,walk")
    (said,) = notes(found.recordings)
    assert said.startswith("3 labelled segments overlap others of another label, the first in p0")


@pytest.mark.parametrize("share", [0.001, 0.03, 0.3])
def test_numbers_that_stand_for_none_are_told_however_many(tmp_path: Path, share: float) -> None:
    def marked(table: pd.DataFrame) -> pd.DataFrame:
        rows = np.arange(len(table)) < share * len(table)
        return table.assign(ax=np.where(rows, -9999.0, table.ax))

    (said,) = notes(read(folder_of(tmp_path, marked), *PLAIN).recordings)
    count = round(share * 1000)
    assert said.startswith(f"left wrist: {count} samples read more than 314 m/s2")
    assert "the first in p1" in said


def test_who_and_what_has_no_window_is_told(tmp_path: Path) -> None:
    def in_pieces(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(t=table.t + table.index // 40 * 0.3)

    def with_falls(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(activity=table.activity.mask(table.index % 500 < 20, "fall"))

    folder = folder_of(tmp_path, in_pieces)
    write_csv(with_falls(csv_table(seed=2)), folder / "p2" / "left.csv")
    target = read(folder, *PLAIN)
    windows = cut_windows(target, WindowsConfig(seconds=2))
    first, second = without_windows(target, windows, 2)
    assert first.startswith("1 recordings have no window of 2 s with a label, the first p1/left")
    assert "nor has any other of p1" in first
    assert second.startswith("there is no window of 2 s of 'fall'")


def test_a_frame_is_not_judged_from_pieces(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    for path in tmp_path.glob("*/*.csv"):
        table = pd.read_csv(path)
        write_csv(table.assign(t=table.t + table.index // 150 * 0.5), path)
    with pytest.raises(UserError, match="not one stretch of 4 s without a gap"):
        unlabelled_windows(read(tmp_path, *PLAIN))


def test_a_clock_that_is_too_coarse_is_told_as_such(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, lambda table: table.assign(t=table.t.round(1)))
    with pytest.raises(
        UserError, match=r"80 % of the samples are those of the sample before.*rate"
    ):
        read(folder, *PLAIN)


def test_a_low_rate_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, lambda table: table.iloc[::4])
    said = [text for text in doubts(read(folder, *PLAIN), MAX_GAP) if "samples a second" in text]
    assert len(said) == 1
    assert (
        "1 recordings have less than 20 samples a second, the first p1/left.csv with 12.5"
        in said[0]
    )


def test_one_persons_slow_gyroscope_is_told(tmp_path: Path) -> None:
    def slow(table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(**{axis: np.radians(table[axis]) / 10 for axis in ("gx", "gy", "gz")})

    said = doubts(read(folder_of(tmp_path, slow), *PLAIN), MAX_GAP)
    assert [text for text in said if "left wrist: the gyroscope of p1 reads 0.0" in text]


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_compressed_file_ends_with_one_line(tmp_path: Path, damage: str) -> None:
    csv_folder(tmp_path)
    for path in tmp_path.glob("*/*.csv"):
        whole = gzip.compress(path.read_bytes())
        half = len(whole) // 2
        broken = whole[:half] if damage == "cut" else whole[:half] + b"\0\0\0\0" + whole[half + 4 :]
        path.with_name(f"{path.name}.gz").write_bytes(broken)
        path.unlink()
    with pytest.raises(UserError, match=r"left.csv.gz: cannot be read as CSV: ") as error:
        read(tmp_path, PLAIN[0].replace(".csv", ".csv.gz"), *PLAIN[1:])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("unlabelled=[Rest]", r"unlabelled: 'Rest' does not occur; there are rest, walk"),
        ("unlabelled=[off]", r"unlabelled: 'False' does not occur; .* quote them"),
        ("unlabelled=[walk,rest]", r"unlabelled: names every label that there is"),
        ("classes=[walk,rest,walk]", r"classes: names 'walk' twice"),
    ],
)
def test_labels_that_are_not_meant_so(tmp_path: Path, key: str, message: str) -> None:
    csv_folder(tmp_path)
    with pytest.raises(UserError, match=message):
        read(tmp_path, *PLAIN, key)


def test_a_word_between_decimal_commas_is_found_and_missing_keys_are_named(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    for path in tmp_path.glob("*/*.csv"):
        table = pd.read_csv(path)
        table.to_csv(path, sep=";", decimal=",", index=False)
    with pytest.raises(UserError, match=r"holds '.*,.*' where .*, row 2; say decimal: \",\""):
        read(tmp_path, *PLAIN, "separator=;")
    path = tmp_path / "p1" / "left.csv"
    rows = path.read_text().splitlines()
    rows[300] = "abc" + rows[300][rows[300].index(";") :]
    path.write_text("\n".join(rows))
    with pytest.raises(UserError, match=r"column ax holds 'abc' where a number belongs, row 301"):
        read(tmp_path, *PLAIN, "separator=;", "decimal=','")


def test_a_report_tells_the_hours_without_gaps_and_classes_that_were_not_learnt(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person alone jumps, and pauses for three days."""

    def jumps(table: pd.DataFrame) -> pd.DataFrame:
        activity = np.where(table.t < 5, "jump", table.activity)
        return table.assign(t=table.t + (table.t > 10) * 3 * 86400, activity=activity)

    folder = folder_of(tmp_path / "data", jumps)
    plain = [f"target.csv.{key}" for key in (f"folder={folder}", *PLAIN)]
    few = ["rows=[forest]", "baseline=forest", "folds.count=3", "windows.seconds=2"]
    output = tmp_path / "run"
    given = [*plain, *few, f"release={tiny_release}", f"output={output}", "cluster.workers=1"]
    monkeypatch.setattr(sys, "argv", ["finetune", "run", *given])
    assert main() == 0
    assert "Without a labelled window in some training: 100 %: jump." in (
        output / "report.html"
    ).read_text().replace("&nbsp;", " ")
    (facts,) = json.loads((output / "scores.json").read_text())["targets"]
    assert facts["hours"] == pytest.approx(60 / 3600, rel=0.01)
