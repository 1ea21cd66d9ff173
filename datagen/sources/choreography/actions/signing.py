"""Movements like those of signing: hand shapes brought to places and moved there.

They are built from the parts that signs are built from (hand shape, place, palm, movement) and are
not signs of any language; their sentences describe the form alone.
"""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    HAND_SHAPES,
    Point,
    hand,
    hands,
    head,
    reach_both,
    reach_left,
    reach_right,
    right,
)

ANYWHERE = ("standing", "standing", "seated")
SHAPES = {
    "a flat hand": "flat",
    "a fist": "fist",
    "a pointing finger": "point",
    "pinched fingers": "pinch",
    "a spread hand": "spread",
    "a clawed hand": "claw",
    "two raised fingers": "two fingers",
    "a curved hand": "round",
}
# Where the wrist goes, and where the palm faces, while the hand is at the place.
PLACES: dict[str, tuple[Point, Point]] = {
    "chin": ((0.1, 0.02, 0.2), (-0.3, 0, -1)),
    "forehead": ((0.15, 0.2, 0.16), (-0.6, 0, -0.8)),
    "chest": ((0.1, -0.14, 0.18), (-0.2, 0, -1)),
    "shoulder": ((0.06, -0.06, 0.2), (-0.2, 0, -1)),
    "space in front": ((0.16, -0.1, 0.34), (-0.3, -0.2, 0.9)),
    "side of the head": ((0.2, 0.16, 0.1), (-1, 0, -0.2)),
}


@action(
    "a person signs with the {side} hand, {shape} at the {place}{adv}",
    "a person brings {shape} to the {place} and moves in {move}{adv}",
    "one-handed signing, {shape}, {place}, {move}{adv}",
    "a person makes a sign-like gesture: {shape} at the {place}, {move}{stance}",
    stances=ANYWHERE,
    slots={
        "shape": tuple(SHAPES),
        "place": tuple(PLACES),
        "move": ("taps", "circles", "arcs", "twists", "short strokes"),
    },
    extent=(0.85, 1.1),
    pause=0.3,
)
def signing_one_handed(scene: Scene) -> Iterator[Repetition]:
    shape = hand("right", SHAPES[scene.slots["shape"]])
    (x, y, z), palm = PLACES[scene.slots["place"]]
    size, beat = scene.draw(0.03, 0.07), scene.draw(0.28, 0.45)
    moves: dict[str, tuple[Point, ...]] = {
        "taps": ((0, 0, 1.2), (0, 0, 0)),
        "circles": ((1, 0, 0.5), (0, 1, 0.5), (-1, 0, 0.5), (0, -1, 0.5)),
        "arcs": ((0, 0, 0), (0.8, -0.4, 2.5), (0, -1.5, 2)),
        "twists": ((0, 0, 0.5), (0, 0, 0.6)),
        "short strokes": ((0, 1, 0.4), (0, -1, 0.4)),
    }
    while True:
        keys = []
        for times in range(int(scene.draw(2, 4))):
            for count, (a, b, c) in enumerate(moves[scene.slots["move"]]):
                spot = (x + size * a, y + size * b, z + size * c)
                arm = reach_right(spot, palm=palm, swivel=25)
                if scene.slots["move"] == "twists":
                    arm |= right(pron=60 * count - 15)
                keys.append(Key(arm | shape, beat if times or count else 0.7, 0.6))
        yield [*keys, Key(reach_right((0.16, -0.26, 0.24), palm=(-1, 0, 0)), 0.7, 0.4)]


