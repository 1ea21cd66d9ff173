"""Walking, running and stairs: key poses at every eighth of a stride."""
# ruff: noqa: D103 - an action's sentences say what it is.

import math
from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    Pose,
    hands,
    head,
    left,
    left_leg,
    pelvis,
    right,
    right_leg,
    trunk,
)

EIGHTHS = 8
Table = tuple[float, ...]

# Degrees at each eighth of a stride from the foot's strike, after Perry & Burnfield, Gait Analysis
# (walking), Novacheck 1998 (running), Riener et al. 2002 (stairs); rounded.
WALK = (
    (31, 25, 10, -4, -14, -3, 22, 33),
    (5, 17, 12, 5, 9, 43, 62, 28),
    (1, -3, 5, 9, 8, -17, -2, 2),
)
JOG = (
    (36, 30, 12, -6, -10, 12, 38, 44),
    (18, 40, 34, 18, 30, 75, 90, 45),
    (4, 16, 12, -8, -24, -12, 2, 4),
)
STAIRS_UP = (
    (64, 52, 32, 12, 4, 18, 48, 66),
    (66, 54, 32, 12, 12, 52, 92, 84),
    (14, 12, 8, 4, -6, -18, 2, 12),
)
STAIRS_DOWN = (
    (27, 19, 11, 5, 8, 30, 42, 36),
    (8, 18, 24, 34, 60, 88, 68, 22),
    (-20, 2, 13, 18, 12, 0, -10, -22),
)
MARCH = ((5, 4, 3, 3, 6, 40, 74, 48), (7, 6, 5, 5, 14, 62, 90, 58), (2, 2, 2, 2, -4, -14, -6, -2))


def stride(
    tables: tuple[Table, Table, Table],
    seconds: float,
    arm: float,
    elbow: tuple[float, float],
    twist: float,
    stance: Pose,
    backwards: bool = False,
) -> list[Key]:
    """Return one stride of both legs with the arms in opposition.

    Args:
        tables: hip flexion, knee flexion and ankle dorsiflexion at the eighths.
        seconds: duration of the stride.
        arm: half the range of the shoulders.
        elbow: flexion of the elbow behind and in front.
        twist: turn of the pelvis each way; the spine turns back.
        stance: parts that stay.
        backwards: play the stride the other way round.
    """
    keys = []
    for eighth in range(EIGHTHS):
        far = (eighth + EIGHTHS // 2) % EIGHTHS
        hips, knees, ankles = tables
        # The arm follows the leg of the other side, a little late.
        forward = [_swing(eighth - shift) for shift in (4.4, 0.4)]
        pose = (
            stance
            | right_leg(hip=hips[eighth], knee=knees[eighth], ankle=ankles[eighth])
            | left_leg(hip=hips[far], knee=knees[far], ankle=ankles[far])
            | right_leg(toes=25.0 if eighth in (4, 5) else 3.0)
            | left_leg(toes=25.0 if far in (4, 5) else 3.0)
            | right(flex=3 + arm * forward[0], elbow=_between(elbow, forward[0]))
            | left(flex=3 + arm * forward[1], elbow=_between(elbow, forward[1]))
            | pelvis(turn=twist * _swing(eighth), roll=0.6 * twist * _swing(eighth - 1))
            | trunk(
                turn=-1.7 * twist * _swing(eighth - 0.3), side=-0.5 * twist * _swing(eighth - 1)
            )
            | head(turn=0.6 * twist * _swing(eighth))
        )
        keys.append(Key(pose, seconds / EIGHTHS, flow=1.0))
    return keys[::-1] if backwards else keys


def _swing(eighth: float) -> float:
    """Return a cosine with one period in a stride."""
    return math.cos(2.0 * math.pi * eighth / EIGHTHS)


def _between(bounds: tuple[float, float], swing: float) -> float:
    return bounds[0] + 0.5 * (1.0 + swing) * (bounds[1] - bounds[0])


@action(
    "a person walks forward{adv}",
    "a person is walking{adv} with swinging arms",
    "walking{adv} in a straight line",
    "a person takes steps forward{adv}",
    "a person goes for a walk{adv}",
    pace=(0.78, 1.2),
    extent=(0.82, 1.12),
    pause=0.0,
)
def walking(scene: Scene) -> Iterator[Repetition]:
    arm, low = scene.draw(10, 22), scene.draw(12, 22)
    while True:
        yield stride(WALK, 1.08, arm, (low, low + 16), 4.5, scene.stance)


@action(
    "a person jogs{adv}",
    "a person is running at an easy pace",
    "jogging forward{adv} with bent elbows",
    "a person runs{adv} for exercise",
    pace=(0.88, 1.08),
    extent=(0.8, 1.05),
    pause=0.0,
)
def jogging(scene: Scene) -> Iterator[Repetition]:
    arm, low = scene.draw(20, 30), scene.draw(70, 85)
    scene.stance |= trunk(bend=8) | hands("fist", 0.6)
    while True:
        yield stride(JOG, 0.74, arm, (low, low + 22), 6.0, scene.stance | pelvis(tilt=4))


@action(
    "a person walks up the stairs{adv}",
    "a person is climbing stairs{adv}",
    "going upstairs step by step{adv}",
    "a person climbs a staircase{adv}",
    pace=(0.8, 1.2),
    extent=(0.85, 1.05),
    pause=0.0,
)
def climbing_stairs(scene: Scene) -> Iterator[Repetition]:
    arm = scene.draw(8, 18)
    scene.stance |= trunk(bend=10) | head(nod=10)
    while True:
        yield stride(STAIRS_UP, 1.3, arm, (22, 42), 3.0, scene.stance)


@action(
    "a person walks down the stairs{adv}",
    "a person is going downstairs{adv}",
    "descending a staircase{adv}",
    "a person comes down the steps{adv}",
    pace=(0.8, 1.2),
    extent=(0.85, 1.05),
    pause=0.0,
)
def descending_stairs(scene: Scene) -> Iterator[Repetition]:
    arm = scene.draw(6, 14)
    scene.stance |= head(nod=22)
    while True:
        yield stride(STAIRS_DOWN, 1.15, arm, (24, 38), 3.0, scene.stance)


@action(
    "a person marches on the spot{adv}",
    "a person is marching in place{adv}, lifting the knees",
    "stepping on the spot{adv} with high knees",
    "a person lifts one knee after the other{adv}",
    pause=0.0,
)
def marching(scene: Scene) -> Iterator[Repetition]:
    arm = scene.draw(22, 38)
    while True:
        yield stride(MARCH, 1.2, arm, (25, 55), 3.0, scene.stance)


@action(
    "a person walks backwards{adv}",
    "a person is stepping back{adv}",
    "walking backwards{adv} with care",
    "a person takes steps to the rear{adv}",
    pace=(0.75, 1.1),
    extent=(0.6, 0.85),
    pause=0.0,
)
def walking_backwards(scene: Scene) -> Iterator[Repetition]:
    while True:
        yield stride(WALK, 1.2, 8, (16, 26), 3.0, scene.stance, backwards=True)
