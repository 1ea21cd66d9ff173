"""Windows as they might have been measured: turned sensors, noise, another tempo, missing signals.

Everything is off by default. A mirrored window is another person's whole movement, with sides
exchanged; a turned heading is the same movement towards another side of the world, which no
sensor can tell. Of all else, only what the IMU encoders look at is changed; the batch keeps the
clean signals beside it, and these are what both decoders have to predict, as a denoising
autoencoder does (Vincent et al. 2008).

Shape letters: B windows, T frames, C channels.
"""

import math
import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from cluster.errors import UserError
from datagen.motion import JOINT_INDEX, JOINT_NAMES
from pretrain.clips import Batch

WRISTS = ("left", "right")
GYROSCOPE = slice(3, 6)
SIDES = re.compile(r"\b(left|right|(anti|counter)?clockwise)", re.IGNORECASE)
OTHER_SIDE = {"left": "right", "right": "left"}
OTHER_SIDE_J = [
    JOINT_INDEX["_".join(OTHER_SIDE.get(part, part) for part in name.split("_"))]
    for name in JOINT_NAMES
]
MIRRORED_TURN = torch.tensor([1.0, -1.0, -1.0])
# The same for the three values of each joint, side by side.
OTHER_SIDE_K = np.add.outer(np.multiply(OTHER_SIDE_J, 3), np.arange(3)).flatten()
MIRRORED_WATCH_C = torch.tensor([-1.0, 1.0, 1.0, 1.0, -1.0, -1.0])


class Axis(Enum):
    """About what a sensor is turned: any axis, or x, along the forearm for placement `watch`."""

    any = "any"
    forearm = "forearm"


@dataclass
class AugmentConfig:
    """What is done to the signals of training windows; 0 does nothing.

    Attributes:
        rotation: largest angle, in degrees, by which the frame of a sensor is turned, the same
            for its accelerometer and its gyroscope during a window; each wrist by its own.
        rotation_axis: about which axis.
        accelerometer_noise, gyroscope_noise: standard deviation of white noise, m/s2 and rad/s.
        time_warp: by how much the tempo changes at most; 0.1 is from 0.9 to 1.1 of it.
        drop_wrist: chance of a window to lose one of its wrists, either as likely.
        drop_gyroscope: chance of a window to lose the gyroscopes of both wrists.
        mirror: chance of a window to be seen in a mirror, for placement `watch`. Windows whose
            sentence names a side stay as they are.
        heading: largest angle, in degrees, by which the whole body is turned about the vertical.
    """

    rotation: float = 0.0
    rotation_axis: Axis = Axis.any
    accelerometer_noise: float = 0.0
    gyroscope_noise: float = 0.0
    time_warp: float = 0.0
    drop_wrist: float = 0.0
    drop_gyroscope: float = 0.0
    mirror: float = 0.0
    heading: float = 0.0

    @property
    def is_off(self) -> bool:
        """Whether nothing is done."""
        return not any(getattr(self, key) for key in HIGHEST)

    def check(self) -> None:
        """Raise UserError, naming the key, for a value that no run can have."""
        for key, highest in HIGHEST.items():
            value = getattr(self, key)
            if not 0 <= value <= highest or not math.isfinite(value):
                most = "" if math.isinf(highest) else f" to {highest:g}"
                raise UserError(f"augment.{key}: must be from 0{most}, not {value}")


# The highest value of each key. From a tempo of 0 on, time would run backwards.
HIGHEST = {
    "rotation": 180.0,
    "accelerometer_noise": math.inf,
    "gyroscope_noise": math.inf,
    "time_warp": 0.9,
    "drop_wrist": 1.0,
    "drop_gyroscope": 1.0,
    "mirror": 1.0,
    "heading": 180.0,
}


def augment(batch: Batch, config: AugmentConfig, rng: np.random.Generator) -> Batch:
    """Return the batch with other `imu_left` and `imu_right` (B,T,6), m/s2 and rad/s.

    The clean ones are then `clean_left` and `clean_right`. In mirrored windows these and `pose`
    (B,T,J,3) are mirrored, too.
    """
    if config.is_off:
        return batch
    if config.mirror:
        sided_B = [SIDES.search(sentence) is not None for sentence in batch["sentence"]]
        chosen_B = (rng.random(len(sided_B)) < config.mirror) & ~np.array(sided_B)
        batch = mirror(batch, torch.from_numpy(chosen_B))
    if config.heading:
        angle_B = np.radians(rng.uniform(-config.heading, config.heading, len(batch["pose"])))
        batch = {**batch, "pose": face_elsewhere(batch["pose"], angle_B)}
    clean = [batch[f"imu_{wrist}"] for wrist in WRISTS]
    seen = clean
    if config.time_warp:
        amount_B = rng.uniform(-config.time_warp, config.time_warp, len(clean[0]))
        seen = list(warp(torch.cat(clean, -1), amount_B).chunk(len(clean), -1))
    if config.rotation:
        seen = [turn(imu, draw_turns(config, len(imu), rng)) for imu in seen]
    if config.accelerometer_noise or config.gyroscope_noise:
        seen = [_with_noise(imu, config, rng) for imu in seen]
    seen = _with_losses(seen, config, rng)
    return {
        **batch,
        **{f"clean_{wrist}": imu for wrist, imu in zip(WRISTS, clean, strict=True)},
        **{f"imu_{wrist}": imu for wrist, imu in zip(WRISTS, seen, strict=True)},
    }


