"""What a body does, from the turns of its joints.

Joint rotations say where a hand is and how fast it moves only through the whole chain from the
pelvis on. Here that chain is followed once, with bones of a middling adult, so that an encoder
sees each segment's direction, place, velocity and angular velocity, as motion features
elsewhere do (Guo et al. 2022, HumanML3D).

Shape letters: B windows, T frames, J joints, S the body's joints, N = B T, F features.
"""

import torch
from torch import Tensor

from datagen.motion import BODY_JOINT_NAMES, BODY_PARENTS

RATE = 60.0  # frames per second of a window
SEGMENTS = len(BODY_JOINT_NAMES)
FEATURES = SEGMENTS * (9 + 3) + (SEGMENTS - 1) * (3 + 3)
AT_ONCE = 16
# What brings radians a second and metres to the order of one.
ANGULAR_VELOCITY_SCALE, POSITION_SCALE = 3.0, 0.5
# From the parent's joint to this one at rest, metres: x to the body's left, y up, z forward.
BONES = {
    "pelvis": (0.0, 0.0, 0.0),
    "hip": (0.06, -0.1, -0.02),
    "spine1": (0.0, 0.11, -0.03),
    "knee": (0.05, -0.37, -0.01),
    "spine2": (0.0, 0.13, -0.01),
    "ankle": (-0.03, -0.4, -0.03),
    "spine3": (0.0, 0.05, 0.03),
    "foot": (0.04, -0.06, 0.12),
    "neck": (0.0, 0.16, -0.03),
    "collar": (0.05, 0.08, -0.01),
    "head": (0.0, 0.16, 0.02),
    "shoulder": (0.11, 0.06, -0.01),
    "elbow": (0.26, -0.05, -0.03),
    "wrist": (0.25, 0.0, -0.01),
}


def bones() -> Tensor:
    """Return the rest offset of each body joint from its parent (S, 3), metres."""
    mirror = {"left": 1.0, "right": -1.0}
    rows = []
    for name in BODY_JOINT_NAMES:
        side, _, joint = name.rpartition("_")
        x, y, z = BONES[joint]
        rows.append([mirror.get(side, 1.0) * x, y, z])
    return torch.tensor(rows)


@torch.no_grad()
def movement(pose_BTJ3: Tensor) -> Tensor:
    """Return features (B, F, T) of joint rotations, axis-angle in radians; fingers do not count.

    For each body joint: its segment's rotation matrix and, in the segment's own frame, its
    angular velocity; but for the pelvis, its place beside the pelvis and its velocity there. All
    directions are those of a world that is turned about the vertical until the body faces +z in
    the mean of the window: which way north is makes no difference.
    """
    batch, frames = pose_BTJ3.shape[:2]
    features_BFT = pose_BTJ3.new_empty((batch, FEATURES, frames), dtype=torch.float)
    # Few windows at a time stay in the processor's cache.
    for part_BFT, part_BTJ3 in zip(
        features_BFT.split(AT_ONCE), pose_BTJ3.split(AT_ONCE), strict=True
    ):
        _write_movement(part_BFT, part_BTJ3)
    return features_BFT


def _write_movement(features_BFT: Tensor, pose_BTJ3: Tensor) -> None:
    batch, frames = pose_BTJ3.shape[:2]
    turn_3SN = pose_BTJ3[:, :, :SEGMENTS].permute(3, 2, 0, 1).reshape(3, SEGMENTS, -1).float()
    local_33SN = rotation_matrices(turn_3SN)
    world = [facing_forward(local_33SN[:, :, 0], frames)]
    places = [torch.zeros_like(turn_3SN[:, 0])]
    for joint, bone_3 in zip(range(1, SEGMENTS), bones().to(turn_3SN)[1:], strict=True):
        parent = BODY_PARENTS[joint]
        world.append(_times(world[parent], local_33SN[:, :, joint]))
        places.append(places[parent] + (world[parent] * bone_3[:, None]).sum(1))
    world_33SBT = torch.stack(world, 2).unflatten(-1, (batch, frames))
    place_3SBT = torch.stack(places[1:], 1).unflatten(-1, (batch, frames))
    parts = [
        world_33SBT.flatten(0, 1),
        angular_velocity(world_33SBT) / ANGULAR_VELOCITY_SCALE,
        place_3SBT / POSITION_SCALE,
        _rate(place_3SBT),
    ]
    begin = 0
    for part in parts:
        features_FBT = part.flatten(0, 1)
        end = begin + len(features_FBT)
        features_BFT[:, begin:end] = features_FBT.transpose(0, 1)
        begin = end


def rotation_matrices(turn_3N: Tensor) -> Tensor:
    """Return the matrices (3, 3, ...) of rotation vectors (3, ...) by Rodrigues' formula."""
    angle_N = turn_3N.norm(dim=0)
    x, y, z = turn_3N * torch.sinc(angle_N / torch.pi)  # sin(angle) times the axis
    # (1 - cos) / angle^2 = sinc(angle / 2)^2 / 2, which holds at zero as well.
    u, v, w = turn_3N * torch.sinc(angle_N / (2 * torch.pi)) / 2**0.5
    rows = [
        [1 - v * v - w * w, u * v - z, u * w + y],
        [u * v + z, 1 - u * u - w * w, v * w - x],
        [u * w - y, v * w + x, 1 - u * u - v * v],
    ]
    return torch.stack([torch.stack(row) for row in rows])


def facing_forward(pelvis_33N: Tensor, frames: int) -> Tensor:
    """Return the pelvis' rotations (3, 3, N), turned about y to face +z in each window's mean."""
    forward_3B = pelvis_33N[:, 2].unflatten(-1, (-1, frames)).mean(-1)
    length_B = torch.hypot(forward_3B[0], forward_3B[2]).clamp_min(torch.finfo(torch.float).tiny)
    sine_N = (forward_3B[0] / length_B).repeat_interleave(frames)
    cosine_N = (forward_3B[2] / length_B).repeat_interleave(frames)
    x_3N, y_3N, z_3N = pelvis_33N
    return torch.stack([cosine_N * x_3N - sine_N * z_3N, y_3N, sine_N * x_3N + cosine_N * z_3N])


def angular_velocity(world_33SBT: Tensor) -> Tensor:
    """Return (3, S, B, T) in each segment's own frame, rad/s; the last frame is as that before.

    The rotation from one frame to the next has the skew part sin(angle) times the axis.
    """
    now, then = world_33SBT[..., :-1], world_33SBT[..., 1:]
    x = (now[:, 2] * then[:, 1] - now[:, 1] * then[:, 2]).sum(0)
    y = (now[:, 0] * then[:, 2] - now[:, 2] * then[:, 0]).sum(0)
    z = (now[:, 1] * then[:, 0] - now[:, 0] * then[:, 1]).sum(0)
    return _repeat_last(torch.stack([x, y, z]) * (RATE / 2))


def _rate(place_T: Tensor) -> Tensor:
    return _repeat_last(place_T.diff(dim=-1) * RATE)


def _repeat_last(rates_T: Tensor) -> Tensor:
    return torch.cat([rates_T, rates_T[..., -1:]], dim=-1)


def _times(a_33N: Tensor, b_33N: Tensor) -> Tensor:
    return (a_33N[:, :, None] * b_33N[None]).sum(1)
