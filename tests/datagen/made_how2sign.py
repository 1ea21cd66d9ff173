"""How2Sign's sentences and poses in the three public layouts, written by the tests."""

import pickle
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from tests.datagen.helpers import lively

HEADER = (
    "VIDEO_ID\tVIDEO_NAME\tSENTENCE_ID\tSENTENCE_NAME\tSTART_REALIGNED\tEND_REALIGNED\tSENTENCE"
)
TRAIN = [
    "--7E2sU6zP4\t--7E2sU6zP4-5-rgb_front\t--7E2sU6zP4_10\t--7E2sU6zP4_10-5-rgb_front\t129.06"
    '\t142.48\tAnd I call them "decorative elements".',
    "--7E2sU6zP4\t--7E2sU6zP4-5-rgb_front\t--7E2sU6zP4_11\t--7E2sU6zP4_11-5-rgb_front\t1.02"
    "\t3.0\tSo they don't really have much of a symbolic meaning.",
]
TEST = [
    "-g0iPSnQt6w\t-g0iPSnQt6w-1-rgb_front\t-g0iPSnQt6w_1\t-g0iPSnQt6w_1-1-rgb_front\t7.97\t13.83"
    "\tI'm an expert on diving.",
    "-unknown\t-unknown\t-unknown_0\t-unknown_0\t0\t5\tHi.",
]
NAME = "--7E2sU6zP4_10-5-rgb_front"
TO_CAMERA = Rotation.from_rotvec([np.pi, 0, 0])
NO_TILT = Rotation.identity()
TILT = Rotation.from_rotvec(np.radians([12, 0, -5]))


def signing(frames: int = 72) -> np.ndarray:
    """Poses (T, 52, 3) in the project's world of someone who turns a little, upright on average."""
    rotations = lively(frames, 24.0).rotations_TJ3 / 3
    rotations[:, [0, 3, 6, 9]] = 0
    rotations[:, 0, 1] = 0.3 * np.sin(np.arange(frames) / 10)
    return rotations


def seen(rotations_TJ3: np.ndarray, tilt: Rotation = NO_TILT) -> np.ndarray:
    """As a camera sees it: (T, 156), y down, tilted."""
    poses = rotations_TJ3.copy()
    poses[:, 0] = (TO_CAMERA * tilt * Rotation.from_rotvec(poses[:, 0])).as_rotvec()
    return poses.reshape(len(poses), -1).astype(np.float32)


def write_sentence(folder: Path, name: str, poses: np.ndarray) -> Path:
    np.savez(
        folder / f"{name}.npz",
        smplx_root_pose=poses[:, :3],
        smplx_body_pose=poses[:, 3:66],
        smplx_lhand_pose=poses[:, 66:111],
        smplx_rhand_pose=poses[:, 111:],
        smplx_jaw_pose=np.zeros((len(poses), 3)),
    )
    return folder / f"{name}.npz"


def write_frames(folder: Path, name: str, poses: np.ndarray, first: int = 1) -> Path:
    place = folder / name / "smplx"
    place.mkdir(parents=True)
    for frame, pose in enumerate(poses, first):
        for person in (0, 1):
            own = pose if person == 0 else np.ones(156)
            np.savez(
                place / f"{frame:05}_{person}.npz",
                global_orient=own[:3].reshape(1, 3),
                body_pose=own[3:66].reshape(21, 3),
                left_hand_pose=own[66:111].reshape(15, 3),
                right_hand_pose=own[111:].reshape(15, 3),
                jaw_pose=np.zeros((1, 3)),
                betas=np.zeros((1, 10)),
                transl=np.full((1, 3), 5.0 + frame),
            )
    return folder / name


def write_signavatars(folder: Path, name: str, poses: np.ndarray) -> Path:
    stored = {
        "smplx": np.concatenate([poses, np.ones((len(poses), 26))], axis=1).astype(np.float32),
        "left_valid": torch.ones(len(poses), dtype=torch.bool),
        "focal": np.ones((len(poses), 2)),
        "height": 720,
    }
    path = folder / f"{name}.pkl"
    path.write_bytes(pickle.dumps(stored))
    return path


WRITERS = [write_sentence, write_frames, write_signavatars]
