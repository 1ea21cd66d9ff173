"""Standing, sitting and what lies between."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.performer import SEATED, STANDING
from datagen.sources.choreography.poses import (
    Pose,
    both,
    hands,
    head,
    left,
    left_leg,
    legs,
    pelvis,
    reach_both,
    right,
    right_leg,
    stand,
    trunk,
)


def _arms_for_rising(scene: Scene) -> Pose:
    if scene.chance(0.5):
        return reach_both((0.16, -0.42, 0.27), palm=(0, -1, 0), swivel=25)
    return both(flex=scene.draw(20, 50), abd=10, turn=10, elbow=30, pron=20)


@action(
    "a person sits down on a chair{adv}",
    "a person takes a seat{adv}",
    "sitting down from standing{adv}",
    "a person lowers the body onto a seat{adv}",
    pace=(0.75, 1.25),
    extent=(1.0, 1.0),
    ends=True,
)
def sitting_down(scene: Scene) -> Iterator[Repetition]:
    legs_seated = stand(thigh=88, knee=86)
    yield [
        Key(stand(), scene.draw(0.3, 3.0), 0.2),
        Key(
            stand(tilt=34, thigh=50, knee=66) | trunk(bend=22) | _arms_for_rising(scene),
            scene.draw(0.9, 1.2),
            0.9,
        ),
        Key(legs_seated | pelvis(tilt=12) | trunk(bend=20), scene.draw(0.7, 1.0), 0.5),
        Key(SEATED | stand(thigh=88, knee=86), scene.draw(0.8, 1.3), 0.2),
    ]


@action(
    "a person stands up from a chair{adv}",
    "a person gets up{adv} from a seat",
    "standing up from sitting{adv}",
    "a person rises to the feet{adv}",
    stances=("seated",),
    support="feet",
    pace=(0.75, 1.25),
    extent=(1.0, 1.0),
    ends=True,
)
def standing_up(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= stand(thigh=88, knee=86)
    yield [
        Key({}, scene.draw(0.3, 3.0), 0.2),
        Key(
            stand(tilt=36, thigh=86, knee=98) | trunk(bend=24) | _arms_for_rising(scene),
            scene.draw(0.7, 1.0),
            0.8,
        ),
        Key(stand(tilt=26, thigh=32, knee=46) | trunk(bend=16), 0.55, 0.9),
        Key(STANDING | stand(), scene.draw(0.7, 1.0), 0.3),
    ]


@action(
    "a person sits down and stands up again and again{adv}",
    "a person does sit-to-stand exercises on a chair{adv}",
    "repeatedly getting up from a chair and sitting down{adv}",
    "a person rises from a seat and sits back several times{adv}",
    extent=(1.0, 1.0),
    pause=0.3,
)
def sit_to_stand(scene: Scene) -> Iterator[Repetition]:
    folded = both(flex=38, abd=4, turn=58, elbow=118, pron=40)
    arms = folded if scene.chance(0.4) else {}
    while True:
        lean = stand(tilt=34, thigh=62, knee=80) | trunk(bend=20) | arms
        yield [
            Key(lean, 0.8, 0.9),
            Key(stand(tilt=4, thigh=88, knee=86) | trunk(bend=8) | arms, 0.8, 0.3),
            Key(lean, scene.draw(0.6, 1.2), 0.8),
            Key(stand() | arms, 0.9, 0.3),
        ]


@action(
    "a person stands still",
    "a person is standing around quietly",
    "standing and waiting",
    "a person stands upright with the arms hanging down",
    "a person waits, shifting the weight from foot to foot",
    pause=0.6,
    holds=True,
)
def standing_idle(scene: Scene) -> Iterator[Repetition]:
    while True:
        shift = scene.draw(-1, 1)
        yield [
            Key(
                pelvis(roll=4 * shift)
                | right_leg(apart=4 + 4 * shift, knee=5 + 5 * max(shift, 0))
                | left_leg(apart=4 - 4 * shift, knee=5 - 5 * min(shift, 0))
                | trunk(side=-3 * shift, turn=scene.draw(-4, 4))
                | head(turn=scene.draw(-15, 15), nod=scene.draw(-3, 10))
                | right(elbow=scene.draw(10, 22), turn=scene.draw(0, 14))
                | left(elbow=scene.draw(10, 22), turn=scene.draw(0, 14)),
                scene.draw(1.5, 3.5),
                0.3,
            )
        ]


@action(
    "a person sits still",
    "a person is sitting quietly on a chair",
    "sitting and resting with the hands in the lap",
    "a person stays seated and hardly moves",
    stances=("seated",),
    pause=0.6,
    holds=True,
)
def sitting_idle(scene: Scene) -> Iterator[Repetition]:
    place = (scene.draw(0.04, 0.16), scene.draw(-0.42, -0.34), scene.draw(0.2, 0.3))
    lap = reach_both(place, palm=(0, -1, 0), swivel=scene.draw(15, 35))
    scene.stance |= lap
    while True:
        yield [
            Key(
                trunk(bend=scene.draw(2, 14), turn=scene.draw(-5, 5))
                | head(turn=scene.draw(-20, 20), nod=scene.draw(-3, 14))
                | lap
                | right(wrist=scene.draw(-12, 12))
                | left(wrist=scene.draw(-12, 12)),
                scene.draw(1.5, 3.5),
                0.3,
            )
        ]


@action(
    "a person looks around{stance}",
    "a person turns the head left and right{adv}{stance}",
    "looking from side to side{adv}{stance}",
    "a person looks over the shoulders{stance}",
    stances=("standing", "seated"),
    pause=0.4,
    holds=True,
)
def looking_around(scene: Scene) -> Iterator[Repetition]:
    while True:
        way = scene.draw(-1, 1)
        turned = head(turn=50 * way, nod=scene.draw(-10, 8)) | trunk(turn=14 * way)
        yield [Key(turned, scene.draw(0.8, 1.6), 0.3)]


@action(
    "a person bows{adv}",
    "a person bows politely{adv}",
    "bowing from the waist and rising{adv}",
    "a person bends forward in greeting{adv}",
    pause=0.5,
)
def bowing(scene: Scene) -> Iterator[Repetition]:
    depth = scene.draw(18, 48)
    arms = both(flex=8, abd=8, elbow=12) if scene.chance(0.6) else both(flex=24, turn=30, elbow=35)
    while True:
        low = stand(tilt=depth, thigh=-4, knee=4) | trunk(bend=0.4 * depth) | head(nod=12) | arms
        yield [Key(low, 1.1, 0.4), Key(low, scene.draw(0.3, 1.0), 0.3), Key(stand(), 1.2, 0.4)]


@action(
    "a person picks something up from the floor with the {side} hand{adv}",
    "a person bends down and picks up an object{adv}",
    "picking things up off the ground with the {side} hand{adv}",
    "a person crouches, grasps something with the {side} hand and rises{adv}",
    pace=(0.8, 1.2),
    extent=(0.92, 1.02),
    pause=0.35,
)
def picking_up(scene: Scene) -> Iterator[Repetition]:
    while True:
        low = stand(tilt=50, thigh=42, knee=60) | trunk(bend=42) | head(nod=-8)
        low |= right(flex=scene.draw(85, 100), abd=8, turn=10, elbow=14, pron=45)
        low |= left(flex=30, abd=18, turn=20, elbow=40)
        held = right(flex=14, abd=12, turn=30, elbow=scene.draw(60, 95), pron=30)
        yield [
            Key(low | hands("wide grip"), 1.2, 0.4),
            Key(low | hands("pinch"), 0.35, 0.3),
            Key(stand() | held | hands("pinch"), 1.2, 0.4),
            Key(stand() | held, scene.draw(0.5, 1.2), 0.3),
            Key(stand(), 0.9, 0.4),
        ]


@action(
    "a person stands with folded arms",
    "a person crosses the arms over the chest{stance}",
    "folding the arms and waiting{stance}",
    "a person keeps the arms crossed{stance}",
    stances=("standing", "seated"),
    extent=(0.95, 1.02),
    pause=0.5,
    holds=True,
)
def crossing_arms(scene: Scene) -> Iterator[Repetition]:
    arms = right(flex=40, abd=-2, turn=66, elbow=96, pron=40)
    arms |= left(flex=32, abd=2, turn=70, elbow=102, pron=30)
    while True:
        crossed = arms | trunk(turn=scene.draw(-5, 5)) | head(turn=scene.draw(-22, 22))
        yield [Key(crossed, scene.draw(1.2, 3.0), 0.3)]


@action(
    "a person stands with the hands on the hips",
    "a person puts both hands on the hips{adv}",
    "standing with hands on the waist, elbows out",
    "a person rests the hands on the hips and looks around",
    extent=(0.95, 1.02),
    pause=0.5,
    holds=True,
)
def hands_on_hips(scene: Scene) -> Iterator[Repetition]:
    while True:
        pose = both(flex=-8, abd=40, turn=scene.draw(44, 52), elbow=96, pron=30, wrist=20)
        pose |= trunk(turn=scene.draw(-8, 8)) | head(turn=scene.draw(-25, 25))
        yield [Key(pose | legs(turn=-6), scene.draw(1.2, 3.0), 0.3)]


@action(
    "a person steps sideways to the {side}{adv}",
    "a person takes side steps{adv}",
    "side-stepping to the {side}{adv}",
    "a person moves sideways, closing the feet after each step{adv}",
    pace=(0.8, 1.2),
    pause=0.1,
)
def side_stepping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= stand(thigh=8, knee=16)
    if scene.chance(0.5):
        scene.stance |= both(flex=20, abd=18, turn=20, elbow=75)
    bent = stand(thigh=8, knee=16)
    while True:
        yield [
            Key(bent | right_leg(apart=16, hip=26, knee=44), 0.3, 1.0),
            Key(bent | right_leg(apart=15) | left_leg(apart=13), 0.3, 0.8),
            Key(bent | left_leg(apart=8, hip=26, knee=44) | right_leg(apart=6), 0.3, 1.0),
            Key(bent, 0.3, 0.8),
        ]
