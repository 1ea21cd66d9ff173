"""What is strange about data that can be used: what `python -m finetune inspect` warns of.

Shape letters: T samples, W wrists, C channels, P people.
"""

from collections.abc import Sequence

import numpy as np

from finetune.targets.checks import (
    LEAST_MEAN_SHARE,
    burstiness,
    calmest,
    mean_share,
    rate_of,
    resting_magnitude,
)
from finetune.targets.notes import notes
from finetune.targets.recording import GRAVITY, UNLABELLED, WRISTS, Recording, Target
from finetune.targets.turning import Agreement, gyroscope_agreement

SOUND_REST = 0.05
# Whose acceleration spreads less than this share of it, for half a second, is at rest.
STILL = 0.02
# From so many samples a second on the filter of a window sees all that it sees in training.
LOW_RATE = 20.0
SLOW_TURNING = 0.3
# A mean below this, in m/s2, says nothing about which way an axis points.
CLEAR_MEAN = 1.0
# Samples that come this much quicker in bursts than on the whole.
FEW_BURSTS = 1.5
# In daily life and in exercise, gravity's reaction lies on average towards the elbow, the thumb
# and the back of the hand: signs of its x, y and z on the left wrist.
USUAL_SIGNS = np.array([-1.0, -1.0, 1.0])
CLEARLY_BETTER = 0.1
# Cosines between a person's mean acceleration and the others' are 0.8 to 1 in real recordings,
# less in short ones; below this it points the other way.
LEAST_ALIKE = 0.0
FEWEST_ALIKE = 3
# Sound gyroscopes miss 20 to 55 % of how gravity turns; one that tells nothing, all of it.
MISSES_LITTLE, MISSES_ALL = 0.6, 0.8


def doubts(target: Target, max_gap: float) -> list[str]:
    """Return warnings; `max_gap` in seconds is what windows do not reach over."""
    return [*_of_names(target), *_of_classes(target), *_of_recordings(target.recordings, max_gap)]


def doubts_of(recording: Recording, max_gap: float) -> list[str]:
    """Return what is strange about a single recording, labelled or not."""
    return _of_recordings([recording], max_gap)


def _of_recordings(recordings: Sequence[Recording], max_gap: float) -> list[str]:
    found = [*notes(recordings), *_of_time(recordings, max_gap)]
    for wrist in range(len(WRISTS)):
        own = [recording for recording in recordings if recording.wrists[wrist]]
        if own:
            found += _of_gravity(own, wrist)
            found += _of_single_people(own, wrist)
            found += _of_gyroscope(own, wrist)
    return found


def people_by_class(target: Target) -> list[set[str]]:
    """Return who did each class."""
    people: list[set[str]] = [set() for _ in target.label_names]
    for recording in target.recordings:
        for label in set(np.unique(recording.labels_T).tolist()) - {UNLABELLED}:
            people[label].add(recording.subject)
    return people


def mean_force(recordings: list[Recording], wrist: int) -> np.ndarray:
    """Return the mean acceleration (3,) over all samples, in m/s2."""
    return np.concatenate([part.signals_TWC[:, wrist, :3] for part in recordings]).mean(0)


def gaps(recordings: Sequence[Recording], max_gap: float) -> np.ndarray:
    """Return the lengths in seconds of all steps in time that are longer than `max_gap`."""
    steps = np.concatenate([np.diff(recording.timestamps_T) for recording in recordings])
    return steps[steps > max_gap]


def _of_names(target: Target) -> list[str]:
    """Return people whom large and small letters alone tell apart."""
    spellings: dict[str, list[str]] = {}
    for name in target.subjects:
        spellings.setdefault(name.casefold(), []).append(name)
    return [
        f"{' and '.join(names)} are taken for different people: one in two spellings would be in "
        "training and in test at once"
        for names in spellings.values()
        if len(names) > 1
    ]


def _of_classes(target: Target) -> list[str]:
    found = []
    for name, people in zip(target.label_names, people_by_class(target), strict=True):
        if not people:
            found.append(f"class {name!r} does not occur")
        elif len(people) == 1 and len(target.subjects) > 1:
            found.append(
                f"class {name!r} is of one person only, {people.pop()}: it is never in training "
                "and in test at once"
            )
    return found


def _of_time(recordings: Sequence[Recording], max_gap: float) -> list[str]:
    found = []
    bursts = [part for part in recordings if burstiness(part) > FEW_BURSTS]
    if bursts:
        found.append(
            f"the samples of {len(bursts)} recordings come in bursts, the first {bursts[0].name}: "
            "as packets do that are stamped on arrival"
        )
    low = [part for part in recordings if rate_of(part) < LOW_RATE]
    if low:
        found.append(
            f"{len(low)} recordings have less than {LOW_RATE:g} samples a second, the first "
            f"{low[0].name} with {rate_of(low[0]):.3g}: fast movements are lost"
        )
    long = gaps(recordings, max_gap)
    if len(long):
        found.append(
            f"{len(long):,} gaps in time longer than {max_gap:g} s, the longest {long.max():,.1f} "
            "s: no window reaches over them"
        )
    return found


