"""Gymnastics and weights."""

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.actions.rehabilitation import there_and_back
from datagen.sources.choreography.poses import both, hands, head, left, legs, right, stand, trunk


@action(
    "a person does squats{adv}",
    "a person squats down and stands up again{adv}",
    "squatting repeatedly{adv} with the arms in front",
    "a person bends the knees deeply and rises{adv}",
    extent=(0.7, 1.05),
    pause=0.15,
)
def squats(scene: Scene) -> Iterator[Repetition]:
    depth = scene.draw(75, 105)
    if scene.chance(0.6):
        low_arms = both(flex=scene.draw(80, 95), abd=8, turn=10, elbow=10, pron=40)
        high_arms = both(flex=12, elbow=15) if scene.chance(0.6) else low_arms
    else:
        low_arms = high_arms = both(flex=45, abd=4, turn=55, elbow=125, pron=40)
    scene.stance |= stand(apart=10) | legs(turn=-14)
    while True:
        low = stand(tilt=25, thigh=depth - 19, knee=depth, apart=12)
        low |= trunk(bend=18) | head(nod=-12) | low_arms
        high = stand(apart=10) | trunk(bend=3) | high_arms
        yield there_and_back(high, low, scene.draw(2.2, 3.2), 0.5, scene.draw(0, 0.4))


@action(
    "a person does jumping jacks{adv}",
    "a person jumps while raising both arms overhead{adv}",
    "jumping jacks with arms and legs going out and in{adv}",
    "a person hops, spreading arms and legs{adv}",
    pace=(0.8, 1.2),
    extent=(0.85, 1.05),
    pause=0.0,
)
def jumping_jacks(scene: Scene) -> Iterator[Repetition]:
    top = scene.draw(135, 160)
    period = scene.draw(1.15, 1.4)
    while True:
        landed = stand(thigh=7, knee=14, apart=3) | both(flex=2, abd=12, turn=0, elbow=14)
        wide = stand(thigh=8, knee=15, apart=18)
        wide |= both(flex=12, abd=top, turn=-40, elbow=22)
        up = {"pelvis_lift": scene.draw(0.03, 0.06)} | legs(ankle=-18)
        rising = stand(thigh=2, knee=5, apart=10) | both(flex=8, abd=80, turn=-20, elbow=16)
        yield [
            Key(landed, 0.2 * period, 1.0),
            Key(rising | up, 0.25 * period, 1.0),
            Key(wide, 0.27 * period, 1.0),
            Key(rising | up, 0.28 * period, 1.0),
        ]


@action(
    "a person does biceps curls with {how}{adv}{stance}",
    "a person curls dumbbells, using {how}{adv}{stance}",
    "bending and stretching the elbows with weights in hand{adv}{stance}",
    "a person lifts weights to the shoulders with {how}{adv}",
    stances=("standing", "standing", "seated"),
    slots={"how": ("both arms", "alternating arms")},
    extent=(0.75, 1.08),
    pause=0.12,
)
def biceps_curls(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip")
    low_turn, high_turn = scene.draw(-70, 0), scene.draw(-75, -55)
    low = dict(flex=2, abd=8, turn=0, elbow=12, pron=low_turn, wrist=5)
    top = dict(flex=16, abd=8, turn=-2, elbow=scene.draw(120, 140), pron=high_turn, wrist=12)
    sides = (both,) if scene.slots["how"] == "both arms" else (right, left)
    while True:
        seconds = scene.draw(1.9, 2.8)
        rest = both(**low)
        yield [k for side in sides for k in there_and_back(rest, rest | side(**top), seconds, 0.5)]


@action(
    "a person does lateral raises with both arms{adv}",
    "a person raises dumbbells sideways to shoulder height{adv}",
    "lifting both arms out to the sides and lowering them{adv}{stance}",
    "lateral shoulder raises with weights{adv}{stance}",
    stances=("standing", "standing", "seated"),
    pause=0.12,
)
def lateral_raises(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip")
    bent = scene.draw(10, 28)
    low = both(flex=8, abd=10, turn=5, elbow=bent, pron=5)
    while True:
        high = both(flex=14, abd=scene.draw(78, 95), turn=5, elbow=bent, pron=scene.draw(-5, 15))
        yield there_and_back(low, high, scene.draw(1.9, 2.8), 0.5, scene.draw(0, 0.3))


@action(
    "a person presses weights overhead{adv}{stance}",
    "a person does a shoulder press with dumbbells{adv}{stance}",
    "pushing both hands up from the shoulders{adv}{stance}",
    "overhead press with both arms{adv}{stance}",
    stances=("standing", "seated"),
    extent=(0.85, 1.05),
    pause=0.12,
)
def shoulder_press(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip")
    while True:
        low = both(flex=25, abd=58, turn=-72, elbow=122, pron=30, wrist=-8)
        high = both(flex=75, abd=140, turn=-75, elbow=18, pron=30, wrist=-5)
        yield there_and_back(low, high, scene.draw(2.0, 2.9), 0.5, scene.draw(0, 0.3))
