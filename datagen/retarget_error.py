"""How far retargeted motion lies from the recordings' own skeleton.

Two bodies wear the retargeted rotations: one with the file's own bones, and one with SMPL-X's ten
shape values and a scale fitted to the file. Each is set against the joints of the file itself, at
the same standing height (1.70 m) and aligned at the pelvis. The forearm's angular velocity is set
against the difference quotient of the file's own rotations.

Shape letters: T frames, J joints, S shape values.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from cluster.config import load_config
from cluster.errors import UserError
from cluster.progress import Progress
from datagen.body import SHAPES, Mannequin
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.motion import JOINT_INDEX, PARENTS, Array, BadClipError
from datagen.population import REFERENCE_STATURE
from datagen.sources.bvh import BvhSource
from datagen.sources.bvh_file import Bvh
from datagen.sources.retarget import Retargeted
from datagen.sources.skeleton_map import SkeletonMap

PARTS = {
    part: [JOINT_INDEX[f"left_{part}"], JOINT_INDEX[f"right_{part}"]]
    for part in ("shoulder", "elbow", "wrist")
}
ARMS = [joint for joints in PARTS.values() for joint in joints]
ELBOWS = PARTS["elbow"]
HEAD = JOINT_INDEX["head"]
ANKLES = [JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]
MOST_FRAMES_TO_FIT = 300
# Metres of error that one standard deviation of a shape value is worth: more than the noise of
# motion capture, less than the error to be measured.
METRES_A_SHAPE_VALUE = 1e-3
WEIGHT_OF_HEIGHT = 10.0
STILL = 1e-6


@dataclass(frozen=True)
class ClipError:
    """The errors of one clip.

    Attributes:
        own_cm, shape_cm: mean distance of shoulders, elbows and wrists, and of all (`arms`), in
            centimetres on a body of 1.70 m: with the file's own bones, with a fitted SMPL-X shape.
        turn_percent: error of the forearms' angular velocity, root mean square, relative to the
            root mean square of the angular velocity.
        largest_shape: largest of the fitted shape values, in standard deviations.
    """

    own_cm: dict[str, float]
    shape_cm: dict[str, float]
    turn_percent: float
    largest_shape: float


def main(arguments: list[str]) -> int:
    """Print a table of every BVH source of a config, and JSON as the last line; 1 for one of which
    no clip could be read.
    """
    from datagen.config import DatagenConfig  # the sources' config is built on all sources

    parser = argparse.ArgumentParser("python -m datagen retarget-error")
    parser.add_argument("--config", type=Path, help="preset in configs/datagen")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(DatagenConfig, given.config, given.overrides)
    if not config.sources.bvh:
        raise UserError("sources.bvh: there is none, and only recordings can be compared")
    reports = {
        name: measure(BvhSource(replace(bvh, name=name)))
        for name, bvh in config.sources.bvh.items()
    }
    for name, report in reports.items():
        _print_report(name, report)
    print(json.dumps(reports))
    return 0 if all(report["clips"] for report in reports.values()) else 1


def measure(source: BvhSource) -> dict[str, object]:
    """Measure every clip of a source.

    Returns the clips read, the bad ones with their reasons, and median and 90th percentile over
    the clips of each error of ClipError.
    """
    refs = source.list_clips()
    errors: list[ClipError] = []
    bad: dict[str, str] = {}
    with Progress(source.config.name, len(refs), "clips") as progress:
        for ref in refs:
            try:
                errors.append(clip_error(*source.read_retargeted(ref), source.skeleton))
            except BadClipError as error:
                bad[ref.name] = str(error)
            progress.advance()
    report: dict[str, object] = {"clips": len(errors), "bad": bad}
    if errors:
        report["own_bones_cm"] = _spread_by_part(error.own_cm for error in errors)
        report["smplx_shape_cm"] = _spread_by_part(error.shape_cm for error in errors)
        report["forearm_turn_percent"] = _spread([error.turn_percent for error in errors])
        report["largest_shape_value"] = _spread([error.largest_shape for error in errors])
    return report


def clip_error(bvh: Bvh, retargeted: Retargeted, skeleton: SkeletonMap) -> ClipError:
    """Measure one clip."""
    shape, scale, stature = fit_shape(retargeted)
    fitted = scale * Mannequin().bodies(shape[None]).offsets_NJ3[0]
    to_reference = 100 * REFERENCE_STATURE / stature
    return ClipError(
        own_cm=_arm_errors(retargeted, retargeted.offsets_J3, to_reference),
        shape_cm=_arm_errors(retargeted, fitted, to_reference),
        turn_percent=100 * turn_error(bvh, retargeted, skeleton),
        largest_shape=float(np.abs(shape).max()),
    )


def fit_shape(retargeted: Retargeted) -> tuple[Array, float, float]:
    """Fit SMPL-X's shape values and a scale to the file's skeleton.

    The joints' positions are linear in (scale, scale x shape) once the rotations are given, so
    this is one regularised least-squares problem: the arms' joints as they stand in the clip, and
    the height from ankles to head as it is at rest.

    Returns shape (10,), scale, and the stature of the fitted body in metres.
    """
    mean, directions = _linear_body()
    every = max(1, len(retargeted.rotations_TJ3) // MOST_FRAMES_TO_FIT)
    world = matrices(world_quaternions(retargeted.rotations_TJ3[::every]))
    columns_J3S = np.concatenate([mean[..., None], directions], axis=-1)
    placed = np.zeros((len(world), len(PARENTS), 3, SHAPES + 1))
    for joint in range(1, len(PARENTS)):
        parent = PARENTS[joint]
        placed[:, joint] = placed[:, parent] + world[:, parent] @ columns_J3S[joint]
    seen = _from_pelvis(retargeted)[::every]
    share = 1 / np.sqrt(seen.size)
    rows = [
        share * placed[:, ARMS].reshape(-1, SHAPES + 1),
        WEIGHT_OF_HEIGHT * _height(columns_J3S)[None],
        METRES_A_SHAPE_VALUE * np.eye(SHAPES + 1)[1:],
    ]
    height = WEIGHT_OF_HEIGHT * _height(retargeted.offsets_J3[..., None])
    wanted = [share * seen.reshape(-1), height, np.zeros(SHAPES)]
    solution = np.linalg.lstsq(np.vstack(rows), np.concatenate(wanted), rcond=None)[0]
    scale, shape = float(solution[0]), solution[1:] / solution[0]
    return shape, scale, scale * float(Mannequin().bodies(shape[None]).stature_N[0])


def turn_error(bvh: Bvh, retargeted: Retargeted, skeleton: SkeletonMap) -> float:
    """Return the relative error of the forearms' angular velocity, both arms together.

    The truth is made from the file's own rotations of the joint that turns the forearm, in the
    world and by central differences; a constant turn between the two skeletons' frames drops out.
    """
    world = world_quaternions(retargeted.rotations_TJ3)
    skipped = len(bvh.values_TC) - len(world)
    _, own = bvh.world_pose()
    difference, size = 0.0, 0.0
    for elbow in ELBOWS:
        truth = _angular_velocity(own[skipped:, retargeted.turns[elbow]], bvh.frame_seconds)
        truth = truth @ skeleton.world().T
        found = _angular_velocity(world[:, elbow], bvh.frame_seconds)
        difference += float(np.sum((found - truth) ** 2))
        size += float(np.sum(truth**2))
    return float(np.sqrt(difference / size)) if size > STILL else 0.0


def _angular_velocity(world_T4: Array, frame_seconds: float) -> Array:
    """Return the angular velocity in the world, rad/s, by central differences, (T - 2, 3)."""
    turned = Rotation.from_quat(world_T4, scalar_first=True)
    return (turned[2:] * turned[:-2].inv()).as_rotvec() / (2 * frame_seconds)


def _arm_errors(retargeted: Retargeted, offsets_J3: Array, scale: float) -> dict[str, float]:
    """Return the mean distance of the arms' joints from the file's, times `scale`."""
    at_origin = np.zeros_like(retargeted.translation_T3)
    found = joint_positions(offsets_J3, retargeted.rotations_TJ3, at_origin)[:, ARMS]
    distance = scale * np.linalg.norm(found - _from_pelvis(retargeted), axis=-1).mean(axis=0)
    errors = {
        part: float(distance[[ARMS.index(j) for j in js]].mean()) for part, js in PARTS.items()
    }
    return errors | {"arms": float(distance.mean())}


def _from_pelvis(retargeted: Retargeted) -> Array:
    """Return the file's joints of the arms relative to its pelvis, (T, 6, 3)."""
    joints = [retargeted.places[joint] for joint in ARMS]
    pelvis = retargeted.positions_TJ3[:, [retargeted.places[0]]]
    return retargeted.positions_TJ3[:, joints] - pelvis


