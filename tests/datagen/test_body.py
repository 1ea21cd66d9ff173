import numpy as np
import pytest
import smplx
import torch
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.body import (
    BodyConfig,
    Mannequin,
    draw_bodies,
    load_body_model,
    reference_body,
)
from datagen.kinematics import joint_positions, quaternions, rotation_matrices
from datagen.motion import JOINTS
from tests.datagen.helpers import lively
from tests.made_smplh import write_smplh


@pytest.fixture(scope="module")
def smplh_file(tmp_path_factory):
    return write_smplh(tmp_path_factory.mktemp("smplh") / "SMPLH_NEUTRAL.npz")


def test_rest_joints_and_kinematics_equal_smplx(smplh_file):
    motion = lively(frames=6)
    shape = np.random.default_rng(3).normal(size=(1, 10))
    model = smplx.SMPLHLayer(
        str(smplh_file), ext="npz", use_pca=False, flat_hand_mean=True, num_betas=10,
        dtype=torch.float64,
    )  # fmt: skip
    rotations = torch.from_numpy(rotation_matrices(motion.rotations_TJ3))
    rest = load_body_model(BodyConfig(model=str(smplh_file))).bodies(shape)
    pelvis = rest.joints_NJ3[0, 0]
    truth = model(
        betas=torch.from_numpy(np.repeat(shape, 6, axis=0)),
        global_orient=rotations[:, :1],
        body_pose=rotations[:, 1:22],
        left_hand_pose=rotations[:, 22:37],
        right_hand_pose=rotations[:, 37:52],
        transl=torch.from_numpy(motion.translation_T3 - pelvis),
    ).joints[:, :JOINTS].detach()  # fmt: skip
    ours = joint_positions(rest.offsets_NJ3[0], motion.rotations_TJ3, motion.translation_T3)
    np.testing.assert_allclose(ours, truth.numpy(), atol=1e-6)


def test_the_joints_of_an_smplx_file_are_those_of_smplh(tmp_path):
    model = load_body_model(BodyConfig(model=str(write_smplh(tmp_path / "x.npz", joints=55))))
    smplh = load_body_model(BodyConfig(model=str(write_smplh(tmp_path / "h.npz", joints=52))))
    zero = np.zeros((1, 10))
    assert model.kind == "smplx"
    # The random skin differs between the two files, the joints that it surrounds do not.
    np.testing.assert_allclose(
        model.bodies(zero).joints_NJ3, smplh.bodies(zero).joints_NJ3, atol=0.02
    )


def test_the_first_body_is_a_metre_seventy_and_the_others_are_people():
    bodies = draw_bodies(Mannequin(), BodyConfig(), 400, np.random.default_rng(0))
    assert bodies.stature_N[0] == pytest.approx(1.70, abs=1e-6)
    assert 1.45 <= bodies.stature_N.min() < 1.6 < 1.85 < bodies.stature_N.max() <= 2.0
    arms = np.linalg.norm(bodies.offsets_NJ3[:, [18, 20]], axis=-1).sum(axis=1)
    assert np.corrcoef(arms, bodies.stature_N)[0, 1] > 0.5


def test_a_body_is_drawn_from_its_seed_alone():
    drawn = [
        draw_bodies(Mannequin(), BodyConfig(), 5, np.random.default_rng(7)).shape_N10
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*drawn)


def test_a_stature_range_that_nobody_has_is_refused():
    with pytest.raises(UserError, match="stature"):
        draw_bodies(Mannequin(), BodyConfig(shortest=2.9, tallest=3), 5, np.random.default_rng(0))


def test_the_reference_body_stands_on_its_soles():
    body = reference_body(Mannequin())
    assert body.joints_NJ3[0, :, 1].min() > body.sole_N[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"not a zip", "is not an SMPL-H"), (b"", "is not an SMPL-H")],
)
def test_a_model_file_that_cannot_be_read_is_one_clear_line(tmp_path, content, message):
    path = tmp_path / "model.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        load_body_model(BodyConfig(model=str(path)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"J_regressor": np.zeros((24, 9))}, "52 joints"),
        ({"shapedirs": np.zeros((9, 3, 4))}, "fewer than 10"),
        ({"shapedirs": np.zeros((8, 3, 10))}, "do not fit"),
    ],
)
def test_a_model_of_another_kind_is_one_clear_line(tmp_path, change, message):
    arrays = {
        "v_template": np.zeros((9, 3)),
        "shapedirs": np.zeros((9, 3, 10)),
        "J_regressor": np.zeros((52, 9)),
    }
    np.savez(tmp_path / "model.npz", **{**arrays, **change})
    with pytest.raises(UserError, match=message):
        load_body_model(BodyConfig(model=str(tmp_path / "model.npz")))


def test_quaternions_agree_with_scipy_down_to_no_rotation_at_all():
    vectors = np.random.default_rng(0).normal(size=(50, 3)) * np.logspace(-12, 1, 50)[:, None]
    vectors[0] = 0.0
    ours = quaternions(vectors)
    truth = Rotation.from_rotvec(vectors).as_quat(scalar_first=True)
    np.testing.assert_allclose(
        ours * np.sign(ours[:, :1]), truth * np.sign(truth[:, :1]), atol=1e-15
    )
