"""Sentences for AMASS: the stretches that BABEL and HumanML3D describe, and damaged tables."""

import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cluster.errors import UserError
from datagen.motion import BadClipError
from datagen.sources.amass_text import read_babel, read_humanml3d
from tests.datagen.made_smpl import (
    babel_entry,
    label,
    write_amass,
    write_babel,
    write_humanml3d,
)
from tests.datagen.test_amass import FUZZ, JUMP, WALK, amass, read, source_of

__all__ = ["amass"]


def test_babel_labels_of_frames_are_clips_of_their_own(amass: Path, tmp_path: Path) -> None:
    entry = babel_entry(
        7,
        f"CMU/{WALK}",
        [label("walk and wave", "walk")],
        [
            label("walk forward", "walk", start_t=0.0, end_t=1.2),
            label("transition", "transition", start_t=0.2, end_t=1.9),
            label("wave", "wave", start_t=0.5, end_t=1.75),
            label("stop", "stop", start_t=1.7, end_t=2.0),
        ],
    )
    babel = write_babel(tmp_path / "train.json", entry)
    source = source_of(amass, babel=babel)
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.action) for ref in refs] == [
        ("amass/CMU/05/05_01_poses-7-0", "walk forward", "walk"),
        ("amass/CMU/05/05_01_poses-7-2", "wave", "wave"),
    ]
    whole = read(amass / WALK)
    wave = source.read_clip(refs[1])
    np.testing.assert_array_equal(wave.rotations_TJ3, whole.rotations_TJ3[60:210])
    np.testing.assert_array_equal(wave.translation_T3, whole.translation_T3[60:210])


def test_babel_labels_of_whole_files_where_frames_have_none(amass: Path, tmp_path: Path) -> None:
    """Also several annotators' (`seq_anns`), and all files of a folder; unlabelled is left out."""
    folder = tmp_path / "babel"
    folder.mkdir()
    both = [label("jump left", "jump"), label("land")]
    write_babel(folder / "train.json", babel_entry(1, f"KIT/{JUMP}", both, None))
    extra = babel_entry(2, f"CMU/{WALK}", None, None)
    del extra["seq_ann"], extra["frame_ann"]
    extra |= {"seq_anns": [{"labels": [label("stroll", "walk")]}], "frame_anns": [None]}
    write_babel(folder / "extra_train.json", extra)
    write_babel(folder / "test.json", babel_entry(3, f"KIT/{JUMP}", None, None))
    write_amass(amass / "KIT" / "4" / "unknown_poses.npz")
    source = source_of(amass, babel=folder)
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.action) for ref in refs] == [
        ("amass/CMU/05/05_01_poses-2", "stroll", "walk"),
        ("amass/KIT/3/jump_left02_poses-1", "jump left and land", "jump"),
    ]
    assert len(source.read_clip(refs[1]).rotations_TJ3) == 200


def test_links_are_described_by_their_own_path_or_by_what_they_lead_to(
    amass: Path, tmp_path: Path
) -> None:
    store = tmp_path / "blobs"
    store.mkdir()
    (amass / WALK).rename(store / "abc.npz")
    (amass / WALK).symlink_to(store / "abc.npz")
    jump = tmp_path / "links" / "jump.npz"
    jump.parent.mkdir()
    jump.symlink_to(amass / JUMP)
    walks = [label("walk", "walk", start_t=0.0, end_t=1.2)]
    babel = tmp_path / "babel"
    babel.mkdir()
    write_babel(babel / "train.json", babel_entry(7, f"CMU/{WALK}", None, walks))
    write_babel(babel / "more.json", babel_entry(8, f"KIT/{JUMP}", [label("jump")], None))
    (babel / "._train.json").write_bytes(b"\x00\x05\xff")
    texts = [ref.text for ref in source_of(amass, babel=babel).list_clips()]
    assert texts == ["walk", "jump"]
    assert [ref.text for ref in source_of(jump.parent, babel=babel).list_clips()] == ["jump"]


def test_a_data_set_alone_is_matched_and_keeps_its_person(amass: Path, tmp_path: Path) -> None:
    """The folder may be one of AMASS's data sets, or one person's: the path above it counts."""
    walks = [label("walk", "walk", start_t=0, end_t=1.2), label("go", "walk", start_t=0, end_t=1.9)]
    babel = write_babel(tmp_path / "train.json", babel_entry(7, f"CMU/{WALK}", None, walks))
    for folder, people in ((amass / "CMU", {"05"}), (amass / "CMU" / "05", {"05_01_poses"})):
        refs = source_of(folder, babel=babel).list_clips()
        assert [ref.text for ref in refs] == ["walk", "go"]
        assert {ref.subject for ref in refs} == people


