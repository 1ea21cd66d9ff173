"""Housework and the kitchen."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    both,
    hand,
    hands,
    head,
    reach_both,
    reach_left,
    reach_right,
    right,
    stand,
    trunk,
)

CIRCLE = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))
AT_TABLE = ("standing", "seated")
# Height of a table's top under the shoulders, and what a hand needs above it, metres.
TABLE = -0.36


@action(
    "a person wipes a window with the {side} hand{adv}",
    "a person is cleaning a window{adv}",
    "washing a window with the {side} hand, moving a cloth over the glass{adv}",
    "a person rubs the glass in {how} with the {side} hand{adv}",
    slots={"how": ("circles", "long strokes")},
    extent=(0.6, 1.15),
    pause=0.05,
)
def window_wiping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "flat", 0.7)
    wide, high, seconds = scene.draw(0.1, 0.2), scene.draw(0.08, 0.16), scene.draw(0.8, 1.4)
    while True:
        x, y = scene.draw(0.05, 0.3), scene.draw(-0.05, 0.2)
        turn = scene.draw(-8, 8)
        if scene.slots["how"] == "circles":
            corners = [(x + wide * a, y + high * b) for a, b in CIRCLE]
            yield [Key(_at_glass(*corner, turn), seconds / 4, 1.0) for corner in corners]
        else:
            y += scene.draw(-0.1, 0.15)
            yield [
                Key(_at_glass(x + wide, y, turn), seconds / 2, 0.7),
                Key(_at_glass(x - wide, y - 0.04, turn), seconds / 2, 0.7),
            ]


def _at_glass(x: float, y: float, turn: float) -> dict[str, float]:
    point = (x, y, 0.4 - 0.25 * max(x - 0.2, 0.0) - 0.15 * abs(y))
    arm = reach_right(point, palm=(0, 0.2, 1), wrist=-28, swivel=35)
    return arm | trunk(turn=turn) | head(nod=-10 if y > 0.1 else 4)


@action(
    "a person wipes a table with the {side} hand{adv}{stance}",
    "a person is cleaning a table top{adv}",
    "wiping a surface with a cloth in the {side} hand{adv}{stance}",
    "a person rubs a table in circles with the {side} hand{adv}",
    stances=("standing", "leaning", "seated"),
    extent=(0.6, 1.15),
    pause=0.06,
)
def table_wiping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=20) | head(nod=18) | hand("right", "flat", 0.8)
    wide, deep, seconds = scene.draw(0.07, 0.17), scene.draw(0.05, 0.1), scene.draw(0.6, 1.2)
    while True:
        x, z = scene.draw(0.05, 0.25), scene.draw(0.26, 0.34)
        yield [
            Key(
                reach_right((x + wide * a, TABLE, z + deep * b), palm=(0, -1, 0), wrist=-15),
                seconds / 4,
                1.0,
            )
            for a, b in CIRCLE
        ]


@action(
    "a person sweeps the floor with a broom{adv}",
    "a person is sweeping{adv}",
    "sweeping with both hands on a broom{adv}",
    "a person moves a broom from side to side{adv}",
    extent=(0.7, 1.15),
    pause=0.1,
)
def sweeping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | stand(tilt=10, thigh=2, knee=8) | trunk(bend=14) | head(nod=18)
    seconds = scene.draw(0.9, 1.4)
    top = (0.04, scene.draw(-0.12, 0.0), 0.24)
    while True:
        far = trunk(turn=-20) | reach_left(top, palm=(0, -0.6, 1), swivel=35)
        far |= reach_right((0.26, -0.34, 0.3), palm=(-1, 0, -0.2))
        near = trunk(turn=14) | reach_left((0.1, top[1], 0.22), palm=(0, -0.6, 1), swivel=35)
        near |= reach_right((-0.02, -0.36, 0.34), palm=(-1, 0, -0.2))
        yield [Key(far, 0.55 * seconds, 0.6), Key(near, 0.45 * seconds, 0.6)]


@action(
    "a person vacuums the floor with the {side} hand{adv}",
    "a person is vacuum cleaning{adv}",
    "pushing a vacuum cleaner forward and pulling it back{adv}",
    "a person hoovers a carpet, {side} hand on the pipe{adv}",
    extent=(0.7, 1.15),
    pause=0.08,
)
def vacuuming(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | trunk(bend=14) | head(nod=20)
    seconds = scene.draw(1.3, 2.2)
    while True:
        side = scene.draw(0.0, 0.3)
        back = stand(tilt=8, thigh=4, knee=10) | trunk(turn=-16)
        back |= reach_right((0.2, -0.42, 0.06), palm=(-1, -0.2, 0))
        out = stand(tilt=20, thigh=2, knee=12) | trunk(turn=12)
        out |= reach_right((side, -0.28, 0.4), palm=(-1, -0.3, 0))
        yield [Key(out, 0.5 * seconds, 0.7), Key(back, 0.5 * seconds, 0.7)]


@action(
    "a person irons clothes with the {side} hand{adv}",
    "a person is ironing{adv}",
    "moving an iron back and forth with the {side} hand{adv}",
    "a person presses a shirt with an iron{adv}",
    extent=(0.7, 1.15),
    pause=0.15,
)
def ironing(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | trunk(bend=16) | head(nod=22)
    scene.stance |= reach_left((0.22, TABLE, 0.3), palm=(0, -1, 0), wrist=-10)
    while True:
        z, seconds = scene.draw(0.26, 0.36), scene.draw(1.1, 2.0)
        ends = [
            reach_right((x, TABLE + 0.05, z), palm=(-0.35, -1, 0), swivel=30)
            for x in (scene.draw(0.2, 0.34), scene.draw(-0.1, 0.05))
        ]
        yield [Key(end, seconds / 2, 0.7) for end in ends]


@action(
    "a person folds clothes{adv}{stance}",
    "a person is folding laundry with both hands{adv}",
    "folding a shirt on a table{adv}",
    "a person smooths and folds a piece of cloth{adv}{stance}",
    stances=AT_TABLE,
    extent=(0.85, 1.08),
    pause=0.2,
)
def folding_clothes(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=16) | head(nod=20)
    while True:
        wide = scene.draw(0.2, 0.3)
        corners = reach_both((wide, TABLE, 0.34), palm=(0, -1, 0)) | hands("pinch")
        lifted = reach_both((wide - 0.04, TABLE + 0.16, 0.3), palm=(-0.6, -0.8, 0)) | hands("pinch")
        over = reach_both((0.08, TABLE + 0.03, 0.22), palm=(-0.3, -1, 0)) | hands("pinch")
        smooth = reach_both((0.05, TABLE, 0.3), palm=(0, -1, 0), wrist=-12) | hands("flat")
        apart = reach_both((0.22, TABLE, 0.3), palm=(0, -1, 0), wrist=-12) | hands("flat")
        yield [
            Key(corners, 0.8, 0.3),
            Key(lifted, 0.55, 0.9),
            Key(over, 0.65, 0.5),
            Key(smooth, 0.5, 0.5),
            Key(apart, 0.55, 0.5),
        ]


@action(
    "a person hangs up laundry{adv}",
    "a person takes clothes from a basket and pegs them on a line{adv}",
    "hanging clothes on a line overhead with both hands{adv}",
    "a person bends to a basket, then reaches up to the line{adv}",
    extent=(0.92, 1.02),
    pause=0.15,
)
def hanging_laundry(scene: Scene) -> Iterator[Repetition]:
    while True:
        low = stand(tilt=48, thigh=20, knee=36) | trunk(bend=30) | both(flex=78, abd=8, elbow=20)
        up = reach_both((scene.draw(0.12, 0.25), 0.28, 0.34), palm=(0, 0, 1), swivel=30)
        up |= hands("pinch") | head(nod=-18) | stand()
        moved = reach_both((scene.draw(0.05, 0.15), 0.31, 0.34), palm=(0, 0, 1), swivel=30)
        yield [
            Key(low | hands("grip"), 1.2, 0.4),
            Key(up, 1.3, 0.4),
            Key(up | moved | hands("pinch"), 0.6, 0.4),
            Key(up | moved, 0.6, 0.3),
        ]


@action(
    "a person waters plants with the {side} hand{adv}",
    "a person tilts a watering can over flowers{adv}",
    "watering flowers, the can in the {side} hand{adv}",
    "a person moves a watering can from pot to pot{adv}",
    extent=(0.8, 1.1),
    pause=0.15,
)
def watering_plants(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | head(nod=16)
    while True:
        turn = scene.draw(-25, 25)
        spot = (scene.draw(0.08, 0.3), scene.draw(-0.25, 0.0), 0.36)
        held = reach_right(spot, palm=(-1, 0, 0), dev=-8) | trunk(turn=turn)
        poured = held | right(dev=24, abd=30, turn=25)
        yield [
            Key(held, 1.0, 0.4),
            Key(poured, 0.7, 0.4),
            Key(poured, 1.5, 0.3),
            Key(held, 0.6, 0.5),
        ]


@action(
    "a person stirs a pot with the {side} hand{adv}{stance}",
    "a person is stirring with a spoon{adv}",
    "stirring in circles with the {side} hand{adv}{stance}",
    "a person mixes something in a bowl{adv}{stance}",
    stances=AT_TABLE,
    extent=(0.6, 1.2),
    pause=0.08,
)
def stirring(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | head(nod=22) | trunk(bend=8)
    scene.stance |= reach_left((0.1, -0.3, 0.3), palm=(-1, 0, 0)) | hand("left", "wide grip")
    radius, seconds = scene.draw(0.03, 0.07), scene.draw(0.6, 1.2)
    x, y, z = 0.06, scene.draw(-0.28, -0.16), 0.32
    while True:
        yield [
            Key(
                reach_right((x + radius * a, y, z + radius * b), palm=(-0.7, -0.7, 0), swivel=30),
                seconds / 4,
                1.0,
            )
            for a, b in CIRCLE
        ]


@action(
    "a person chops vegetables with the {side} hand{adv}",
    "a person is cutting food on a board with a knife{adv}{stance}",
    "chopping with a knife in the {side} hand{adv}",
    "a person slices something on a cutting board{adv}{stance}",
    stances=("standing", "standing", "seated"),
    extent=(0.6, 1.2),
    pause=0.15,
)
def chopping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=12) | head(nod=26) | hand("right", "grip") | hand("left", "claw")
    rise, seconds = scene.draw(0.03, 0.07), scene.draw(0.32, 0.6)
    while True:
        x = scene.draw(0.04, 0.12)
        other = reach_left((0.1 - x, TABLE + 0.04, 0.3), palm=(0, -1, 0), wrist=15)
        down = reach_right((x + 0.03, TABLE + 0.04, 0.28), palm=(-1, -0.2, 0), dev=12)
        up = reach_right((x + 0.03, TABLE + 0.04 + rise, 0.26), palm=(-1, -0.2, 0), dev=-6)
        cut = [Key(up | other, 0.55 * seconds, 0.8), Key(down | other, 0.45 * seconds, 0.7)]
        yield cut * int(scene.draw(3, 8))


@action(
    "a person kneads dough with both hands{adv}",
    "a person is kneading{adv}",
    "pushing and folding dough on a table{adv}",
    "a person works dough with the heels of the hands{adv}",
    stances=("standing", "leaning"),
    pause=0.1,
)
def kneading(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= head(nod=20)
    seconds = scene.draw(1.0, 1.6)
    while True:
        pull = reach_both((0.1, TABLE + 0.1, 0.2), palm=(-0.4, -1, 0), swivel=30) | hands("claw")
        push = reach_both((0.08, TABLE, 0.36), palm=(0, -0.8, 0.6), wrist=-40) | hands("flat")
        yield [
            Key(pull | stand(tilt=6) | trunk(bend=12), 0.5 * seconds, 0.7),
            Key(push | stand(tilt=14) | trunk(bend=20), 0.5 * seconds, 0.6),
        ]


@action(
    "a person pours a drink with the {side} hand{adv}{stance}",
    "a person pours water from a bottle into a glass{adv}",
    "pouring from a jug held in the {side} hand{adv}{stance}",
    "a person fills a cup{adv}{stance}",
    stances=AT_TABLE,
    extent=(0.9, 1.05),
    pause=0.25,
)
def pouring(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= head(nod=20)
    glass = reach_left((0.06, TABLE + 0.06, 0.36), palm=(-1, 0, 0)) | hand("left", "wide grip")
    while True:
        bottle = reach_right((scene.draw(0.2, 0.32), TABLE + 0.08, 0.34), palm=(-1, 0, 0))
        over = (0.12, scene.draw(-0.22, -0.12), 0.34)
        upright = reach_right(over, palm=(-1, 0, 0), swivel=25) | hand("right", "wide grip") | glass
        tilted = upright | reach_right(over, palm=(-0.2, -1, 0), swivel=55) | right(dev=10)
        yield [
            Key(bottle | hand("right", "wide grip"), 0.9, 0.3),
            Key(upright, 0.9, 0.6),
            Key(tilted, 0.7, 0.4),
            Key(tilted, scene.draw(0.8, 2.0), 0.4),
            Key(upright, 0.6, 0.6),
            Key(bottle | hand("right", "wide grip"), 0.9, 0.4),
        ]


@action(
    "a person opens a jar with the {side} hand{adv}{stance}",
    "a person twists the lid off a jar{adv}",
    "unscrewing a lid with the {side} hand{adv}{stance}",
    "a person turns the cap of a bottle{adv}{stance}",
    stances=AT_TABLE,
    extent=(0.85, 1.08),
    pause=0.15,
)
def opening_jar(scene: Scene) -> Iterator[Repetition]:
    held = reach_left((0.02, -0.24, 0.26), palm=(-1, 0, -0.2)) | hand("left", "wide grip")
    scene.stance |= held | head(nod=22)
    arm = reach_right((0.06, -0.14, 0.27), palm=(0, -1, 0), swivel=45)
    while True:
        seconds = scene.draw(0.5, 0.9)
        yield [
            Key(arm | right(pron=70) | hand("right", "wide grip"), seconds, 0.4),
            Key(
                arm | right(pron=10, turn=arm["right_shoulder_internal_rotation"] - 8), seconds, 0.4
            ),
            Key(arm | right(pron=10) | hand("right", "spread", 0.6), 0.35 * seconds, 0.5),
        ]


@action(
    "a person opens a door with the {side} hand{adv}",
    "a person turns a door handle and pulls the door{adv}",
    "opening and closing a door with the {side} hand{adv}",
    "a person reaches for a door knob and opens the door{adv}",
    extent=(0.9, 1.05),
    pause=0.3,
)
def opening_door(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "wide grip", 0.5)
    while True:
        handle = reach_right((0.16, -0.3, 0.4), palm=(-0.3, -1, 0)) | hand("right", "grip")
        turned = handle | right(pron=handle["right_forearm_pronation"] - 40)
        pulled = reach_right((0.34, -0.3, 0.16), palm=(-0.5, -0.9, 0)) | trunk(turn=-16)
        pulled |= stand(thigh=6, knee=10)
        yield [
            Key(handle, 0.9, 0.3),
            Key(turned | hand("right", "grip"), 0.45, 0.4),
            Key(pulled | hand("right", "grip"), 0.9, 0.4),
            Key(handle, 0.9, 0.4),
            Key(right(flex=4, abd=12, elbow=20), 0.9, 0.4),
        ]


@action(
    "a person turns a key in a lock with the {side} hand{adv}",
    "a person unlocks a door{adv}",
    "turning a key back and forth in the {side} hand{adv}",
    "a person locks up with a key{adv}",
    extent=(0.85, 1.1),
    pause=0.3,
)
def turning_key(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "pinch") | head(nod=15)
    arm = reach_right((0.12, scene.draw(-0.32, -0.2), 0.38), palm=(-1, 0, 0), swivel=25)
    while True:
        seconds = scene.draw(0.5, 0.9)
        yield [
            Key(arm | right(pron=-5), seconds, 0.4),
            Key(arm | right(pron=scene.draw(55, 72)), seconds, 0.4),
            Key(arm | right(pron=scene.draw(-40, -10)), seconds, 0.4),
        ]
