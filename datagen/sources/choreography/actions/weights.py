"""Exercises with weights."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.actions.rehabilitation import there_and_back
from datagen.sources.choreography.poses import (
    both,
    hand,
    hands,
    head,
    left,
    reach_both,
    reach_left,
    right,
    stand,
    trunk,
)


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
        seconds = scene.draw(1.4, 2.7)
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
        yield there_and_back(low, high, scene.draw(1.4, 2.7), 0.5, scene.draw(0, 0.3))


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
        yield there_and_back(low, high, scene.draw(1.6, 2.8), 0.5, scene.draw(0, 0.3))


@action(
    "a person does triceps extensions overhead with {how}{adv}{stance}",
    "a person stretches the elbows behind the head with {how}{adv}{stance}",
    "triceps extension with {how}, a weight behind the neck{adv}",
    "a person lifts a weight from behind the head with {how}{adv}",
    stances=("standing", "seated"),
    slots={"how": ("both arms", "one arm")},
    extent=(0.8, 1.05),
    pause=0.12,
)
def triceps_extensions(scene: Scene) -> Iterator[Repetition]:
    move = both if scene.slots["how"] == "both arms" else right
    scene.stance |= hands("grip")
    upper = move(flex=scene.draw(145, 160), abd=25, turn=scene.draw(-10, 20), pron=0, wrist=-5)
    while True:
        low, high = upper | move(elbow=scene.draw(115, 130)), upper | move(elbow=16)
        yield there_and_back(low, high, scene.draw(1.5, 2.6), 0.5, scene.draw(0, 0.3))


@action(
    "a person bends forward and rows a dumbbell with the {side} arm{adv}",
    "a person does one-arm dumbbell rows on the {side} side{adv}",
    "pulling a weight up to the hip with the {side} hand, bent over{adv}",
    "dumbbell row, the {side} elbow goes up behind the back{adv}",
    pause=0.1,
)
def dumbbell_rows(scene: Scene) -> Iterator[Repetition]:
    lean, bend = scene.draw(45, 65), scene.draw(5, 15)
    hang = lean + bend
    scene.stance |= stand(tilt=lean, thigh=4, knee=20) | trunk(bend=bend) | head(nod=-20)
    scene.stance |= hand("right", "grip") | reach_left((0.12, -0.24, 0.38), palm=(0, -0.5, 1))
    low = right(flex=hang, abd=4, turn=0, elbow=8, pron=scene.draw(0, 25), protract=8)
    scene.stance |= low
    while True:
        high = low | right(flex=-22, abd=14, elbow=scene.draw(85, 100), pron=5, protract=-15)
        yield there_and_back(low, high, scene.draw(1.3, 2.5), 0.5, scene.draw(0, 0.4))


@action(
    "a person swings a kettlebell{adv}",
    "a person does kettlebell swings with both hands{adv}",
    "swinging a weight from between the legs up to the chest{adv}",
    "a person hinges at the hips and swings a weight forward{adv}",
    pace=(0.85, 1.15),
    pause=0.04,
)
def kettlebell_swings(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | stand(apart=14)
    top = scene.draw(65, 85)
    arms = both(abd=-12, turn=25, elbow=12, pron=50)
    while True:
        low = stand(tilt=48, thigh=12, knee=30, apart=14) | trunk(bend=12) | arms | both(flex=38)
        high = stand(apart=14) | trunk(bend=-4) | arms | both(flex=top)
        yield [Key(high, 0.8, 0.9), Key(low, 0.85, 0.9)]


@action(
    "a person rows on a rowing machine{adv}",
    "a person pulls the handle of a rowing machine to the belly{adv}",
    "rowing with legs, back and both arms{adv}",
    "indoor rowing{adv}, sliding back and forth",
    stances=("seated",),
    support="feet",
    pace=(0.8, 1.2),
    extent=(0.85, 1.02),
    pause=0.0,
)
def rowing(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("hook")
    out = reach_both((0.12, -0.12, 0.48), palm=(0, -1, 0.2), swivel=25)
    drawn = reach_both((0.15, -0.24, 0.16), palm=(0, -1, 0), swivel=35)
    while True:
        catch = stand(tilt=18, thigh=84, knee=108) | trunk(bend=20) | head(nod=-15) | out
        middle = stand(tilt=2, thigh=78, knee=45) | trunk(bend=10) | out
        finish = stand(tilt=-18, thigh=76, knee=18) | trunk(bend=0) | drawn
        yield [
            Key(catch, 0.75, 0.6),
            Key(middle, 0.45, 0.9),
            Key(finish, 0.45, 0.7),
            Key(middle | trunk(bend=8), 0.65, 0.9),
        ]
