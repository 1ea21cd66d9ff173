"""What an action is: a generator of repetitions, with its sentences and its room for variation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from datagen.sources.choreography.poses import Pose


@dataclass(frozen=True)
class Key:
    """A pose to pass through.

    Attributes:
        pose: what differs from the stance, degrees.
        seconds: time since the key before, at an ordinary pace.
        flow: 0 stops here, 1 runs on through.
    """

    pose: Pose
    seconds: float
    flow: float = 0.5


@dataclass
class Scene:
    """What an action is given to perform in: always right-handed; mirrored afterwards.

    Attributes:
        rng: the clip's own random numbers.
        stance: the pose that the action starts from and returns to; the action may change it
            before its first repetition.
        slots: what was drawn for the action's own slots in the sentence.
    """

    rng: np.random.Generator
    stance: Pose
    slots: Mapping[str, str]

    def draw(self, low: float, high: float) -> float:
        """Draw a number between two bounds."""
        return float(self.rng.uniform(low, high))

    def chance(self, probability: float) -> bool:
        """Toss a coin."""
        return bool(self.rng.random() < probability)

    def pick(self, *options: str) -> str:
        """Draw one of some words."""
        return options[int(self.rng.integers(len(options)))]


Repetition = Sequence[Key]
Perform = Callable[[Scene], Iterator[Repetition]]


@dataclass(frozen=True)
class Action:
    """One kind of activity.

    Attributes:
        name: short label, words joined with `_`.
        perform: yields repetition after repetition for as long as it is asked; where it ends, the
            last pose is held to the end of the clip.
        texts: sentence templates. Known slots: {side}, {other} (left or right), {adv} (pace or
            extent, with a leading space, or nothing), {stance} (how the person sits or stands,
            with a leading space, or nothing), and the action's own.
        stances: which stances it can be done in.
        slots: own words of the sentence, drawn evenly; the action sees the draw.
        extent: bounds of the factor on how far repetitions go out from their mean.
        pace: bounds of the factor on how fast it is done.
        pause: probability of a pause after a repetition.
        holds: whether a pause holds the pose; else it may go back to the stance for a while.
        support: what bears the body where the stance does not say; see `ground`.
        ends: whether the action is a single passage, always shown from its start.
    """

    name: str
    perform: Perform
    texts: tuple[str, ...]
    stances: tuple[str, ...] = ("standing",)
    slots: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extent: tuple[float, float] = (0.8, 1.1)
    pace: tuple[float, float] = (0.75, 1.3)
    pause: float = 0.08
    holds: bool = False
    support: str | None = None
    ends: bool = False


ACTIONS: dict[str, Action] = {}


def action(*texts: str, **traits: object) -> Callable[[Perform], Perform]:
    """Enter a generator function into ACTIONS under its own name."""

    def enter(perform: Perform) -> Perform:
        name = perform.__name__
        assert name not in ACTIONS, name
        ACTIONS[name] = Action(name=name, perform=perform, texts=texts, **traits)  # type: ignore[arg-type]
        return perform

    return enter
