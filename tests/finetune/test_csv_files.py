"""How CSV files may be written and kept, and files of labelled segments beside them."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cluster.errors import UserError
from finetune.targets.doubts import doubts
from finetune.targets.recording import UNLABELLED, Target
from tests.finetune.made_recordings import PLAIN, csv_folder, csv_table, read, write_csv

SEGMENTED = ("time=t", "segments='{person}/{session}_labels.csv'")


def segmented_folder(folder: Path, sessions: tuple[str, ...], sides: tuple[str, ...]) -> None:
    """Write `a/SESSION_SIDE.csv` and `a/SESSION_labels.csv`, the same for b."""
    for person in ("a", "b"):
        for session in sessions:
            for side in sides:
                table = csv_table(seed=len(session)).drop(columns="activity")
                write_csv(table, folder / person / f"{session}{side}.csv")
            labels = pd.DataFrame({"start": [0, 9], "end": [9, 20], "label": ["walk", session]})
            write_csv(labels, folder / person / f"{session}_labels.csv")


def assert_same(found: Target, wanted: Target) -> None:
    assert found.label_names == wanted.label_names
    assert found.subjects == wanted.subjects
    for one, other in zip(found.recordings, wanted.recordings, strict=True):
        assert np.array_equal(one.signals_TWC, other.signals_TWC)
        assert np.array_equal(one.timestamps_T, other.timestamps_T)
        assert np.array_equal(one.labels_T, other.labels_T)


@pytest.mark.parametrize("counted", [False, True])
def test_a_comma_at_the_end_of_rows_is_no_cell(tmp_path: Path, counted: bool) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    path = tmp_path / "p1" / "left.csv"
    header, *rows = path.read_text().splitlines()
    rows = [f"{f'{n},' if counted else ''}{row}," for n, row in enumerate(rows)]
    path.write_text("\n".join([f"{'n,' if counted else ''}{header}", *rows]))
    assert_same(read(tmp_path, *PLAIN), wanted)


@pytest.mark.parametrize(
    ("separator", "written", "decimal"), [(";", "';'", ","), ("\t", "tab", "."), ("|", "'|'", ".")]
)
def test_other_marks_between_cells_and_in_numbers(
    tmp_path: Path, separator: str, written: str, decimal: str
) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for path in tmp_path.glob("*/*.csv"):
        pd.read_csv(path).to_csv(path, sep=separator, decimal=decimal, index=False)
    keys = (f"separator={written}", f"decimal='{decimal}'")
    assert_same(read(tmp_path, *PLAIN, *keys), wanted)


def test_decimal_commas_in_quotes_between_commas(tmp_path: Path) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for path in tmp_path.glob("*/*.csv"):
        pd.read_csv(path).to_csv(path, decimal=",", quoting=csv.QUOTE_ALL, index=False)
    with pytest.raises(UserError, match='say decimal: ","'):
        read(tmp_path, *PLAIN)
    assert_same(read(tmp_path, *PLAIN, "decimal=','"), wanted)


def test_compressed_files(tmp_path: Path) -> None:
    """Labels that a classifier wrote beside them are no recordings."""
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for path in tmp_path.glob("*/*.csv"):
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        packed.with_name(f"{packed.name}.labels.csv").write_text("start,end,label\n0,4,walk\n")
        path.unlink()
    assert_same(read(tmp_path, "files={person}/{wrist}.*", *PLAIN[1:]), wanted)
    assert_same(read(tmp_path, PLAIN[0].replace(".csv", ".csv.gz"), *PLAIN[1:]), wanted)


def test_small_and_large_letters_are_equal_in_names(tmp_path: Path) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for path in tmp_path.glob("p[01]/left.csv"):
        path.rename(path.with_name("Left.CSV"))
    assert_same(read(tmp_path, *PLAIN), wanted)


def test_spaces_around_names_of_columns_are_none(tmp_path: Path) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for path in tmp_path.glob("*/*.csv"):
        header, rest = path.read_text().split("\n", 1)
        path.write_text(f"{header.replace(',', ' , ')}\n{rest}")
    assert_same(read(tmp_path, *PLAIN), wanted)


@pytest.mark.parametrize(
    ("before", "encoding", "message"),
    [
        ("# Device 7\n# Hz 50\n", "utf-8", "begins with '# Device 7'; remove what stands before"),
        ("sep=,\n", "utf-8", "begins with 'sep=,'; remove what stands before"),
        ("", "utf-16", "its text is not UTF-8; save it as CSV in UTF-8"),
    ],
)
def test_what_spreadsheets_and_watches_put_before_a_table(
    tmp_path: Path, before: str, encoding: str, message: str
) -> None:
    csv_folder(tmp_path)
    path = tmp_path / "p1" / "left.csv"
    path.write_text(before + path.read_text(), encoding=encoding)
    with pytest.raises(UserError, match=f"p1/left.csv: {message}"):
        read(tmp_path, *PLAIN)


def test_hidden_files_are_no_recordings(tmp_path: Path) -> None:
    wanted = read(csv_folder(tmp_path), *PLAIN)
    for hidden in (".ipynb_checkpoints/left.csv", "p0/.~left.csv", "p0/._left.csv"):
        path = tmp_path / hidden
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xb0")
    assert_same(read(tmp_path, "files='{person}/*{wrist}.csv'", *PLAIN[1:]), wanted)


def test_whole_numbers_with_a_point_name_the_same_person_and_class(tmp_path: Path) -> None:
    table = csv_table()
    count = len(table)
    table["activity"] = np.where(np.arange(count) < count / 2, "1.0", "0.0")
    for name, spelt in (("a", ["1", "1.0"]), ("b", ["2.0", "2"])):
        table["who"] = np.resize(spelt, count)
        write_csv(table, tmp_path / name / "left.csv")
    table["activity"] = np.where(np.arange(count) < count / 2, "2", "1")
    write_csv(table, tmp_path / "b" / "left.csv")
    files = PLAIN[0].replace("{person}", "*")
    target = read(tmp_path, files, *PLAIN[1:], "person=who", "unlabelled=['0.0']")
    assert target.subjects == ("1", "2")
    assert target.label_names == ("1", "2")
    named = read(tmp_path, files, *PLAIN[1:], "person=who", "classes=['0.0', '1.0', '2.0']")
    assert named.label_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("0:10,0:20,walk", r"labels.csv: the time '0:10' in row 2 is not a number"),
        ("0,5,walk\n5,,walk", r"labels.csv: row 3: a segment from 5 to nan; it needs a start and"),
        ("20,10,walk", r"labels.csv: row 2: a segment from 20 to 10; it needs a start and a later"),
    ],
)
def test_segments_that_cannot_be_end_with_one_line(tmp_path: Path, rows: str, message: str) -> None:
    write_csv(csv_table(), tmp_path / "p0" / "left.csv")
    (tmp_path / "p0" / "labels.csv").write_text(f"start,end,label\n{rows}\n")
    with pytest.raises(UserError, match=message):
        read(tmp_path, PLAIN[0], "time=t", "segments='{person}/labels.csv'")


def test_segments_beyond_the_recording_are_told_and_none_are_allowed(tmp_path: Path) -> None:
    for person, rows in (("p0", "0,9,walk\n9,9000,rest"), ("p1", "0,9,walk"), ("p2", "")):
        write_csv(csv_table(), tmp_path / person / "left.csv")
        (tmp_path / person / "labels.csv").write_text(f"start,end,label\n{rows}\n")
    target = read(tmp_path, PLAIN[0], "time=t", "segments='{person}/labels.csv'")
    assert [part.segments_beyond for part in target.recordings] == [1, 0, 0]
    assert (target.recordings[2].labels_T == UNLABELLED).all()
    [text] = [text for text in doubts(target, 0.2) if "segments" in text]
    assert text.startswith("1 labelled segments reach beyond their recording, the first in p0/left")
    (tmp_path / "p2" / "labels.csv").unlink()
    with pytest.raises(UserError, match=r"no such file; .* write one with the header start,end"):
        read(tmp_path, PLAIN[0], "time=t", "segments='{person}/labels.csv'")


def test_the_wrist_is_the_name_of_one_and_files_of_segments_are_no_recordings(
    tmp_path: Path,
) -> None:
    segmented_folder(tmp_path, ("morning_walk", "run"), ("_left", "_R"))
    target = read(tmp_path, "files='{person}/{session}_{wrist}.csv'", *SEGMENTED)
    names = ["morning_walk_R", "morning_walk_left", "run_R", "run_left"]
    assert [part.name for part in target.recordings] == [
        f"{person}/{name}.csv" for person in "ab" for name in names
    ]
    assert [part.wrists[0] for part in target.recordings] == [False, True] * 4
    assert target.label_names == ("morning_walk", "run", "walk")
    assert np.bincount(target.recordings[0].labels_T).tolist() == [550, 0, 450]


def test_files_of_segments_that_fit_every_pattern(tmp_path: Path) -> None:
    segmented_folder(tmp_path, ("walk", "run"), ("",))
    target = read(tmp_path, "files='{person}/{session}.csv'", "wrist=left", *SEGMENTED)
    names = [part.name for part in target.recordings]
    assert names == ["a/run.csv", "a/walk.csv", "b/run.csv", "b/walk.csv"]


def test_segments_whose_pattern_fits_recordings(tmp_path: Path) -> None:
    segmented_folder(tmp_path, ("run",), ("_l",))
    for person in ("a", "b"):
        (tmp_path / person / "run_labels.csv").rename(tmp_path / person / "run.csv")
    keys = ("files='{person}/{session}_{wrist}.csv'", "segments='{person}/{session}.csv'")
    target = read(tmp_path, *keys, "time=t")
    assert [part.name for part in target.recordings] == ["a/run_l.csv", "b/run_l.csv"]


def test_labels_that_a_classifier_wrote_beside_recordings_are_no_recordings(
    tmp_path: Path,
) -> None:
    csv_folder(tmp_path)
    for path in list(tmp_path.glob("*/left.csv")):
        path.with_name("left.labels.csv").write_text("start,end,label\n0,4,walk\n")
    assert len(read(tmp_path, *PLAIN).recordings) == 3
    assert len(read(tmp_path, "files='{person}/*.csv'", "wrist=left", *PLAIN[1:]).recordings) == 3
    for path in list(tmp_path.glob("*/left.csv")):
        path.rename(path.with_name("left.labels.csv"))
    keys = ("files='{person}/{wrist}.labels.csv'", *PLAIN[1:])
    assert len(read(tmp_path, *keys).recordings) == 3
