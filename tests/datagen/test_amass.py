"""The source `amass`: files of its public layout, their sentences, and what goes wrong."""

import contextlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import smplx
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cluster.errors import UserError
from datagen.body import BodyConfig, load_body_model, reference_body
from datagen.kinematics import joint_positions
from datagen.motion import BadClipError, ClipRef, Motion
from datagen.normalize import normalize
from datagen.sources.amass import AmassConfig, AmassSource
from tests.datagen.made_smpl import (
    swaying,
    write_amass,
)
from tests.datagen.test_safe_pickle import Payload
from tests.made_smplh import write_smplh

WALK = "CMU/05/05_01_poses.npz"
JUMP = "KIT/3/jump_left02_poses.npz"


@pytest.fixture
def amass(tmp_path: Path) -> Path:
    """Two clips of two data sets, and a shape without motion as AMASS has them."""
    folder = tmp_path / "amass"
    write_amass(folder / WALK)
    write_amass(folder / JUMP, frames=200, mocap_framerate=np.array(100.0))
    np.savez(folder / "KIT" / "3" / "shape.npz", betas=np.zeros(16), gender="male")
    return folder


def source_of(folder: Path, **given: Any) -> AmassSource:
    return AmassSource(AmassConfig(str(folder), **{key: str(v) for key, v in given.items()}))


def read(path: Path, **given: Any) -> Motion:
    return source_of(path.parent, **given).read_clip(ClipRef("amass/x", str(path), "walk"))


def test_clips_are_listed_in_order_with_words_and_people(amass: Path) -> None:
    source = pickle.loads(pickle.dumps(source_of(amass, name="lab")))
    refs = source.list_clips()
    assert [(ref.name, ref.text, ref.subject) for ref in refs] == [
        ("lab/CMU/05/05_01_poses", "a person moves", "CMU/05"),
        ("lab/KIT/3/jump_left02_poses", "jump left", "KIT/3"),
    ]
    motion = source.read_clip(refs[0])
    assert (motion.rate, motion.subject, motion.source) == (120.0, "CMU/05", "lab")
    assert motion.offsets_J3 is None
    assert source.read_clip(refs[1]).rate == 100.0


def test_positions_equal_smplx_turned_from_z_up_to_y_up(tmp_path: Path) -> None:
    """Of a person with betas: `trans` moves the model, and the pelvis lies elsewhere in it."""
    model_file = write_smplh(tmp_path / "SMPLH_FEMALE.npz")
    path = write_amass(tmp_path / "x_poses.npz", frames=5)
    motion = read(path, body=tmp_path / "SMPLH_{gender}.npz")
    stored = np.load(path)
    poses = torch.from_numpy(stored["poses"])
    model = smplx.SMPLH(
        str(model_file),
        ext="npz",
        use_pca=False,
        flat_hand_mean=True,
        num_betas=10,
        dtype=torch.float64,
    )
    joints = model(
        betas=torch.from_numpy(stored["betas"][None, :10]).expand(5, -1),
        global_orient=poses[:, :3],
        body_pose=poses[:, 3:66],
        left_hand_pose=poses[:, 66:111],
        right_hand_pose=poses[:, 111:],
        transl=torch.from_numpy(stored["trans"]),
    ).joints[:, :52]
    x, y, z = joints.detach().numpy().transpose(2, 0, 1)
    assert motion.offsets_J3 is not None
    found = joint_positions(motion.offsets_J3, motion.rotations_TJ3, motion.translation_T3)
    np.testing.assert_allclose(found, np.stack([x, z, -y], axis=-1), atol=1e-6)


def test_without_a_body_file_the_pelvis_is_the_mean_mannequins(tmp_path: Path) -> None:
    motion = read(write_amass(tmp_path / "x_poses.npz", trans=np.tile([1.0, 2.0, 1.3], (240, 1))))
    mean = load_body_model(BodyConfig()).bodies(np.zeros((1, 10))).joints_NJ3[0, 0]
    expected = np.array([1.0 + mean[0], 1.3 + mean[2], -2.0 - mean[1]])
    np.testing.assert_allclose(motion.translation_T3, np.tile(expected, (240, 1)), atol=1e-12)


