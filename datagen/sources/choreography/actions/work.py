"""Work with tools."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    hand,
    hands,
    head,
    reach_left,
    reach_right,
    right,
    stand,
    trunk,
)


@action(
    "a person hammers a nail with the {side} hand{adv}{stance}",
    "a person is hammering{adv}{stance}",
    "hitting a nail with a hammer in the {side} hand{adv}",
    "a person strikes repeatedly with a hammer{stance}{adv}",
    stances=("standing", "leaning", "kneeling"),
    extent=(0.7, 1.15),
    pause=0.12,
)
def hammering(scene: Scene) -> Iterator[Repetition]:
    height, ahead = scene.draw(-0.36, -0.15), scene.draw(0.3, 0.36)
    scene.stance |= trunk(bend=12) | head(nod=22) | hand("right", "grip") | hand("left", "pinch")
    scene.stance |= reach_left((0.02, height, ahead), palm=(0.6, -0.6, 0.2), swivel=25)
    rise, seconds = scene.draw(0.14, 0.3), scene.draw(0.5, 0.8)
    while True:
        down = reach_right((0.14, height + 0.03, ahead - 0.03), palm=(-1, 0, 0), dev=22, swivel=25)
        up = reach_right((0.18, height + rise, ahead - 0.1), palm=(-1, 0, 0.2), dev=-14, swivel=38)
        yield [
            Key(up, 0.56 * seconds, 0.8),
            Key(down | right(wrist=0), 0.32 * seconds, 0.35),
            Key(down, 0.12 * seconds, 0.35),
        ]


@action(
    "a person saws wood with the {side} hand{adv}",
    "a person is sawing{adv}{stance}",
    "pushing and pulling a saw with the {side} arm{adv}",
    "a person cuts a board with a hand saw{adv}{stance}",
    stances=("standing", "leaning", "kneeling"),
    extent=(0.7, 1.1),
    pause=0.1,
)
def sawing(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | trunk(bend=22) | head(nod=16)
    scene.stance |= reach_left((0.16, -0.34, 0.34), palm=(0, -1, 0)) | hand("left", "flat", 0.6)
    seconds = scene.draw(0.7, 1.2)
    back = reach_right((0.2, -0.24, 0.04), palm=(-1, 0, 0), swivel=12) | trunk(turn=-10)
    out = reach_right((0.14, -0.36, 0.36), palm=(-1, 0, 0), swivel=12) | trunk(turn=6)
    while True:
        yield [Key(out, 0.5 * seconds, 0.8), Key(back, 0.5 * seconds, 0.8)]


@action(
    "a person turns a screw with a screwdriver in the {side} hand{adv}",
    "a person is screwing{adv}{stance}",
    "driving a screw by hand, turning the {side} forearm{adv}{stance}",
    "a person uses a screwdriver{adv}{stance}",
    stances=("standing", "seated", "kneeling"),
    extent=(0.75, 1.1),
    pause=0.12,
)
def screwing(scene: Scene) -> Iterator[Repetition]:
    spot = (scene.draw(0.06, 0.14), scene.draw(-0.3, 0.05), scene.draw(0.3, 0.38))
    arm = reach_right(spot, palm=(-1, 0, 0), swivel=scene.draw(15, 40)) | hand("right", "grip")
    scene.stance |= reach_left((0.04, spot[1], spot[2]), palm=(-1, 0, 0)) | hand("left", "pinch")
    scene.stance |= head(nod=12)
    seconds = scene.draw(0.7, 1.2)
    while True:
        yield [
            Key(arm | right(pron=62), 0.45 * seconds, 0.5),
            Key(arm | right(pron=-58), 0.55 * seconds, 0.5),
        ]


@action(
    "a person drills a hole with the {side} hand{adv}",
    "a person holds a power drill against a wall{adv}",
    "drilling with an electric drill, {side} hand at the trigger{adv}{stance}",
    "a person presses a drill forward and pulls it back{adv}{stance}",
    stances=("standing", "kneeling"),
    extent=(0.8, 1.08),
    pause=0.3,
)
def drilling(scene: Scene) -> Iterator[Repetition]:
    y = scene.draw(-0.2, 0.1)
    scene.stance |= hand("right", "grip") | hand("left", "grip")
    while True:
        x = scene.draw(0.02, 0.16)
        ready, pressed = (
            reach_right((x, y, z), palm=(-1, 0, 0), swivel=28)
            | reach_left((0.04 - x, y - 0.03, z + 0.08), palm=(-0.4, 0.8, 0))
            for z in (0.26, 0.34)
        )
        yield [
            Key(ready, 1.0, 0.3),
            Key(pressed | trunk(bend=8), scene.draw(1.5, 2.5), 0.3),
            Key(pressed | trunk(bend=9), 0.6, 0.3),
            Key(ready, 0.6, 0.4),
        ]


@action(
    "a person paints a wall with the {side} hand{adv}",
    "a person rolls paint onto a wall{adv}",
    "moving a paint roller up and down with the {side} arm{adv}",
    "a person brushes paint on a wall in long strokes{adv}",
    extent=(0.7, 1.1),
    pause=0.12,
)
def painting_wall(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip")
    seconds = scene.draw(1.2, 2.0)
    while True:
        x = scene.draw(0.0, 0.3)
        high = reach_right((x, scene.draw(0.22, 0.36), 0.36), palm=(-0.4, -0.6, 0.8), swivel=35)
        low = reach_right((x, scene.draw(-0.3, -0.12), 0.38), palm=(-0.4, -0.8, 0.4), swivel=25)
        yield [
            Key(high | head(nod=-16), 0.5 * seconds, 0.7),
            Key(low | head(nod=10) | stand(thigh=8, knee=14), 0.5 * seconds, 0.7),
        ]


@action(
    "a person sands a surface with the {side} hand{adv}",
    "a person rubs wood with sandpaper{adv}{stance}",
    "sanding back and forth with the {side} hand{adv}{stance}",
    "a person polishes a board in short strokes{adv}",
    stances=("standing", "leaning", "kneeling"),
    extent=(0.6, 1.15),
    pause=0.08,
)
def sanding(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "flat", 0.7) | trunk(bend=22) | head(nod=14)
    scene.stance |= reach_left((0.18, -0.36, 0.32), palm=(0, -1, 0))
    while True:
        x, reachable, seconds = scene.draw(0.05, 0.2), scene.draw(0.05, 0.1), scene.draw(0.4, 0.8)
        ends = [
            reach_right((x, -0.36, 0.3 + s * reachable), palm=(0, -1, 0), wrist=-14)
            for s in (1, -1)
        ]
        yield [Key(end, seconds / 2, 0.9) for end in ends] * int(scene.draw(2, 6))


@action(
    "a person shovels earth{adv}",
    "a person is digging with a spade{adv}",
    "shovelling, lifting and throwing to the side{adv}",
    "a person digs with both hands on a shovel{adv}",
    pace=(0.8, 1.15),
    extent=(0.85, 1.05),
    pause=0.15,
)
def shovelling(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | stand(tilt=20, thigh=6, knee=16) | trunk(bend=14)
    while True:
        dig = stand(tilt=44, thigh=26, knee=42, apart=10) | trunk(bend=26, turn=-6)
        dig |= reach_left((0.02, -0.28, 0.36), palm=(0, 0.8, 0.4))
        dig |= reach_right((0.14, -0.3, 0.12), palm=(-0.3, -1, 0))
        lift = stand(tilt=16, thigh=8, knee=18, apart=10) | trunk(bend=12, turn=10)
        lift |= reach_left((0.1, -0.22, 0.38), palm=(0, 1, 0.2))
        lift |= reach_right((0.14, -0.28, 0.1), palm=(-0.3, -1, 0))
        throw = stand(tilt=14, thigh=6, knee=14, apart=10) | trunk(bend=10, turn=38)
        throw |= reach_left((0.16, -0.08, 0.4), palm=(-0.4, 0.8, 0.4))
        throw |= reach_right((0.08, -0.2, 0.2), palm=(-0.3, -1, 0))
        yield [Key(dig, 1.0, 0.5), Key(lift, 0.8, 0.8), Key(throw, 0.5, 0.5)]


@action(
    "a person turns a crank with the {side} hand{adv}",
    "a person is cranking a handle in circles{adv}",
    "winding a wheel with the {side} arm{adv}{stance}",
    "a person rotates a hand crank{adv}{stance}",
    stances=("standing", "seated"),
    extent=(0.75, 1.1),
    pause=0.06,
)
def cranking(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip")
    radius, seconds = scene.draw(0.08, 0.14), scene.draw(0.9, 1.5)
    y, z = scene.draw(-0.26, -0.12), 0.3
    circle = ((0, 1), (1, 0), (0, -1), (-1, 0))
    while True:
        yield [
            Key(
                reach_right((0.16, y + radius * a, z + radius * b), palm=(-0.3, -1, 0), swivel=25)
                | trunk(bend=6 + 4 * b),
                seconds / 4,
                1.0,
            )
            for a, b in circle
        ]


@action(
    "a person pulls a rope hand over hand{adv}",
    "a person hauls on a rope with both arms{adv}",
    "pulling a rope in, one hand after the other{adv}",
    "a person tugs at a rope again and again{adv}",
    extent=(0.8, 1.08),
    pause=0.08,
)
def pulling_rope(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | stand(tilt=-6, thigh=12, knee=24, apart=9)
    far, near = (0.02, -0.1, 0.46), (0.1, -0.2, 0.16)
    seconds = scene.draw(0.7, 1.1)
    while True:
        yield [
            Key(
                reach_right(a, palm=(-1, 0, 0)) | reach_left(b, palm=(-1, 0, 0)) | trunk(turn=turn),
                seconds,
                0.6,
            )
            for a, b, turn in ((near, far, -14), (far, near, 14))
        ]


@action(
    "a person steers a car{adv}",
    "a person turns a steering wheel with both hands{adv}",
    "driving, both hands on the wheel",
    "a person holds the steering wheel and takes a bend{adv}",
    stances=("seated",),
    extent=(0.7, 1.1),
    pause=0.3,
    holds=True,
)
def steering(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | trunk(bend=-4)
    while True:
        way = scene.draw(-1, 1)
        wheel = reach_right((0.17, -0.1 - 0.13 * way, 0.34), palm=(-0.8, 0, 0.6))
        wheel |= reach_left((0.17, -0.1 + 0.13 * way, 0.34), palm=(-0.8, 0, 0.6))
        yield [Key(wheel | head(turn=-12 * way), scene.draw(0.7, 1.6), 0.5)]