@action(
    "a person signs with both hands, {shape} on each, moving {move}{adv}",
    "two-handed signing with {shape}, {move}{adv}",
    "a person makes a sign-like gesture with both hands {move}{adv}{stance}",
    "both hands form {shape} and move {move}{stance}",
    stances=ANYWHERE,
    slots={
        "shape": tuple(SHAPES),
        "move": ("apart", "together", "up and down in turn", "around each other", "outwards"),
    },
    extent=(0.85, 1.1),
    pause=0.3,
)
def signing_two_handed(scene: Scene) -> Iterator[Repetition]:
    shapes = hands(SHAPES[scene.slots["shape"]])
    y, z, beat = scene.draw(-0.2, -0.02), scene.draw(0.26, 0.34), scene.draw(0.35, 0.55)
    rest = reach_both((0.14, -0.26, 0.24), palm=(-0.8, -0.4, 0))
    # Right hand and left hand, each (outwards, up, forward) from the middle.
    paths: dict[str, tuple[tuple[Point, Point], ...]] = {
        "apart": (((0.06, 0, 0), (0.06, 0, 0)), ((0.26, 0, 0), (0.26, 0, 0))),
        "together": (((0.26, 0.03, 0), (0.26, 0.03, 0)), ((0.07, 0, 0), (0.07, 0, 0))),
        "up and down in turn": (
            ((0.14, 0.08, 0), (0.14, -0.08, 0)),
            ((0.14, -0.08, 0), (0.14, 0.08, 0)),
        ),
        "around each other": (
            ((0.05, 0.07, 0), (0.05, -0.07, 0)),
            ((0.05, 0, 0.07), (0.05, 0, -0.05)),
            ((0.05, -0.07, 0), (0.05, 0.07, 0)),
            ((0.05, 0, -0.05), (0.05, 0, 0.07)),
        ),
        "outwards": (
            ((0.07, 0, -0.05), (0.07, 0, -0.05)),
            ((0.22, 0.03, 0.08), (0.22, 0.03, 0.08)),
        ),
    }
    palm = (scene.draw(-1, -0.2), scene.draw(-0.6, 0.6), scene.draw(-0.6, 0.6))
    while True:
        keys = []
        for times in range(int(scene.draw(2, 4))):
            for count, (one, two) in enumerate(paths[scene.slots["move"]]):
                arm = reach_right((one[0], y + one[1], z + one[2]), palm=palm)
                arm |= reach_left((two[0], y + two[1], z + two[2]), palm=palm)
                keys.append(Key(arm | shapes, beat if times or count else 0.8, 0.6))
        yield [*keys, Key(rest, 0.8, 0.4)]


@action(
    "a person forms one hand shape after the other with the {side} hand{adv}{stance}",
    "a person finger-spells with the {side} hand{adv}{stance}",
    "quick changes of hand shape beside the {side} shoulder{adv}",
    "a person shows letters with the fingers of the {side} hand{adv}",
    stances=ANYWHERE,
    extent=(0.9, 1.08),
    pause=0.2,
)
def finger_spelling(scene: Scene) -> Iterator[Repetition]:
    spot = (scene.draw(0.2, 0.28), scene.draw(-0.06, 0.06), scene.draw(0.22, 0.3))
    shown = reach_right(spot, palm=(-0.1, 0, 1), swivel=12)
    names = sorted(HAND_SHAPES)
    while True:
        keys = []
        for _ in range(int(scene.draw(4, 9))):
            shape = hand("right", scene.pick(*names))
            tilt = right(wrist=scene.draw(-12, 18), dev=scene.draw(-8, 8))
            turn = right(pron=shown["right_forearm_pronation"] - scene.draw(-4, 30))
            keys.append(Key(shown | shape | tilt | turn, scene.draw(0.25, 0.45), 0.3))
        yield keys


@action(
    "a person moves the flat {side} hand from the chin forward{adv}{stance}",
    "a person touches the chin with the fingertips and lowers the hand forward{adv}",
    "a thanking gesture, {side} hand from the chin outwards{adv}{stance}",
    "a person gestures from the mouth towards someone with the flat hand{stance}",
    stances=ANYWHERE,
    extent=(0.9, 1.05),
    pause=0.4,
)
def hand_from_chin(scene: Scene) -> Iterator[Repetition]:
    while True:
        chin = reach_right((0.1, 0.0, 0.22), palm=(-0.3, 0.1, -1), swivel=22)
        out = reach_right((0.12, -0.12, 0.38), palm=(-0.2, 0.9, -0.3), swivel=15)
        yield [
            Key(chin | hand("right", "flat"), scene.draw(0.6, 0.9), 0.3),
            Key(out | hand("right", "flat") | head(nod=8), scene.draw(0.45, 0.7), 0.4),
            Key(out | hand("right", "flat"), 0.35, 0.3),
            Key({}, 0.9, 0.4),
        ]


@action(
    "a person rubs the chest in circles with the {side} hand{adv}{stance}",
    "a person makes a pleading gesture, circling the {shape} on the chest{adv}",
    "circling the {side} {shape} over the chest{adv}{stance}",
    "a person moves the {side} {shape} round and round on the breast{adv}",
    stances=ANYWHERE,
    slots={"shape": ("flat hand", "fist")},
    extent=(0.7, 1.15),
    pause=0.3,
)
def circling_chest(scene: Scene) -> Iterator[Repetition]:
    shape = hand("right", SHAPES[f"a {scene.slots['shape']}"])
    radius = scene.draw(0.03, 0.06)
    seconds = scene.draw(0.7, 1.1)
    while True:
        circle = [
            Key(
                reach_right((0.1 + radius * a, -0.13 + radius * b, 0.18), palm=(-0.2, 0, -1))
                | shape,
                seconds / 4,
                1.0,
            )
            for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1))
        ]
        yield circle * int(scene.draw(2, 4))


