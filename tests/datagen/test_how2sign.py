"""The source `how2sign`: the three public layouts of fitted poses, and what goes wrong."""

import contextlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from cluster.config import load_config
from cluster.errors import UserError
from datagen.config import DatagenConfig, open_sources
from datagen.kinematics import rotation_matrices
from datagen.motion import BadClipError, Motion
from datagen.pipeline import Pipeline
from datagen.sources.how2sign import How2SignConfig, How2SignSource
from tests.datagen.made_how2sign import (
    HEADER,
    NAME,
    TEST,
    TILT,
    TRAIN,
    WRITERS,
    seen,
    signing,
    write_frames,
    write_sentence,
    write_signavatars,
)

PRESET = Path(__file__).resolve().parents[2] / "configs" / "datagen" / "how2sign.yaml"


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    folder = tmp_path / "text"
    folder.mkdir()
    for split, rows in (("train", TRAIN), ("test", TEST)):
        (folder / f"how2sign_realigned_{split}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    return folder


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    folder = tmp_path / "poses"
    (folder / "train").mkdir(parents=True)
    return folder


def read_one(poses: Path, sentences: Path, **keys: float) -> Motion:
    source = How2SignSource(How2SignConfig(str(poses), str(sentences), **keys))
    (ref,) = source.list_clips()
    return source.read_clip(ref)


def assert_same_pose(found: np.ndarray, expected: np.ndarray, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(rotation_matrices(found), rotation_matrices(expected), atol=atol)


@pytest.mark.parametrize("write", WRITERS)
def test_each_layout_gives_the_signer_upright_in_the_world(
    write: Callable, poses: Path, sentences: Path
) -> None:
    write(poses / "train", NAME, seen(signing()))
    source = pickle.loads(pickle.dumps(How2SignSource(How2SignConfig(str(poses), str(sentences)))))
    (ref,) = source.list_clips()
    assert (ref.name, ref.subject) == (f"how2sign/{NAME}", "signer-5")
    motion = source.read_clip(ref)
    assert motion.text == 'And I call them "decorative elements".'
    assert (motion.rate, motion.source) == (24, "how2sign")
    assert not motion.translation_T3.any()
    assert_same_pose(motion.rotations_TJ3, signing(), atol=0.03)
    assert_same_pose(motion.rotations_TJ3[:, 1:], signing()[:, 1:])


@pytest.mark.parametrize("write", WRITERS)
def test_tilt_of_the_camera_is_taken_out(write: Callable, poses: Path, sentences: Path) -> None:
    write(poses, NAME, seen(signing()))
    straight = read_one(poses, sentences).rotations_TJ3
    shutil.rmtree(poses)
    poses.mkdir()
    write(poses, NAME, seen(signing(), TILT))
    tilted = read_one(poses, sentences).rotations_TJ3
    # But for the way that the signer faces, which the camera's tilt and turn share.
    turn = Rotation.from_rotvec(tilted[:, 0]) * Rotation.from_rotvec(straight[:, 0]).inv()
    assert np.abs(turn.as_rotvec()[:, [0, 2]]).max() < 1e-4
    assert np.abs(turn.as_rotvec()[:, 1]).max() < np.radians(3)
    assert np.ptp(turn.as_rotvec(), axis=0).max() < 1e-4


@pytest.mark.parametrize("write", WRITERS)
def test_video_is_cut_at_the_realigned_times(write: Callable, poses: Path, sentences: Path) -> None:
    whole = signing(100)
    keys = {"first": 0} if write is write_frames else {}
    write(poses, "--7E2sU6zP4-5-rgb_front", seen(whole), **keys)
    source = How2SignSource(How2SignConfig(str(poses), str(sentences)))
    late, early = source.list_clips()
    assert [late.name, early.name] == [f"how2sign/--7E2sU6zP4_{n}-5-rgb_front" for n in (10, 11)]
    motion = source.read_clip(early)  # 1.02 s to 3 s at 24 Hz
    assert motion.text == "So they don't really have much of a symbolic meaning."
    assert_same_pose(motion.rotations_TJ3[:, 1:], whole[25:73, 1:])
    with pytest.raises(BadClipError, match="no frames from 3098 to 3419"):
        source.read_clip(late)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"And ""so"" on."', 'And "so" on.'),
        ('"Yes, he said.', '"Yes, he said.'),
        ('"Yes," he said.', '"Yes," he said.'),
    ],
)
def test_quotation_marks_in_a_sentence(
    written: str, text: str, poses: Path, sentences: Path
) -> None:
    write_sentence(poses, NAME, seen(signing(12)))
    row = TRAIN[0].rpartition("\t")[0]
    path = sentences / "how2sign_realigned_train.csv"
    path.write_text(f"{HEADER}\n{row}\t{written}\n{TRAIN[1]}\n")
    assert read_one(poses, sentences).text == text