def _height(offsets_J3S: Array) -> Array:
    """Return the height of the head above the ankles in the T-pose, (S,)."""
    return _reach(offsets_J3S, HEAD) - sum(_reach(offsets_J3S, ankle) for ankle in ANKLES) / 2


def _reach(offsets_J3S: Array, joint: int) -> Array:
    above = np.zeros(offsets_J3S.shape[-1])
    while joint > 0:
        above, joint = above + offsets_J3S[joint, 1], PARENTS[joint]
    return above


def _linear_body() -> tuple[Array, Array]:
    """Return the mean body's offsets (J, 3) and their change with the shape values (J, 3, S)."""
    probes = Mannequin().bodies(np.vstack([np.zeros(SHAPES), np.eye(SHAPES)])).offsets_NJ3
    return probes[0], np.moveaxis(probes[1:] - probes[0], 0, -1)


def _spread_by_part(errors: Iterable[dict[str, float]]) -> dict[str, dict[str, float]]:
    listed = list(errors)
    return {part: _spread([error[part] for error in listed]) for part in listed[0]}


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(values)), 4),
        "p90": round(float(np.percentile(values, 90)), 4),
    }


def _print_report(name: str, report: dict) -> None:
    print(f"{name}: {report['clips']} clips read, {len(report['bad'])} bad")
    for clip, reason in report["bad"].items():
        print(f"  {clip}: {reason}")
    if not report["clips"]:
        return
    print(f"  {'over the clips':<38}{'median':>9}{'90th':>9}")
    for key, title in (("own_bones_cm", "file's bones"), ("smplx_shape_cm", "SMPL-X shape")):
        for part, spread in report[key].items():
            _print_row(f"{part}, {title}, cm at 1.70 m", spread)
    _print_row("forearm's angular velocity, %", report["forearm_turn_percent"])
    _print_row("largest shape value fitted", report["largest_shape_value"])


def _print_row(title: str, spread: dict[str, float]) -> None:
    print(f"  {title:<38}{spread['median']:>9.2f}{spread['p90']:>9.2f}")
