"""Work with tools, goods and machines."""

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import hand, head, reach_left, reach_right, right, trunk


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
