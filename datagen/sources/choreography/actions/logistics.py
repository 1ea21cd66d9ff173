"""Packing, carrying and shelving goods."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.actions.walking import WALK, stride
from datagen.sources.choreography.poses import (
    Pose,
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

TABLE = -0.36
ARM_ANGLES = ("shoulder", "elbow", "forearm", "wrist_", "collar")


def walking_with(pose: Pose, stance: Pose, seconds: float = 1.12) -> list[Key]:
    """Return one stride of walking while the arms keep a pose."""
    arms = {name: value for name, value in pose.items() if any(a in name for a in ARM_ANGLES)}
    keys = stride(WALK, seconds, 0.0, (20, 20), 2.5, stance)
    return [Key(key.pose | arms, key.seconds, key.flow) for key in keys]


@action(
    "a person packs things into a box{adv}",
    "a person puts items into a carton with the {side} hand{adv}",
    "packing a box, picking up objects and placing them inside{adv}",
    "a person fills a box on a table{adv}",
    extent=(0.9, 1.06),
    pause=0.12,
)
def packing_box(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=10) | head(nod=20)
    scene.stance |= reach_left((0.2, -0.26, 0.3), palm=(-1, 0, 0)) | hand("left", "wide grip")
    while True:
        item = (scene.draw(0.3, 0.42), TABLE, scene.draw(0.22, 0.32))
        there = reach_right(item, palm=(-0.3, -1, 0)) | trunk(turn=-24) | head(turn=-14)
        over = reach_right((0.1, -0.12, 0.3), palm=(-0.4, -0.9, 0), swivel=30) | trunk(turn=0)
        inside = reach_right((scene.draw(-0.05, 0.1), -0.3, 0.33), palm=(-0.3, -1, 0))
        inside |= trunk(bend=18)
        yield [
            Key(there | hand("right", "wide grip"), 0.85, 0.4),
            Key(there | hand("right", "grip"), 0.3, 0.3),
            Key(over | hand("right", "grip"), 0.7, 0.9),
            Key(inside | hand("right", "grip"), 0.5, 0.4),
            Key(inside | hand("right", "spread", 0.5), 0.25, 0.4),
            Key(over, 0.45, 0.9),
        ]


@action(
    "a person lifts a box from the floor{adv}",
    "a person picks up a heavy box and puts it down again{adv}",
    "lifting a box with both hands{adv}",
    "a person bends the knees, lifts a carton and sets it back{adv}",
    pace=(0.75, 1.15),
    extent=(0.95, 1.02),
    pause=0.3,
)
def lifting_box(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= stand(apart=9)
    while True:
        low = stand(tilt=46, thigh=56, knee=76, apart=9) | trunk(bend=28) | head(nod=-14)
        low |= both(flex=72, abd=10, turn=6, elbow=24, pron=5) | hands("hook")
        high = stand(tilt=-2, apart=9) | trunk(bend=0) | hands("hook")
        high |= reach_both((0.18, -0.28, 0.3), palm=(-0.9, 0.4, 0))
        yield [
            Key(low, 1.3, 0.4),
            Key(low, 0.3, 0.3),
            Key(high, 1.3, 0.4),
            Key(high, scene.draw(0.5, 1.5), 0.3),
            Key(low, 1.4, 0.4),
            Key(stand(apart=9), 1.2, 0.4),
        ]


@action(
    "a person carries a box{adv}",
    "a person walks with a box in both arms{adv}",
    "carrying a carton in front of the body{adv}",
    "a person transports a heavy box, walking{adv}",
    pace=(0.8, 1.12),
    extent=(0.7, 0.95),
    pause=0.0,
)
def carrying_box(scene: Scene) -> Iterator[Repetition]:
    y = scene.draw(-0.34, -0.18)
    scene.stance |= reach_both((0.17, y, 0.28), palm=(-0.8, 0.6, 0)) | hands("hook")
    scene.stance |= trunk(bend=-3)
    while True:
        yield walking_with(scene.stance, scene.stance)


@action(
    "a person carries a bag in the {side} hand while walking{adv}",
    "a person walks with a heavy bag in the {side} hand{adv}",
    "carrying shopping, {side} arm hanging down{adv}",
    "a person carries a suitcase on the {side} side{adv}",
    pace=(0.8, 1.15),
    extent=(0.7, 1.0),
    pause=0.0,
)
def carrying_bag(scene: Scene) -> Iterator[Repetition]:
    loaded = right(flex=2, abd=14, turn=0, elbow=8, pron=5, shrug=6)
    scene.stance |= loaded | hand("right", "grip") | trunk(side=5)
    while True:
        strides = stride(WALK, 1.08, 14, (16, 30), 4, scene.stance)
        yield [
            Key(key.pose | loaded | right(flex=2 + 3 * (i in (2, 3, 4))), key.seconds, key.flow)
            for i, key in enumerate(strides)
        ]


@action(
    "a person pushes a cart{adv}",
    "a person walks, pushing a trolley with both hands{adv}",
    "pushing a shopping cart forward{adv}",
    "a person moves a trolley through the aisle{adv}",
    pace=(0.8, 1.12),
    extent=(0.7, 0.95),
    pause=0.0,
)
def pushing_cart(scene: Scene) -> Iterator[Repetition]:
    point = (scene.draw(0.16, 0.22), scene.draw(-0.36, -0.26), 0.34)
    scene.stance |= reach_both(point, palm=(0, -1, 0.3), wrist=-18) | hands("grip") | trunk(bend=10)
    while True:
        yield walking_with(scene.stance, scene.stance, 1.16)


@action(
    "a person tapes a box shut{adv}",
    "a person pulls tape across a carton with the {side} hand{adv}",
    "sealing a box with a tape dispenser in the {side} hand{adv}",
    "a person closes a parcel with adhesive tape{adv}",
    extent=(0.88, 1.06),
    pause=0.15,
)
def taping_box(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=14) | head(nod=22) | hand("right", "grip") | hand("left", "flat")
    y = scene.draw(-0.26, -0.16)
    while True:
        hold = reach_left((0.18, y, 0.28), palm=(0, -1, 0), wrist=-20)
        far = reach_right((-0.06, y + 0.04, 0.38), palm=(-0.4, -0.8, 0.3), swivel=30)
        near = reach_right((0.34, y + 0.03, 0.18), palm=(-0.4, -0.8, 0.2), swivel=35)
        tear = near | right(pron=75, wrist=15)
        rub = reach_left((-0.12, y, 0.28), palm=(0, -1, 0), wrist=-20)
        yield [
            Key(hold | far, 0.9, 0.4),
            Key(hold | near | trunk(turn=-10), 1.1, 0.5),
            Key(hold | tear, 0.3, 0.5),
            Key(rub | near, 0.5, 0.6),
            Key(hold | near, 0.5, 0.5),
        ]


@action(
    "a person scans labels with the {side} hand{adv}",
    "a person points a barcode scanner at packages{adv}",
    "scanning items one after another with a scanner in the {side} hand{adv}",
    "a person aims a hand scanner at a label and pulls the trigger{adv}",
    extent=(0.85, 1.08),
    pause=0.2,
)
def scanning_labels(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip") | head(nod=14)
    while True:
        turn = scene.draw(-25, 20)
        spot = (scene.draw(0.05, 0.3), scene.draw(-0.3, 0.05), scene.draw(0.28, 0.38))
        aim = reach_right(spot, palm=(-1, -0.1, 0), dev=scene.draw(0, 16)) | trunk(turn=turn)
        aim |= head(turn=0.4 * turn)
        pulled = aim | {"right_index_middle_flexion": 90.0}
        yield [
            Key(aim, scene.draw(0.6, 1.0), 0.3),
            Key(pulled, 0.2, 0.4),
            Key(aim, 0.3, 0.4),
            Key(reach_right((0.18, -0.26, 0.24), palm=(-1, 0, 0)), scene.draw(0.5, 0.8), 0.6),
        ]


@action(
    "a person sticks a label on a box with the {side} hand{adv}",
    "a person peels off a label and presses it onto a parcel{adv}",
    "attaching shipping labels{adv}",
    "a person smooths a sticker onto a box with the {side} hand{adv}",
    extent=(0.88, 1.06),
    pause=0.15,
)
def attaching_label(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=10) | head(nod=20)
    roll = reach_left((0.08, -0.24, 0.26), palm=(-0.4, 0.8, 0)) | hand("left", "pinch")
    while True:
        peel = roll | reach_right((0.0, -0.22, 0.26), palm=(-0.8, -0.4, 0)) | hand("right", "pinch")
        off = roll | reach_right((0.18, -0.12, 0.24), palm=(-0.8, -0.4, 0)) | hand("right", "pinch")
        stick = reach_right((0.16, -0.3, 0.36), palm=(0, -1, 0), wrist=-15) | hand("right", "flat")
        smooth = reach_right((0.04, -0.3, 0.36), palm=(0, -1, 0), wrist=-15) | hand("right", "flat")
        yield [
            Key(peel, 0.8, 0.4),
            Key(off, 0.5, 0.5),
            Key(stick, 0.8, 0.4),
            Key(smooth, 0.35, 0.8),
            Key(stick, 0.35, 0.8),
            Key(smooth, 0.35, 0.8),
        ]


@action(
    "a person puts goods on a high shelf{adv}",
    "a person stacks a shelf with the {side} hand{adv}",
    "taking items from a box and placing them on a shelf overhead{adv}",
    "a person reaches up and arranges things on a shelf{adv}",
    extent=(0.92, 1.03),
    pause=0.2,
)
def stacking_shelf(scene: Scene) -> Iterator[Repetition]:
    while True:
        item = stand(tilt=scene.draw(10, 40), thigh=10, knee=20) | trunk(bend=20)
        item |= reach_right((0.22, -0.34, 0.3), palm=(-0.8, -0.5, 0)) | head(nod=10)
        spot = (scene.draw(0.0, 0.25), scene.draw(0.2, 0.38), 0.3)
        shelf = stand() | reach_right(spot, palm=(-0.9, 0, 0.4), swivel=35) | head(nod=-20)
        yield [
            Key(item | hand("right", "wide grip"), 1.1, 0.4),
            Key(item | hand("right", "grip"), 0.3, 0.3),
            Key(shelf | hand("right", "grip"), 1.2, 0.4),
            Key(shelf | hand("right", "spread", 0.5), 0.35, 0.3),
        ]


@action(
    "a person assembles a cardboard box{adv}",
    "a person folds up the flaps of a carton{adv}",
    "unfolding a flat carton and closing its flaps with both hands{adv}",
    "a person sets up a box on a table{adv}",
    extent=(0.88, 1.06),
    pause=0.15,
)
def assembling_box(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= trunk(bend=10) | head(nod=20)
    while True:
        flat = reach_both((0.2, -0.28, 0.32), palm=(-1, 0.2, 0)) | hands("wide grip")
        opened = reach_both((0.26, -0.16, 0.32), palm=(-1, 0, 0)) | hands("wide grip")
        over = reach_both((0.22, -0.06, 0.3), palm=(-0.8, -0.6, 0)) | hands("flat")
        pressed = reach_both((0.08, -0.2, 0.32), palm=(0, -1, 0), wrist=-20) | hands("flat")
        front = reach_right((0.06, -0.1, 0.22), palm=(0, -0.6, 0.8), wrist=-25)
        front |= reach_left((0.06, -0.14, 0.4), palm=(0, -0.6, -0.8), wrist=20)
        yield [
            Key(flat, 0.8, 0.4),
            Key(opened, 0.7, 0.6),
            Key(over, 0.6, 0.8),
            Key(pressed, 0.6, 0.4),
            Key(front, 0.6, 0.6),
            Key(pressed, 0.6, 0.4),
        ]
