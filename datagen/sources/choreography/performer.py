"""Virtual people: habits that stay with a performer over all clips."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cluster.runs import seed_from
from datagen.sources.choreography.poses import Pose, both, hands, head, legs, trunk


@dataclass(frozen=True)
class Performer:
    """One virtual person; the same number is the same person in every run.

    Attributes:
        tempo: own pace against the usual one.
        amplitude: own extent of movement against the usual one.
        left_handed: prefers the left side for one-sided actions.
        fluency: how much movements run on through their keys, added to an action's own.
        irregularity: relative spread of the durations and extents of repetitions.
        restlessness: extent of sway and of slow drift against the usual one.
        lags: delays in seconds of trunk, head, left arm, right arm, hands behind the pelvis.
        habit: how this person stands and holds the arms, degrees added to every stance.
    """

    tempo: float
    amplitude: float
    left_handed: bool
    fluency: float
    irregularity: float
    restlessness: float
    lags: tuple[float, ...]
    habit: Pose


@lru_cache(maxsize=4096)
def performer(number: int) -> Performer:
    """Draw the person with this number."""
    rng = np.random.default_rng(seed_from("choreography performer", number))

    def about(middle: float, spread: float) -> float:
        return float(middle + spread * np.clip(rng.standard_normal(), -2.2, 2.2))

    slouch = about(3.0, 4.0)
    habit = (
        trunk(bend=slouch, side=about(0, 1.2), turn=about(0, 1.5))
        | head(nod=about(2, 4), tilt=about(0, 1.5), turn=about(0, 2))
        | both(flex=about(2, 4), abd=about(0, 2.5), turn=about(8, 8), elbow=about(0, 6))
        | both(pron=about(6, 10), wrist=about(-5, 6), shrug=about(0, 2), protract=slouch)
        | legs(apart=about(0, 1.5), turn=about(-5, 3))
    )
    for side in ("left", "right"):
        habit[f"{side}_elbow_flexion"] += about(0, 3)
        habit[f"{side}_forearm_pronation"] += about(0, 6)
    return Performer(
        tempo=float(np.exp(about(0, 0.11))),
        amplitude=float(np.exp(about(0, 0.09))),
        left_handed=bool(rng.random() < 0.12),
        fluency=about(0.0, 0.18),
        irregularity=float(np.exp(about(np.log(0.05), 0.35))),
        restlessness=float(np.exp(about(0, 0.3))),
        lags=tuple(
            float(lag) for lag in rng.uniform((0, 0, 0, 0, 0.01), (0.03, 0.07, 0.04, 0.04, 0.08))
        ),
        habit=habit,
    )


STANDING = (
    legs(hip=4, apart=4, turn=-4, knee=5, ankle=2, toes=0)
    | both(flex=2, abd=11, turn=5, elbow=14, pron=10)
    | hands("relaxed")
)
SEATED = (
    legs(hip=88, apart=9, turn=-4, knee=86, ankle=0)
    | both(flex=26, abd=9, turn=22, elbow=62, pron=55, wrist=0)
    | hands("relaxed")
    | {"spine_flexion": 6.0}
)
KNEELING = (
    legs(hip=4, apart=6, turn=-4, knee=94, ankle=-38, toes=25)
    | both(flex=4, abd=11, turn=8, elbow=18, pron=12)
    | hands("relaxed")
)
LEANING = (
    STANDING
    | legs(hip=17, knee=8, ankle=3)
    | both(flex=22)
    | {
        "pelvis_forward_tilt": 12.0,
        "spine_flexion": 8.0,
        "neck_flexion": 8.0,
    }
)
STANCES: dict[str, tuple[Pose, str]] = {
    "standing": (STANDING, "feet"),
    "leaning": (LEANING, "feet"),
    "seated": (SEATED, "seat"),
    "kneeling": (KNEELING, "knees"),
}
STANCE_PHRASES = {
    "standing": ("", "", "", " while standing"),
    "leaning": ("", " leaning forward a little", " while leaning forward"),
    "seated": (" while sitting", " on a chair", " while seated"),
    "kneeling": (" while kneeling", " on the knees"),
}
