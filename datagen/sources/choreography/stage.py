"""Performing a casting: from the action's keys to the motion of 52 joints.

Letters: T frames, K keys, A anatomical angles, J joints.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from datagen.motion import Array
from datagen.sources.choreography import anatomy, ground, rotation
from datagen.sources.choreography.action import Action, Key, Scene
from datagen.sources.choreography.actions import ACTIONS
from datagen.sources.choreography.anatomy import ANGLE_INDEX, ANGLES
from datagen.sources.choreography.casting import Casting
from datagen.sources.choreography.curves import KeyCurve
from datagen.sources.choreography.performer import STANCES, Performer, performer
from datagen.sources.choreography.poses import Pose
from datagen.sources.choreography.unrest import unrest

# Played but not kept on both sides, so that a clip does not start or end at rest by force.
MARGIN_SECONDS = 0.6
IN_THE_MIDDLE_SHARE = 0.4
# Of the pauses, how many go back to the stance.
REST_SHARE = 0.25
SHORTEST_ENTRY = (0.7, 1.1)
# Degrees per second on the way to a repetition's first key, wherever it starts from.
FASTEST_ENTRY = 210.0
SPREAD_BOUND = 2.0
# How far (share) an angle goes along with another one's departure from the stance: the trunk and
# the idle side give way to a working arm.
GIVES_WAY = (
    ("spine_left_turn", "right_shoulder_flexion", 0.05),
    ("spine_left_turn", "left_shoulder_flexion", -0.05),
    ("spine_left_bend", "right_shoulder_abduction", 0.03),
    ("spine_left_bend", "left_shoulder_abduction", -0.03),
    ("spine_flexion", "right_shoulder_flexion", -0.02),
    ("spine_flexion", "left_shoulder_flexion", -0.02),
    ("neck_left_turn", "right_shoulder_flexion", -0.04),
    ("neck_left_turn", "left_shoulder_flexion", 0.04),
    ("left_shoulder_flexion", "right_shoulder_flexion", 0.05),
    ("right_shoulder_flexion", "left_shoulder_flexion", 0.05),
    ("left_shoulder_abduction", "right_shoulder_abduction", 0.03),
    ("right_shoulder_abduction", "left_shoulder_abduction", 0.03),
    ("left_elbow_flexion", "right_elbow_flexion", 0.04),
    ("right_elbow_flexion", "left_elbow_flexion", 0.04),
    ("left_forearm_pronation", "right_forearm_pronation", 0.06),
    ("right_forearm_pronation", "left_forearm_pronation", 0.06),
)


def perform(casting: Casting, rng: np.random.Generator, rate: float) -> tuple[Array, Array]:
    """Return rotations (T, 52, 3) as axis-angle and the pelvis' translation (T, 3)."""
    action = ACTIONS[casting.action]
    margin = round(MARGIN_SECONDS * rate)
    frames = round(casting.seconds * rate)
    times_T = np.arange(-margin, frames + margin) / rate
    angles_TA = play(casting, rng, times_T)
    quaternions_TJ4 = anatomy.joint_quaternions(angles_TA)
    support = action.support or STANCES[casting.stance][1]
    place_T3 = ground.place_pelvis(quaternions_TJ4, support, rate)
    place_T3[:, 1] += angles_TA[:, ANGLE_INDEX["pelvis_lift"]]
    kept = slice(margin, margin + frames)
    place_T3 = place_T3[kept]
    place_T3 -= place_T3[0] * np.array([1.0, 0.0, 1.0])
    return rotation.smooth_axis_angles(quaternions_TJ4[kept]), place_T3


def play(casting: Casting, rng: np.random.Generator, times_T: Array) -> Array:
    """Return the anatomical angles (T, A) at the given times, within limits."""
    person = performer(casting.performer)
    stance = _stance(casting, person, rng)
    scene = Scene(rng, stance, casting.slots)
    action = ACTIONS[casting.action]
    curve = _timeline(action, scene, casting, person, rng)
    angles_TA = np.empty((len(times_T), len(ANGLES)))
    for columns, lag in _lag_groups(person, rng):
        angles_TA[:, columns] = curve(times_T - lag, columns)
    departure_TA = angles_TA - _vector(scene.stance)
    for follower, leader, share in GIVES_WAY:
        angles_TA[:, ANGLE_INDEX[follower]] += share * departure_TA[:, ANGLE_INDEX[leader]]
    angles_TA += unrest(times_T, person.restlessness, casting.stance, rng)
    if casting.side == "left":
        angles_TA = anatomy.mirror(angles_TA)
    return anatomy.soft_limit(angles_TA)


def _stance(casting: Casting, person: Performer, rng: np.random.Generator) -> Pose:
    stance = dict(STANCES[casting.stance][0])
    for name, offset in person.habit.items():
        stance[name] = stance.get(name, 0.0) + offset
    for name in stance:
        if "shoulder" in name or "elbow" in name or "forearm" in name or "wrist" in name:
            stance[name] += 2.0 * rng.standard_normal()
    return stance


