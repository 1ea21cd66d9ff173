"""Synthetic windows beside real ones: "Real + IMUTube" and "Real + IMUGPT".

Shards made of video poses or of the output of a text-to-motion model (docs/synthetic-rows.md) are
cut as the target's recordings are, and added to the training windows of a fold. They are
calibrated there, so that neither they nor their calibration know a person left out.

Shape letters: N windows, M windows of a part, T frames, W wrists, C channels, X = W x C, V the
channels among them that were measured.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from omegaconf import MISSING

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.storage import location
from datagen.calibration import Signals, fit_calibration
from datagen.sample import Sample
from datagen.shards import load_manifest, read_shard
from finetune.placement import check_placement
from finetune.rows import find_row
from finetune.windows import RATE, Windows, WindowsConfig

NOBODY = "synthetic"


@dataclass
class SyntheticConfig:
    """Shards, and what their clips show in the words of the target.

    Attributes:
        shards: folder of shards.
        classes: regular expression found in a clip's action or text, whatever the case -> class
            of the target. The first that is found counts; a clip in which none is found is not
            used.
        bodies: how many bodies of each clip.
    """

    shards: str = MISSING
    classes: dict[str, str] = field(default_factory=dict)
    bodies: int = 1


def synthetic_names(
    rows: Iterable[str], configured: Mapping[str, SyntheticConfig], target: str
) -> list[str]:
    """Return which of `configured` the rows want; UserError where one is lacking."""
    wanted = [row for row in map(find_row, rows) if row.synthetic]
    for row in wanted:
        if row.synthetic not in configured:
            raise UserError(
                f"row {row.name} needs synthetic.{row.synthetic}, which target {target} lacks; "
                "give its shards and classes, or leave the row out"
            )
    return sorted({row.synthetic for row in wanted})


def synthetic_windows(
    config: SyntheticConfig, cutting: WindowsConfig, real: Windows, key: str = "synthetic"
) -> Windows:
    """Return windows of the clips that show classes of the target, cut and worn as `real` are.

    `key` is what messages call the configuration.
    Channels that no real window has are absent. Raises UserError for a class or an expression
    that cannot be, a folder without shards, and where no clip shows any of the classes.
    """
    labels = _labels(config, real.label_names, key)
    present_WC = np.asarray(real.present_NWC.any(0))
    signals, labels_N, starts = [], [], []
    for label, start, signals_TWC in _cut(config, cutting, labels, key):
        signals.append(signals_TWC * present_WC)
        labels_N.append(label)
        starts.append(start)
    if not signals:
        raise UserError(
            f"{key}.shards is {config.shards}: no clip of {cutting.seconds} s has an action or "
            f"text with one of {', '.join(config.classes)}; mend {key}.classes"
        )
    return Windows(
        signals_NTWC=np.stack(signals).astype(np.float32),
        present_NWC=np.repeat(present_WC[None], len(signals), axis=0),
        labels_N=np.array(labels_N),
        subjects_N=np.array([NOBODY] * len(signals)),
        recordings_N=np.full(len(signals), -1),
        starts_N=np.array(starts),
        label_names=real.label_names,
    )


def with_synthetic(
    real: Windows, synthetic: Windows, train_M: np.ndarray
) -> tuple[Windows, np.ndarray]:
    """Return real windows and, behind them, synthetic ones; and the indices to learn from.

    These are `train_M`, on whose windows the synthetic ones are calibrated, and all synthetic
    ones. The indices of real windows stay what they are, so validation and test do not change,
    and folds, which are dealt before, know nobody called NOBODY.
    """
    calibrated = calibrate(synthetic, real, train_M)
    joined = replace(
        real,
        signals_NTWC=np.concatenate([real.signals_NTWC, calibrated.signals_NTWC]),
        present_NWC=np.concatenate([real.present_NWC, calibrated.present_NWC]),
        labels_N=np.concatenate([real.labels_N, calibrated.labels_N]),
        subjects_N=np.concatenate([real.subjects_N, calibrated.subjects_N]),
        recordings_N=np.concatenate([real.recordings_N, calibrated.recordings_N]),
        starts_N=np.concatenate([real.starts_N, calibrated.starts_N]),
    )
    return joined, np.concatenate([train_M, np.arange(len(real), len(joined))])


def calibrate(synthetic: Windows, real: Windows, train_M: np.ndarray) -> Windows:
    """Give synthetic signals, channel by channel, the percentiles of real training windows.

    Only the windows `train_M` are looked at, and of these only the classes that `synthetic` has
    and the ones with all of its channels. Raises UserError where there are none.
    """
    present_WC = synthetic.present_NWC[0]
    same_M = train_M[
        np.isin(real.labels_N[train_M], synthetic.labels_N)
        & (real.present_NWC[train_M] == present_WC).all((1, 2))
    ]
    if not len(same_M):
        raise UserError(
            "synthetic.classes: no training window is of a class that it names and has all "
            "channels that some windows have; see windows.mirror and windows.wrist"
        )
    measured_X = present_WC.ravel()
    people = sorted(set(real.subjects_N[same_M].tolist()))
    recorded = []
    for name in people:
        own_M = same_M[real.subjects_N[same_M] == name]
        recorded.append(Signals(name, _flat(real.signals_NTWC[own_M])[:, measured_X]))
    made_TX = _flat(synthetic.signals_NTWC)
    calibration = fit_calibration([Signals("", made_TX[:, measured_X])], recorded, people)
    made_TX[:, measured_X] = calibration.apply(made_TX[:, measured_X])
    signals_NTWC = made_TX.reshape(synthetic.signals_NTWC.shape).astype(np.float32)
    return replace(synthetic, signals_NTWC=signals_NTWC)


def _flat(signals_NTWC: np.ndarray) -> np.ndarray:
    """Return samples one after another, (N x T, X), in float64."""
    return signals_NTWC.reshape(-1, signals_NTWC[0, 0].size).astype(np.float64)


def _labels(
    config: SyntheticConfig, names: tuple[str, ...], key: str
) -> list[tuple[re.Pattern[str], int]]:
    """Return expressions and the class that each means."""
    if not config.classes:
        raise UserError(f"{key}.classes is empty; say which clips show which class")
    if config.bodies < 1:
        raise UserError(f"{key}.bodies is {config.bodies}; at least 1")
    labels = []
    for written, name in config.classes.items():
        if name not in names:
            raise UserError(
                f"{key}.classes: {name} is not a class of the target; they are {', '.join(names)}"
            )
        try:
            labels.append((re.compile(written, re.IGNORECASE), names.index(name)))
        except re.error as error:
            raise UserError(f"{key}.classes: {written} is no expression: {error}") from None
    return labels


def _cut(
    config: SyntheticConfig,
    cutting: WindowsConfig,
    labels: list[tuple[re.Pattern[str], int]],
    key: str,
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield class, start in seconds and signals (T, W, C) of each window."""
    folder = location(config.shards)
    try:
        manifest = load_manifest(folder)
    except UserError as error:
        raise UserError(f"{key}.shards: {error}") from None
    check_placement(manifest.placement, f"{key}.shards: {config.shards}")
    infos = [info for info in manifest.shards if info.samples]
    if not infos:
        raise UserError(f"{key}.shards is {config.shards}; there are no shards in it")
    frames = cutting.seconds * RATE
    hop = max(1, round(frames * (1 - cutting.overlap)))
    with Progress("synthetic", len(infos), "shards") as progress:
        for info in infos:
            for sample in read_shard(info.path(folder)):
                label = _label(sample, labels)
                if label is None:
                    continue
                for signals_TWC in _bodies(sample, config.bodies):
                    for start in range(0, len(signals_TWC) - frames + 1, hop):
                        yield label, start / RATE, signals_TWC[start : start + frames]
            progress.advance()


def _label(sample: Sample, labels: list[tuple[re.Pattern[str], int]]) -> int | None:
    words = f"{sample.meta.get('action') or ''}\n{sample.meta.get('text') or ''}"
    return next((label for pattern, label in labels if pattern.search(words)), None)


def _bodies(sample: Sample, count: int) -> Iterator[np.ndarray]:
    """Yield the signals (T, W, C) of the first bodies."""
    for body in range(min(count, len(sample.acc_NTW3))):
        gyro_TW3 = sample.gyro_NTW3[min(body, len(sample.gyro_NTW3) - 1)]
        yield np.concatenate([sample.acc_NTW3[body], gyro_TW3], axis=2).astype(np.float32)