@action(
    "a person nods the {side} fist up and down{adv}{stance}",
    "a person makes a fist and bends the wrist like a nodding head{adv}",
    "knocking in the air with the {side} fist{adv}{stance}",
    "a yes-like gesture, the {side} fist nods{adv}",
    stances=ANYWHERE,
    extent=(0.75, 1.1),
    pause=0.3,
)
def nodding_fist(scene: Scene) -> Iterator[Repetition]:
    spot = (0.2, scene.draw(-0.12, 0.04), 0.3)
    arm = reach_right(spot, palm=(-0.2, -0.3, 0.9)) | hand("right", "fist")
    beat = scene.draw(0.24, 0.4)
    while True:
        yield [Key(arm | right(wrist=w), beat, 0.8) for w in (38, -12)] * int(scene.draw(2, 5))


@action(
    "a person taps the two fists on each other{adv}{stance}",
    "a person knocks one fist on top of the other{adv}",
    "beating the {side} fist onto the {other} one{adv}{stance}",
    "a work-like gesture: the wrists tap together{adv}",
    stances=ANYWHERE,
    extent=(0.75, 1.12),
    pause=0.3,
)
def tapping_fists(scene: Scene) -> Iterator[Repetition]:
    y, beat, rise = scene.draw(-0.24, -0.1), scene.draw(0.22, 0.36), scene.draw(0.06, 0.12)
    scene.stance |= hands("fist", 0.5)
    below = reach_left((0.03, y, 0.28), palm=(-0.4, -0.9, 0)) | hands("fist")
    while True:
        ends = [
            reach_right((0.04, y + 0.05 + s, 0.28), palm=(-0.4, -0.9, 0), swivel=28) | below
            for s in (rise, 0.0)
        ]
        yield [Key(end, beat, 0.7) for end in ends] * int(scene.draw(2, 5))


@action(
    "a person flicks the {side} index finger from side to side{adv}{stance}",
    "a person says no by wagging a finger{adv}{stance}",
    "wagging the {side} forefinger{adv}",
    "a person shakes the raised {side} index finger{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.7, 1.12),
    pause=0.2,
)
def wagging_finger(scene: Scene) -> Iterator[Repetition]:
    spot = (scene.draw(0.16, 0.22), scene.draw(-0.08, 0.08), 0.3)
    arm = reach_right(spot, palm=(0, 0.1, 1)) | hand("right", "point")
    base, beat = arm["right_shoulder_internal_rotation"], scene.draw(0.22, 0.38)
    while True:
        yield [
            Key(arm | right(turn=base + s * 7, dev=4 + s * 14), beat, 0.9) for s in (1, -1)
        ] * int(scene.draw(2, 6))


@action(
    "a person draws a {figure} in the air with the {side} index finger{adv}{stance}",
    "a person traces a {figure} with the {side} finger{adv}",
    "air drawing of a {figure} with the {side} hand{adv}",
    "a person moves the {side} pointing finger along a {figure}{adv}{stance}",
    stances=ANYWHERE,
    slots={"figure": ("circle", "triangle", "square", "zigzag", "figure of eight")},
    extent=(0.7, 1.15),
    pause=0.15,
)
def air_drawing(scene: Scene) -> Iterator[Repetition]:
    figures: dict[str, tuple[tuple[float, float], ...]] = {
        "circle": (
            (1, 0),
            (0.7, 0.7),
            (0, 1),
            (-0.7, 0.7),
            (-1, 0),
            (-0.7, -0.7),
            (0, -1),
            (0.7, -0.7),
        ),
        "triangle": ((0, 1), (1, -0.8), (-1, -0.8)),
        "square": ((-1, 1), (1, 1), (1, -1), (-1, -1)),
        "zigzag": ((-1, 1), (1, 0.5), (-1, 0), (1, -0.5), (-1, -1)),
        "figure of eight": (
            (0, 0),
            (0.7, 0.6),
            (0, 1),
            (-0.7, 0.6),
            (0, 0),
            (0.7, -0.6),
            (0, -1),
            (-0.7, -0.6),
        ),
    }
    points = figures[scene.slots["figure"]]
    size, whole = scene.draw(0.1, 0.18), scene.draw(1.6, 2.6)
    flow = 1.0 if len(points) == 8 else 0.25
    while True:
        yield [
            Key(
                reach_right((0.16 + size * a, 0.02 + size * b, 0.38), palm=(0, -0.6, 0.6), wrist=-5)
                | hand("right", "point"),
                whole / len(points),
                flow,
            )
            for a, b in points
        ]