def _of_gravity(recordings: list[Recording], wrist: int) -> list[str]:
    found = _out_of_scale(recordings, wrist)
    without = [part for part in recordings if mean_share(part, wrist) < LEAST_MEAN_SHARE]
    if without:
        found.append(
            f"{WRISTS[wrist]} wrist: the mean acceleration of {len(without)} recordings is next to "
            f"nothing, the first {without[0].name}: gravity taken out?"
        )
    mean_3 = mean_force(recordings, wrist)
    mirrored_3 = mean_3 * np.array([-1.0 if wrist else 1.0, 1.0, 1.0])
    against = tuple((mirrored_3 * USUAL_SIGNS < -CLEAR_MEAN).tolist())
    if any(against):
        said = {
            (True, True, True): "gravity_sign looks wrong",
            (True, False, False): "it looks like the other wrist, or a frame for the other wrist",
            (True, True, False): "the frame looks turned by half a turn about z",
        }.get(against, "the frame looks wrong")
        x, y, z = mean_3
        found.append(
            f"{WRISTS[wrist]} wrist: its mean acceleration is ({x:.1f}, {y:.1f}, {z:.1f}) m/s2, "
            f"unlike that of other wrists: {said}, or its axes are in another order; "
            "`python -m finetune frame` tells"
        )
    return found


def _of_single_people(recordings: list[Recording], wrist: int) -> list[str]:
    """Return whose mean acceleration points elsewhere than that of the others together."""
    people = sorted({part.subject for part in recordings})
    if len(people) < FEWEST_ALIKE:
        return []
    means_P3 = np.stack(
        [
            mean_force([part for part in recordings if part.subject == each], wrist)
            for each in people
        ]
    )
    units_P3 = means_P3 / np.linalg.norm(means_P3, axis=1, keepdims=True).clip(1e-9)
    others_P3 = units_P3.sum(0) - units_P3
    cosines_P = (units_P3 * others_P3).sum(1) / np.linalg.norm(others_P3, axis=1).clip(1e-9)
    told = [
        f"{person} (cosine {cosine:.2f})"
        for person, cosine in zip(people, cosines_P, strict=True)
        if cosine < LEAST_ALIKE
    ]
    if not told:
        return []
    return [
        f"{WRISTS[wrist]} wrist: the mean acceleration of {', '.join(told)} points elsewhere than "
        "that of the others: a watch turned round, worn on the other wrist, or with the other sign "
        "of gravity?"
    ]


def _out_of_scale(recordings: list[Recording], wrist: int) -> list[str]:
    """Return what is amiss with sensors at rest: of single people, or of all together."""
    people = sorted({part.subject for part in recordings})
    found = []
    for person in people:
        own = [part for part in recordings if part.subject == person]
        length, spread = calmest(own, wrist)
        if spread < STILL and abs(length / GRAVITY - 1) > SOUND_REST:
            found.append(
                f"{WRISTS[wrist]} wrist: at rest the recordings of {person} read {length:.2f} "
                f"m/s2, not {GRAVITY}: a sensor out of scale"
            )
    rest = resting_magnitude(recordings, wrist)
    if abs(rest / GRAVITY - 1) > SOUND_REST and not 0 < len(found) <= len(people) / 2:
        return [
            f"{WRISTS[wrist]} wrist: at its calmest it reads {rest:.2f} m/s2, not {GRAVITY}: "
            "never at rest, a sensor out of scale, or a wrong unit"
        ]
    return found


def _of_gyroscope(recordings: list[Recording], wrist: int) -> list[str]:
    own = [part for part in recordings if part.has_gyroscope]
    if not own:
        return []
    found = []
    slow = {person: fast for person, fast in _fast_turning(own, wrist) if fast < SLOW_TURNING}
    everyone = len(slow) == len({part.subject for part in own})
    agreement = gyroscope_agreement(recordings, wrist)
    if agreement and _would_fit(agreement):
        found.append(
            f"{WRISTS[wrist]} wrist: the gyroscope does not turn gravity as the accelerometer "
            f"sees it turn; it would with {agreement.reading}"
        )
    elif agreement and agreement.as_declared > MISSES_ALL:
        found.append(
            f"{WRISTS[wrist]} wrist: the gyroscope misses {100 * agreement.as_declared:.0f} % of "
            "how the accelerometer sees gravity turn: another order of axes, or a clock of its own?"
        )
    elif slow:
        whose = "" if everyone else f" of {', '.join(slow)}"
        found.append(
            f"{WRISTS[wrist]} wrist: the gyroscope{whose} reads {max(slow.values()):.3f} rad/s in "
            "one sample of a hundred: a wrist that hardly moves, or radians declared as degrees"
        )
    return found


def _would_fit(agreement: Agreement) -> bool:
    """Whether the gyroscope fits clearly better when it is read in another way, and then well."""
    better = agreement.best < agreement.as_declared - CLEARLY_BETTER
    return better and agreement.best < MISSES_LITTLE and bool(agreement.reading)


def _fast_turning(recordings: list[Recording], wrist: int) -> list[tuple[str, float]]:
    """Return for each person the angular velocity, in rad/s, of one sample in a hundred."""
    told = []
    for person in sorted({part.subject for part in recordings}):
        own = [part.signals_TWC[:, wrist, 3:] for part in recordings if part.subject == person]
        fast = np.percentile(np.linalg.norm(np.concatenate(own), axis=1), 99)
        told.append((person, float(fast)))
    return told