def mirror(batch: Batch, chosen_B: Tensor) -> Batch:
    """Return the batch with left and right exchanged in the chosen windows.

    Joints change sides, and of a rotation vector about (x, y, z) the mirror at x = 0 keeps x
    alone. Of the signals, the watch frame makes x of accelerations (vectors), y and z of turns
    (axial vectors) change their signs.
    """
    left, right = batch["imu_left"], batch["imu_right"]
    chosen_B11 = chosen_B[:, None, None]
    mirrored_turn = MIRRORED_TURN.to(batch["pose"])
    pose_BTJ3 = batch["pose"].clone()
    # One window at a time stays in the processor's cache; torch picks columns at half the speed.
    for window in chosen_B.nonzero().flatten().tolist():
        pose_TJ3 = pose_BTJ3[window]
        other_TK = pose_TJ3.flatten(1).numpy().take(OTHER_SIDE_K, axis=1)
        torch.mul(torch.from_numpy(other_TK).view_as(pose_TJ3), mirrored_turn, out=pose_TJ3)
    return {
        **batch,
        "pose": pose_BTJ3,
        "imu_left": torch.where(chosen_B11, right * MIRRORED_WATCH_C, left),
        "imu_right": torch.where(chosen_B11, left * MIRRORED_WATCH_C, right),
    }


def face_elsewhere(pose_BTJ3: Tensor, angle_B: np.ndarray) -> Tensor:
    """Return poses of bodies that are turned about the vertical (y) by an angle each, radians."""
    root_BT3 = pose_BTJ3[:, :, 0].double().numpy()
    turn_B3 = angle_B[:, None] * np.array([0.0, 1.0, 0.0])
    turns = Rotation.from_rotvec(np.repeat(turn_B3, root_BT3.shape[1], axis=0))
    turned = turns * Rotation.from_rotvec(root_BT3.reshape(-1, 3))
    elsewhere_BTJ3 = pose_BTJ3.clone()
    elsewhere_BTJ3[:, :, 0] = torch.from_numpy(turned.as_rotvec().reshape(root_BT3.shape))
    return elsewhere_BTJ3


def draw_turns(config: AugmentConfig, count: int, rng: np.random.Generator) -> Tensor:
    """Return rotations (B,3,3): axis as configured, angle equally likely up to the largest."""
    axis_B3 = rng.normal(size=(count, 3))
    if config.rotation_axis is Axis.forearm:
        axis_B3 = np.tile([1.0, 0.0, 0.0], (count, 1))
    axis_B3 /= np.linalg.norm(axis_B3, axis=1, keepdims=True)
    angle_B = np.radians(rng.uniform(-config.rotation, config.rotation, count))
    matrices = Rotation.from_rotvec(axis_B3 * angle_B[:, None]).as_matrix()
    return torch.from_numpy(matrices).float()


def turn(imu_BTC: Tensor, turn_B33: Tensor) -> Tensor:
    """Return the signals of sensors that are turned: both vectors by the same rotation."""
    vectors_BTV3 = imu_BTC.unflatten(-1, (2, 3))
    return torch.einsum("bij,btvj->btvi", turn_B33, vectors_BTV3).flatten(-2)


def warp(imu_BTC: Tensor, amount_B: np.ndarray) -> Tensor:
    """Return windows whose tempo goes from 1 + amount to 1 - amount, between the same two ends.

    Frame t shows what was at t + amount L/pi sin(pi t/L), L = T - 1, interpolated linearly. One
    warping from a smooth curve as in Um et al. (2017), of which a sine is the simplest. As there,
    values are not changed: an angular velocity would have to be multiplied by the tempo, and of
    an acceleration the part that is not gravity by its square.
    """
    last = imu_BTC.shape[1] - 1
    frame_T = np.arange(last + 1)
    moved_BT = frame_T + amount_B[:, None] * last / math.pi * np.sin(math.pi * frame_T / last)
    before_BT = np.clip(np.floor(moved_BT), 0, last - 1).astype(np.int64)
    part_BT1 = torch.from_numpy(moved_BT - before_BT).float()[..., None]
    rows_B1 = torch.arange(len(imu_BTC))[:, None]
    before = torch.from_numpy(before_BT)
    return torch.lerp(imu_BTC[rows_B1, before], imu_BTC[rows_B1, before + 1], part_BT1)


def _with_noise(imu_BTC: Tensor, config: AugmentConfig, rng: np.random.Generator) -> Tensor:
    # torch draws them in a third of numpy's time.
    generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
    noise_BTC = torch.randn(imu_BTC.shape, generator=generator)
    deviations = [config.accelerometer_noise] * 3 + [config.gyroscope_noise] * 3
    return torch.addcmul(imu_BTC, noise_BTC, torch.tensor(deviations))


def _with_losses(
    seen: list[Tensor], config: AugmentConfig, rng: np.random.Generator
) -> list[Tensor]:
    """Return the signals with zeros where a wrist or a gyroscope is lost."""
    count = len(seen[0])
    lost_B = torch.from_numpy(rng.random(count) < config.drop_wrist)
    side_B = torch.from_numpy(rng.integers(0, 2, count))
    no_gyroscope_B = torch.from_numpy(rng.random(count) < config.drop_gyroscope)
    kept = []
    for side, imu_BTC in enumerate(seen):
        lost_BC = torch.zeros(count, imu_BTC.shape[2], dtype=torch.bool)
        lost_BC[:, GYROSCOPE] = no_gyroscope_B[:, None]
        lost_BC |= (lost_B & (side_B == side))[:, None]
        kept.append(imu_BTC.masked_fill(lost_BC[:, None], 0.0))
    return kept