def test_an_upright_person_stands_upright_in_the_projects_world(tmp_path: Path) -> None:
    """In AMASS someone who stands has the root turned by a quarter about x, as z points up."""
    poses = np.zeros((30, 156))
    poses[:, 0] = np.pi / 2
    motion = read(write_amass(tmp_path / "x.npz", 30, poses=poses))
    reference = reference_body(load_body_model(BodyConfig()))
    normal = normalize(motion, reference)
    joints = joint_positions(reference.offsets_NJ3[0], normal.rotations_TJ3, normal.translation_T3)
    assert joints[0, 15, 1] > 1.4
    np.testing.assert_allclose(normal.rotations_TJ3, 0.0, atol=1e-9)


@pytest.mark.parametrize("gender", ["female", b"female", "b'female'", "FEMALE"])
def test_the_gender_chooses_the_body_file(tmp_path: Path, gender: Any) -> None:
    write_smplh(tmp_path / "SMPLH_FEMALE.npz", seed=1)
    path = write_amass(tmp_path / "x.npz", 3, gender=np.array(gender))
    by_gender = read(path, body=tmp_path / "SMPLH_{gender}.npz").offsets_J3
    named = read(path, body=tmp_path / "SMPLH_FEMALE.npz").offsets_J3
    np.testing.assert_array_equal(by_gender, named)


def test_smplx_poses_are_read_without_jaw_and_eyes(tmp_path: Path) -> None:
    wide = swaying(240, 165)
    path = write_amass(
        tmp_path / "x.npz", poses=wide, mocap_framerate=None, mocap_frame_rate=np.array(120.0)
    )
    motion = read(path)
    assert motion.rate == 120.0
    np.testing.assert_array_equal(motion.rotations_TJ3[:, 22:], wide.reshape(240, 55, 3)[:, 25:])


@pytest.mark.parametrize(
    ("stored", "rate"), [(120.00004, 120.0), (59.94, 59.94), (99.999, 100.0), ([150.0], 150.0)]
)
def test_rates_a_hair_off_are_snapped(tmp_path: Path, stored: Any, rate: float) -> None:
    assert read(write_amass(tmp_path / "x.npz", mocap_framerate=np.array(stored))).rate == rate


