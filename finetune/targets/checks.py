"""Data that cannot be used: what `read_target` refuses in one line.

Shape letters: T samples, B blocks.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from cluster.errors import UserError
from finetune.targets.recording import UNLABELLED, WRISTS, Recording, Target

# Half of a watch's readings lie within 9 to 11 m/s2, whatever its wearer does.
MEDIAN_ACCELERATION = (4.0, 25.0)
# Wrists turn at 4 to 8 rad/s in one sample of a hundred; the usual sensor ends at 35 rad/s.
LARGEST_TURNING = 40.0
RATES = (5.0, 2000.0)
LIKELY_RATES = (10.0, 1000.0)
BLOCK_SECONDS = 0.5
CALMEST_SHARE = 0.05
# A step in time this much longer than the median step is a gap.
GAP_STEPS = 5
# Up to so many seconds, steps between the time stamps of a sound recording are not rare gaps but
# the pauses between bursts, where one step in a hundred is of this kind.
LONGEST_PAUSE = 1.0
PAUSES = 0.01
MOST_BURSTS = 3.0
# Of the usual magnitude, the mean acceleration is more than this: gravity is always there. Only a
# hand that turns over and over has less.
LEAST_MEAN_SHARE = 0.1


def refuse_unusable(target: Target) -> None:
    """Raise UserError for the first reason why the data cannot be used."""
    for reason in unusable(target):
        raise UserError(f"target {target.name}: {reason}")


def unusable(target: Target) -> list[str]:
    """Return why the data cannot be used, each with what to do; empty when it can."""
    return [*_of_labels(target), *unusable_signals(target)]


def unusable_signals(target: Target) -> list[str]:
    """Return the same of the signals and time stamps alone."""
    reasons = []
    for check in (_bursts, _rate, _acceleration, _turning):
        told = [text for recording in target.recordings if (text := check(recording))]
        if told:
            others = len(told) - 1
            more = f" (and {others} recording{'s' * (others > 1)} more)" if others else ""
            reasons.append(told[0] + more)
    return [*reasons, *_of_gravity(target)]


def implausible(recording: Recording) -> list[str]:
    """Return why the time stamps and signals of a recording, labelled or not, cannot be right."""
    told = (check(recording) for check in (_bursts, _rate, _acceleration, _turning))
    return [text for text in told if text]


def resting_magnitude(recordings: Sequence[Recording], wrist: int) -> float:
    """Return the median length of the mean acceleration in the calmest blocks, in m/s2.

    NaN when there is no block.
    """
    return calmest(recordings, wrist)[0]


def calmest(recordings: Sequence[Recording], wrist: int) -> tuple[float, float]:
    """Return the median length of the mean acceleration in the calmest blocks, in m/s2, and their
    median spread as a share of it.

    Calm are blocks whose acceleration spreads and whose gyroscope reads little beside the others:
    by rank, so that no unit matters. NaN when there is no block.
    """
    lengths, spreads, turns = (
        np.concatenate(parts)
        for parts in zip(*(_blocks(recording, wrist) for recording in recordings), strict=True)
    )
    if not len(lengths):
        return float("nan"), float("nan")
    shares = spreads / np.maximum(lengths, 1e-9)
    order = np.argsort(rankdata(shares) + rankdata(turns))
    calm = order[: max(1, round(CALMEST_SHARE * len(order)))]
    return float(np.median(lengths[calm])), float(np.median(shares[calm]))


def _blocks(recording: Recording, wrist: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return length of the mean acceleration, its spread and the mean turning, of each block."""
    count = max(2, round(BLOCK_SECONDS * rate_of(recording)))
    blocks = len(recording.timestamps_T) // count
    signals_BTC = recording.signals_TWC[: blocks * count, wrist].reshape(blocks, count, 6)
    force_BT3, turning_BT3 = signals_BTC[..., :3], signals_BTC[..., 3:]
    return (
        np.linalg.norm(force_BT3.mean(1), axis=-1),
        np.sqrt(force_BT3.var(1).sum(-1)),
        np.linalg.norm(turning_BT3, axis=-1).mean(1),
    )


def rate_of(recording: Recording) -> float:
    """Return samples a second, gaps in time left out."""
    steps = np.diff(recording.timestamps_T)
    return float(1 / steps[steps <= GAP_STEPS * np.median(steps)].mean())


def burstiness(recording: Recording) -> float:
    """Return by what factor samples come quicker within bursts than on the whole; 1 without bursts.

    A watch that sends its samples in packets may stamp them when they arrive.
    """
    steps = np.diff(recording.timestamps_T)
    if (steps > GAP_STEPS * np.median(steps)).mean() < PAUSES or not (steps <= LONGEST_PAUSE).any():
        return 1.0
    return rate_of(recording) * float(steps[steps <= LONGEST_PAUSE].mean())


