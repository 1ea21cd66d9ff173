"""What a target holds and what is strange about it, before anything is trained on it.

Shape letters: T samples, W wrists, C channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cluster.config import load_config
from cluster.errors import UserError
from finetune.config import FinetuneConfig
from finetune.prepare import check_people
from finetune.targets.checks import rate_of, resting_magnitude, unusable
from finetune.targets.choose import READERS, read_unchecked
from finetune.targets.doubts import doubts, gaps, mean_force, people_by_class
from finetune.targets.notes import without_windows
from finetune.targets.recording import WRISTS, Recording, Target
from finetune.targets.turning import gyroscope_agreement
from finetune.windows import Windows, cut_windows

PERCENTILES = (50, 90, 99, 99.9)


def inspect(preset: Path | None, overrides: Sequence[str]) -> int:
    """Print what the target holds; 1 when it cannot be used."""
    # A target can be looked at without a release and a place for results.
    places = ["release=none", "output=none"]
    # A target that needs no more than its name can be given by it.
    named = [f"target.{each}={{}}" if each in READERS else each for each in overrides]
    config = load_config(FinetuneConfig, preset, [*places, *named])
    target = read_unchecked(config.target)
    reasons = unusable(target)
    if target.recordings:
        print("\n".join(_people_and_time(target, config.windows.max_gap)))
        for wrist in range(len(WRISTS)):
            print("\n".join(_signals(target, wrist)), end="")
        windows = None
        try:
            windows = None if reasons else cut_windows(target, config.windows)
        except UserError as error:
            reasons.append(str(error))
        print("\n" + "\n".join(_classes(target, windows, config.windows.seconds)))
        for text in doubts(target, config.windows.max_gap):
            print(f"warning: {text}")
        if windows:
            for text in _of_windows(target, windows, config):
                print(f"warning: {text}")
    for text in reasons:
        print(f"error: {text}")
    return 1 if reasons else 0


def _of_windows(target: Target, windows: Windows, config: FinetuneConfig) -> list[str]:
    """Return what has no window, and why folds cannot be made of those that there are."""
    found = without_windows(target, windows, config.windows.seconds)
    try:
        check_people(windows, config)
    except UserError as error:
        found.append(f"`run` and `sweep` end with: {error}")
    return found


def _people_and_time(target: Target, max_gap: float) -> list[str]:
    recordings = target.recordings
    worn = {"left": (True, False), "right": (False, True), "both": (True, True)}
    counts = [
        f"{sum(part.wrists == wrists for part in recordings)} {name}"
        for name, wrists in worn.items()
    ]
    hours = sum(len(part.labels_T) / rate_of(part) for part in recordings) / 3600
    labelled = sum((part.labels_T >= 0).sum() / rate_of(part) for part in recordings) / 3600
    rates = [rate_of(part) for part in recordings]
    uneven = sum(_is_uneven(part) for part in recordings)
    return [
        f"target       {target.name}: {target.about}",
        f"people       {len(target.subjects)}: {', '.join(target.subjects)}",
        f"recordings   {len(recordings)}, {hours:.2f} h, with labels {labelled:.2f} h",
        f"wrists       {', '.join(counts)}",
        f"gyroscope    in {sum(part.has_gyroscope for part in recordings)}",
        f"rate         {np.median(rates):.4g} Hz ({min(rates):.4g} to {max(rates):.4g}), "
        f"uneven in {uneven}",
        f"gaps         {len(gaps(target.recordings, max_gap)):,} longer than {max_gap:g} s",
    ]


def _is_uneven(recording: Recording) -> bool:
    steps = np.diff(recording.timestamps_T)
    return bool(steps.max() > 1.05 * steps.min())


def _signals(target: Target, wrist: int) -> list[str]:
    recordings = [part for part in target.recordings if part.wrists[wrist]]
    if not recordings:
        return []
    signals_TC = np.concatenate([part.signals_TWC[:, wrist] for part in recordings])
    x, y, z = mean_force(recordings, wrist)
    names = "".join(f"{f'{percent:g} %':>9}" for percent in PERCENTILES)
    rest = resting_magnitude(recordings, wrist)
    lines = [
        f"\n{WRISTS[wrist] + ' wrist':<24}{'at rest':>9}{names}",
        f"{'acceleration, m/s2':<24}{rest:>9.2f}{_percentiles(signals_TC[:, :3])}",
    ]
    if any(part.has_gyroscope for part in recordings):
        lines.append(f"{'angular velocity, rad/s':<24}{'':>9}{_percentiles(signals_TC[:, 3:])}")
    lines.append(f"mean acceleration       x {x:.1f}, y {y:.1f}, z {z:.1f} m/s2")
    agreement = gyroscope_agreement(recordings, wrist)
    if agreement:
        lines.append(
            f"gyroscope               misses {100 * agreement.as_declared:.0f} % of how gravity "
            f"turns ({agreement.moments} moments)"
        )
    return [*lines, ""]


def _percentiles(vectors_T3: np.ndarray) -> str:
    values = np.percentile(np.linalg.norm(vectors_T3, axis=1), PERCENTILES)
    return "".join(f"{value:>9.2f}" for value in values)


def _classes(target: Target, windows: Windows | None, length: int) -> list[str]:
    """Return seconds, windows and people of each class; people by windows where there are any."""
    counts = ["-"] * len(target.label_names)
    people = people_by_class(target)
    if windows:
        counts = [f"{n:,}" for n in np.bincount(windows.labels_N, minlength=len(counts))]
        people = [
            set(windows.subjects_N[windows.labels_N == label]) for label in range(len(counts))
        ]
    lines = [f"{'class':<28}{'seconds':>10}{f'windows of {length} s':>16}{'people':>8}"]
    for label, name in enumerate(target.label_names):
        seconds = sum((part.labels_T == label).sum() / rate_of(part) for part in target.recordings)
        lines.append(f"{name:<28}{seconds:>10,.0f}{counts[label]:>16}{len(people[label]):>8}")
    return lines
