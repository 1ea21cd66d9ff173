"""Phones, books and the desk."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    Pose,
    hand,
    hands,
    head,
    left,
    reach_both,
    reach_left,
    reach_right,
    right,
    trunk,
)

ANYWHERE = ("standing", "seated")
TABLE = -0.34


@action(
    "a person talks on the phone, holding it in the {side} hand{stance}",
    "a person holds a telephone to the ear{stance}",
    "phoning with the {side} hand at the ear{stance}",
    "a person makes a phone call{stance}",
    stances=ANYWHERE,
    extent=(0.95, 1.03),
    pause=0.5,
    holds=True,
)
def phoning(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "wide grip")
    while True:
        ear = reach_right((0.15, 0.14, 0.1), palm=(-1, 0.1, -0.1), swivel=scene.draw(15, 40))
        ear |= head(turn=scene.draw(-20, 20), nod=scene.draw(-4, 12)) | trunk(
            turn=scene.draw(-8, 8)
        )
        if scene.chance(0.35):
            ear |= reach_left((0.2, scene.draw(-0.3, -0.1), 0.28), palm=(-0.4, 0.8, 0))
        yield [Key(ear, scene.draw(1.0, 2.6), 0.3)]


@action(
    "a person types on a smartphone{stance}",
    "a person is texting with both thumbs{stance}",
    "looking down at a phone and tapping on it{stance}",
    "a person scrolls on a mobile phone{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.9, 1.1),
    pause=0.2,
    holds=True,
)
def texting(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= head(nod=30) | trunk(bend=8) | hands("round")
    scene.stance |= reach_both((0.07, scene.draw(-0.24, -0.12), 0.27), palm=(-0.7, 0.5, -0.4))
    while True:
        tap = {
            f"{scene.pick('left', 'right')}_thumb_{part}": scene.draw(10, 60)
            for part in ("opposition", "knuckle_flexion", "end_flexion")
        }
        yield [
            Key(tap | right(dev=scene.draw(-4, 4)), scene.draw(0.16, 0.35), 0.6),
            Key({}, 0.2, 0.6),
        ]


@action(
    "a person reads a book{stance}",
    "a person holds a book and turns the pages with the {side} hand{stance}",
    "reading and leafing through a book{adv}{stance}",
    "a person looks into a book held in both hands{stance}",
    stances=ANYWHERE,
    extent=(0.9, 1.06),
    pause=0.7,
    holds=True,
)
def reading(scene: Scene) -> Iterator[Repetition]:
    hold = reach_both((0.13, scene.draw(-0.28, -0.16), 0.3), palm=(-0.4, 0.7, -0.6))
    scene.stance |= hold | hands("wide grip") | head(nod=24)
    while True:
        y = scene.draw(-0.2, -0.12)
        yield [
            Key(head(nod=26, turn=scene.draw(-8, 8)), scene.draw(1.5, 3.5), 0.3),
            Key(
                reach_right((0.16, y, 0.32), palm=(-0.4, 0.2, -0.8)) | hand("right", "pinch"),
                0.6,
                0.4,
            ),
            Key(reach_right((-0.04, y, 0.3), palm=(-0.4, -0.4, -0.8)), 0.6, 0.6),
            Key({}, 0.7, 0.4),
        ]


@action(
    "a person types on a keyboard{adv}",
    "a person is typing at a desk{adv}",
    "typing with both hands{adv}",
    "a person works at a computer, fingers on the keys{adv}",
    stances=("seated", "seated", "standing"),
    extent=(0.8, 1.15),
    pause=0.12,
)
def typing(scene: Scene) -> Iterator[Repetition]:
    desk = reach_both((scene.draw(0.08, 0.14), -0.3, 0.3), palm=(0, -1, 0), wrist=-14)
    scene.stance |= desk | hands("round") | head(nod=10)
    while True:
        side, finger = scene.pick("left", "right"), scene.pick("index", "middle", "ring", "pinky")
        shift = right if side == "right" else left
        press = {f"{side}_{finger}_knuckle_flexion": 62.0, f"{side}_{finger}_middle_flexion": 42.0}
        press |= shift(dev=scene.draw(-9, 9), wrist=scene.draw(-18, -8))
        base = f"{side}_shoulder_internal_rotation"
        press[base] = desk[base] + scene.draw(-4, 4)
        yield [Key(press, scene.draw(0.1, 0.18), 0.7), Key(shift(wrist=-15), 0.1, 0.7)]


@action(
    "a person writes with a pen in the {side} hand{adv}",
    "a person is writing on paper{adv}",
    "writing line after line with the {side} hand{adv}",
    "a person takes notes at a desk{adv}",
    stances=("seated",),
    extent=(0.7, 1.2),
    pause=0.15,
)
def writing(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "pen") | head(nod=24) | trunk(bend=14)
    scene.stance |= reach_left((0.14, TABLE + 0.04, 0.28), palm=(0, -1, 0)) | hand(
        "left", "flat", 0.6
    )
    z = scene.draw(0.24, 0.3)
    while True:
        line = [
            key
            for place in range(int(scene.draw(8, 16)))
            for key in _letter(scene, 0.012 * place, z)
        ]
        yield [Key(line[0].pose, scene.draw(0.4, 0.7), 0.4), *line]


def _letter(scene: Scene, along: float, z: float) -> list[Key]:
    """Write a letter: a stroke of the wrist and fingers, the hand moving on."""
    arm: Pose = reach_right((0.02 + along, TABLE + 0.04, z), palm=(-0.6, -0.8, 0), wrist=-16)
    return [
        Key(
            arm
            | right(wrist=-16 + scene.draw(-6, 6), dev=scene.draw(-6, 6))
            | {"right_index_middle_flexion": scene.draw(30, 50)},
            scene.draw(0.1, 0.17),
            1.0,
        )
        for _ in range(2)
    ]


@action(
    "a person moves a computer mouse with the {side} hand{adv}",
    "a person clicks and drags with a mouse{adv}",
    "using a computer mouse at a desk, {side} hand{adv}",
    "a person surfs the web with a mouse",
    stances=("seated",),
    extent=(0.7, 1.15),
    pause=0.35,
)
def using_mouse(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("round") | reach_left((0.14, TABLE + 0.03, 0.28), palm=(0, -1, 0))
    while True:
        spot = (scene.draw(0.12, 0.26), TABLE + 0.04, scene.draw(0.26, 0.36))
        there = reach_right(spot, palm=(-0.1, -1, 0), wrist=-16, dev=scene.draw(-8, 10))
        click = there | {"right_index_knuckle_flexion": 62.0}
        yield [Key(there, scene.draw(0.4, 0.9), 0.4), Key(click, 0.14, 0.6), Key(there, 0.14, 0.6)]