def mean_share(recording: Recording, wrist: int) -> float:
    """Return the length of the mean acceleration as a share of the median magnitude.

    No unit matters to it.
    """
    force_T3 = recording.signals_TWC[:, wrist, :3]
    median = np.median(np.linalg.norm(force_T3, axis=1))
    return float(np.linalg.norm(force_T3.mean(0)) / max(median, 1e-9))


def worn_wrists(recording: Recording) -> list[int]:
    """Return the wrists that the recording has."""
    return [wrist for wrist in range(len(WRISTS)) if recording.wrists[wrist]]


def _of_labels(target: Target) -> list[str]:
    if not target.recordings:
        return ["it holds no recording"]
    labels = [np.unique(recording.labels_T) for recording in target.recordings]
    used = set(np.concatenate(labels).tolist()) - {UNLABELLED}
    if not used:
        return ["not one sample has a label; training needs labelled recordings"]
    reasons = []
    if len(used) == 1:
        only = target.label_names[used.pop()]
        reasons.append(f"all labels are {only!r}; there is nothing to tell apart, add a class")
    if len(target.subjects) == 1:
        reasons.append(
            f"all recordings are of one person, {target.subjects[0]}; scores on people left out "
            "need at least three, so add people, or mend the key that tells who is who"
        )
    return reasons


def _of_gravity(target: Target) -> list[str]:
    shares = [
        mean_share(recording, wrist)
        for recording in target.recordings
        for wrist in worn_wrists(recording)
    ]
    if not shares or np.median(shares) >= LEAST_MEAN_SHARE:
        return []
    return [
        f"in half of its recordings the mean acceleration is less than {np.median(shares):.1%} of "
        "the usual one: gravity seems to be taken out; name columns that include it"
    ]


def _bursts(recording: Recording) -> str | None:
    factor = burstiness(recording)
    if factor <= MOST_BURSTS:
        return None
    return (
        f"{recording.name}: its samples come in bursts, within them {factor:.0f} times as quickly "
        "as on the whole, as packets do that are stamped on arrival; spread their time stamps "
        "evenly, or give the rate in place of a time column"
    )


def _rate(recording: Recording) -> str | None:
    if _bursts(recording):
        return None
    rate = rate_of(recording)
    if RATES[0] <= rate <= RATES[1]:
        return None
    text = f"{recording.name} has {rate:,.4g} samples a second"
    for factor, said in ((1e3, "1,000"), (1e6, "1,000,000"), (1e9, "1,000,000,000")):
        if LIKELY_RATES[0] <= rate / factor <= LIKELY_RATES[1]:
            return (
                f"{text}; its time stamps look {said} times too small, such as seconds declared "
                "as milliseconds: state their unit"
            )
        if LIKELY_RATES[0] <= rate * factor <= LIKELY_RATES[1]:
            return (
                f"{text}; its time stamps look {said} times too large, such as milliseconds "
                "declared as seconds: state their unit"
            )
    return f"{text}; {RATES[0]:g} to {RATES[1]:g} can be used: check its time stamps"


def _acceleration(recording: Recording) -> str | None:
    for wrist in worn_wrists(recording):
        force_T = np.linalg.norm(recording.signals_TWC[:, wrist, :3], axis=1)
        median = float(np.median(force_T))
        if MEDIAN_ACCELERATION[0] <= median <= MEDIAN_ACCELERATION[1]:
            continue
        text = f"{recording.name}: its accelerometer reads {median:.2f} m/s2 most of the time"
        if 0.7 < median < 1.5:
            return f"{text}, not 9.81; it looks like g declared as m/s2: state its unit"
        if 70 < median < 150:
            return f"{text}, not 9.81; it looks like m/s2 declared as g: state its unit"
        return f"{text}, not 9.81; state its unit, and name columns that include gravity"
    return None


def _turning(recording: Recording) -> str | None:
    if not recording.has_gyroscope:
        return None
    for wrist in worn_wrists(recording):
        turning_T = np.linalg.norm(recording.signals_TWC[:, wrist, 3:], axis=1)
        fast = float(np.percentile(turning_T, 99))
        if fast > LARGEST_TURNING:
            return (
                f"{recording.name}: its gyroscope reads {fast:.0f} rad/s in one sample of a "
                "hundred, which no wrist does; it looks like degrees declared as radians: "
                "state its unit"
            )
    return None
