"""The source `joints`: files of the public layouts, and what goes wrong with them."""

import contextlib
import io
import os
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster.config import load_config
from cluster.errors import UserError
from datagen.config import DatagenConfig, open_sources
from datagen.kinematics import joint_positions
from datagen.motion import JOINT_INDEX, BadClipError, Motion
from datagen.pipeline import Pipeline
from datagen.sources.joints import HUMAN36M, JointsConfig, JointsSource
from datagen.sources.retarget import mean_offsets
from tests.datagen.helpers import lively

PRESETS = Path(__file__).resolve().parents[2] / "configs" / "datagen"
CAPTION = "a person waves.#a/DET person/NOUN wave/VERB#0.0#0.0\n"
# Human3.6M's joints that SMPL has under another name, or not at all.
NEAREST = {"hip": "pelvis", "spine": "spine2", "thorax": "neck", "nose": "head", "head_top": "head"}


def smpl_positions(frames: int = 60, rate: float = 20.0) -> np.ndarray:
    motion = lively(frames, rate)
    return joint_positions(mean_offsets(), motion.rotations_TJ3 / 3, motion.translation_T3)[:, :22]


def human36m_positions(frames: int = 60, rate: float = 30.0) -> np.ndarray:
    joints = [JOINT_INDEX[NEAREST.get(name, name)] for name in HUMAN36M]
    positions = smpl_positions(frames, rate)[:, joints]
    positions[:, HUMAN36M.index("head_top"), 1] += 0.2
    return positions


