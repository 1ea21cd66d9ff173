"""Which clip is what: clip i of a seed, drawn from the seed and i alone."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cluster.runs import seed_from
from datagen.sources.choreography.action import Action
from datagen.sources.choreography.actions import ACTIONS
from datagen.sources.choreography.performer import STANCE_PHRASES, performer
from datagen.sources.choreography.poses import Pose

SLOW, FAST = 0.84, 1.2
SMALL, LARGE = 0.84, 1.14
DOMINANT_SIDE_SHARE = 0.65
# How far people's ways of doing the same thing stray from the authored one with manner 1: standard
# deviations in degrees of angles that a clip keeps, of the logarithm of its pace, and their bound.
STRAYING = {
    "forearm_pronation": 35.0,
    "shoulder_internal_rotation": 12.0,
    "shoulder_flexion": 10.0,
    "shoulder_abduction": 10.0,
    "elbow_flexion": 12.0,
    "wrist_flexion": 10.0,
}
STRAYING_PACE = 0.35
STRAYING_BOUND = 2.0
WHO = ("a person", "a person", "someone", "the person")


@dataclass(frozen=True)
class Casting:
    """Everything about a clip that is decided before anyone moves.

    Attributes:
        action: key of ACTIONS.
        seconds: length of the clip.
        performer: number of the virtual person.
        side: "left" or "right": the side that leads.
        stance: key of STANCES.
        pace, extent: factors, the performer's own habits included.
        manner: degrees by which each arm differs from the authored poses, all clip long.
        slots: words drawn for the action's own slots.
        text: the sentence.
    """

    action: str
    seconds: float
    performer: int
    side: str
    stance: str
    pace: float
    extent: float
    manner: Pose
    slots: dict[str, str]
    text: str


def cast(
    seed: int, index: int, seconds: tuple[float, float], performers: int, manner: float = 0.0
) -> Casting:
    """Draw clip `index` of `seed`; with `manner` above 0 somebody's own way of doing it."""
    rng = np.random.default_rng(seed_from("choreography clip", seed, index))
    names = _block(seed, index // len(ACTIONS))
    action = ACTIONS[names[index % len(names)]]
    number = int(rng.integers(performers))
    person = performer(number)
    dominant = rng.random() < DOMINANT_SIDE_SHARE
    side = "left" if dominant == person.left_handed else "right"
    stance = str(rng.choice(action.stances))
    pace = person.tempo * float(np.exp(rng.uniform(*np.log(action.pace))))
    own_pace, own_manner = _own_way(seed, index, manner)
    pace *= own_pace
    extent = float(np.clip(person.amplitude * rng.uniform(*action.extent), *action.extent))
    slots = {name: str(rng.choice(list(words))) for name, words in action.slots.items()}
    return Casting(
        action=action.name,
        seconds=float(rng.uniform(*seconds)),
        performer=number,
        side=side,
        stance=stance,
        pace=pace,
        extent=extent,
        manner=own_manner,
        slots=slots,
        text=_sentence(rng, action, side, stance, pace, extent, slots),
    )


def _own_way(seed: int, index: int, manner: float) -> tuple[float, Pose]:
    """Return a factor of the pace, and a clip's offsets to all poses of the arms.

    They are drawn apart, so that all else about a clip is the same with and without.
    """
    rng = np.random.default_rng(seed_from("choreography manner", seed, index))

    def stray(spread: float) -> float:
        drawn = np.clip(rng.standard_normal(), -STRAYING_BOUND, STRAYING_BOUND)
        return float(manner * spread * drawn)

    pace = float(np.exp(stray(STRAYING_PACE)))
    sides = ("left", "right")
    return pace, {
        f"{side}_{name}": stray(spread) for side in sides for name, spread in STRAYING.items()
    }


@lru_cache(maxsize=64)
def _block(seed: int, block: int) -> tuple[str, ...]:
    """Return every action once, in a drawn order: any stretch of clips is balanced."""
    rng = np.random.default_rng(seed_from("choreography block", seed, block))
    names = sorted(ACTIONS)
    return tuple(names[place] for place in rng.permutation(len(names)))


def _sentence(
    rng: np.random.Generator,
    action: Action,
    side: str,
    stance: str,
    pace: float,
    extent: float,
    slots: dict[str, str],
) -> str:
    manners = [""]
    if pace < SLOW:
        manners += [" slowly", " at a slow pace", " slowly and carefully"]
    elif pace > FAST:
        manners += [" quickly", " at a fast pace", " briskly"]
    wide = action.extent[1] - action.extent[0] > 0.25
    if wide and extent < SMALL:
        manners.append(" with small movements")
    elif wide and extent > LARGE:
        manners.append(" with large movements")
    phrases = STANCE_PHRASES[stance] if len(action.stances) > 1 else ("",)
    sentence = str(rng.choice(action.texts)).format(
        side=side,
        other="right" if side == "left" else "left",
        adv=rng.choice(manners[1:] if len(manners) > 1 and rng.random() < 0.75 else manners),
        stance=rng.choice(phrases),
        **slots,
    )
    return sentence.replace("a person", str(rng.choice(WHO)), 1)