def _timeline(
    action: Action, scene: Scene, casting: Casting, person: Performer, rng: np.random.Generator
) -> KeyCurve:
    middle = not action.ends and rng.random() < IN_THE_MIDDLE_SHARE
    last = casting.seconds + MARGIN_SECONDS
    repetitions = action.perform(scene)
    first = next(repetitions)
    rest = _vector(scene.stance)
    score = _Score(rest, rng)
    if middle:
        score.start(-MARGIN_SECONDS - rng.uniform(1.5, 4.0))
        outro = 0.0
    else:
        score.start(-MARGIN_SECONDS - 0.5)
        score.hold_until(rng.uniform(0.1, 1.2))
        outro = rng.uniform(1.0, 2.0)
    at_rest = True
    for keys in chain([first], repetitions):
        score.repeat(keys, scene, casting, person, at_rest)
        at_rest = False
        if score.time > last - outro - MARGIN_SECONDS:
            break
        if rng.random() < action.pause:
            at_rest = not action.holds and rng.random() < REST_SHARE
            if at_rest:
                score.go(rest, rng.uniform(0.8, 1.3))
            score.hold_until(score.time + rng.uniform(0.2, 1.4))
    if score.time < last + 0.5:
        if not (middle or action.ends):
            score.go(rest, rng.uniform(0.8, 1.3))
        score.hold_until(max(last + 0.5, score.time + 0.3))
    return score.curve()


class _Score:
    """Keys in time, being written."""

    def __init__(self, rest: Array, rng: np.random.Generator) -> None:
        self._rest, self._rng = rest, rng
        self._times: list[float] = []
        self._flows: list[float] = []
        self._keys: list[Array] = []

    @property
    def time(self) -> float:
        return self._times[-1]

    def start(self, time: float) -> None:
        self._append(time, 0.0, self._rest)

    def hold_until(self, time: float) -> None:
        self._flows[-1] *= 0.3
        self._append(time, 0.3, self._keys[-1])

    def go(self, key: Array, seconds: float, flow: float = 0.3) -> None:
        self._append(self.time + seconds, flow, key)

    def repeat(
        self, keys: Sequence[Key], scene: Scene, casting: Casting, person: Performer, entering: bool
    ) -> None:
        values = np.array([_vector(scene.stance | key.pose) for key in keys])
        spread = person.irregularity
        extent = casting.extent * np.exp(spread * self._normal())
        middle = values.mean(axis=0)
        values = middle + extent * (values - middle) + _vector(casting.manner)
        pace = casting.pace * np.exp(0.6 * spread * self._normal())
        for place, (key, value) in enumerate(zip(keys, values, strict=True)):
            seconds = key.seconds / pace * np.exp(spread * self._normal())
            if place == 0:
                way = np.abs(value - self._keys[-1]).max()
                seconds = max(seconds, way / FASTEST_ENTRY)
                if entering:
                    seconds = max(seconds, self._rng.uniform(*SHORTEST_ENTRY))
            flow = float(np.clip(key.flow + person.fluency, 0.0, 1.0)) if key.flow > 0 else 0.0
            self.go(value, seconds, flow)

    def _normal(self) -> float:
        return float(np.clip(self._rng.standard_normal(), -SPREAD_BOUND, SPREAD_BOUND))

    def curve(self) -> KeyCurve:
        return KeyCurve(np.array(self._times), np.array(self._flows), np.array(self._keys))

    def _append(self, time: float, flow: float, key: Array) -> None:
        self._times.append(time)
        self._flows.append(flow)
        self._keys.append(anatomy.hard_limit(key))


def _vector(pose: Pose) -> Array:
    vector = np.zeros(len(ANGLES))
    for name, value in pose.items():
        vector[ANGLE_INDEX[name]] = value
    return vector


def _lag_groups(person: Performer, rng: np.random.Generator) -> list[tuple[Array, float]]:
    """Split the angles by how late they follow: the body's ends after its middle."""
    trunk, head, left, right, hands = (lag * rng.uniform(0.5, 1.5) for lag in person.lags)
    groups: dict[float, list[int]] = {}
    for index, name in enumerate(ANGLES):
        arm = left if name.startswith("left") else right
        if name.startswith("spine"):
            lag = trunk
        elif name.startswith("neck"):
            lag = head
        elif "shoulder" in name or "collar" in name or "elbow" in name:
            lag = arm
        elif "forearm" in name or "wrist" in name:
            lag = arm + 0.3 * hands
        elif any(part in name for part in ("thumb", "knuckle", "middle_flexion", "spread")):
            lag = arm + hands
        else:
            lag = 0.0
        groups.setdefault(lag, []).append(index)
    return [(np.array(columns), lag) for lag, columns in groups.items()]