BAD = {
    "poses has NaN": ({"poses": np.full((240, 156), np.nan)}, "NaN or infinite values in poses"),
    "trans has infinity": ({"trans": np.full((240, 3), np.inf)}, "infinite values in trans"),
    "poses are wide": ({"poses": np.zeros((240, 72))}, r"shape \(240, 72\); SMPL-H"),
    "poses are a cube": ({"poses": np.zeros((240, 52, 3))}, "poses of shape"),
    "poses are words": ({"poses": np.full((240, 156), "x")}, "poses that are not numbers"),
    "poses in degrees": ({"poses": np.full((240, 156), 90.0)}, "cannot be radians"),
    "trans in millimetres": ({"trans": np.full((240, 3), 900.0)}, "not in metres"),
    "lengths differ": ({"trans": np.zeros((7, 3))}, "240 poses but 7 positions"),
    "no frames": ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "is empty"),
    "no trans": ({"trans": None}, "has no trans"),
    "no rate": ({"mocap_framerate": None}, "has no mocap_framerate"),
    "negative rate": ({"mocap_framerate": np.array(-120.0)}, "-120 frames per second"),
    "absurd rate": ({"mocap_framerate": np.array(1e9)}, "not believable"),
    "rate is NaN": ({"mocap_framerate": np.array(np.nan)}, "nan frames per second"),
    "rate is a word": ({"mocap_framerate": np.array("fast")}, "not one number"),
    "other file": ({"poses": None, "trans": None}, "has no poses"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_have_one_reason(tmp_path: Path, case: str) -> None:
    changed, reason = BAD[case]
    with pytest.raises(BadClipError, match=reason) as caught:
        read(write_amass(tmp_path / "x.npz", **changed))
    assert "\n" not in str(caught.value)


def test_a_file_without_gender_or_betas_needs_no_body_file(tmp_path: Path) -> None:
    write_smplh(tmp_path / "SMPLH_FEMALE.npz")
    path = write_amass(tmp_path / "x.npz", gender=np.array("unknown"), betas=None)
    assert len(read(path).rotations_TJ3) == 240
    with pytest.raises(BadClipError, match="gender 'unknown'"):
        read(path, body=tmp_path / "SMPLH_{gender}.npz")
    with pytest.raises(BadClipError, match="betas"):
        read(path, body=tmp_path / "SMPLH_FEMALE.npz")
    with pytest.raises(UserError, match="no such file"):
        read(write_amass(tmp_path / "y.npz"), body=tmp_path / "SMPLH_MALE.npz")


def test_a_harmful_pickle_in_a_clip_does_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    harm = np.array(Payload(eval, f"open({str(mark)!r}, 'w')"), dtype=object)
    with pytest.raises(BadClipError, match="which is not data"):
        read(write_amass(tmp_path / "x.npz", gender=harm))
    assert not mark.exists()


def test_files_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "amass"
    (folder / "x_poses.npz").mkdir(parents=True)
    with pytest.raises(BadClipError, match="cannot be read: Is a directory"):
        read(folder / "x_poses.npz")
    path = write_amass(tmp_path / "y.npz")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    with pytest.raises(BadClipError, match="cannot be read: Permission denied"):
        read(path)


def test_a_size_that_lies_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    path = write_amass(tmp_path / "x.npz")
    raw = path.read_bytes().replace(b"(240, 156), ", b"(10**9,156),")
    huge = path.read_bytes().replace(b"(240, 156), }", b"(99999999,3),")
    for damaged in (raw, huge):
        assert damaged != path.read_bytes()
        with pytest.raises(BadClipError, match=r"not a whole \.npz|truncated"):
            read_bytes(tmp_path, damaged)


def test_an_array_beyond_belief_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few compressed bytes may hold gigabytes."""
    path = tmp_path / "x.npz"
    np.savez_compressed(path, poses=np.zeros((1000, 156)), trans=np.zeros((1000, 3)))
    monkeypatch.setattr("datagen.sources.npz.MOST_BYTES", 1_000_000)
    with pytest.raises(BadClipError, match=r"an array of 0\.00125 GB, which is not believable"):
        read(path)


def test_a_flipped_bit_in_the_motion_is_noticed(tmp_path: Path) -> None:
    path = write_amass(tmp_path / "x.npz")
    raw = bytearray(path.read_bytes())
    # np.savez stores without compression, the poses last: somewhere in the middle of them.
    raw[-100_000] ^= 1
    with pytest.raises(BadClipError, match=r"not a whole \.npz file: Bad CRC"):
        read_bytes(tmp_path, bytes(raw))


def read_bytes(folder: Path, raw: bytes) -> Motion:
    path = folder / "made.npz"
    path.write_bytes(raw)
    return read(path)


def test_clips_of_the_same_name_are_refused(amass: Path) -> None:
    write_amass(amass / "CMU" / "05" / "05 01_poses.npz")
    with pytest.raises(UserError, match="would be named amass/CMU/05/05_01_poses, as that of"):
        source_of(amass).list_clips()


FUZZ = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a small valid clip, with an object among its arrays."""
    path = tmp_path_factory.mktemp("whole") / "x.npz"
    gender = np.array("male", dtype=object)
    return write_amass(path, frames=3, dmpls=None, gender=gender).read_bytes()


@FUZZ
@given(data=st.data())
def test_damaged_files_only_ever_give_bad_clip_error(
    whole: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(raw)) | st.integers(0, len(raw)))
    with contextlib.suppress(BadClipError):
        read_bytes(tmp_path, bytes(raw[:cut]))


@FUZZ
@example(raw=b"PK\x05\x06" + bytes(18))
@given(raw=st.binary(max_size=300))
def test_random_bytes_only_ever_give_bad_clip_error(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(BadClipError):
        read_bytes(tmp_path, raw)


def test_several_folders_of_one_person_are_one(tmp_path: Path) -> None:
    folders = {
        "ACCAD/Female1General_c3d": "ACCAD/Female1",
        "ACCAD/Female1Walking_c3d": "ACCAD/Female1",
        "ACCAD/Male2MartialArtsKicks_c3d": "ACCAD/Male2",
        "DanceDB/20120731_StefanosTheodorou": "DanceDB/StefanosTheodorou",
        "DanceDB/20120807_StefanosTheodorou": "DanceDB/StefanosTheodorou",
        "BioMotionLab_NTroje/rub001": "BioMotionLab_NTroje/rub001",
        "CMU/05": "CMU/05",
    }
    for folder in folders:
        write_amass(tmp_path / folder / "a_poses.npz")
    refs = source_of(tmp_path).list_clips()
    found = {ref.name.removeprefix("amass/").removesuffix("/a_poses"): ref.subject for ref in refs}
    assert found == folders
