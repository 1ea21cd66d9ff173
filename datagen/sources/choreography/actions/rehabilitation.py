"""Shoulder, arm and hand exercises as physiotherapists prescribe them."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    Pose,
    both,
    hand,
    hands,
    head,
    reach_left,
    right,
    stand,
    trunk,
)

CALM = (0.75, 1.3)


def there_and_back(
    low: Pose, high: Pose, seconds: float, flow: float = 0.6, held: float = 0.0
) -> list[Key]:
    """Return low -> high -> low, held at the top for a while."""
    keys = [Key(high, 0.48 * seconds, flow)]
    if held > 0:
        keys.append(Key(high, held, 0.2))
    return [*keys, Key(low, 0.52 * seconds, flow)]


@action(
    "a person does a pendulum exercise with the {side} arm{adv}",
    "a person bends forward and lets the {side} arm swing in small circles",
    "a person leans on a table and swings the hanging {side} arm{adv}",
    "pendulum shoulder exercise with the {side} arm hanging down",
    extent=(0.6, 1.2),
    pause=0.02,
    holds=True,
)
def pendulum(scene: Scene) -> Iterator[Repetition]:
    lean, bend = scene.draw(30, 50), scene.draw(15, 30)
    hang = lean + bend
    scene.stance |= stand(tilt=lean, thigh=0, knee=10) | trunk(bend=bend) | head(nod=-5)
    scene.stance |= reach_left((0.12, -0.25, 0.36), palm=(0, -0.5, 1), wrist=-35)
    along, across = scene.draw(8, 32), scene.draw(5, 24)
    if scene.chance(0.35):
        across = 0.0
    scene.stance |= right(flex=hang, abd=4, turn=0, elbow=scene.draw(4, 12))
    scene.stance |= right(pron=scene.draw(-10, 30))
    # A freely hanging arm of 0.6 m swings with a period of about 1.3 s.
    seconds = scene.draw(1.1, 2.0)
    while True:
        yield [
            Key(right(flex=hang + along * x, abd=4 + across * y), seconds / 4, 1.0)
            for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))
        ]


@action(
    "a person raises the {side} arm sideways{adv}{stance}",
    "a person does shoulder abduction with the {side} arm{adv}{stance}",
    "lifting the straight {side} arm out to the side and lowering it{adv}",
    "a person lifts the {side} arm away from the body{stance} and brings it back{adv}",
    stances=("standing", "standing", "seated"),
    pace=CALM,
    extent=(0.65, 1.1),
    pause=0.2,
)
def shoulder_abduction(scene: Scene) -> Iterator[Repetition]:
    top, pron = scene.draw(85, 160), scene.draw(-20, 40)
    arm = right(elbow=scene.draw(4, 14), pron=pron, wrist=0)
    low = arm | right(flex=4, abd=12, turn=0)
    held = scene.draw(-0.4, 0.5)
    while True:
        high = arm | right(flex=scene.draw(4, 22), abd=top, turn=scene.draw(-40, -15))
        yield there_and_back(low, high, scene.draw(1.5, 3.2), 0.5, held)


@action(
    "a person raises the {side} arm forward and up{adv}{stance}",
    "a person does forward elevation of the {side} shoulder{adv}{stance}",
    "lifting the straight {side} arm in front of the body{adv}",
    "a person lifts the {side} arm to the front{stance} and lowers it again{adv}",
    stances=("standing", "standing", "seated"),
    pace=CALM,
    extent=(0.65, 1.1),
    pause=0.2,
)
def forward_elevation(scene: Scene) -> Iterator[Repetition]:
    top, pron = scene.draw(85, 160), scene.draw(-25, 45)
    arm = right(elbow=scene.draw(4, 14), pron=pron, wrist=0)
    low = arm | right(flex=4, abd=10, turn=2)
    held = scene.draw(-0.4, 0.5)
    while True:
        high = arm | right(flex=top, abd=scene.draw(2, 14), turn=scene.draw(-15, 10))
        yield there_and_back(low, high, scene.draw(1.5, 3.2), 0.5, held)


@action(
    "a person rotates the {side} forearm inwards with the elbow bent{adv}{stance}",
    "a person does internal rotation of the {side} shoulder against a band{adv}",
    "pulling the {side} hand to the belly with the elbow at the side{adv}{stance}",
    "a person turns the {side} shoulder inwards, elbow at ninety degrees{adv}",
    stances=("standing", "standing", "seated"),
    pace=CALM,
    pause=0.15,
)
def internal_rotation(scene: Scene) -> Iterator[Repetition]:
    arm = right(flex=4, abd=scene.draw(6, 16), elbow=scene.draw(82, 95), pron=scene.draw(-10, 25))
    arm |= hand("right", "grip") | right(wrist=-5)
    outside, inside = scene.draw(-35, 5), scene.draw(55, 72)
    slowness = scene.draw(0.6, 1.2)
    while True:
        # The effort is inwards: quick in, held, slowly back.
        yield [
            Key(arm | right(turn=inside), slowness * scene.draw(0.8, 1.1), 0.4),
            Key(arm | right(turn=inside), slowness * scene.draw(0.1, 0.5), 0.3),
            Key(arm | right(turn=outside), slowness * scene.draw(1.0, 1.5), 0.5),
        ]


@action(
    "a person rotates the {side} forearm outwards with the elbow bent{adv}{stance}",
    "a person does external rotation of the {side} shoulder against a band{adv}",
    "moving the {side} hand outwards with the elbow at the side{adv}{stance}",
    "a person turns the {side} shoulder outwards, elbow at ninety degrees{adv}",
    stances=("standing", "standing", "seated"),
    pace=CALM,
    pause=0.15,
)
def external_rotation(scene: Scene) -> Iterator[Repetition]:
    arm = right(flex=4, abd=scene.draw(6, 16), elbow=scene.draw(82, 95), pron=scene.draw(-15, 20))
    arm |= hand("right", "grip") | right(wrist=-5)
    inside, outside = scene.draw(35, 65), scene.draw(-50, -20)
    slowness = scene.draw(0.6, 1.2)
    while True:
        yield [
            Key(arm | right(turn=outside), slowness * scene.draw(0.8, 1.1), 0.4),
            Key(arm | right(turn=outside), slowness * scene.draw(0.1, 0.5), 0.3),
            Key(arm | right(turn=inside), slowness * scene.draw(1.0, 1.5), 0.5),
        ]


@action(
    "a person bends forward and lifts the {side} arm behind, squeezing the shoulder blade{adv}",
    "a person does a trapezius extension with the {side} arm{adv}",
    "bent over, a person raises the straight {side} arm back and up{adv}",
    "trapezius exercise, lifting the hanging {side} arm to the rear{adv}",
    pace=CALM,
    pause=0.15,
    holds=True,
)
def trapezius_extension(scene: Scene) -> Iterator[Repetition]:
    lean, bend = scene.draw(35, 60), scene.draw(5, 20)
    scene.stance |= stand(tilt=lean, thigh=2, knee=14) | trunk(bend=bend) | head(nod=-10)
    scene.stance |= reach_left((0.12, -0.28, 0.34), palm=(0, -0.5, 1), wrist=-35)
    arm = right(elbow=scene.draw(4, 14), turn=scene.draw(-10, 10), pron=scene.draw(-20, 40))
    arm |= hand("right", "grip")
    low = arm | right(flex=lean + bend - 6, abd=4, protract=8)
    scene.stance |= low
    held = scene.draw(-0.4, 0.5)
    while True:
        high = arm | right(flex=scene.draw(-25, 5), abd=14, protract=-14, shrug=-2)
        yield there_and_back(low, high, scene.draw(1.2, 2.8), 0.5, held)


@action(
    "a person does an upright row with {how}{adv}",
    "a person pulls a band up along the body with {how}{adv}",
    "upright rowing with {how}, lifting a weight along the body to the chin{adv}",
    "a person lifts a weight straight up to the chest with {how}, elbow high{adv}",
    slots={"how": ("one arm", "both arms")},
    pace=CALM,
    pause=0.15,
)
def upright_row(scene: Scene) -> Iterator[Repetition]:
    two_handed = scene.slots["how"] == "both arms"
    move = both if two_handed else right
    scene.stance |= hands("grip") if two_handed else hand("right", "grip")
    low = move(flex=14, abd=4, turn=42, elbow=14, pron=50, wrist=5)
    held = scene.draw(-0.4, 0.5)
    while True:
        high = move(
            flex=scene.draw(25, 40),
            abd=scene.draw(68, 85),
            turn=72,
            elbow=scene.draw(112, 128),
            pron=45,
            wrist=18,
            shrug=12,
        )
        yield there_and_back(low, high, scene.draw(1.3, 2.8), 0.5, held)


@action(
    "a person shrugs the shoulders{adv}{stance}",
    "a person lifts both shoulders towards the ears and lets them sink{adv}",
    "shoulder shrugs{adv}{stance}",
    "a person raises and lowers the shoulders{stance}{adv}",
    stances=("standing", "seated"),
    pause=0.15,
)
def shoulder_shrugs(scene: Scene) -> Iterator[Repetition]:
    top = both(shrug=scene.draw(22, 34), abd=14, elbow=20)
    while True:
        yield there_and_back(both(shrug=0), top, scene.draw(1.6, 2.4), 0.5, scene.draw(0, 0.5))


@action(
    "a person turns the {side} palm up and down{adv}{stance}",
    "a person rotates the {side} forearm back and forth with the elbow bent{adv}",
    "turning the {side} hand over and back again{adv}{stance}",
    "pronation and supination of the {side} forearm{adv}",
    stances=("standing", "seated", "seated"),
    pause=0.1,
)
def forearm_turning(scene: Scene) -> Iterator[Repetition]:
    arm = right(flex=scene.draw(2, 15), abd=10, turn=scene.draw(0, 20), elbow=scene.draw(80, 100))
    arm |= hand("right", scene.pick("flat", "fist", "grip"))
    while True:
        palm_up = arm | right(pron=scene.draw(-72, -55))
        yield there_and_back(palm_up, arm | right(pron=70), scene.draw(1.2, 2.4), 0.7)


@action(
    "a person bends the {side} wrist up and down{adv}{stance}",
    "a person does wrist curls with the {side} hand{adv}{stance}",
    "flexing and extending the {side} wrist{adv}",
    "a person moves the {side} hand up and down at the wrist{stance}{adv}",
    stances=("standing", "seated", "seated"),
    pause=0.1,
)
def wrist_curls(scene: Scene) -> Iterator[Repetition]:
    arm = right(flex=20, abd=8, turn=12, elbow=85, pron=scene.draw(-70, 60))
    arm |= hand("right", scene.pick("fist", "grip", "relaxed"))
    while True:
        low = arm | right(wrist=scene.draw(-55, -40))
        yield there_and_back(low, arm | right(wrist=scene.draw(45, 62)), scene.draw(1.2, 2.2), 0.7)
