"""Any folder of CSV files by a few lines of configuration, and everything that can be wrong in it.

Shape letters: T samples, C channels.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.config import load_config
from cluster.errors import UserError
from finetune.config import FinetuneConfig
from finetune.targets.choose import read_target
from tests.finetune.made_recordings import (
    PLAIN,
    SENSORS,
    csv_folder,
    csv_table,
    read,
    wrist,
    write_csv,
)


def test_a_yaml_of_fifteen_lines_describes_a_folder(tmp_path: Path) -> None:
    """Two people, both wrists, g and degrees, ms, a sensor turned about z with gravity reversed."""
    for person in ("ann", "bob"):
        for side, signs in (("l", np.ones(6)), ("r", np.array([-1, 1, 1, 1, -1, -1]))):
            watch_TC = wrist(20, 50, seed=len(side)) * signs
            # This sensor's x is the watch's y, its y the watch's -x.
            own_TC = watch_TC[:, [1, 0, 2, 4, 3, 5]] * [1, -1, 1, 1, -1, 1]
            own_TC[:, :3] /= -9.81
            own_TC[:, 3:] = np.degrees(own_TC[:, 3:])
            table = pd.DataFrame(own_TC, columns=["A", "B", "C", "D", "E", "F"])
            table["when"] = 1700000000000 + np.arange(len(table)) * 20
            table["what"] = np.where(np.arange(len(table)) < 400, "walk", "rest")
            table.loc[:9, "what"] = None
            table.loc[10:19, "what"] = "dunno"
            write_csv(table, tmp_path / person / f"day1_{side}.csv")
    (tmp_path / "target.yaml").write_text(f"""
target:
  csv:
    folder: {tmp_path}
    files: "{{person}}/{{day}}_{{wrist}}.csv"
    accelerometer: [A, B, C]
    accelerometer_unit: g
    gyroscope: [D, E, F]
    gyroscope_unit: deg/s
    time: when
    time_unit: ms
    label: what
    unlabelled: [dunno]
    frame: [-y, x, z]
    gravity_sign: -1
