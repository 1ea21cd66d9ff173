"""Ball games, racket games, boxing, rowing and swimming strokes."""
# ruff: noqa: D103 - an action's sentences say what it is.

from collections.abc import Iterator

from datagen.sources.choreography.action import Key, Repetition, Scene, action
from datagen.sources.choreography.poses import (
    both,
    hand,
    hands,
    head,
    left,
    legs,
    pelvis,
    reach_both,
    reach_left,
    reach_right,
    right,
    stand,
    trunk,
)

SWIFT = (0.8, 1.15)


@action(
    "a person boxes into the air{adv}",
    "a person throws punches with both fists{adv}",
    "shadow boxing{adv}",
    "a person punches forward, left and right{adv}",
    pace=SWIFT,
    extent=(0.8, 1.05),
    pause=0.25,
)
def boxing(scene: Scene) -> Iterator[Repetition]:
    guard = reach_both((0.1, -0.03, 0.2), palm=(-0.9, 0, -0.4), swivel=20)
    scene.stance |= guard | hands("fist") | stand(tilt=4, thigh=8, knee=18, apart=8)
    scene.stance |= trunk(bend=8)
    while True:
        y = scene.draw(-0.05, 0.1)
        if scene.chance(0.5):
            hit = reach_right((0.0, y, 0.5), palm=(0, -1, 0), swivel=30) | trunk(turn=24)
        else:
            hit = reach_left((0.02, y, 0.5), palm=(0, -1, 0), swivel=30) | trunk(turn=-20)
        yield [
            Key(guard | hit, scene.draw(0.26, 0.34), 0.3),
            Key(guard | trunk(turn=0), scene.draw(0.32, 0.45), 0.4),
        ]


@action(
    "a person throws a ball with the {side} hand{adv}",
    "a person makes an overhand throw{adv}",
    "throwing with the {side} arm{adv}",
    "a person draws the {side} arm back and throws{adv}",
    pace=SWIFT,
    extent=(0.75, 1.05),
    pause=0.4,
)
def throwing(scene: Scene) -> Iterator[Repetition]:
    while True:
        cocked = right(flex=0, abd=88, turn=-72, elbow=92, pron=10, wrist=-35) | trunk(turn=-30)
        cocked |= left(flex=60, abd=20, elbow=30) | stand(tilt=-4, thigh=6, knee=12)
        thrown = right(flex=78, abd=30, turn=-10, elbow=30, pron=40, wrist=25) | trunk(turn=24)
        thrown |= stand(tilt=12, thigh=6, knee=14) | trunk(bend=10) | left(flex=8, elbow=50)
        follow = right(flex=48, abd=-8, turn=40, elbow=30, pron=50) | trunk(turn=30, bend=22)
        yield [
            Key(right(flex=30, abd=15, turn=40, elbow=90) | hand("right", "grip"), 0.7, 0.5),
            Key(cocked | hand("right", "wide grip"), 0.75, 0.5),
            Key(thrown | hand("right", "spread"), scene.draw(0.36, 0.46), 0.9),
            Key(follow, 0.38, 0.6),
            Key({}, 0.9, 0.4),
        ]


