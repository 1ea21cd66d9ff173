"""Playing instruments."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    hand,
    hands,
    head,
    reach_both,
    reach_left,
    reach_right,
    right,
    trunk,
)


@action(
    "a person plays the piano{adv}",
    "a person is playing on a keyboard with both hands{adv}",
    "piano playing, hands wandering over the keys{adv}",
    "a person plays chords on a piano{adv}",
    stances=("seated",),
    extent=(0.8, 1.12),
    pause=0.08,
)
def playing_piano(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("round")
    beat = scene.draw(0.3, 0.55)
    while True:
        x, u = scene.draw(0.04, 0.34), scene.draw(0.04, 0.34)
        place = reach_right((x, -0.28, 0.32), palm=(0, -1, 0), wrist=-10)
        place |= reach_left((u, -0.28, 0.32), palm=(0, -1, 0), wrist=-10)
        keys = [Key(place, scene.draw(0.35, 0.6), 0.5)]
        for _ in range(int(scene.draw(2, 6))):
            side = scene.pick("left", "right")
            struck = place | hand(side, scene.pick("claw", "hook", "round")) | right(wrist=4)
            keys += [Key(struck, 0.45 * beat, 0.6), Key(place, 0.55 * beat, 0.6)]
        yield keys


@action(
    "a person plays the drums{adv}",
    "a person beats a drum with two sticks{adv}",
    "drumming with both hands in turn{adv}{stance}",
    "a person hits drums left and right{adv}{stance}",
    stances=("seated", "standing"),
    extent=(0.7, 1.12),
    pause=0.06,
)
def drumming(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip") | reach_both((0.16, -0.24, 0.3), palm=(-0.2, -1, 0))
    beat, rise = scene.draw(0.24, 0.4), scene.draw(0.06, 0.16)
    while True:
        x = scene.draw(0.08, 0.26)
        poses = [
            reach_right((x, -0.26 + rise * a, 0.3), palm=(-0.2, -1, 0), wrist=14 - 34 * a)
            | reach_left((x, -0.26 + rise * b, 0.3), palm=(-0.2, -1, 0), wrist=14 - 34 * b)
            for a, b in ((1, 0), (0, 1))
        ]
        yield [Key(pose, beat, 0.7) for pose in poses] * int(scene.draw(1, 5))


@action(
    "a person plays the guitar{adv}{stance}",
    "a person strums a guitar with the {side} hand{adv}",
    "guitar playing, the {side} hand strums, the {other} one holds chords{adv}{stance}",
    "a person strums the strings{adv}{stance}",
    stances=("seated", "standing"),
    extent=(0.7, 1.12),
    pause=0.06,
)
def playing_guitar(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "pinch") | head(nod=14, turn=12)
    beat = scene.draw(0.4, 0.75)
    while True:
        fret = scene.draw(0.26, 0.4)
        chord = reach_left((fret, -0.12, 0.3), palm=(-0.2, 0.5, -0.9), wrist=25)
        chord |= hand("left", scene.pick("claw", "round", "hook"))
        down = reach_right((0.08, -0.3, 0.2), palm=(0, -0.3, -1), swivel=45, wrist=12) | chord
        up = reach_right((0.08, -0.21, 0.21), palm=(0, -0.3, -1), swivel=45, wrist=-10) | chord
        yield [Key(down, 0.5 * beat, 0.8), Key(up, 0.5 * beat, 0.8)] * int(scene.draw(2, 5))


@action(
    "a person plays the violin{adv}{stance}",
    "a person bows a violin with the {side} hand{adv}",
    "violin playing with long strokes of the bow{adv}{stance}",
    "a person moves a bow across the strings with the {side} arm{adv}",
    stances=("standing", "seated"),
    extent=(0.7, 1.06),
    pause=0.08,
)
def playing_violin(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= reach_left((0.26, 0.02, 0.34), palm=(-0.4, 0.8, -0.4), wrist=20, swivel=10)
    scene.stance |= hand("left", "hook") | hand("right", "pen") | head(turn=24, tilt=16, nod=8)
    while True:
        seconds = scene.draw(0.5, 1.5)
        frog = reach_right((0.04, -0.02, 0.3), palm=(-0.3, -0.9, 0), swivel=45, wrist=20)
        tip = reach_right((0.3, -0.14, 0.38), palm=(-0.3, -0.9, 0), swivel=40, wrist=-12)
        yield [Key(tip | trunk(turn=-4), seconds, 0.6), Key(frog | trunk(turn=3), seconds, 0.6)]