""")
    given = ["release=none", "output=none"]
    target = read_target(load_config(FinetuneConfig, tmp_path / "target.yaml", given).target)
    assert target.subjects == ("ann", "bob")
    assert target.label_names == ("rest", "walk")
    assert [part.wrists for part in target.recordings[:2]] == [(True, False), (False, True)]
    truth_TC = wrist(20, 50, seed=1)
    left, right = target.recordings[:2]
    np.testing.assert_allclose(left.signals_TWC[:, 0], truth_TC, atol=1e-9)
    np.testing.assert_allclose(right.signals_TWC[:, 1], truth_TC * [-1, 1, 1, 1, -1, -1], atol=1e-9)
    np.testing.assert_allclose(left.timestamps_T, np.arange(1000) / 50, atol=1e-6)
    assert np.bincount(left.labels_T + 1).tolist() == [20, 600, 380]


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("s", lambda t: t),
        ("ms", lambda t: t * 1e3),
        ("us", lambda t: t * 1e6),
        ("ns", lambda t: 1.7e18 + t * 1e9),
        ("iso", lambda t: pd.Timestamp("2024-03-01T10:00:00+02:00") + pd.to_timedelta(t, unit="s")),
    ],
)
def test_time_in_any_unit(tmp_path: Path, unit: str, written: Callable) -> None:
    for person in ("a", "b"):
        table = csv_table()
        table["t"] = written(table["t"])
        write_csv(table, tmp_path / person / "left.csv")
    part = read(tmp_path, *PLAIN, f"time_unit={unit}").recordings[0]
    np.testing.assert_allclose(part.timestamps_T, np.arange(1000) / 50, atol=1e-6)


def test_person_and_wrist_from_columns_and_labels_from_segments(tmp_path: Path) -> None:
    parts = []
    for person in (1, 2):
        for side in ("left", "right"):
            table = csv_table(seed=person).drop(columns=["activity", "t", "gx", "gy", "gz"])
            if side == "right":
                table["ax"] *= -1
            parts.append(table.assign(who=person, arm=side))
    write_csv(pd.concat(parts), tmp_path / "all.csv")
    segments = pd.DataFrame({"start": [2, 8], "end": [8, 12.5], "label": ["walk", "rest"]})
    write_csv(segments, tmp_path / "all_labels.csv")
    keys = ("files='{name}l.csv'", "segments='{name}l_labels.csv'", "person=who", "wrist=arm")
    target = read(tmp_path, *keys, "rate=50", "gyroscope=[]")
    assert target.subjects == ("1", "2")
    assert [part.wrists for part in target.recordings] == [(True, False), (False, True)] * 2
    assert not target.recordings[0].has_gyroscope
    names = [*target.label_names, "none"]
    labels_T = np.array([names[label] for label in target.recordings[0].labels_T])
    assert (labels_T[100:400] == "walk").all()
    assert (labels_T[400:625] == "rest").all()
    assert (labels_T[:100] == "none").all()
    assert (labels_T[625:] == "none").all()


def test_names_are_taken_as_they_are_spelt(tmp_path: Path) -> None:
    """Four people in one file, with labels that tables of numbers take for none."""
    words = ["null", "None", "NA", " N/A", "nan", "", "1.0", "01"]
    spelt = ["null", "None", "NA", "N/A", "nan", "none", "1", "01"]
    people = ("01", "1", "2.50", "NA")
    table = csv_table().assign(activity=np.repeat(words, 125))
    write_csv(pd.concat([table.assign(who=name) for name in people]), tmp_path / "left.csv")
    keys = ("files='{wrist}.csv'", "person=who", "time=t", "label=activity")
    target = read(tmp_path, *keys)
    assert target.subjects == people
    assert [part.name for part in target.recordings] == [f"left.csv {name}" for name in people]
    names = np.array([*target.label_names, "none"])
    for part in target.recordings:
        assert names[part.labels_T].tolist() == np.repeat(spelt, 125).tolist()
    fewer = read(tmp_path, *keys, "unlabelled=['NA', 'nan']")
    assert set(fewer.label_names) == {*spelt} - {"NA", "nan", "none"}


def test_parts_without_a_word_between_them(tmp_path: Path) -> None:
    for person in ("ann", "bob"):
        write_csv(csv_table(), tmp_path / f"{person}L.csv")
    target = read(tmp_path, "files='{person}{wrist}.csv'", *PLAIN[1:])
    assert target.subjects == ("ann", "bob")


def test_labels_of_segments_are_taken_as_they_are_spelt(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    for person in range(3):
        labels = "start,end,label\n0,5,null\n5,10,\n10,15,007\n"
        (tmp_path / f"p{person}" / "labels.txt").write_text(labels)
    keys = ("files='{person}/{wrist}.csv'", "time=t", "segments='{person}/labels.txt'")
    target = read(tmp_path, *keys)
    assert target.label_names == ("007", "null")
    assert np.bincount(target.recordings[0].labels_T + 1).tolist() == [500, 250, 250]


def test_samples_without_a_value_are_a_gap(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    table = csv_table()
    table.loc[200:299, "ay"] = np.nan
    table.loc[500, "gz"] = np.inf
    write_csv(table, tmp_path / "p0" / "left.csv")
    part = read(tmp_path, *PLAIN).recordings[0]
    assert part.without_value == 101
    assert len(part.timestamps_T) == 899
    assert np.diff(part.timestamps_T).max() == pytest.approx(101 / 50)


def everywhere(change: Callable[[pd.DataFrame], object]) -> Callable[[Path], None]:
    """Change the table of every person in place."""

    def apply(folder: Path) -> None:
        for path in folder.glob("*/*.csv"):
            table = pd.read_csv(path)
            change(table)
            write_csv(table, path)

    return apply


def scale(columns: tuple[str, ...], factor: float) -> Callable[[Path], None]:
    def change(table: pd.DataFrame) -> None:
        table[list(columns)] *= factor

    return everywhere(change)


def fill(column: str, value: str | None) -> Callable[[Path], None]:
    def change(table: pd.DataFrame) -> None:
        table[column] = value

    return everywhere(change)


def nothing(folder: Path) -> None:
    """Spoil nothing: the keys do."""


def only_first(folder: Path) -> None:
    for path in list(folder.glob("p[1-9]/*")):
        path.unlink()


def no_numbers(folder: Path) -> None:
    table = csv_table()
    table[list(SENSORS)] = np.nan
    write_csv(table, folder / "p1" / "left.csv")


def one_sample(folder: Path) -> None:
    table = csv_table()
    table.loc[1:, "ay"] = np.nan
    write_csv(table, folder / "p1" / "left.csv")


def backwards(folder: Path) -> None:
    table = csv_table()
    table["t"] = np.tile(table["t"][:500], 2)
    write_csv(table, folder / "p1" / "left.csv")


def word(folder: Path) -> None:
    table = csv_table().astype({"ay": object})
    table.loc[3, "ay"] = "error"
    write_csv(table, folder / "p1" / "left.csv")


def nameless_counter(folder: Path) -> None:
    path = folder / "p1" / "left.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *(f"{n},{row}" for n, row in enumerate(rows))]))


def thousands(folder: Path) -> None:
    table = csv_table().astype({"t": object})
    table.loc[5, "t"] = "1,000.00"
    table.to_csv(folder / "p1" / "left.csv", index=False)


def only_semicolons(folder: Path) -> None:
    for path in folder.glob("*/*.csv"):
        pd.read_csv(path).to_csv(path, sep=";", index=False)


def semicolons(folder: Path) -> None:
    for path in folder.glob("*/*.csv"):
        pd.read_csv(path).to_csv(path, sep=";", decimal=",", index=False)


ACC, GYR = SENSORS[:3], SENSORS[3:]


@pytest.mark.parametrize(
    ("spoil", "keys", "message"),
    [
        (fill("activity", None), (), r"not one sample has a label"),
        (
            nothing,
            ("classes=[walking, rest]",),
            r"unknown label 'walk', the nearest known is 'walking'; add it to target.csv.classes",
        ),
        (
            fill("activity", "walk"),
            (),
            r"all labels are 'walk'; there is nothing to tell apart",
        ),
        (only_first, (), r"all recordings are of one person, p0"),
        (scale(ACC, 1 / 9.81), (), r"left.csv: .* looks like g declared as m/s2.*2 recordings mo"),
        (nothing, ("accelerometer_unit=g",), r"looks like m/s2 declared as g"),
        (scale(GYR, 57.3), (), r"looks like degrees declared as radians: state its unit"),
        (
            nothing,
            ("time_unit=ms",),
            r"5e\+04 samples a second.*1,000 times too small, such as seconds declared as milli",
        ),
        (scale(("t",), 1000), (), r"1,000 times too large, such as milliseconds declared as sec"),
        (
            fill("t", "noon"),
            (),
            r"left.csv: the time 'noon' in row 2 is not a number; mend it, or state the unit in ta",
        ),
        (fill("t", "noon"), ("time_unit=iso",), r"the time 'noon' in row 2 is not an ISO date"),
        (thousands, (), r"p1/left.csv: the time '1,000.00' in row 7 is not a number"),
        (
            nothing,
            ("accelerometer=[acc_x, ay, az]",),
            r"left.csv: no column acc_x; there are ax, ay, az, gx, gy, gz, t, activity",
        ),
        (no_numbers, (), r"p1/left.csv: not one sample has all its values"),
        (one_sample, (), r"p1/left.csv: only one of its samples can be used; mend it, or remove"),
        (backwards, (), r"p1/left.csv: the time stamps of 50 % of the samples do not rise"),
        (
            fill("who", None),
            (PLAIN[0].replace("{person}", "*"), "person=who"),
            r"left.csv: a cell of column who is empty; fill it in",
        ),
        (word, (), r"p1/left.csv: column ay holds 'error' where a number belongs, row 5"),
        (lambda f: (f / "p1" / "left.csv").write_text(""), (), r"left.csv: the file is empty"),
        (
            lambda f: (f / "p1" / "left.csv").write_text("ax,ay,az,gx,gy,gz,t,activity\n"),
            (),
            r"left.csv: the file has no rows",
        ),
        (nameless_counter, (), r"left.csv: its rows have more cells than its header; name every"),
        (semicolons, (), r"more cells than its header; .* say in separator and decimal how it is"),
        (only_semicolons, (), r"no column ax.*; its cells are parted by ';': say so in separator"),
        (semicolons, ("separator=';'",), r"p0/left.csv: column ax holds '.*,.*' where a number"),
        (lambda f: write_csv(csv_table(), f / "p1" / "up.csv"), (), r"wrist 'up'; left or right"),
    ],
)
def test_bad_input_ends_with_one_line(
    tmp_path: Path, spoil: Callable[[Path], object], keys: tuple[str, ...], message: str
) -> None:
    spoil(csv_folder(tmp_path))
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, *PLAIN, *keys)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("files='*.xlsx'", "person=who", "wrist=left", "time=t", "label=a"), "no file in"),
        (("files='{person}/*'", "time=t", "label=activity"), r"csv.wrist: give it, or \{wrist\}"),
        ((*PLAIN, "person=who"), r"csv.person: give it, or \{person\}.*not both"),
        ((*PLAIN, "rate=50"), "csv.time and target.csv.rate"),
        (PLAIN[:2], "csv.label and target.csv.segments"),
        ((*PLAIN, "accelerometer=[ax, ay]"), "csv.accelerometer is .* x, y and z"),
        ((*PLAIN, "accelerometer_unit=mg"), "csv.accelerometer_unit is mg; one of m/s2, g"),
        ((*PLAIN, "gyroscope_unit=rpm"), "csv.gyroscope_unit is rpm; one of rad/s, deg/s"),
        ((*PLAIN, "time_unit=min"), "csv.time_unit is min; one of s, ms, us, ns, iso"),
        ((*PLAIN, "frame=[x,y]"), r"csv.frame is \[x, y\]; name each of x, y and z once"),
        ((*PLAIN, "frame=[-x,y,z]"), "csv.frame is .* a mirror image"),
        ((*PLAIN, "accelerometer=[ax, ay, ay]"), "name the column ay twice"),
        ((*PLAIN, "gyroscope=[ax, ay, az]"), "csv.gyroscope and .* name the column ax twice"),
        ((*PLAIN, "separator='--'"), "csv.separator is '--'; one character, or tab"),
        ((*PLAIN, "decimal=';'"), "csv.decimal is ';'; a point or a comma"),
        ((PLAIN[0].replace("{wrist}", "left"), *PLAIN[1:], "wrist=both"), "wrist is both; columns"),
        ((PLAIN[0], "rate=0", "label=activity"), "csv.time and target.csv.rate"),
        ((*PLAIN, "gravity_sign=0"), "csv.gravity_sign is 0; it is 1 or -1"),
        ((PLAIN[0], "time=t", "segments='{night}.csv'"), r"\{night\} is none of the parts"),
        (("files='{a}/{a}.csv'", "time=t", "label=activity"), "names a part twice"),
        (("files='/data/{person}/{wrist}.csv'", *PLAIN[1:]), "files is .* give a path below"),
        ((PLAIN[0], "time=t", "segments='/data/{person}.csv'"), "segments is .* give a path below"),
        (("files=''", *PLAIN[1:]), "files is ''; give a path below"),
    ],
)
def test_a_description_that_cannot_be(tmp_path: Path, keys: tuple[str, ...], message: str) -> None:
    csv_folder(tmp_path, people=1)
    with pytest.raises(UserError, match=message) as error:
        read(tmp_path, *keys)
    assert "\n" not in str(error.value)
