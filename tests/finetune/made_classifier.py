"""A small classifier and a recording for it. Shape letters: T samples, C channels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from finetune import final
from finetune.classifier_release import load_classifier
from finetune.classifiers import ClassifierConfig
from finetune.final import FitConfig, fit_classifier
from finetune.recogniser import Classifier
from finetune.targets.recording import Target
from finetune.training import TrainingConfig
from finetune.windows import WindowsConfig

SMALL = {
    "training": TrainingConfig(epochs=2, batch_size=16, unfreeze_patience=1, learning_rate=5e-3),
    "classifier": ClassifierConfig(
        width=16, heads=2, feed_forward=16, experts=2, expert_width=8, stages=1
    ),
    "windows": WindowsConfig(seconds=2),
}
KINDS = ("50 Hz", "100 Hz", "60 Hz", "31 Hz", "99.6 Hz", "uneven", "gaps")


def fitted(folder: Path, tiny_release: Path, target: Target, **keys: object) -> Classifier:
    config = FitConfig(release=str(tiny_release), output=str(folder), **{**SMALL, **keys})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(final, "read_target", lambda _: target)
        fit_classifier(config)
    return load_classifier(folder)


def worn_on(target: Target, *wrists: tuple[bool, bool], gyroscope: bool = True) -> Target:
    """Return the target with the left wrist's signals on such wrists, recording by recording."""
    recordings = []
    for place, each in enumerate(target.recordings):
        worn = wrists[place % len(wrists)]
        signals_TWC = each.signals_TWC[:, :1] * np.array(worn)[:, None]
        signals_TWC[..., 3:] *= gyroscope
        recordings.append(
            replace(each, signals_TWC=signals_TWC, wrists=worn, has_gyroscope=gyroscope)
        )
    return replace(target, recordings=tuple(recordings))


def moving(times_T: np.ndarray, channels: int = 6) -> np.ndarray:
    """Gravity and a few slow waves, (T, channels)."""
    rng = np.random.default_rng(3)
    rates_C, phases_C = rng.uniform(0.5, 4, channels), rng.uniform(0, 6, channels)
    signals_TC = 2 * np.sin(2 * np.pi * rates_C * times_T[:, None] + phases_C)
    signals_TC[:, 2] += 9.81
    return signals_TC


def times_of(kind: str) -> np.ndarray:
    rng = np.random.default_rng(4)
    if kind.endswith(" Hz"):
        rate = float(kind.removesuffix(" Hz"))
        return 5.0 + np.arange(round(11.3 * rate)) / rate
    times_T = np.cumsum(rng.uniform(0.012, 0.028, 600))
    if kind == "gaps":  # one between windows, one within a window, a stretch too short, one at once
        for begin, length in ((100, 0.3), (250, 4.0), (255, 0.5), (580, 0.21)):
            times_T[begin:] += length
    return times_T
