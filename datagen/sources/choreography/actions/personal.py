"""Eating, drinking, washing and dressing."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    hand,
    hands,
    head,
    pelvis,
    reach_both,
    reach_left,
    reach_right,
    right,
    trunk,
)

ANYWHERE = ("standing", "seated")
TABLE = -0.34


@action(
    "a person drinks from a cup with the {side} hand{adv}{stance}",
    "a person takes a sip{stance}",
    "drinking, lifting a glass to the mouth with the {side} hand{adv}{stance}",
    "a person raises a cup to the lips and puts it down{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.95, 1.03),
    pause=0.35,
)
def drinking(scene: Scene) -> Iterator[Repetition]:
    cup = hand("right", "wide grip")
    table = (scene.draw(0.1, 0.22), TABLE + 0.05, scene.draw(0.3, 0.38))
    while True:
        down = reach_right(table, palm=(-1, 0, 0)) | cup
        lips = reach_right((0.1, 0.07, 0.2), palm=(-0.9, 0.1, -0.4), swivel=30, dev=-4) | cup
        sip = reach_right((0.1, 0.1, 0.19), palm=(-0.8, 0.1, -0.6), swivel=48, dev=-16) | cup
        yield [
            Key(down, 0.9, 0.3),
            Key(lips, scene.draw(1.0, 1.3), 0.4),
            Key(sip | head(nod=-12), 0.5, 0.4),
            Key(sip | head(nod=-14), scene.draw(0.6, 1.6), 0.4),
            Key(down, scene.draw(1.0, 1.4), 0.3),
            Key(down, scene.draw(0.4, 1.2), 0.3),
        ]


@action(
    "a person eats with a spoon in the {side} hand{adv}{stance}",
    "a person is eating soup{adv}",
    "spooning food from a bowl to the mouth with the {side} hand{adv}{stance}",
    "a person takes bite after bite from a bowl{adv}{stance}",
    stances=("seated", "seated", "standing"),
    extent=(0.94, 1.04),
    pause=0.25,
)
def eating_spoon(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "pen") | trunk(bend=10) | head(nod=14)
    scene.stance |= reach_left((0.12, TABLE, 0.28), palm=(-0.5, -0.8, 0)) | hand(
        "left", "wide grip"
    )
    while True:
        x, z = scene.draw(0.06, 0.1), scene.draw(0.26, 0.31)
        bowl = reach_right((x, -0.22, z), palm=(-0.6, -0.8, 0), swivel=25)
        scoop = reach_right((x - 0.03, -0.25, z + 0.03), palm=(-0.9, -0.2, 0), swivel=30)
        mouth = reach_right((0.13, 0.07, 0.2), palm=(-0.5, 0.1, -0.9), swivel=35, wrist=14)
        yield [
            Key(bowl, 0.9, 0.5),
            Key(scoop, 0.45, 0.6),
            Key(mouth | head(nod=6), 0.95, 0.4),
            Key(mouth | head(nod=4), 0.35, 0.4),
            Key(bowl, 0.9, 0.5),
        ]


@action(
    "a person cuts food with knife and fork{adv}",
    "a person is eating with knife and fork at a table",
    "cutting a piece of meat with the knife in the {side} hand{adv}",
    "a person saws at food on a plate and eats a bite{adv}",
    stances=("seated",),
    extent=(0.9, 1.06),
    pause=0.15,
)
def eating_knife_fork(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("pen") | trunk(bend=10) | head(nod=18)
    while True:
        fork = reach_left((0.07, -0.22, 0.27), palm=(-0.2, -1, 0), swivel=35)
        cuts = [
            Key(fork | reach_right((0.09, -0.23, z), palm=(-0.3, -1, 0), swivel=35), 0.22, 0.8)
            for z in (0.31, 0.25)
        ]
        knife = reach_right((0.12, -0.23, 0.26), palm=(-0.3, -1, 0), swivel=30)
        mouth = reach_left((0.12, 0.07, 0.2), palm=(-0.6, 0, -0.8), swivel=35, wrist=15)
        yield [
            *(cuts * int(scene.draw(3, 6))),
            Key(knife | mouth | head(nod=6), 1.0, 0.4),
            Key(knife | mouth, 0.35, 0.4),
            Key(knife | fork, 1.0, 0.4),
        ]


@action(
    "a person brushes the teeth with the {side} hand{adv}",
    "a person is brushing their teeth{adv}",
    "moving a toothbrush back and forth in the mouth{adv}",
    "tooth brushing with the {side} hand{adv}",
    extent=(0.6, 1.2),
    pause=0.1,
)
def brushing_teeth(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | head(nod=8) | trunk(bend=5)
    while True:
        x, y, seconds = scene.draw(0.08, 0.14), scene.draw(0.08, 0.12), scene.draw(0.24, 0.42)
        along, up = scene.draw(0.012, 0.03), scene.draw(-0.012, 0.012)
        swivel = scene.draw(35, 60)
        ends = [
            reach_right((x + s * along, y + s * up, 0.19), palm=(-0.3, -0.3, -1), swivel=swivel)
            for s in (1, -1)
        ]
        strokes = [Key(end, seconds / 2, 1.0) for end in ends] * int(scene.draw(5, 14))
        yield [Key(ends[1], 0.45, 0.6), *strokes]


@action(
    "a person combs the hair with the {side} hand{adv}{stance}",
    "a person is brushing their hair{adv}",
    "running a comb through the hair with the {side} hand{adv}{stance}",
    "a person does the hair, stroking from front to back{adv}",
    stances=ANYWHERE,
    extent=(0.85, 1.05),
    pause=0.15,
)
def combing_hair(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip")
    while True:
        out, seconds = scene.draw(0.0, 0.06), scene.draw(0.9, 1.5)
        front = reach_right((0.08 + out, 0.34, 0.15), palm=(-0.5, -0.5, -0.6), swivel=50)
        top = reach_right((0.14 + out, 0.36, 0.06), palm=(-0.8, -0.6, 0), swivel=60)
        back = reach_right((0.2 + out, 0.24, 0.0), palm=(-1, 0, 0.2), swivel=65)
        yield [
            Key(front | head(tilt=2), 0.5 * seconds, 0.5),
            Key(top, 0.25 * seconds, 1.0),
            Key(back | head(tilt=6), 0.25 * seconds, 0.6),
        ]


@action(
    "a person washes the hands{adv}",
    "a person is rubbing the hands together under water{adv}",
    "washing both hands, rubbing palm on palm{adv}",
    "a person soaps and rubs the hands{adv}",
    stances=("standing", "leaning"),
    extent=(0.6, 1.2),
    pause=0.08,
)
def washing_hands(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("flat", 0.7) | head(nod=22) | trunk(bend=10)
    while True:
        seconds, slide = scene.draw(0.4, 0.7), scene.draw(0.02, 0.05)
        tip, y = scene.draw(-0.7, 0.7), scene.draw(-0.3, -0.22)
        strokes = []
        for s in (1, -1):
            above = reach_right((0.1, y + 0.02, 0.27 + s * slide), palm=(-0.8, -tip, 0))
            below = reach_left((0.1, y, 0.27 - s * slide), palm=(-0.8, tip, 0))
            strokes.append(Key(above | below | right(wrist=8 * s), seconds / 2, 0.9))
        yield strokes * int(scene.draw(3, 7))


@action(
    "a person washes the face with both hands{adv}",
    "a person splashes water onto the face{adv}",
    "rubbing the face with both hands{adv}",
    "a person bends over a basin and washes the face{adv}",
    extent=(0.92, 1.04),
    pause=0.15,
)
def washing_face(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= pelvis(tilt=18) | {"left_hip_flexion": 22.0, "right_hip_flexion": 22.0}
    scene.stance |= trunk(bend=28) | head(nod=20)
    while True:
        water = reach_both((0.04, -0.24, 0.28), palm=(-0.2, 1, 0)) | hands("round")
        faces = [
            reach_both((0.09, y, 0.2), palm=(-0.2, 0, -1), swivel=25, wrist=-8) | hands("flat")
            for y in (0.02, 0.12)
        ]
        rubs = [Key(face, 0.28, 0.9) for face in faces] * int(scene.draw(2, 5))
        yield [Key(water, 0.9, 0.4), Key(water, 0.5, 0.3), Key(faces[0], 0.7, 0.5), *rubs]


@action(
    "a person ties the shoelaces{adv}",
    "a person bends down and ties a shoe{adv}",
    "tying laces with both hands, bent over{adv}",
    "a person puts on shoes and knots the laces{adv}",
    stances=("seated",),
    extent=(0.8, 1.1),
    pause=0.15,
)
def tying_shoes(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= pelvis(tilt=28) | {"left_hip_flexion": 112.0, "right_hip_flexion": 112.0}
    scene.stance |= trunk(bend=48) | head(nod=5) | hands("pinch")
    while True:
        y, z = scene.draw(-0.12, -0.04), scene.draw(0.4, 0.45)
        cross = reach_right((0.02, y, z), palm=(-1, 0, 0)) | reach_left(
            (0.02, y, z), palm=(-1, 0, 0)
        )
        pull = reach_both((scene.draw(0.14, 0.22), y + 0.06, z - 0.05), palm=(-0.8, 0, -0.4))
        loop = reach_right((0.08, y + 0.05, z), palm=(-0.6, -0.6, 0), wrist=20)
        yield [Key(cross, 0.5, 0.6), Key(loop, 0.4, 0.8), Key(cross, 0.4, 0.7), Key(pull, 0.5, 0.4)]


@action(
    "a person scratches the head with the {side} hand{adv}{stance}",
    "a person touches the back of the head{stance}",
    "scratching the scalp with the {side} hand{adv}{stance}",
    "a person rubs the head, thinking{stance}",
    stances=ANYWHERE,
    extent=(0.9, 1.05),
    pause=0.3,
)
def scratching_head(scene: Scene) -> Iterator[Repetition]:
    while True:
        y, z = scene.draw(0.24, 0.33), scene.draw(0.0, 0.1)
        spot = reach_right((0.19, y, z), palm=(-1, 0, -0.1), swivel=60) | hand("right", "claw")
        spot |= head(tilt=-6, nod=6)
        scratch = spot | right(wrist=22) | hand("right", "hook")
        yield [Key(spot, 0.8, 0.5), *([Key(scratch, 0.15, 0.9), Key(spot, 0.15, 0.9)] * 4)]


@action(
    "a person looks at the watch on the {other} wrist{stance}",
    "a person checks the time{stance}",
    "raising the {other} forearm to look at a wristwatch{adv}{stance}",
    "a person lifts the {other} wrist, glances at the watch and lowers it{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.92, 1.05),
    pause=0.5,
)
def checking_watch(scene: Scene) -> Iterator[Repetition]:
    while True:
        look = reach_left((0.0, -0.14, 0.28), palm=(0, -0.8, 0.6), swivel=50) | head(
            nod=24, turn=10
        )
        if scene.chance(0.4):
            look |= reach_right((0.02, -0.14, 0.3), palm=(0, -0.8, -0.4)) | hand("right", "pinch")
        yield [
            Key(look, scene.draw(0.7, 1.0), 0.3),
            Key(look, scene.draw(0.6, 1.4), 0.3),
            Key({}, 0.9, 0.3),
            Key({}, scene.draw(0.4, 1.5), 0.3),
        ]


@action(
    "a person zips up a jacket{adv}",
    "a person pulls a zip from the waist to the chin with the {side} hand{adv}",
    "closing a jacket with the {side} hand{adv}{stance}",
    "a person opens and closes a zipper{adv}",
    stances=ANYWHERE,
    extent=(0.9, 1.05),
    pause=0.25,
)
def zipping_jacket(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= reach_left((0.06, -0.36, 0.17), palm=(-0.6, 0, -0.8), swivel=30)
    scene.stance |= hands("pinch") | head(nod=18)
    while True:
        low = reach_right((0.08, -0.34, 0.2), palm=(-0.8, 0, -0.6), swivel=25)
        high = reach_right((0.1, -0.02, 0.2), palm=(-0.6, 0, -0.8), swivel=35) | head(nod=-4)
        yield [
            Key(low, 0.8, 0.4),
            Key(low, 0.4, 0.3),
            Key(high, scene.draw(0.6, 1.1), 0.4),
            Key(high, 0.4, 0.3),
        ]


@action(
    "a person puts on glasses with both hands{adv}{stance}",
    "a person takes off the glasses and puts them on again{stance}",
    "adjusting a pair of glasses on the nose{adv}{stance}",
    "a person lifts glasses to the face{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.94, 1.03),
    pause=0.5,
)
def putting_on_glasses(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("pinch")
    while True:
        front = reach_both((0.1, -0.14, 0.3), palm=(-0.8, -0.2, -0.5))
        face = reach_both((0.13, 0.16, 0.2), palm=(-0.8, 0, -0.5), swivel=35)
        worn = reach_both((0.14, 0.18, 0.14), palm=(-0.9, 0, -0.3), swivel=40)
        yield [
            Key(front | head(nod=16), 0.9, 0.5),
            Key(face, 0.9, 0.6),
            Key(worn, 0.5, 0.3),
            Key(worn, 0.4, 0.3),
            Key({}, 1.0, 0.4),
        ]
