"""The BVH source: folders, sentences, names, and what goes wrong with them."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import UserError
from datagen.motion import BadClipError
from datagen.sources.bvh import BvhConfig, BvhSource, text_from_name
from tests.datagen.made_bvh import bvh_text, person, smooth_values


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Two good clips of which one lies in a subfolder, a truncated one, and another file."""
    whole = bvh_text(person(), smooth_values(person(), 20, rng), frame_time=1 / 120)
    clips = tmp_path / "clips"
    (clips / "day 2").mkdir(parents=True)
    (clips / "waveRight_01.bvh").write_text(whole)
    (clips / "day 2" / "walk.BVH").write_text(whole)
    (clips / "cut.bvh").write_text(whole[: len(whole) // 2])
    (clips / "notes.txt").write_text("not a clip")
    return clips


def config(folder: Path, **given: str) -> BvhConfig:
    return BvhConfig(folder=str(folder), skeleton="mixamo", name="lab", **given)


def test_every_clip_is_listed_in_order_and_read_or_bad(folder: Path) -> None:
    source = pickle.loads(pickle.dumps(BvhSource(config(folder))))
    refs = source.list_clips()
    assert [(ref.name, ref.text) for ref in refs] == [
        ("lab/cut", "cut"),
        ("lab/day_2/walk", "walk"),
        ("lab/waveRight_01", "wave right"),
    ]
    with pytest.raises(BadClipError, match="truncated"):
        source.read_clip(refs[0])
    motion = source.read_clip(refs[2])
    assert motion.name == refs[2].name
    assert motion.source == "lab"
    assert motion.rate == pytest.approx(120, rel=1e-4)
    assert motion.rotations_TJ3.shape == (20, 52, 3)
    assert motion.offsets_J3 is not None
    assert np.linalg.norm(motion.offsets_J3[20]) == pytest.approx(0.25)


def test_sentences_and_labels_come_from_the_descriptions(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "said.csv"
    table.write_text(
        "file,description,content\n"
        'waveRight_01.bvh,"a person waves, to the right",wave\n'
        "day 2/walk.BVH,a person walks,walk\n"
    )
    source = BvhSource(config(folder, descriptions=str(table)))
    refs = {ref.name: ref for ref in source.list_clips()}
    motion = source.read_clip(refs["lab/waveRight_01"])
    assert (motion.text, motion.action) == ("a person waves, to the right", "wave")
    assert refs["lab/day_2/walk"].text == "a person walks"
    with pytest.raises(BadClipError, match=r"no description in .*said\.csv"):
        source.read_clip(refs["lab/cut"])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("walk.bvh,a person walks, then turns,walk\n", "line 4: has more cells than the header"),
        ("w.bvh,a person walks,walk\nw.bvh,a person runs,run\n", "line 5: w.bvh is described tw"),
    ],
)
def test_descriptions_that_would_be_misread_are_refused(
    folder: Path, tmp_path: Path, rows: str, problem: str
) -> None:
    table = tmp_path / "said.csv"
    head = 'file,description,content\na.bvh,"two\nlines",\n'
    table.write_text(head + rows)
    with pytest.raises(UserError, match=rf"said\.csv, {problem}"):
        BvhSource(config(folder, descriptions=str(table)))
    same = "w.bvh,a person walks,walk\n"
    table.write_text(head + same + same)
    BvhSource(config(folder, descriptions=str(table)))


@pytest.mark.parametrize(
    ("stem", "text"),
    [
        ("walkTurnLeft_03", "walk turn left"),
        ("dataset-1_bow_active_001", "dataset bow active"),
        ("BVHFile", "bvh file"),
        ("07_01", "a person moves"),
        ("größerÜberSprung_2", "größer über sprung"),
        ("cafe\u0301Dance", "caf\u00e9 dance"),
        ("ШагВперёд", "шаг вперёд"),
        ("歩く_01", "歩く"),
        ("चलना-2", "चलना"),
    ],
)
def test_text_from_a_file_name(stem: str, text: str) -> None:
    assert text_from_name(stem) == text


def test_user_mistakes_end_with_one_line(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="no such folder"):
        BvhSource(config(tmp_path / "none")).list_clips()
    with pytest.raises(UserError, match="holds no BVH file"):
        BvhSource(config(empty)).list_clips()
    with pytest.raises(UserError, match="no preset"):
        BvhSource(BvhConfig(str(folder), "mixam"))
    with pytest.raises(UserError, match="cannot be read: No such file"):
        BvhSource(config(folder, descriptions=str(tmp_path / "none.csv")))
    table = tmp_path / "said.csv"
    table.write_text("name,sentence\nwalk.bvh,a person walks\n")
    with pytest.raises(UserError, match="has no column description or file"):
        BvhSource(config(folder, descriptions=str(table)))
    (folder / "day_2").mkdir()
    (folder / "day_2" / "walk.bvh").write_text("")
    with pytest.raises(UserError, match="would be named lab/day_2/walk"):
        BvhSource(config(folder)).list_clips()
