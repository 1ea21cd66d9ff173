"""Gymnastics without equipment."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.actions.rehabilitation import there_and_back
from datagen.sources.choreography.poses import (
    both,
    hands,
    head,
    left,
    left_leg,
    legs,
    pelvis,
    reach_both,
    right,
    right_leg,
    stand,
    trunk,
)


@action(
    "a person does squats{adv}",
    "a person squats down and stands up again{adv}",
    "squatting repeatedly{adv} with the arms in front",
    "a person bends the knees deeply and rises{adv}",
    extent=(0.7, 1.05),
    pause=0.15,
)
def squats(scene: Scene) -> Iterator[Repetition]:
    depth = scene.draw(75, 105)
    if scene.chance(0.6):
        low_arms = both(flex=scene.draw(80, 95), abd=8, turn=10, elbow=10, pron=40)
        high_arms = both(flex=12, elbow=15) if scene.chance(0.6) else low_arms
    else:
        low_arms = high_arms = both(flex=45, abd=4, turn=55, elbow=125, pron=40)
    scene.stance |= stand(apart=9, toes_out=10)
    while True:
        low = stand(tilt=25, thigh=depth - 19, knee=depth, apart=9, toes_out=10)
        low |= trunk(bend=18) | head(nod=-12) | low_arms
        high = stand(apart=9, toes_out=10) | trunk(bend=3) | high_arms
        yield there_and_back(high, low, scene.draw(2.2, 3.2), 0.5, scene.draw(0, 0.4))


@action(
    "a person does jumping jacks{adv}",
    "a person jumps while raising both arms overhead{adv}",
    "jumping jacks with arms and legs going out and in{adv}",
    "a person hops, spreading arms and legs{adv}",
    pace=(0.8, 1.08),
    extent=(0.85, 1.05),
    pause=0.0,
)
def jumping_jacks(scene: Scene) -> Iterator[Repetition]:
    top = scene.draw(135, 160)
    period = scene.draw(1.3, 1.6)
    while True:
        landed = stand(thigh=7, knee=14, apart=3) | both(flex=2, abd=12, turn=0, elbow=14)
        wide = stand(thigh=8, knee=15, apart=18)
        wide |= both(flex=12, abd=top, turn=-40, elbow=22)
        up = {"pelvis_lift": scene.draw(0.03, 0.06)} | legs(ankle=-18)
        rising = stand(thigh=2, knee=5, apart=10) | both(flex=8, abd=80, turn=-20, elbow=16)
        yield [
            Key(landed, 0.2 * period, 1.0),
            Key(rising | up, 0.25 * period, 1.0),
            Key(wide, 0.27 * period, 1.0),
            Key(rising | up, 0.28 * period, 1.0),
        ]


@action(
    "a person does lunges{adv}",
    "a person steps forward into a lunge and comes back{adv}",
    "lunging with one leg after the other{adv}",
    "a person takes a long step, bends both knees and returns{adv}",
    extent=(0.8, 1.03),
    pause=0.1,
)
def lunges(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= both(flex=0, abd=22, turn=35, elbow=95, pron=30)
    if scene.chance(0.5):
        scene.stance |= both(flex=2, abd=12, turn=5, elbow=15, pron=10)
    alternating = scene.chance(0.7)
    front, back = right_leg, left_leg
    while True:
        lift = front(hip=48, knee=55, ankle=5) | back(hip=0, knee=6, ankle=5)
        low = front(hip=66, knee=78, ankle=14) | pelvis(tilt=4) | trunk(bend=4)
        low |= back(hip=-4, knee=74, ankle=8, toes=48)
        upright = stand()
        yield [
            Key(lift | back(ankle=6), 0.5, 0.9),
            Key(low, 0.75, 0.4),
            Key(low, 0.2, 0.4),
            Key(lift, 0.75, 0.9),
            Key(upright, 0.5, 0.4),
        ]
        if alternating:
            front, back = back, front


@action(
    "a person does push-ups{adv}",
    "a person lowers the body to the floor and pushes it up again{adv}",
    "push-ups{adv} with straight legs",
    "a person presses up from the floor with both arms{adv}",
    support="hands and toes",
    extent=(0.8, 1.02),
    pause=0.1,
)
def push_ups(scene: Scene) -> Iterator[Repetition]:
    line = legs(hip=2, knee=3, ankle=14, toes=58, apart=3) | trunk(bend=-2) | head(nod=-22)
    swivel = scene.draw(20, 60)
    high = pelvis(tilt=69) | reach_both((0.2, -0.18, 0.46), palm=(0, 0, 1), wrist=-62)
    high |= both(pron=scene.draw(50, 65))
    low = pelvis(tilt=82) | reach_both((0.25, -0.16, 0.2), palm=(0, 0, 1), wrist=-62, swivel=swivel)
    scene.stance |= line | high | hands("flat")
    while True:
        yield there_and_back(line | high, line | low, scene.draw(1.6, 2.6), 0.6)


@action(
    "a person does sit-ups{adv}",
    "a person lying on the back raises the upper body{adv}",
    "sit-ups{adv} with bent knees",
    "a person curls up from the floor and lies back down{adv}",
    extent=(0.85, 1.0),
    pause=0.1,
)
def sit_ups(scene: Scene) -> Iterator[Repetition]:
    if scene.chance(0.5):
        arms = both(flex=62, abd=75, turn=-48, elbow=138, pron=10)
    else:
        arms = reach_both((-0.08, -0.03, 0.16), palm=(0, 0, -1), swivel=10)
    low = stand(tilt=-84, thigh=128, knee=112) | trunk(bend=2) | head(nod=12) | arms
    scene.stance |= low
    while True:
        high = stand(tilt=-18, thigh=128, knee=112) | trunk(bend=38) | head(nod=18) | arms
        yield there_and_back(low, high, scene.draw(2.2, 3.4), 0.5, scene.draw(0, 0.3))


@action(
    "a person circles both straight arms{adv}",
    "a person does arm circles{adv}{stance}",
    "making circles with the arms stretched out to the sides{adv}",
    "a person turns both arms in circles{adv}{stance}",
    extent=(0.6, 1.15),
    stances=("standing", "standing", "seated"),
    pause=0.04,
)
def arm_circles(scene: Scene) -> Iterator[Repetition]:
    radius, seconds = scene.draw(10, 38), scene.draw(0.9, 1.7)
    way = 1 if scene.chance(0.5) else -1
    arm = both(turn=scene.draw(-25, 0), elbow=10, pron=scene.draw(0, 40)) | hands("flat", 0.6)
    while True:
        yield [
            Key(arm | both(flex=14 + way * radius * x, abd=84 + radius * y), seconds / 4, 1.0)
            for x, y in ((1, 0), (0, 1), (-1, 0), (0, -1))
        ]


@action(
    "a person twists the upper body from side to side{adv}{stance}",
    "a person turns the trunk left and right{adv}{stance}",
    "trunk twists to both sides{adv}{stance}",
    "a person rotates the waist to both sides{adv}",
    stances=("standing", "seated"),
    pause=0.05,
    holds=True,
)
def trunk_twists(scene: Scene) -> Iterator[Repetition]:
    if scene.chance(0.5):
        scene.stance |= both(flex=35, abd=60, turn=45, elbow=110, pron=50)
    else:
        scene.stance |= both(flex=10, abd=80, turn=0, elbow=15, pron=30)
    far, seconds = scene.draw(28, 40), scene.draw(0.8, 1.6)
    while True:
        yield [Key(trunk(turn=way * far) | head(turn=way * 12), seconds, 0.8) for way in (1, -1)]


@action(
    "a person bends to the side with the {side} arm overhead{adv}",
    "a person stretches the {side} flank, leaning sideways{adv}",
    "side bends with one arm over the head{adv}",
    "a person leans to the {other} and back, {side} arm up{adv}",
    pause=0.2,
    holds=True,
)
def side_bends(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= left(flex=-6, abd=38, turn=40, elbow=95, pron=40)
    while True:
        up = right(flex=30, abd=scene.draw(140, 158), turn=-50, elbow=28)
        high = up | trunk(side=scene.draw(22, 32)) | head(tilt=10) | pelvis(roll=-3)
        yield there_and_back(up | trunk(side=0), high, scene.draw(2.2, 3.6), 0.5, scene.draw(0, 1))


@action(
    "a person bends down to touch the toes{adv}",
    "a person reaches for the feet with both hands and straightens up{adv}",
    "toe touches with straight legs{adv}",
    "a person bends forward towards the floor and comes up{adv}",
    extent=(0.8, 1.0),
    pause=0.15,
)
def toe_touches(scene: Scene) -> Iterator[Repetition]:
    up = both(flex=165, abd=15, turn=-5, elbow=12) if scene.chance(0.5) else both(flex=4, abd=11)
    while True:
        low = stand(tilt=76, thigh=-9, knee=8) | trunk(bend=50) | head(nod=10)
        low |= both(flex=scene.draw(95, 120), abd=4, turn=5, elbow=10, pron=30) | hands("flat")
        yield there_and_back(stand() | up, low, scene.draw(2.4, 3.6), 0.5, scene.draw(0, 0.8))


@action(
    "a person rises onto the toes and sinks back{adv}",
    "a person does calf raises{adv}",
    "lifting the heels off the floor and lowering them{adv}",
    "a person stands on tiptoe again and again{adv}",
    pause=0.1,
)
def calf_raises(scene: Scene) -> Iterator[Repetition]:
    if scene.chance(0.5):
        scene.stance |= both(flex=0, abd=24, turn=45, elbow=95, pron=40)
    while True:
        high = legs(hip=2, knee=3, ankle=-26, toes=28, apart=4)
        yield there_and_back(stand(), high, scene.draw(1.4, 2.2), 0.5, scene.draw(0, 0.6))


@action(
    "a person skips rope{adv}",
    "a person jumps with a skipping rope{adv}",
    "rope skipping with small hops and turning wrists{adv}",
    "a person turns a rope with both hands and hops{adv}",
    pace=(0.85, 1.15),
    extent=(0.8, 1.05),
    pause=0.0,
)
def rope_skipping(scene: Scene) -> Iterator[Repetition]:
    arm = both(flex=6, abd=22, turn=-12, elbow=72, pron=-10) | hands("grip")
    seconds = scene.draw(0.52, 0.68)
    while True:
        down = arm | both(wrist=24, pron=-24, turn=-18) | stand(thigh=7, knee=15, apart=3)
        up = arm | both(wrist=-10, pron=8, turn=-4) | stand(thigh=2, knee=5, apart=3)
        yield [
            Key(down, 0.5 * seconds, 1.0),
            Key(up | pelvis(lift=0.03) | legs(ankle=-16), 0.5 * seconds, 1.0),
        ]


@action(
    "a person stretches both arms overhead{stance}",
    "a person reaches up high with both hands and stretches{adv}{stance}",
    "stretching the arms and the back{stance}",
    "a person yawns and stretches both arms{stance}",
    stances=("standing", "seated"),
    pause=0.5,
)
def stretching(scene: Scene) -> Iterator[Repetition]:
    while True:
        up = both(flex=scene.draw(120, 160), abd=scene.draw(15, 50), turn=-10, elbow=22, shrug=12)
        fold = both(flex=95, abd=30, turn=30, elbow=120)
        yield [
            Key(fold | hands("fist", 0.5), 0.9, 0.8),
            Key(up | trunk(bend=-10) | head(nod=-14) | hands("spread"), 1.1, 0.4),
            Key(up | trunk(bend=-12, side=scene.draw(-8, 8)) | head(nod=-18), 1.4, 0.4),
            Key(both(flex=10, abd=25, elbow=20) | trunk(bend=4), 1.3, 0.5),
        ]