@action(
    "a person catches a ball with both hands{adv}",
    "a person reaches out and catches something{adv}",
    "catching balls and pulling them to the chest{adv}",
    "a person waits and catches a ball again and again{adv}",
    pace=SWIFT,
    extent=(0.9, 1.05),
    pause=0.3,
)
def catching(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= reach_both((0.12, -0.2, 0.28), palm=(-0.8, 0.5, 0.3)) | hands("spread", 0.6)
    scene.stance |= stand(tilt=6, thigh=8, knee=18, apart=9)
    while True:
        x, y = scene.draw(-0.06, 0.18), scene.draw(-0.15, 0.3)
        out = reach_right((0.1 + x, y, 0.4), palm=(-0.6, 0, 0.8), wrist=-20)
        out |= reach_left((0.1 - x, y, 0.4), palm=(-0.6, 0, 0.8), wrist=-20) | hands("spread")
        chest = reach_both((0.1, -0.15, 0.2), palm=(-1, 0, -0.2)) | hands("round")
        yield [
            Key(out, scene.draw(0.4, 0.55), 0.5),
            Key(chest | trunk(bend=10), 0.38, 0.4),
            Key(chest, 0.5, 0.3),
            Key({}, 0.7, 0.4),
        ]


@action(
    "a person plays a forehand with the {side} hand{adv}",
    "a person swings a tennis racket forward{adv}",
    "forehand strokes with a racket in the {side} hand{adv}",
    "a person hits a ball with a racket on the {side} side{adv}",
    pace=SWIFT,
    extent=(0.75, 1.05),
    pause=0.35,
)
def forehand(scene: Scene) -> Iterator[Repetition]:
    ready = reach_both((0.08, -0.18, 0.32), palm=(-0.8, -0.3, 0)) | trunk(bend=10, turn=0)
    scene.stance |= ready | hand("right", "grip") | stand(tilt=8, thigh=10, knee=22, apart=10)
    while True:
        back = right(flex=-8, abd=55, turn=-35, elbow=48, pron=10, wrist=-25) | trunk(turn=-36)
        back |= pelvis(turn=-12) | left(flex=50, abd=10, turn=30, elbow=40)
        hit = right(flex=42, abd=42, turn=-10, elbow=38, pron=5, wrist=-12) | trunk(turn=8)
        end = right(flex=88, abd=-22, turn=45, elbow=78, pron=45, wrist=5) | trunk(turn=34)
        yield [
            Key(back, 0.75, 0.4),
            Key(hit | pelvis(turn=4), scene.draw(0.34, 0.44), 1.0),
            Key(end | pelvis(turn=12), 0.4, 0.5),
            Key(ready, 0.9, 0.4),
        ]


@action(
    "a person plays a backhand with the {side} hand{adv}",
    "a person swings a racket from the other side of the body{adv}",
    "backhand strokes with a racket in the {side} hand{adv}",
    "a person hits a backhand{adv}",
    pace=SWIFT,
    extent=(0.75, 1.05),
    pause=0.35,
)
def backhand(scene: Scene) -> Iterator[Repetition]:
    ready = reach_both((0.08, -0.18, 0.32), palm=(-0.8, -0.3, 0)) | trunk(bend=10, turn=0)
    scene.stance |= ready | hand("right", "grip") | stand(tilt=8, thigh=10, knee=22, apart=10)
    while True:
        back = reach_right((-0.22, -0.2, 0.2), palm=(-0.4, -0.6, -0.8)) | trunk(turn=36)
        back |= pelvis(turn=12) | left(flex=20, abd=20, turn=40, elbow=70)
        hit = right(flex=60, abd=20, turn=5, elbow=25, pron=35, wrist=-15) | trunk(turn=0)
        end = right(flex=48, abd=72, turn=-30, elbow=25, pron=20, wrist=-15) | trunk(turn=-26)
        yield [
            Key(back, 0.75, 0.4),
            Key(hit, scene.draw(0.32, 0.42), 1.0),
            Key(end | left(flex=-10, abd=30, elbow=30), 0.4, 0.5),
            Key(ready, 0.9, 0.4),
        ]


@action(
    "a person serves overhead with a racket in the {side} hand{adv}",
    "a person smashes with a racket{adv}",
    "a tennis serve with the {side} arm{adv}",
    "a person tosses the ball up and hits it overhead{adv}",
    pace=SWIFT,
    extent=(0.8, 1.03),
    pause=0.4,
)
def serving(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("right", "grip")
    while True:
        toss = left(flex=150, abd=20, elbow=12) | right(flex=-10, abd=60, turn=-30, elbow=60)
        toss |= trunk(turn=-24, bend=-8) | head(nod=-22) | stand(thigh=10, knee=24)
        cocked = right(flex=5, abd=95, turn=-78, elbow=110, wrist=-25) | trunk(turn=-20, bend=-12)
        cocked |= left(flex=100, abd=15, elbow=30) | head(nod=-20)
        hit = right(flex=100, abd=100, turn=-50, elbow=20, pron=30, wrist=10) | trunk(
            turn=8, bend=4
        )
        end = right(flex=52, abd=-15, turn=45, elbow=30, pron=45) | trunk(turn=28, bend=26)
        end |= stand(tilt=18, thigh=4, knee=12) | left(flex=20, turn=50, elbow=80)
        yield [
            Key(toss, 0.95, 0.5),
            Key(cocked, 0.6, 0.7),
            Key(hit | stand(), scene.draw(0.54, 0.66), 1.0),
            Key(end, 0.45, 0.5),
            Key({}, 1.0, 0.4),
        ]


@action(
    "a person swings a golf club{adv}",
    "a person plays golf, swinging with both arms{adv}",
    "a golf swing{adv}",
    "a person hits a golf ball{adv}",
    pace=SWIFT,
    extent=(0.7, 1.02),
    pause=0.4,
)
def golf_swing(scene: Scene) -> Iterator[Repetition]:
    stance = stand(tilt=26, thigh=8, knee=20, apart=11) | trunk(bend=12)
    address = reach_both((0.02, -0.36, 0.3), palm=(-1, 0, 0), dev=12) | trunk(turn=0)
    scene.stance |= stance | address | hands("grip")
    while True:
        back = reach_right((0.26, 0.1, 0.2), palm=(-0.6, 0.2, 0.8), swivel=40, dev=-15)
        back |= reach_left((-0.2, 0.06, 0.28), palm=(-0.6, -0.4, 0)) | trunk(turn=-42)
        through = reach_right((-0.2, 0.06, 0.3), palm=(-0.6, -0.4, 0)) | trunk(turn=40)
        through |= reach_left((0.26, 0.1, 0.2), palm=(-0.6, 0.2, 0.8), swivel=40)
        yield [
            Key(address | trunk(turn=0), 0.7, 0.4),
            Key(back | pelvis(turn=-14), 1.0, 0.4),
            Key(address | trunk(turn=2) | pelvis(turn=6), scene.draw(0.5, 0.6), 1.0),
            Key(through | pelvis(turn=24, tilt=8), 0.6, 0.5),
            Key(through | pelvis(turn=24, tilt=6), 0.6, 0.3),
            Key(address | pelvis(turn=0), 1.2, 0.4),
        ]


@action(
    "a person dribbles a basketball with the {side} hand{adv}",
    "a person bounces a ball on the floor{adv}",
    "dribbling a ball with the {side} hand{adv}",
    "a person pushes a ball down again and again with the {side} hand{adv}",
    pace=(0.85, 1.2),
    extent=(0.75, 1.15),
    pause=0.05,
)
def dribbling(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= stand(tilt=14, thigh=12, knee=28, apart=9) | trunk(bend=14) | head(nod=4)
    scene.stance |= hand("right", "spread")
    seconds = scene.draw(0.55, 0.75)
    while True:
        x, z = scene.draw(0.2, 0.26), scene.draw(0.24, 0.3)
        up = reach_right((x, -0.22, z), palm=(0, -1, 0.1), wrist=-28, swivel=25)
        down = reach_right((x, -0.38, z + 0.02), palm=(0, -1, 0.1), wrist=25, swivel=18)
        yield [Key(down, 0.46 * seconds, 0.7), Key(up, 0.54 * seconds, 0.9)]


@action(
    "a person shoots a basketball{adv}",
    "a person throws a ball at the basket{adv}",
    "a basketball shot with the {side} hand{adv}",
    "a person lifts a ball over the head and shoots{adv}",
    pace=SWIFT,
    extent=(0.9, 1.04),
    pause=0.4,
)
def basketball_shot(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("spread", 0.6)
    while True:
        low = reach_both((0.1, -0.22, 0.25), palm=(-1, 0.2, 0)) | stand(tilt=14, thigh=24, knee=42)
        high = reach_right((0.12, 0.26, 0.2), palm=(-0.2, 0.3, 0.9), swivel=30, wrist=-45)
        high |= reach_left((0.04, 0.22, 0.22), palm=(-1, 0, 0)) | stand(tilt=2, thigh=12, knee=22)
        shot = right(flex=140, abd=25, turn=0, elbow=14, pron=40, wrist=48) | legs(ankle=-16)
        shot |= left(flex=115, abd=20, elbow=40) | head(nod=-14)
        yield [
            Key(low, 0.9, 0.5),
            Key(high, 0.65, 0.6),
            Key(stand() | shot, scene.draw(0.34, 0.45), 0.4),
            Key(stand() | shot, 0.4, 0.3),
            Key({}, 1.0, 0.4),
        ]


@action(
    "a person bowls with the {side} hand{adv}",
    "a person rolls a ball with the {side} arm swinging low{adv}",
    "an underhand throw with the {side} arm{adv}",
    "a person swings the {side} arm back and bowls{adv}",
    pace=SWIFT,
    extent=(0.8, 1.05),
    pause=0.4,
)
def bowling(scene: Scene) -> Iterator[Repetition]:
    while True:
        hold = reach_both((0.06, -0.2, 0.24), palm=(-0.5, 0.8, 0)) | hands("round")
        back = right(flex=-48, abd=10, turn=5, elbow=8, pron=-10) | stand(
            tilt=22, thigh=14, knee=28
        )
        back |= left(flex=10, abd=40, elbow=25)
        swing = right(flex=50, abd=4, turn=-5, elbow=10, pron=-45) | trunk(bend=22)
        swing |= stand(tilt=34, thigh=34, knee=54) | left(flex=-10, abd=50, elbow=20)
        end = swing | right(flex=105, elbow=35) | trunk(bend=10)
        yield [
            Key(hold, 0.9, 0.4),
            Key(right(flex=20, elbow=20, pron=-20) | stand(tilt=8), 0.55, 0.9),
            Key(back | trunk(bend=14), 0.6, 0.6),
            Key(swing, scene.draw(0.5, 0.6), 0.9),
            Key(end, 0.5, 0.4),
            Key(stand(), 1.1, 0.4),
        ]


@action(
    "a person swings a baseball bat{adv}",
    "a person bats with both hands{adv}",
    "swinging a bat from over the {side} shoulder{adv}",
    "a person hits a ball with a bat{adv}",
    pace=SWIFT,
    extent=(0.75, 1.03),
    pause=0.4,
)
def batting(scene: Scene) -> Iterator[Repetition]:
    ready = reach_right((0.2, 0.02, 0.16), palm=(-0.7, 0, 0.6), swivel=45) | trunk(turn=-24)
    ready |= reach_left((-0.12, -0.02, 0.22), palm=(-0.6, -0.3, 0.6), swivel=30)
    scene.stance |= ready | hands("grip") | stand(tilt=8, thigh=12, knee=26, apart=13)
    while True:
        mid = reach_right((0.06, -0.14, 0.36), palm=(0, 0.9, 0.3)) | trunk(turn=10)
        mid |= reach_left((0.0, -0.16, 0.36), palm=(0, -0.9, 0.3)) | pelvis(turn=12)
        end = reach_right((-0.2, 0.04, 0.24), palm=(-0.6, -0.3, 0.3)) | trunk(turn=40)
        end |= reach_left((0.24, 0.06, 0.14), palm=(-0.7, 0, 0.6), swivel=45) | pelvis(turn=26)
        yield [
            Key(ready | pelvis(turn=-8), 0.9, 0.4),
            Key(mid, scene.draw(0.38, 0.48), 1.0),
            Key(end, 0.42, 0.5),
            Key(ready | pelvis(turn=0), 1.2, 0.4),
        ]


@action(
    "a person makes front crawl arm strokes{adv}",
    "a person swims on the spot, one arm after the other{adv}",
    "dry swimming, pulling with alternating arms{adv}",
    "a person imitates freestyle swimming{adv}",
    stances=("leaning", "standing"),
    pace=SWIFT,
    extent=(0.85, 1.05),
    pause=0.04,
)
def crawl_strokes(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= stand(tilt=28, thigh=2, knee=12) | trunk(bend=14) | hands("flat")
    # Forward reach, pull down, push back, recover with a high elbow.
    phases = (
        dict(flex=152, abd=22, turn=20, elbow=18, pron=30),
        dict(flex=82, abd=10, turn=25, elbow=40, pron=30),
        dict(flex=-18, abd=16, turn=20, elbow=18, pron=20),
        dict(flex=52, abd=82, turn=40, elbow=82, pron=30),
    )
    seconds = scene.draw(1.5, 2.2)
    while True:
        yield [
            Key(
                right(**phases[p]) | left(**phases[(p + 2) % 4]) | trunk(turn=(26, 8, -26, -8)[p]),
                seconds / 4,
                1.0,
            )
            for p in range(4)
        ]


@action(
    "a person paddles a canoe{adv}",
    "a person pulls a paddle through the water on the {side} side{adv}",
    "canoe strokes with both hands on the paddle{adv}{stance}",
    "a person is paddling{adv}{stance}",
    stances=("seated", "kneeling"),
    pace=SWIFT,
    extent=(0.8, 1.06),
    pause=0.06,
)
def paddling(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hands("grip")
    seconds = scene.draw(1.3, 1.9)
    while True:
        catch = reach_right((0.2, -0.22, 0.42), palm=(-0.5, -0.8, 0)) | trunk(bend=24, turn=18)
        catch |= reach_left((-0.02, 0.12, 0.34), palm=(0, -0.6, 0.8), swivel=40)
        pull = reach_right((0.28, -0.36, 0.06), palm=(-0.5, -0.8, 0)) | trunk(bend=8, turn=-16)
        pull |= reach_left((-0.08, -0.06, 0.36), palm=(0, -0.6, 0.8), swivel=40)
        out = reach_right((0.3, -0.16, 0.16), palm=(-0.5, -0.8, 0)) | trunk(bend=8, turn=-8)
        out |= reach_left((0.04, -0.02, 0.3), palm=(0, -0.6, 0.8), swivel=40)
        yield [
            Key(catch, 0.4 * seconds, 0.7),
            Key(pull, 0.4 * seconds, 0.7),
            Key(out, 0.2 * seconds, 1.0),
        ]


@action(
    "a person draws a bow{adv}",
    "a person does archery, pulling the string with the {side} hand{adv}",
    "drawing the string of a bow to the chin and letting go{adv}",
    "a person shoots an arrow{adv}",
    extent=(0.93, 1.03),
    pause=0.4,
)
def archery(scene: Scene) -> Iterator[Repetition]:
    scene.stance |= hand("left", "grip")
    while True:
        aim = left(flex=35, abd=80, turn=-10, elbow=8, pron=-10) | head(turn=48)
        near = aim | right(flex=62, abd=40, turn=60, elbow=80, pron=35) | hand("right", "hook")
        near |= trunk(turn=22)
        drawn = aim | right(flex=32, abd=82, turn=38, elbow=136, pron=40) | hand("right", "hook")
        drawn |= trunk(turn=8)
        loose = drawn | right(abd=86, turn=30, elbow=128) | hand("right", "flat")
        yield [
            Key(near, 1.1, 0.4),
            Key(drawn, scene.draw(1.1, 1.5), 0.4),
            Key(drawn, scene.draw(0.7, 1.4), 0.3),
            Key(loose, 0.25, 0.4),
            Key(both(flex=8, abd=14, elbow=25), 1.2, 0.4),
        ]