def test_humanml3d_stretches_and_sentences(amass: Path, tmp_path: Path) -> None:
    write_amass(amass / "MPI_HDM05" / "bk" / "long_poses.npz", frames=1200)
    rows = [
        "./pose_data/KIT/3/jump_left02_poses.npy,2,39,000002.npy",
        "./pose_data/MPI_HDM05/bk/long_poses.npy,10,110,000031.npy",
        "./pose_data/humanact12/humanact12/P11G01.npy,0,-1,000001.npy",
        "./pose_data/CMU/09/absent_poses.npy,0,100,000099.npy",
    ]
    texts = {
        "000002": "a man jumps.#a/DET man/NOUN#0.0#0.0\nhe hops.#he/PRON#0.0#0.0\n",
        "000031": "someone kicks.#x#nan#nan\nhe turns.#x#1.0#3.0\nhe nods.#x#4.5#5.0\n",
        "000099": "walks.#x#0.0#0.0\n",
    }
    folder = write_humanml3d(tmp_path / "humanml3d", rows, texts)
    source = source_of(amass, humanml3d=folder)
    refs = source.list_clips()
    assert [(ref.name, ref.text) for ref in refs] == [
        ("amass/KIT/3/jump_left02_poses-000002", "a man jumps."),
        ("amass/MPI_HDM05/bk/long_poses-000031", "someone kicks."),
        ("amass/MPI_HDM05/bk/long_poses-000031-1", "he turns."),
    ]
    # Every fifth frame of 100 a second, from the third on.
    jump, whole = source.read_clip(refs[0]), read(amass / JUMP)
    np.testing.assert_array_equal(jump.rotations_TJ3, whole.rotations_TJ3[10:195])
    # Every sixth frame of 120 a second, after three seconds that HumanML3D leaves out.
    whole = read(amass / "MPI_HDM05" / "bk" / "long_poses.npz")
    kick, turn = source.read_clip(refs[1]), source.read_clip(refs[2])
    np.testing.assert_array_equal(kick.rotations_TJ3, whole.rotations_TJ3[420:1020])
    np.testing.assert_array_equal(turn.rotations_TJ3, whole.rotations_TJ3[540:780])


def test_a_stretch_beyond_the_files_end_is_a_bad_clip(amass: Path, tmp_path: Path) -> None:
    late = babel_entry(1, f"CMU/{WALK}", None, [label("x", "x", start_t=2.5, end_t=4.0)])
    source = source_of(amass, babel=write_babel(tmp_path / "b.json", late))
    (ref,) = source.list_clips()
    with pytest.raises(BadClipError, match="240 frames and none from frame 301"):
        source.read_clip(ref)


def test_user_mistakes_end_with_one_line(amass: Path, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "cut.json").write_text('{"1": {')
    (tmp_path / "other.json").write_text('{"1": {"babel_sid": 1}}')
    write_babel(tmp_path / "foreign.json", babel_entry(1, "A/B/1/x.npz", [label("x")], None))
    rows = ["./pose_data/KIT/3/jump_left02_poses.npy,0,39,000002.npy"]
    write_humanml3d(tmp_path / "bad", rows, {"000002": "no signs#here\n"})
    write_humanml3d(tmp_path / "none", rows, {})
    write_humanml3d(tmp_path / "index", ["a,b,c,d"], {})
    cases: list[tuple[dict[str, Any], str]] = [
        ({"babel": tmp_path / "absent.json"}, "cannot be read: No such file"),
        ({"babel": tmp_path / "list.json"}, "holds no entries"),
        ({"babel": tmp_path / "cut.json"}, "not JSON"),
        ({"babel": tmp_path / "other.json"}, "entry 1: KeyError: 'feat_p'"),
        ({"babel": tmp_path / "foreign.json"}, "describes none of the files"),
        ({"babel": tmp_path / "none"}, "holds no entry of BABEL"),
        ({"humanml3d": tmp_path}, "has no folder texts"),
        ({"humanml3d": tmp_path / "bad"}, "clip 000002 has a bad caption"),
        ({"humanml3d": tmp_path / "none"}, "clip 000002 has no caption"),
        ({"humanml3d": tmp_path / "index"}, "line 2 is not HumanML3D's"),
        ({"humanml3d": tmp_path, "babel": tmp_path}, "make two sources of it"),
    ]
    for given_texts, reason in cases:
        with pytest.raises(UserError, match=reason) as caught:
            source_of(amass, **given_texts).list_clips()
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such folder"):
        source_of(tmp_path / "absent").list_clips()
    with pytest.raises(UserError, match=r"holds no AMASS file \(\*\.npz\)"):
        source_of(tmp_path / "none").list_clips()


KEYS = st.sampled_from(
    "1 babel_sid feat_p seq_ann frame_ann seq_anns labels raw_label proc_label act_cat start_t "
    "end_t".split()
)
NUMBERS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    NUMBERS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@FUZZ
@example(content={"1": {"babel_sid": float("inf"), "feat_p": "x"}})
@given(content=JSON | st.dictionaries(KEYS, st.dictionaries(KEYS, JSON)))
def test_any_json_gives_stretches_or_a_user_error(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "made.json"
    path.write_text(json.dumps(content))
    with contextlib.suppress(UserError):
        read_babel(path)


@FUZZ
@example(index="x/1.npy,0," + "9" * 400 + ",1.npy", texts="a#b#0#0")
@given(
    index=st.text("0123456789,-.\n\"'xKIT/", max_size=40) | st.binary(max_size=40),
    texts=st.text("#0123456789.\nanif-", max_size=40) | st.binary(max_size=40),
)
def test_any_index_and_texts_give_stretches_or_a_user_error(
    tmp_path: Path, index: str | bytes, texts: str | bytes
) -> None:
    def raw(given_text: str | bytes) -> bytes:
        return given_text.encode() if isinstance(given_text, str) else given_text

    (tmp_path / "texts").mkdir(exist_ok=True)
    # A first row and text that are right, so that what follows them is read.
    head = b"source_path,start_frame,end_frame,new_name\nKIT/3/x.npy,0,40,1.npy\n"
    (tmp_path / "index.csv").write_bytes(head + raw(index))
    (tmp_path / "texts" / "1.txt").write_bytes(raw(texts))
    with contextlib.suppress(UserError):
        read_humanml3d(tmp_path)