def mmfit(positions_TK3: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Millimetres, z up, (3, T, 18) with the frame number in front."""
    x, y, z = np.moveaxis(1000 * positions_TK3, -1, 0)
    stored = np.empty((3, len(numbers), 18))
    stored[:, :, 0] = numbers
    stored[:, :, 1:] = np.stack([x, -z, y])
    return stored


def only_clip(folder: Path, **keys: object) -> Motion:
    source = JointsSource(JointsConfig(folder=str(folder), **keys))
    (ref,) = source.list_clips()
    return source.read_clip(ref)


def found_positions(motion: Motion) -> np.ndarray:
    assert motion.offsets_J3 is not None
    return joint_positions(motion.offsets_J3, motion.rotations_TJ3, motion.translation_T3)


@pytest.fixture
def humanml3d(tmp_path: Path) -> Path:
    """Two clips, of which the second is the first one mirrored, and their captions."""
    for folder in ("new_joints", "texts"):
        (tmp_path / folder).mkdir()
    for name in ("000021", "M000021"):
        np.save(tmp_path / "new_joints" / f"{name}.npy", smpl_positions(100).astype(np.float32))
    (tmp_path / "texts" / "000021.txt").write_text(
        CAPTION
        + "a man greets someone.#a/DET man/NOUN greet/VERB#0.0#0.0\n"
        + "he lowers his arm.#he/PRON lower/VERB#1.5#4.0\n"
        + "stands still.#stand/VERB#nan#nan\n"
    )
    (tmp_path / "texts" / "M000021.txt").write_text(CAPTION)
    return tmp_path


def config_of(folder: Path) -> JointsConfig:
    return JointsConfig(str(folder / "new_joints"), texts=str(folder / "texts"), name="t2m")


def test_humanml3d_has_a_clip_for_each_part_with_a_caption(humanml3d: Path) -> None:
    source = pickle.loads(pickle.dumps(JointsSource(config_of(humanml3d))))
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.subject) for ref in refs] == [
        ("t2m/000021", "a person waves.", "000021"),
        ("t2m/000021-1", "he lowers his arm.", "000021"),
        ("t2m/M000021", "a person waves.", "000021"),  # stands on the same side of the split
    ]
    whole, part, _ = (source.read_clip(ref) for ref in refs)
    assert (whole.rate, whole.source, len(whole.translation_T3)) == (20, "t2m", 100)
    np.testing.assert_allclose(found_positions(whole)[:, :22], smpl_positions(100), atol=1e-5)
    assert len(part.translation_T3) == 50
    np.testing.assert_allclose(found_positions(part)[:, :22], smpl_positions(100)[30:80], atol=1e-5)


def test_text_to_motion_output_has_an_axis_for_the_batch_and_a_plain_sentence(
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "motion_1.npy", smpl_positions()[None].astype(np.float32))
    assert only_clip(tmp_path).text == "motion"
    (tmp_path / "motion_1.txt").write_text("a person jumps twice\n")
    motion = only_clip(tmp_path, texts=str(tmp_path))
    assert motion.text == "a person jumps twice"
    np.testing.assert_allclose(found_positions(motion)[:, :22], smpl_positions(), atol=1e-5)


@pytest.mark.parametrize(
    ("up", "turn"),
    [
        ("y", lambda x, y, z: (x, y, z)),
        ("z", lambda x, y, z: (x, -z, y)),
        ("-y", lambda x, y, z: (x, -y, -z)),
        ("-z", lambda x, y, z: (x, z, -y)),
        ("x", lambda x, y, z: (y, -x, z)),
        ("-x", lambda x, y, z: (-y, x, z)),
    ],
)
def test_seventeen_joints_of_a_video_in_any_axes(tmp_path: Path, up: str, turn) -> None:
    own = human36m_positions()
    stored = np.stack(turn(*np.moveaxis(own, -1, 0)), axis=-1)
    np.save(tmp_path / "walking_7.npy", 100 * stored)
    motion = only_clip(tmp_path, rate=30.0, unit=0.01, up=up)
    found = found_positions(motion)
    for row, name in enumerate(HUMAN36M):
        if name not in NEAREST:
            np.testing.assert_allclose(found[:, JOINT_INDEX[name]], own[:, row], atol=0.06)
    for side in ("left", "right"):
        elbow, wrist = (JOINT_INDEX[f"{side}_{joint}"] for joint in ("elbow", "wrist"))
        bone = own[:, HUMAN36M.index(f"{side}_wrist")] - own[:, HUMAN36M.index(f"{side}_elbow")]
        np.testing.assert_allclose(found[:, wrist] - found[:, elbow], bone, atol=1e-3)
    assert motion.text == "walking"


def test_mmfit_has_a_clip_for_each_labelled_set(tmp_path: Path) -> None:
    folder = tmp_path / "w03"
    folder.mkdir()
    numbers = np.delete(np.arange(500, 620), [30, 31, 32])
    own = human36m_positions(120)
    np.save(folder / "w03_pose_3d.npy", mmfit(own, np.arange(500, 620))[:, numbers - 500])
    np.save(folder / "w03_sw_l_acc.npy", np.zeros((10, 5)))
    (folder / "w03_labels.csv").write_text("500,560,10,bicep_curls\n\n570,619,8,squats\n,,,\n\n")
    config = load_config(
        DatagenConfig, PRESETS / "video_poses.yaml", [f"sources.joints.mmfit.folder={tmp_path}"]
    )
    source = open_sources(config.sources)["mmfit"]
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.action, ref.subject) for ref in refs] == [
        ("mmfit/w03/w03_pose_3d-1", "a person does bicep curls", "bicep curls", "w03"),
        ("mmfit/w03/w03_pose_3d-2", "a person does squats", "squats", "w03"),
    ]
    curls = source.read_clip(refs[0])
    assert (len(curls.translation_T3), curls.rate) == (61, 30)
    hip = own[:, HUMAN36M.index("hip")]
    np.testing.assert_allclose(curls.translation_T3[:30], hip[:30], atol=1e-6)
    # Three frames that are missing lie between their neighbours.
    np.testing.assert_allclose(curls.translation_T3[31], (hip[29] + hip[33]) / 2, atol=1e-6)
    np.testing.assert_allclose(source.read_clip(refs[1]).translation_T3, hip[70:], atol=1e-6)


def test_a_run_makes_samples_of_them(humanml3d: Path) -> None:
    config = load_config(
        DatagenConfig,
        PRESETS / "joints.yaml",
        [
            f"sources.joints.humanml3d.folder={humanml3d / 'new_joints'}",
            f"sources.joints.humanml3d.texts={humanml3d / 'texts'}",
            "bodies=2",
        ],
    )
    refs = open_sources(config.sources)["humanml3d"].list_clips()
    (sample,) = Pipeline(config, "d").samples(refs[0], "train", np.ones(4, dtype=np.float32))
    assert sample.acc_NTW3.shape == (2, 298, 2, 3)
    assert np.isfinite(sample.acc_NTW3).all()
    # The arm's bones are the mean body's, so its angular velocity but for the roll is the arm's.
    assert 0.5 < np.abs(sample.gyro_NTW3).max() < 30


@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_short_gaps_are_interpolated_and_longer_ones_are_bad(
    tmp_path: Path, missing: float
) -> None:
    positions = smpl_positions()
    wrist = JOINT_INDEX["left_wrist"]
    expected = (4 * positions[19, wrist] + positions[24, wrist]) / 5
    positions[20:24, wrist] = missing  # 0.2 s
    np.save(tmp_path / "clip.npy", positions)
    np.testing.assert_allclose(found_positions(only_clip(tmp_path))[20, wrist], expected, atol=0.03)
    positions[24, wrist] = missing
    np.save(tmp_path / "clip.npy", positions)
    with pytest.raises(
        BadClipError, match=r"no finite value of left_wrist for 0.25 s from frame 20"
    ):
        only_clip(tmp_path)
    positions[:, wrist] = missing
    np.save(tmp_path / "clip.npy", positions)
    with pytest.raises(BadClipError, match="left_wrist"):
        only_clip(tmp_path)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 22, 3)), "has no frames"),
        (np.zeros((60, 21, 3)), r"shape \(60, 21, 3\), not \(T, 22, 3\)"),
        (np.zeros((60, 66)), "shape"),
        (np.zeros((2, 60, 22, 3)), "shape"),
        (np.array(["walk"] * 66).reshape(1, 22, 3), "holds no numbers"),
        (np.zeros((60, 22, 3)), "legs 0 m long with sources.joints.joints.unit=1; check"),
        (100 * smpl_positions(), "with sources.joints.joints.unit=1; set .*unit=0.01"),
        (mmfit(human36m_positions(), np.arange(60)), "set sources.joints.joints.unit=0.001"),
        (mmfit(human36m_positions(), np.arange(60)[::-1]), "frame number 58 out of order"),
        (mmfit(human36m_positions(), np.zeros(60)), "frame number 0 out of order"),
        (mmfit(human36m_positions(), np.arange(60) / 2), "not whole numbers"),
        (mmfit(human36m_positions(), np.full(60, np.nan)), "not whole numbers"),
        (mmfit(human36m_positions(), np.r_[0:59, 10**15]), r"no frame for 5e\+13 s from frame 59"),
    ],
)
def test_bad_arrays_say_what_is_wrong(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    np.save(tmp_path / "clip.npy", array)
    with pytest.raises(BadClipError, match=reason) as caught:
        only_clip(tmp_path)
    assert "\n" not in str(caught.value)


class Harmful:
    def __reduce__(self):
        return os.mkdir, ("harmed",)


def test_bad_files_say_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "clip.npy"
    np.save(path, smpl_positions())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadClipError, match="truncated"):
        only_clip(tmp_path)
    np.save(path, np.array([Harmful()], dtype=object))
    with pytest.raises(BadClipError, match="which is not data"):
        only_clip(tmp_path)
    assert not (tmp_path / "harmed").exists()
    path.unlink()
    path.symlink_to(tmp_path / "gone.npy")
    with pytest.raises(BadClipError, match="cannot be read: No such file"):
        only_clip(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "has no caption: .*No such file"),
        ("\n", "is empty"),
        ("walks.#walk/VERB#0.0\n", "line 1: is not caption#tokens#start#end"),
        (CAPTION + "walks.#walk/VERB#zero#1\n", "line 2: start and end are no numbers"),
        ("walks.#walk/VERB#3.0#1.0\n", "goes from 3 s to 1 s"),
        ("walks.#walk/VERB#0.0#inf\n", "goes from 0 s to inf s"),
        ("#walk/VERB#0.0#0.0\n", "0 letters"),
        ("\xff", "is not UTF-8"),
        ("walks.#walk/VERB#20.0#30.0\n", "has no frames from 400 to 599"),
    ],
)
def test_bad_captions_are_bad_clips_and_end_no_run(
    humanml3d: Path, text: str | None, reason: str
) -> None:
    path = humanml3d / "texts" / "000021.txt"
    path.unlink()
    if text is not None:
        path.write_bytes(text.encode("latin1"))
    source = JointsSource(config_of(humanml3d))
    first, second = source.list_clips()
    with pytest.raises(BadClipError, match=reason):
        source.read_clip(first)
    assert source.read_clip(second).text == "a person waves."


def test_user_mistakes_end_with_one_line(humanml3d: Path, tmp_path: Path) -> None:
    config = config_of(humanml3d)
    mistakes = [
        ({"folder": str(tmp_path / "none")}, "no such folder"),
        ({"folder": config.texts}, "holds no joint position file"),
        ({"files": "*_pose_3d.npy"}, r"no joint position file \(\*_pose_3d.npy\)"),
        ({"rate": 0.0}, r"sources.joints.t2m.rate=0: give frames"),
        ({"rate": float("nan")}, "rate=nan"),
        ({"rate": -20.0}, "rate=-20"),
        ({"unit": 0.0}, r"sources.joints.t2m.unit=0: give metres"),
        ({"unit": float("inf")}, "unit=inf"),
        ({"up": "up"}, r"sources.joints.t2m.up=up: is no axis"),
        ({"texts": str(tmp_path / "none")}, "texts=.*no such folder"),
    ]
    for keys, reason in mistakes:
        with pytest.raises(UserError, match=reason):
            JointsSource(replace(config, **keys)).list_clips()
    np.save(humanml3d / "new_joints" / "000021_.npy", smpl_positions())
    np.save(humanml3d / "new_joints" / "000021 .npy", smpl_positions())
    with pytest.raises(UserError, match="would be named t2m/000021_"):
        JointsSource(replace(config, texts="")).list_clips()


@pytest.mark.parametrize("row", ["a,b,c,squats", "1,2,squats", "9,3,1,squats", "1,2,3,"])
def test_bad_labels_of_mmfit_name_their_line(tmp_path: Path, row: str) -> None:
    np.save(tmp_path / "w00_pose_3d.npy", mmfit(human36m_positions(), np.arange(60)))
    (tmp_path / "w00_labels.csv").write_text(f"0,30,10,squats\n\n{row}\n")
    with pytest.raises(UserError, match=r"w00_labels.csv, line 3: is not start_frame"):
        JointsSource(JointsConfig(str(tmp_path))).list_clips()


def as_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


VALID = [
    as_bytes(smpl_positions(12)),
    as_bytes(human36m_positions(12)[:, :, ::-1]),
    as_bytes(mmfit(human36m_positions(12), np.arange(12)) / 1000),
    as_bytes(smpl_positions(4).astype(np.float16)),
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = bytearray(draw(st.sampled_from(VALID)))
    # The header is where a file says what it is; half of the changes go there.
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.one_of(st.integers(0, 127), st.integers(0, len(raw) - 1)))
        raw[place] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))])


@settings(max_examples=150, deadline=None)
@example(VALID[0], CAPTION.encode())
@given(
    st.one_of(mutated(), st.binary(max_size=300)),
    st.one_of(
        st.just(CAPTION.encode()), st.binary(max_size=80), st.text(max_size=80).map(str.encode)
    ),
)
def test_any_bytes_are_a_clip_or_one_reason(raw: bytes, text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "clip.npy").write_bytes(raw)
        (Path(folder) / "clip.txt").write_bytes(text)
        source = JointsSource(JointsConfig(folder, texts=folder))
        for ref in source.list_clips():
            with contextlib.suppress(BadClipError):
                assert source.read_clip(ref).offsets_J3 is not None
