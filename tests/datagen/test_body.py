import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import smplx
import torch
from scipy import sparse
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.body import (
    BodyConfig,
    Mannequin,
    draw_bodies,
    embody,
    load_body_model,
    reference_body,
)
from datagen.kinematics import joint_positions, quaternions, rotation_matrices
from datagen.motion import JOINT_INDEX, JOINTS, Motion
from datagen.population import PopulationConfig, draw_people
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


def write_pickle(source, path, **changes):
    """The arrays of an .npz as a pickle in the manner of SMPL's own files."""
    arrays = dict(np.load(source))
    arrays["J_regressor"] = sparse.csc_matrix(arrays["J_regressor"])
    path.write_bytes(pickle.dumps(arrays | changes, protocol=2))
    return path


def test_a_pickle_gives_what_the_npz_gives(smplh_file, tmp_path):
    shapes = np.random.default_rng(1).normal(size=(4, 10))
    path = write_pickle(smplh_file, tmp_path / "SMPLH_NEUTRAL.pkl")
    ours, truth = (
        load_body_model(BodyConfig(model=str(p))).bodies(shapes) for p in (path, smplh_file)
    )
    np.testing.assert_array_equal(ours.joints_NJ3, truth.joints_NJ3)
    np.testing.assert_array_equal(ours.stature_N, truth.stature_N)


def test_a_pickle_that_is_a_program_does_not_run(smplh_file, tmp_path):
    flag = tmp_path / "flag"

    class Payload:
        def __reduce__(self):
            return (Path.touch, (flag,))

    path = write_pickle(smplh_file, tmp_path / "SMPL.pkl", v_template=Payload())
    with pytest.raises(UserError, match="is not an SMPL"):
        load_body_model(BodyConfig(model=str(path)))
    assert not flag.exists()


def test_smpl_has_a_body_of_its_own_and_borrowed_fingers(tmp_path):
    smplh = write_smplh(tmp_path / "SMPLH.npz")
    arrays = dict(np.load(smplh))
    arrays["J_regressor"] = np.concatenate(
        [arrays["J_regressor"][:22], arrays["J_regressor"][[22, 37]]]
    )
    np.savez(tmp_path / "SMPL.npz", **arrays)
    model = load_body_model(BodyConfig(model=str(tmp_path / "SMPL.npz")))
    shapes = np.random.default_rng(1).normal(size=(4, 10))
    joints = model.bodies(shapes).joints_NJ3
    truth = load_body_model(BodyConfig(model=str(smplh))).bodies(shapes).joints_NJ3
    assert model.kind == "smpl"
    np.testing.assert_allclose(joints[:, :22], truth[:, :22], atol=1e-12)
    finger, lender = (
        np.linalg.norm(body[:, 28] - body[:, 20], axis=-1)
        / np.linalg.norm(body[:, 20] - body[:, 18], axis=-1)
        for body in (joints, Mannequin().bodies(np.zeros((1, 10))).joints_NJ3)
    )
    np.testing.assert_allclose(finger, lender[0])
    assert (joints[:, 22:37, 0] > joints[:, 20, 0, None]).all()
    assert (joints[:, 37:, 0] < joints[:, 21, 0, None]).all()


def test_people_have_bodies_of_a_model_file_too(smplh_file):
    people = draw_people(PopulationConfig(), 4, np.random.default_rng(0))
    model = load_body_model(BodyConfig(model=str(smplh_file)))
    bodies, usual = embody(model, people), embody(model, usual_of(people))
    np.testing.assert_array_equal(bodies.stature_N, people.stature_N)
    forearm, foot = (
        np.linalg.norm(bodies.offsets_NJ3[:, joint] / usual.offsets_NJ3[:, joint], axis=-1)
        for joint in (JOINT_INDEX["left_wrist"], JOINT_INDEX["left_foot"])
    )
    np.testing.assert_allclose(forearm / foot, people.arms_N, rtol=1e-9)


def test_the_joints_of_an_smplx_file_are_those_of_smplh(tmp_path):
    model = load_body_model(BodyConfig(model=str(write_smplh(tmp_path / "x.npz", joints=55))))
    smplh = load_body_model(BodyConfig(model=str(write_smplh(tmp_path / "h.npz", joints=52))))
    zero = np.zeros((1, 10))
    assert model.kind == "smplx"
    # The random skin differs between the two files, the joints that it surrounds do not.
    np.testing.assert_allclose(
        model.bodies(zero).joints_NJ3, smplh.bodies(zero).joints_NJ3, atol=0.02
    )


