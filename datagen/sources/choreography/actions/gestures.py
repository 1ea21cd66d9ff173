"""Gestures of everyday talk."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    both,
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

ANYWHERE = ("standing", "standing", "seated")


@action(
    "a person waves with the {side} hand{adv}{stance}",
    "a person waves goodbye{adv}{stance}",
    "waving the {side} hand from side to side{adv}",
    "a person greets someone by waving{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.7, 1.15),
    pause=0.15,
)
def waving(scene: Scene) -> Iterator[Repetition]:
    high = scene.draw(0.05, 0.4)
    raised = reach_right((0.28, high, 0.24), palm=(0, 0, 1), swivel=scene.draw(15, 35))
    scene.stance |= hand("right", "flat", 0.5)
    seconds, wrist = scene.draw(0.5, 0.9), scene.draw(0, 14)
    base = raised["right_shoulder_internal_rotation"]
    while True:
        yield [
            Key(
                raised | right(turn=base + s * 17, dev=5 + s * wrist) | hand("right", "spread"),
                seconds / 2,
                0.9,
            )
            for s in (1, -1)
        ]


@action(
    "a person claps the hands{adv}{stance}",
    "a person applauds{adv}{stance}",
    "clapping with both hands{adv}",
    "a person claps along to music{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.7, 1.15),
    pause=0.06,
)
def clapping(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("flat")
    y, gap, seconds = scene.draw(-0.22, -0.02), scene.draw(0.08, 0.18), scene.draw(0.36, 0.6)
    apart = reach_both((0.06 + gap, y, 0.27), palm=(-1, 0.1, 0))
    joined = reach_both((0.05, y + 0.02, 0.29), palm=(-1, 0.1, 0))
    while True:
        yield [Key(joined, 0.45 * seconds, 0.6), Key(apart, 0.55 * seconds, 0.9)]


@action(
    "a person points {where} with the {side} hand{adv}{stance}",
    "a person shows the way, pointing {where}{stance}",
    "pointing {where} with the {side} index finger{adv}",
    "a person stretches out the {side} arm and points {where}{adv}",
    stances=ANYWHERE,
    slots={"where": ("forward", "up", "to the side", "down")},
    extent=(0.9, 1.04),
    pause=0.4,
)
def pointing(scene: Scene) -> Iterator[Repetition]:
    spots = {
        "forward": (0.12, 0.0, 0.5),
        "up": (0.22, 0.36, 0.34),
        "to the side": (0.6, 0.0, 0.16),
        "down": (0.18, -0.34, 0.38),
    }
    scene.stance |= hand("right", "point", 0.3)
    while True:
        x, y, z = spots[scene.slots["where"]]
        spot = (x + scene.draw(-0.05, 0.05), y + scene.draw(-0.05, 0.05), z)
        shown = reach_right(spot, palm=(-0.4, -0.9, 0)) | hand("right", "point")
        shown |= head(turn=-25 if x > 0.4 else scene.draw(-8, 8))
        yield [
            Key(shown, scene.draw(0.6, 0.9), 0.3),
            Key(shown, scene.draw(0.4, 1.4), 0.3),
            Key(reach_right((0.22, -0.3, 0.26), palm=(-1, 0, 0)), 0.8, 0.4),
        ]


@action(
    "a person beckons with the {side} hand{adv}{stance}",
    "a person waves someone closer with the {side} hand{adv}",
    "a come-here gesture with the {side} arm{adv}{stance}",
    "a person calls someone over with the hand{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.75, 1.1),
    pause=0.2,
)
def beckoning(scene: Scene) -> Iterator[Repetition]:
    y, seconds = scene.draw(-0.15, 0.1), scene.draw(0.6, 0.9)
    scene.stance |= hand("right", "flat", 0.6)
    while True:
        out = reach_right((0.2, y, 0.4), palm=(-0.2, 0.9, 0.3), wrist=-15)
        near = reach_right((0.17, y + 0.08, 0.26), palm=(-0.2, 0.6, -0.8), wrist=35)
        yield [Key(out, 0.5 * seconds, 0.6), Key(near | hand("right", "round"), 0.5 * seconds, 0.6)]


@action(
    "a person gives a thumbs up with the {side} hand{adv}{stance}",
    "a person raises the {side} thumb in approval{stance}",
    "a thumbs-up gesture{adv}{stance}",
    "a person shows that all is well with the thumb up{stance}",
    stances=ANYWHERE,
    extent=(0.92, 1.05),
    pause=0.4,
)
def thumbs_up(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "thumb up", 0.2)
    while True:
        y = scene.draw(-0.14, 0.02)
        shown = reach_right((0.16, y, 0.36), palm=(-1, 0, 0)) | hand("right", "thumb up")
        dip = shown | right(dev=-10)
        yield [
            Key(shown, scene.draw(0.6, 0.9), 0.3),
            Key(dip, 0.25, 0.7),
            Key(shown, 0.25, 0.5),
            Key(shown, scene.draw(0.4, 1.2), 0.3),
            Key(right(flex=4, abd=12, elbow=25), 0.8, 0.4),
        ]


@action(
    "a person makes a stop sign with the {side} hand{adv}{stance}",
    "a person holds up the {side} palm to say stop{stance}",
    "showing the flat {side} palm to the front{adv}{stance}",
    "a person signals someone to halt{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.92, 1.04),
    pause=0.4,
)
def stop_gesture(scene: Scene) -> Iterator[Repetition]:
    while True:
        spot = (scene.draw(0.08, 0.2), scene.draw(-0.04, 0.12), 0.44)
        shown = reach_right(spot, palm=(0, 0, 1), wrist=-55) | hand("right", "flat")
        yield [
            Key(shown, scene.draw(0.6, 0.85), 0.2),
            Key(shown, scene.draw(0.6, 1.6), 0.3),
            Key(right(flex=6, abd=12, elbow=30), 0.9, 0.4),
        ]


@action(
    "a person salutes with the {side} hand{adv}",
    "a person raises the {side} hand to the forehead in salute{adv}",
    "a military salute{adv}",
    "a person brings the flat hand to the temple and lowers it{adv}",
    extent=(0.95, 1.03),
    pause=0.4,
)
def saluting(scene: Scene) -> Iterator[Repetition]:
    while True:
        brow = reach_right((0.2, 0.19, 0.12), palm=(-0.4, -0.8, -0.3), swivel=60)
        brow |= hand("right", "flat")
        yield [
            Key(brow, scene.draw(0.6, 0.9), 0.2),
            Key(brow, scene.draw(0.6, 1.6), 0.2),
            Key(right(flex=2, abd=10, elbow=10), scene.draw(0.6, 0.9), 0.3),
            Key({}, scene.draw(0.5, 1.2), 0.3),
        ]


@action(
    "a person shakes hands with the {side} hand{adv}",
    "a person greets someone with a handshake{adv}",
    "shaking someone's hand{adv}{stance}",
    "a person offers the {side} hand and shakes it up and down{adv}",
    stances=ANYWHERE,
    extent=(0.75, 1.1),
    pause=0.35,
)
def handshake(scene: Scene) -> Iterator[Repetition]:
    while True:
        hold = hand("right", "grip", 0.8)
        spot = (scene.draw(0.06, 0.14), -0.24, 0.4)
        given = reach_right(spot, palm=(-1, 0, 0)) | hand("right", "flat")
        ends = [
            reach_right((spot[0], spot[1] + s, spot[2]), palm=(-1, 0, 0)) | hold
            for s in (0.035, -0.035)
        ]
        shakes = [Key(end, 0.17, 0.9) for end in ends] * int(scene.draw(2, 6))
        yield [
            Key(given | trunk(bend=8), 0.8, 0.4),
            Key(given | hold, 0.25, 0.4),
            *shakes,
            Key(right(flex=4, abd=12, elbow=22), 0.9, 0.4),
            Key({}, scene.draw(0.3, 1.2), 0.3),
        ]


@action(
    "a person counts on the fingers of the {side} hand{adv}{stance}",
    "a person shows numbers with the fingers of the {side} hand{adv}{stance}",
    "counting from one to five with the {side} hand{adv}",
    "a person raises one finger after the other{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.95, 1.05),
    pause=0.15,
)
def finger_counting(scene: Scene) -> Iterator[Repetition]:
    spot = (scene.draw(0.14, 0.22), scene.draw(-0.06, 0.1), scene.draw(0.26, 0.34))
    shown = reach_right(spot, palm=(0, 0.1, 1), swivel=15)
    scene.stance |= hand("right", "fist", 0.4)
    shapes = ("fist", "point", "two fingers", "three fingers", "four fingers", "spread")
    while True:
        beat = scene.draw(0.45, 0.9)
        yield [
            Key(shown | right(wrist=6 * (i % 2)) | hand("right", shape), beat, 0.3)
            for i, shape in enumerate(shapes)
        ]


@action(
    "a person shrugs with open hands{adv}{stance}",
    "a person shrugs, not knowing the answer{stance}",
    "raising the shoulders and turning the palms up{adv}{stance}",
    "a person lifts both hands in doubt{stance}",
    stances=ANYWHERE,
    extent=(0.85, 1.08),
    pause=0.4,
)
def doubting(scene: Scene) -> Iterator[Repetition]:
    while True:
        open_hands = both(flex=8, abd=26, turn=-22, elbow=scene.draw(78, 96), pron=-70, shrug=24)
        open_hands |= hands("flat", 0.7) | head(tilt=scene.draw(-12, 12))
        yield [
            Key(open_hands, scene.draw(0.5, 0.8), 0.3),
            Key(open_hands, scene.draw(0.4, 1.0), 0.3),
            Key(both(flex=4, abd=12, turn=5, elbow=20, pron=10, shrug=0), 0.9, 0.4),
            Key({}, scene.draw(0.5, 1.5), 0.3),
        ]


@action(
    "a person snaps the fingers of the {side} hand{adv}{stance}",
    "a person snaps to the beat with the {side} hand{adv}{stance}",
    "finger snapping{adv}{stance}",
    "a person clicks the fingers again and again{adv}",
    stances=ANYWHERE,
    extent=(0.8, 1.12),
    pause=0.12,
)
def finger_snapping(scene: Scene) -> Iterator[Repetition]:
    spot = (0.2, scene.draw(-0.15, 0.08), 0.3)
    arm = reach_right(spot, palm=(-0.4, -0.2, 0.7))
    beat = scene.draw(0.45, 0.8)
    while True:
        yield [
            Key(arm | hand("right", "pinch") | right(wrist=-8, dev=-8), 0.6 * beat, 0.6),
            Key(arm | hand("right", "fist") | right(wrist=14, dev=10), 0.4 * beat, 0.5),
        ]


@action(
    "a person rubs the hands together{adv}{stance}",
    "a person warms the hands by rubbing them{adv}{stance}",
    "rubbing palm against palm{adv}",
    "a person feels cold and rubs both hands{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.6, 1.2),
    pause=0.1,
)
def rubbing_hands(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("flat")
    y, slide, seconds = scene.draw(-0.22, -0.08), scene.draw(0.025, 0.05), scene.draw(0.36, 0.6)
    while True:
        yield [
            Key(
                reach_right((0.05, y, 0.26 + s * slide), palm=(-1, -0.2, 0))
                | reach_left((0.05, y, 0.26 - s * slide), palm=(-1, 0.2, 0)),
                seconds / 2,
                1.0,
            )
            for s in (1, -1)
        ]


@action(
    "a person conducts an orchestra{adv}",
    "a person beats time with both arms{adv}",
    "conducting with both hands{adv}{stance}",
    "a person moves the arms like a conductor{adv}",
    stances=("standing", "standing", "seated"),
    extent=(0.65, 1.15),
    pause=0.06,
)
def conducting(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "pen") | hand("left", "flat", 0.5)
    beat = scene.draw(0.5, 0.8)
    # Down, in, out, up: a bar of four.
    points = ((0.16, -0.2), (0.06, -0.12), (0.34, -0.12), (0.2, 0.12))
    while True:
        yield [
            Key(
                reach_right((x, y, 0.34), palm=(0, -1, 0.2), wrist=12 if i == 0 else -8)
                | reach_left((x, y, 0.34), palm=(-0.3, -0.8, 0.2)),
                beat,
                0.8,
            )
            for i, (x, y) in enumerate(points)
        ]


@action(
    "a person directs traffic with both arms{adv}",
    "a person gives arm signals like a police officer{adv}",
    "waving traffic through with the {side} arm, the other one stretched out{adv}",
    "a person stops and waves on cars with the arms{adv}",
    extent=(0.85, 1.06),
    pause=0.2,
)
def directing_traffic(scene: Scene) -> Iterator[Repetition]:
    while True:
        turn = scene.draw(-20, 20)
        halt = reach_left((0.55, 0.02, 0.2), palm=(0, 0, 1), wrist=-40) | hand("left", "flat")
        halt |= trunk(turn=turn) | pelvis(turn=0.6 * turn) | hand("right", "flat")
        out = reach_right((0.5, 0.0, 0.2), palm=(0, 0.3, 1))
        over = right(flex=55, abd=30, turn=40, elbow=112, pron=20)
        sweep = [Key(halt | out, 0.7, 0.6), Key(halt | over, 0.7, 0.6)]
        yield [Key(halt | out, 1.0, 0.4), *(sweep * int(scene.draw(1, 4))), Key(both(), 1.0, 0.4)]


@action(
    "a person talks and gesticulates with both hands{stance}",
    "a person explains something, moving the hands{stance}",
    "lively talking with hand movements{adv}{stance}",
    "a person gestures while speaking{adv}{stance}",
    stances=ANYWHERE,
    extent=(0.7, 1.15),
    pause=0.25,
)
def gesticulating(scene: Scene) -> Iterator[Repetition]:
    while True:
        keys = []
        for _ in range(int(scene.draw(2, 5))):
            x, y, z = scene.draw(0.06, 0.3), scene.draw(-0.28, 0.0), scene.draw(0.22, 0.36)
            palm = (scene.draw(-1, 0), scene.draw(-0.8, 1), scene.draw(-0.3, 0.6))
            arm = reach_right((x, y, z), palm=palm) | hand(
                "right", scene.pick("flat", "spread", "pinch"), 0.6
            )
            if scene.chance(0.6):
                arm |= reach_left((x, y + scene.draw(-0.08, 0.08), z), palm=palm) | hand(
                    "left", "flat", 0.6
                )
            keys.append(Key(arm | head(turn=scene.draw(-15, 15)), scene.draw(0.4, 0.9), 0.6))
        yield keys
