"""What the movement encoder sees, against scipy, datagen's kinematics and physics.

Shape letters: B windows, T frames, J joints, S body joints, F features.
"""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from cluster.errors import UserError
from datagen.body import Mannequin, reference_body
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.motion import BODY_JOINT_NAMES, JOINTS
from pretrain import movement
from pretrain.augment import face_elsewhere
from pretrain.encoders import MovementEncoder, PoseEncoderConfig, PoseEncoderKind
from pretrain.model import Multi3Net
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

BODY = len(BODY_JOINT_NAMES)
FRAMES = 20


def poses(windows: int = 3) -> np.ndarray:
    """Return poses (B, T, J, 3) that turn smoothly, by less than half a turn."""
    rng = np.random.default_rng(0)
    start, rate = rng.normal(size=(2, windows, 1, JOINTS, 3)) * 0.6
    return start + rate * np.linspace(0, 1, FRAMES)[:, None, None]


def features(pose_BTJ3: np.ndarray) -> dict[str, np.ndarray]:
    """Return the features by name: (B, T, S, 3, 3) turns, (B, T, S, 3) all else."""
    seen_BTF = movement.movement(torch.from_numpy(pose_BTJ3)).transpose(1, 2).numpy()
    ends = np.cumsum([9 * BODY, 3 * BODY, 3 * (BODY - 1)])
    turns, angular, places, velocities = np.split(seen_BTF, ends, axis=2)
    shape = seen_BTF.shape[:2]
    return {
        "turn": np.moveaxis(turns.reshape(*shape, 3, 3, BODY), -1, 2),
        "angular": 3.0 * np.moveaxis(angular.reshape(*shape, 3, BODY), -1, 2),
        "place": 0.5 * np.moveaxis(places.reshape(*shape, 3, BODY - 1), -1, 2),
        "velocity": np.moveaxis(velocities.reshape(*shape, 3, BODY - 1), -1, 2),
    }


def facing_forward(pose_TJ3: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) about y that turns a window's mean forward direction to +z."""
    forward_3 = Rotation.from_rotvec(pose_TJ3[:, 0]).as_matrix()[:, :, 2].mean(0)
    heading = np.arctan2(forward_3[0], forward_3[2])
    return Rotation.from_rotvec([0, -heading, 0]).as_matrix()


def test_turns_and_places_are_those_of_the_kinematics() -> None:
    pose_BTJ3 = poses()
    seen = features(pose_BTJ3)
    offsets_J3 = np.zeros((JOINTS, 3))
    offsets_J3[:BODY] = movement.bones()
    for window, pose_TJ3 in enumerate(pose_BTJ3):
        heading_33 = facing_forward(pose_TJ3)
        world = heading_33 @ matrices(world_quaternions(pose_TJ3))[:, :BODY]
        np.testing.assert_allclose(seen["turn"][window], world, atol=1e-5)
        places = joint_positions(offsets_J3, pose_TJ3, np.zeros((FRAMES, 3)))[:, 1:BODY]
        places = places @ heading_33.T
        np.testing.assert_allclose(seen["place"][window], places, atol=1e-5)
        velocity = np.diff(places, axis=0) * 60
        np.testing.assert_allclose(seen["velocity"][window, :-1], velocity, atol=1e-3)


def test_angular_velocity_is_that_of_scipy_in_the_frame_of_the_segment() -> None:
    pose_BTJ3 = poses()
    seen = features(pose_BTJ3)["angular"]
    for window, pose_TJ3 in enumerate(pose_BTJ3):
        world = matrices(world_quaternions(pose_TJ3))[:, :BODY]
        for joint in range(BODY):
            turns = Rotation.from_matrix(world[:, joint])
            between = (turns[:-1].inv() * turns[1:]).as_rotvec()
            # The sine of the small angle stands for the angle: 1 % less at 15 rad/s.
            sine = np.sinc(np.linalg.norm(between, axis=1, keepdims=True) / np.pi) * between
            np.testing.assert_allclose(seen[window, :-1, joint], sine * 60, atol=2e-3)
            np.testing.assert_allclose(seen[window, :-1, joint], between * 60, rtol=0.02, atol=0.1)


def test_no_encoder_can_tell_which_way_is_north() -> None:
    pose_BTJ3 = torch.from_numpy(poses())
    elsewhere_BTJ3 = face_elsewhere(pose_BTJ3, np.array([0.5, -2.0, 3.0]))
    torch.testing.assert_close(
        movement.movement(elsewhere_BTJ3), movement.movement(pose_BTJ3), atol=1e-3, rtol=0
    )


def test_no_turn_at_all_is_the_rest_pose() -> None:
    seen = features(np.zeros((1, 2, JOINTS, 3)))
    assert (seen["turn"] == np.eye(3)).all()
    assert not seen["angular"].any()
    assert not seen["velocity"].any()


def test_the_bones_are_those_of_a_middling_body() -> None:
    body_S3 = reference_body(Mannequin()).offsets_NJ3[0][:BODY]
    assert np.linalg.norm(movement.bones().numpy() - body_S3, axis=1).max() < 0.03


def test_windows_are_worked_on_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    pose_BTJ3 = torch.from_numpy(poses(5)).float()
    whole = movement.movement(pose_BTJ3)
    monkeypatch.setattr(movement, "AT_ONCE", 2)
    torch.testing.assert_close(movement.movement(pose_BTJ3), whole)


def test_the_encoder_reads_any_length_and_its_weights_learn() -> None:
    encoder = MovementEncoder(PoseEncoderConfig(kind=PoseEncoderKind.movement), embedding=24)
    for frames in (60, 100):
        assert encoder(torch.randn(2, frames, JOINTS, 3)).shape == (2, 24)
    config = small_config()
    config.pose.kind = PoseEncoderKind.movement
    model = Multi3Net(config, TEXT_SIZE)
    model(made_batch()).losses["total"].backward()
    for name, parameter in model.pose.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_a_contradiction_names_its_key() -> None:
    config = small_config()
    config.pose.convolution.strides = [2, 2]
    with pytest.raises(UserError, match=r"model\.pose\.convolution\.strides: must have 4 entries"):
        Multi3Net(config, TEXT_SIZE)
