"""One clip as it is looked at: a body in motion, its sensors and what they read.

Shape letters: T frames at 60 Hz, J joints, N bodies.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cluster.errors import UserError
from datagen.body import Bodies, embody, reference_body
from datagen.kinematics import joint_positions, matrices, world_quaternions
from datagen.motion import JOINT_INDEX, Array
from datagen.normalize import FEET
from datagen.placement import SIDES, Placement, as_placed
from datagen.population import People
from datagen.sample import RATE, Sample
from datagen.seeing.clips import FoundClip

OWN_PATH = "its own, steps scaled to the body"
PLANTED = "not in a shard: the lower foot stands on the floor, on the spot"


@dataclass(frozen=True)
class SensorTrack:
    """One sensor over a clip.

    Attributes:
        side: left or right.
        place_T3: where it is, metres.
        axes_T33: its x, y and z axis in the world, as columns.
        acc_T3: specific force in its own axes, m/s2.
        gyro_T3: angular velocity in its own axes, rad/s.
    """

    side: str
    place_T3: Array
    axes_T33: Array
    acc_T3: Array
    gyro_T3: Array


@dataclass(frozen=True)
class Scene:
    """One body performing a clip at 60 Hz.

    Attributes:
        clip, text, source, subject: as in the motion.
        made_with: the body model of the samples; another one may stand in for it here.
        number: which body of the clip it is, from 1.
        bodies: that body alone.
        rotations_TJ3: axis-angle, radians.
        translation_T3: place of the pelvis, metres.
        path: where this place comes from, in words.
        world_TJ33: world rotations of the joints.
        positions_TJ3: world positions of the joints, metres.
        sensors: left before right.
        cuts: what was cut out of the clip: where in the scene, and how much of it, in seconds.
    """

    clip: str
    text: str
    source: str
    subject: str
    made_with: str
    number: int
    bodies: Bodies
    rotations_TJ3: Array
    translation_T3: Array
    path: str
    world_TJ33: Array
    positions_TJ3: Array
    sensors: tuple[SensorTrack, ...]
    cuts: tuple[tuple[float, float], ...]

    @property
    def frames(self) -> int:
        """T."""
        return len(self.rotations_TJ3)

    @property
    def seconds(self) -> float:
        """Length of the clip."""
        return self.frames / RATE

    @property
    def offsets_J3(self) -> Array:
        """Rest offset of each joint from its parent, metres."""
        return self.bodies.offsets_NJ3[0]

    @property
    def wearer(self) -> str:
        """The body in words."""
        people = self.bodies.people
        assert people is not None
        return f"body {self.number}: {people.stature_N[0]:.2f} m, {people.mass_N[0]:.0f} kg"


def make_scene(found: FoundClip, number: int) -> Scene:
    """Put together the segments of a clip, as its body `number`, from 1, performs and wears it.

    Raises UserError for a body that the clip does not have.
    """
    samples, translation_T3 = found.samples, found.translation_T3
    first = samples[0]
    body = _body(found, number)
    pose_TJ3 = np.concatenate([sample.pose_TJ3 for sample in samples]).astype(np.float64)
    world_TJ33 = matrices(world_quaternions(pose_TJ3))
    if translation_T3 is None:
        path, path_T3 = PLANTED, np.zeros((len(pose_TJ3), 3))
    else:
        times = [round(s.meta["start"] * RATE) + np.arange(len(s.pose_TJ3)) for s in samples]
        steps = body.leg_length_N[0] / reference_body(found.model).leg_length_N[0]
        path, path_T3 = OWN_PATH, steps * translation_T3[np.concatenate(times)]
    positions_TJ3 = joint_positions(body.offsets_NJ3[0], pose_TJ3, path_T3)
    lift_T = -_lower_sole(body, positions_TJ3)
    if translation_T3 is not None:  # the clip's first stance tells where the floor is
        lift_T = np.full_like(lift_T, lift_T[0])
    path_T3[:, 1] += lift_T
    positions_TJ3[..., 1] += lift_T[:, None]
    return Scene(
        clip=first.meta["clip"],
        text=first.meta["text"],
        source=first.meta["source"],
        subject=first.meta["subject"],
        made_with=first.meta["body"],
        number=number,
        bodies=body,
        rotations_TJ3=pose_TJ3,
        translation_T3=path_T3,
        path=path,
        world_TJ33=world_TJ33,
        positions_TJ3=positions_TJ3,
        sensors=_sensors(samples, number - 1, body, world_TJ33, positions_TJ3),
        cuts=tuple(_cuts(samples)),
    )


def _cuts(samples: Sequence[Sample]) -> Iterator[tuple[float, float]]:
    shown, missing = 0.0, samples[0].meta["start"]
    for sample in samples:
        before = sample.meta["start"] - shown - missing
        if before > 0.5 / RATE:
            yield shown, before
            missing += before
        shown += len(sample.pose_TJ3) / RATE


def _body(found: FoundClip, number: int) -> Bodies:
    """Return one of the bodies that a clip's samples hold."""
    meta, count = found.samples[0].meta, len(found.samples[0].acc_NTW3)
    if not 1 <= number <= count:
        has = "one body" if count == 1 else f"{count} bodies"
        raise UserError(f"--body {number}: {meta['clip']} has {has}; give 1 to {count}")
    if not meta.get("people"):
        raise UserError(f"{meta['clip']}: does not say whose bodies it holds; make it anew")
    person = {f"{name}_N": np.array([of[number - 1]]) for name, of in meta["people"].items()}
    return embody(found.model, People(**person))


def _lower_sole(body: Bodies, positions_TJ3: Array) -> Array:
    """Return the height of the lower sole, (T,): heel and ball are as far above it as at rest."""
    above = body.joints_NJ3[0, FEET, 1] - body.sole_N[0]
    return np.min(positions_TJ3[:, FEET, 1] - above, axis=1)


def _sensors(
    samples: Sequence[Sample], index: int, body: Bodies, world_TJ33: Array, positions_TJ3: Array
) -> tuple[SensorTrack, ...]:
    placements = [Placement(**samples[0].meta["placement"][side]) for side in SIDES]
    levers_W3 = as_placed(placements, body).lever_NW3[0]
    acc_TW3 = np.concatenate([sample.acc_NTW3[index] for sample in samples])
    # One reading for all bodies where it does not depend on the body.
    gyro_TW3 = np.concatenate([s.gyro_NTW3[index if len(s.gyro_NTW3) > 1 else 0] for s in samples])
    tracks = []
    for sensor, (side, placement) in enumerate(zip(SIDES, placements, strict=True)):
        joint = JOINT_INDEX[placement.segment]
        tracks.append(
            SensorTrack(
                side,
                positions_TJ3[:, joint] + world_TJ33[:, joint] @ levers_W3[sensor],
                world_TJ33[:, joint] @ np.array(placement.axes).T,
                acc_TW3[:, sensor].astype(np.float64),
                gyro_TW3[:, sensor].astype(np.float64),
            )
        )
    return tuple(tracks)