def test_links_capitals_and_what_macos_leaves(poses: Path, sentences: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (poses / "more").symlink_to(linked)
    (linked / "round").symlink_to(poses)
    write_sentence(linked, NAME, seen(signing()))
    (linked / f"{NAME}.npz").rename(linked / f"{NAME}.NPZ")
    (poses / "train" / f"._{NAME}.npz").write_bytes(b"\x00\x05")
    assert read_one(poses, sentences).text


def test_one_person_never_stands_in_both_splits(poses: Path, sentences: Path) -> None:
    for row in TRAIN + TEST:
        write_sentence(poses / "train", row.split("\t")[3], seen(signing(12)))
    refs = How2SignSource(How2SignConfig(str(poses), str(sentences))).list_clips()
    assert {ref.name.removeprefix("how2sign/"): ref.subject for ref in refs} == {
        "--7E2sU6zP4_10-5-rgb_front": "signer-5",
        "--7E2sU6zP4_11-5-rgb_front": "signer-5",
        "-g0iPSnQt6w_1-1-rgb_front": "signer-1",
        "-unknown_0": "video--unknown",
    }


def test_rate_comes_from_the_config_or_a_column(poses: Path, sentences: Path) -> None:
    write_sentence(poses, NAME, seen(signing()))
    assert read_one(poses, sentences, rate=25.0).rate == 25
    path = sentences / "how2sign_realigned_train.csv"
    path.write_text(f"{HEADER}\tfps\n{TRAIN[0]}\t29.97\n{TRAIN[1]}\t\n")
    assert read_one(poses, sentences, rate=25.0).rate == pytest.approx(29.97)
    assert read_one(poses, path, rate=25.0).rate == pytest.approx(29.97)


def test_short_gaps_are_interpolated_and_longer_ones_are_bad(poses: Path, sentences: Path) -> None:
    whole = seen(signing())
    folder = write_frames(poses, NAME, whole) / "smplx"
    for frame in range(21, 25):  # 0.17 s
        for person in (0, 1):
            (folder / f"{frame:05}_{person}.npz").unlink()
    from_frames = read_one(poses, sentences).rotations_TJ3
    assert len(from_frames) == 72
    shutil.rmtree(poses / NAME)
    whole[20:24, 30] = np.nan
    write_sentence(poses, NAME, whole)
    from_sentence = read_one(poses, sentences).rotations_TJ3
    assert_same_pose(from_sentence, from_frames)
    assert_same_pose(from_sentence[:20, 1:], signing()[:20, 1:])
    middle = Rotation.from_rotvec(signing()[[19, 24], 18])
    step = (middle[0].inv() * middle[1]).as_rotvec()
    expected = (middle[0] * Rotation.from_rotvec(step * 2 / 5)).as_rotvec()
    np.testing.assert_allclose(from_sentence[21, 18], expected, atol=1e-3)
    whole[20:26, 30] = np.inf
    write_sentence(poses, NAME, whole)
    with pytest.raises(BadClipError, match=r"no finite value of the pose for 0.25 s from frame 20"):
        read_one(poses, sentences)


def test_a_run_makes_samples_of_them(poses: Path, sentences: Path) -> None:
    write_signavatars(poses, NAME, seen(signing()))
    place = "sources.how2sign.how2sign"
    config = load_config(
        DatagenConfig, PRESET, [f"{place}.folder={poses}", f"{place}.sentences={sentences}"]
    )
    (ref,) = open_sources(config.sources)["how2sign"].list_clips()
    (sample,) = Pipeline(config, "d").samples(ref, "train", np.ones(4, dtype=np.float32))
    assert sample.meta["text"].startswith("And I call them")
    assert sample.acc_NTW3.shape == (8, 178, 2, 3)
    # Gravity points down: held out to the side, both arms' sensors read it along z, their up.
    assert sample.acc_NTW3[0, :, :, 2].mean() > 5


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


@pytest.mark.parametrize(
    ("suffix", "content", "reason"),
    [
        (".npz", b"", "is not a whole .npz file"),
        (".npz", b"PK\x03\x04", "is not a whole .npz file"),
        (".pkl", b"", "damaged pickle"),
        (".pkl", pickle.dumps([1, 2]), "has no smplx"),
        (".pkl", pickle.dumps({"smplx": "poses"}), "smplx that are not numbers"),
        (".pkl", pickle.dumps({"smplx": np.zeros((9, 169))}), r"shape \(9, 169\), not \(T, 182\)"),
        (".pkl", pickle.dumps({"smplx": np.zeros((0, 182))}), "is empty"),
        (".pkl", pickle.dumps({"smplx": torch.zeros(9, 182)}), "has no smplx"),
        (".pkl", pickle.dumps({"smplx": Harmful()}), "which is not data"),
        (".pkl", pickle.dumps({"smplx": np.zeros((9, 182))}), "not upright"),
        (".pkl", pickle.dumps({"smplx": np.full((9, 182), 90.0)}), "cannot be radians"),
    ],
)
def test_bad_files_say_what_is_wrong(
    suffix: str,
    content: bytes,
    reason: str,
    poses: Path,
    sentences: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(poses)
    (poses / f"{NAME}{suffix}").write_bytes(content)
    with pytest.raises(BadClipError, match=reason) as caught:
        read_one(poses, sentences)
    assert "\n" not in str(caught.value)
    assert not (poses / "harmed").exists()


def test_bad_poses_of_a_sentence_say_what_is_wrong(poses: Path, sentences: Path) -> None:
    path = write_sentence(poses, NAME, seen(signing()))
    whole = dict(np.load(path))
    changes: list[tuple[dict[str, object], str]] = [
        ({"smplx_lhand_pose": None}, "has no smplx_lhand_pose"),
        ({"smplx_lhand_pose": whole["smplx_lhand_pose"][:-1]}, "different numbers of frames"),
        ({"smplx_lhand_pose": np.zeros((72, 12))}, r"shape \(72, 12\), not \(T, 45\)"),
        ({"smplx_root_pose": np.zeros((72, 3))}, "not upright .* camera"),
        ({"smplx_body_pose": np.array([["a"]])}, "not numbers"),
        ({"smplx_body_pose": np.full((72, 63), np.nan)}, "no finite value"),
    ]
    for change, reason in changes:
        kept = {name: value for name, value in (whole | change).items() if value is not None}
        np.savez(path, **kept)
        with pytest.raises(BadClipError, match=reason):
            read_one(poses, sentences)


def test_bad_frames_say_what_is_wrong(poses: Path, sentences: Path) -> None:
    folder = write_frames(poses, NAME, seen(signing(30))) / "smplx"
    whole = dict(np.load(folder / "00007_0.npz"))
    np.savez(folder / "00007_0.npz", **(whole | {"body_pose": np.zeros((20, 3))}))
    with pytest.raises(
        BadClipError, match=r"bad frame: 00007_0.npz has body_pose of shape \(1, 60"
    ):
        read_one(poses, sentences)
    del whole["body_pose"]
    np.savez(folder / "00007_0.npz", **whole)
    with pytest.raises(BadClipError, match=r"00007_0.npz has no body_pose"):
        read_one(poses, sentences)
    (folder / "00007_0.npz").write_bytes(b"cut")
    with pytest.raises(BadClipError, match=r"00007_0.npz is not a whole"):
        read_one(poses, sentences)
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(BadClipError, match="has no frames"):
        read_one(poses, sentences)


def test_poses_without_a_sentence_are_bad(poses: Path, sentences: Path) -> None:
    write_sentence(poses, NAME, seen(signing()))
    write_sentence(poses, "-extra_0-5 rgb", seen(signing()))
    source = How2SignSource(How2SignConfig(str(poses), str(sentences)))
    good, extra = sorted(source.list_clips(), key=lambda ref: not ref.text)
    assert source.read_clip(good)
    assert extra.name == "how2sign/-extra_0-5_rgb"
    with pytest.raises(BadClipError, match="has no sentence in"):
        source.read_clip(extra)


def test_user_mistakes_end_with_one_line(poses: Path, sentences: Path, tmp_path: Path) -> None:
    path = write_sentence(poses, NAME, seen(signing(12)))
    config = How2SignConfig(str(poses), str(sentences))
    mistakes = [
        ({"folder": str(tmp_path / "none")}, "none: cannot be read: No such file"),
        ({"folder": str(sentences)}, "holds no fitted poses"),
        ({"sentences": str(tmp_path / "none")}, "none: holds none of how2sign_realigned_train.csv"),
        ({"sentences": str(poses)}, "poses: holds none of"),
        ({"rate": 0.0}, r"sources.how2sign.how2sign.rate=0: give frames"),
        ({"rate": float("nan")}, "rate=nan"),
    ]
    for keys, reason in mistakes:
        with pytest.raises(UserError, match=reason):
            How2SignSource(replace(config, **keys)).list_clips()
    write_sentence(poses / "train", NAME, seen(signing(12)))
    with pytest.raises(UserError, match="has the same name"):
        How2SignSource(config).list_clips()
    shutil.rmtree(poses / "train")
    path.rename(poses / "other.npz")
    with pytest.raises(UserError, match=r"none of its 1 poses, such as other, is a SENTENCE_NAME"):
        How2SignSource(config).list_clips()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no column VIDEO_ID"),
        (HEADER.replace("\t", ","), "has no column VIDEO_ID; columns are tab-separated"),
        (f"{HEADER}\n{TRAIN[0]}\n{TRAIN[0][:-9]}\n", "line 3: .* stands there twice"),
        (f"{HEADER}\n{TRAIN[0].replace('129.06', 'soon')}\n", "line 2: START_REALIGNED"),
        (f"{HEADER}\n{TRAIN[0].replace('129.06', '-2')}\n", "line 2: -2 s to"),
        (f"{HEADER}\n{TRAIN[0].replace('129.06', 'nan')}\n", "line 2: nan s to"),
        (f"{HEADER}\tfps\n{TRAIN[0]}\t0\n", "line 2: .* at 0 frames a second"),
        (f"{HEADER}\nonly one\n", "line 2: has 1 columns, not 7"),
        (f"{HEADER}\n{TRAIN[0]}\n\nonly one\n", "line 4: has 1 columns, not 7"),
        (f"{HEADER}\n{TRAIN[0].replace(NAME, '../../etc')}\n", "SENTENCE_NAME '../../etc' is not"),
        ("\xff", "cannot be read"),
    ],
)
def test_sentences_that_are_not_how2signs_name_file_and_line(
    text: str, reason: str, sentences: Path
) -> None:
    path = sentences / "how2sign_realigned_train.csv"
    path.write_bytes(text.encode("latin1"))
    with pytest.raises(UserError, match=reason) as caught:
        How2SignSource(How2SignConfig("poses", str(sentences)))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def valid_files() -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        files = [write_sentence(place, NAME, seen(signing(6)))]
        files.append(write_signavatars(place, NAME, seen(signing(6))))
        files.append(write_frames(place, NAME, seen(signing(1))) / "smplx" / "00001_0.npz")
        kinds = (f"{NAME}.npz", f"{NAME}.pkl", f"{NAME}/smplx/00001_0.npz")
        return [(kind, path.read_bytes()) for kind, path in zip(kinds, files, strict=True)]


VALID = valid_files()
TABLE = "\n".join([HEADER, *TRAIN]).encode()


def mutate(draw: st.DrawFn, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(draw(st.integers(0, 4))):
        changed[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(changed[: draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))])


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    kind, raw = draw(st.sampled_from(VALID))
    return kind, draw(st.one_of(st.just(mutate(draw, raw)), st.binary(max_size=300)))


@settings(max_examples=200, deadline=None)
@example(VALID[0])
@given(mutated())
def test_any_bytes_are_a_clip_or_one_reason(file: tuple[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "how2sign_realigned_val.csv"
        table.write_bytes(TABLE)
        path = Path(folder) / file[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file[1])
        source = How2SignSource(How2SignConfig(folder, folder))
        (ref,) = source.list_clips()
        with contextlib.suppress(BadClipError):
            assert source.read_clip(ref).text == ref.text


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    return draw(st.one_of(st.just(mutate(draw, TABLE)), st.binary(max_size=300)))


@settings(max_examples=100, deadline=None)
@given(tables())
def test_any_table_is_sentences_or_one_line(table: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(table)
        with contextlib.suppress(UserError):
            How2SignSource(How2SignConfig(folder, str(path)))