def test_bodies_have_the_stature_and_the_proportions_of_their_people():
    people = draw_people(PopulationConfig(), 300, np.random.default_rng(0))
    bodies, usual = (embody(Mannequin(), p) for p in (people, usual_of(people)))
    np.testing.assert_array_equal(bodies.stature_N, people.stature_N)

    def length(body, *names):
        bones = [JOINT_INDEX[f"{side}_{name}"] for side in ("left", "right") for name in names]
        return np.linalg.norm(body.offsets_NJ3[:, bones], axis=-1).sum(axis=1)

    def apart(body, name, axis):
        left, right = JOINT_INDEX[f"left_{name}"], JOINT_INDEX[f"right_{name}"]
        return body.joints_NJ3[:, left, axis] - body.joints_NJ3[:, right, axis]

    # One part of the body is longer than others in that proportion; what is left is the stature.
    scale = length(bodies, "foot") / length(usual, "foot")
    assert np.abs(scale - 1).max() < 0.01
    for measured, drawn in (
        (length(bodies, "elbow", "wrist") / length(usual, "elbow", "wrist"), people.arms_N),
        (length(bodies, "index2") / length(usual, "index2"), people.arms_N),
        (length(bodies, "knee", "ankle") / length(usual, "knee", "ankle"), people.legs_N),
        (apart(bodies, "shoulder", 0) / apart(usual, "shoulder", 0), people.shoulders_N),
        (
            np.linalg.norm(bodies.offsets_NJ3[:, JOINT_INDEX["spine3"]], axis=-1)
            / np.linalg.norm(usual.offsets_NJ3[:, JOINT_INDEX["spine3"]], axis=-1),
            people.torso_N,
        ),
    ):
        np.testing.assert_allclose(measured, drawn * scale, rtol=1e-9)


def usual_of(people):
    """The same people with the proportions that go with their stature."""
    one = np.ones_like(people.stature_N)
    return replace(people, arms_N=one, legs_N=one, torso_N=one, shoulders_N=one)


def test_stature_is_what_lies_between_the_soles_and_the_top_of_the_head():
    people = draw_people(PopulationConfig(), 50, np.random.default_rng(1))
    bodies = embody(Mannequin(), people)
    feet = bodies.joints_NJ3[:, [10, 11], 1].mean(axis=1) - bodies.sole_N
    head = bodies.sole_N + bodies.stature_N - bodies.joints_NJ3[:, JOINT_INDEX["head"], 1]
    usual = embody(Mannequin(), usual_of(people))
    np.testing.assert_allclose(
        feet, usual.joints_NJ3[:, [10, 11], 1].mean(axis=1) - usual.sole_N, rtol=0.01
    )
    usual_head = usual.sole_N + usual.stature_N - usual.joints_NJ3[:, JOINT_INDEX["head"], 1]
    np.testing.assert_allclose(head, usual_head, rtol=0.01)


def test_the_first_body_is_the_reference_body():
    bodies = draw_bodies(Mannequin(), BodyConfig(), 5, np.random.default_rng(7))
    assert bodies.stature_N[0] == 1.70
    own = Mannequin().bodies(bodies.shape_N10[:1])
    assert own.stature_N[0] == pytest.approx(1.70, abs=1e-6)
    np.testing.assert_allclose(bodies.joints_NJ3[0], own.joints_NJ3[0], atol=1e-6)
    np.testing.assert_allclose(
        reference_body(Mannequin()).joints_NJ3[0], bodies.joints_NJ3[0], atol=1e-12
    )


def test_a_body_is_drawn_from_its_seed_alone():
    drawn = [
        draw_bodies(Mannequin(), BodyConfig(), 5, np.random.default_rng(7)).joints_NJ3
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_foot_does_not_slide_under_other_bodies(seed):
    motion, foot = stride()
    bodies = draw_bodies(Mannequin(), BodyConfig(), 12, np.random.default_rng(seed))
    steps = bodies.leg_length_N / bodies.leg_length_N[0]
    paths = [
        joint_positions(offsets, motion.rotations_TJ3, step * motion.translation_T3)[:, foot]
        for offsets, step in zip(bodies.offsets_NJ3, steps, strict=True)
    ]
    slide = np.ptp(paths, axis=1).max(axis=1)
    travel = np.ptp(motion.translation_T3[:, 2])
    assert travel > 0.4
    assert slide[0] < 1e-9
    assert slide.max() < 0.006
    # Without the scale of the steps it would.
    unscaled = joint_positions(
        bodies.offsets_NJ3[np.argmax(np.abs(steps - 1))],
        motion.rotations_TJ3,
        motion.translation_T3,
    )[:, foot]
    assert np.ptp(unscaled, axis=0).max() > 0.02


def stride():
    """The pelvis moves forward over the left foot, which stands: a step of the 1.70 m body."""
    offsets = reference_body(Mannequin()).offsets_NJ3[0]
    hip, knee, ankle = (JOINT_INDEX[f"left_{joint}"] for joint in ("hip", "knee", "ankle"))
    phase = np.linspace(-1, 1, 60)
    rotations = np.zeros((60, JOINTS, 3))
    # Thigh and shank swing as a leg does in stance; the foot stays level.
    rotations[:, hip, 0] = 0.35 * phase - 0.1
    rotations[:, knee, 0] = 0.15 + 0.1 * np.cos(2 * phase)
    rotations[:, ankle, 0] = -rotations[:, hip, 0] - rotations[:, knee, 0]
    still = joint_positions(offsets, rotations, np.zeros((60, 3)))[:, ankle]
    return Motion("stride", 60.0, rotations, still[:1] - still, "steps"), ankle


def test_the_reference_body_stands_on_its_soles():
    body = reference_body(Mannequin())
    assert body.joints_NJ3[0, :, 1].min() > body.sole_N[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"not a zip", "is not an SMPL"), (b"", "is not an SMPL")],
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
        ({"J_regressor": np.zeros((23, 9))}, "SMPL has 24 joints"),
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
