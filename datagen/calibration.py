"""Percentile calibration: synthetic signals get the distribution of real ones, channel by channel.

IMUTube (Kwon et al. 2020, section 3.4) maps the rank of a synthetic value onto the real value of
the same rank. Here both distributions are known by 100 percentiles, the 0.5th to the 99.5th, and
values between two of them are interpolated. Beyond the outermost percentiles the mapping goes on
as a straight line with its mean slope: clamping there would flatten impacts, and the slope of the
last piece alone would rest on a handful of samples. So the mapping is continuous, never falls,
and an affine difference between the two distributions is undone exactly, peaks included.

Shape letters: T samples, C channels, Q percentiles.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cluster.errors import UserError
from cluster.runs import write_json
from datagen.motion import Array

PERCENTILES = np.arange(0.5, 100.0, 1.0)


@dataclass(frozen=True)
class Signals:
    """Signals of one person.

    Attributes:
        person: whose they are; "" for motion of nobody in the data set that is calibrated to.
        values_TC: in the unit of each channel.
    """

    person: str
    values_TC: Array


@dataclass(frozen=True)
class Calibration:
    """The mapping of each channel.

    Attributes:
        synthetic_CQ, real_CQ: percentiles of each channel that belong to each other; rising.
        people: whose real signals it was fitted on.
    """

    synthetic_CQ: Array
    real_CQ: Array
    people: tuple[str, ...]

    def apply(self, values_TC: Array) -> Array:
        """Return synthetic values (..., C) as the real sensor would have had them.

        Raises ValueError for another number of channels.
        """
        channels = len(self.synthetic_CQ)
        if values_TC.shape[-1] != channels:
            raise ValueError(f"values of {values_TC.shape[-1]} channels; {channels} were fitted")
        mapped = np.empty(values_TC.shape)
        for channel in range(channels):
            knots = _knots(self.synthetic_CQ[channel], self.real_CQ[channel])
            mapped[..., channel] = _map(values_TC[..., channel], *knots)
        return mapped

    def save(self, path: Path) -> None:
        """Write the mapping as JSON."""
        write_json(path, {name: np.array(part).tolist() for name, part in asdict(self).items()})


def fit_calibration(
    synthetic: Sequence[Signals], real: Sequence[Signals], training_people: Collection[str]
) -> Calibration:
    """Fit the mapping on training people alone.

    Args:
        synthetic: made signals; those made from a real person's motion carry that person.
        real: recorded signals, all of training people.
        training_people: who may be looked at.

    Raises UserError for signals of anybody else, and for none, for NaN or for channels that do
    not go together.
    """
    allowed = set(training_people)
    strangers = {each.person for each in real} - allowed
    strangers |= {each.person for each in synthetic if each.person} - allowed
    if strangers:
        raise UserError(
            f"calibration: signals of {', '.join(sorted(strangers)) or 'nobody'}, who is no "
            "training person; it may be fitted on training people only"
        )
    made_TC, recorded_TC = _stacked(synthetic, "synthetic"), _stacked(real, "real")
    if made_TC.shape[1] != recorded_TC.shape[1]:
        raise UserError(
            f"calibration: {made_TC.shape[1]} synthetic and {recorded_TC.shape[1]} real channels"
        )
    return Calibration(
        np.percentile(made_TC, PERCENTILES, axis=0).T,
        np.percentile(recorded_TC, PERCENTILES, axis=0).T,
        tuple(sorted({each.person for each in real})),
    )


def load_calibration(path: Path) -> Calibration:
    """Read a mapping as `save` writes it; raises UserError."""
    try:
        stored = json.loads(path.read_text())
        synthetic_CQ = np.array(stored["synthetic_CQ"], dtype=np.float64)
        real_CQ = np.array(stored["real_CQ"], dtype=np.float64)
        people = tuple(str(person) for person in stored["people"])
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is no calibration; fit it again") from None
    whole = synthetic_CQ.ndim == 2 and synthetic_CQ.shape == real_CQ.shape and synthetic_CQ.size
    if not (whole and all(_rises(each) for each in (synthetic_CQ, real_CQ))):
        raise UserError(f"{path}: its percentiles do not rise or do not go together; fit it again")
    return Calibration(synthetic_CQ, real_CQ, people)


def _rises(values_CQ: Array) -> bool:
    return bool(np.isfinite(values_CQ).all() and (np.diff(values_CQ, axis=1) >= 0).all())


def _stacked(signals: Sequence[Signals], kind: str) -> Array:
    if not sum(len(each.values_TC) for each in signals):
        raise UserError(f"calibration: there are no {kind} signals to fit it on")
    if len({each.values_TC.shape[1] for each in signals}) > 1:
        raise UserError(f"calibration: {kind} signals have different numbers of channels")
    stacked_TC = np.concatenate([each.values_TC for each in signals])
    if not np.isfinite(stacked_TC).all():
        raise UserError(f"calibration: {kind} signals hold NaN or infinite values")
    return stacked_TC


def _knots(synthetic_Q: Array, real_Q: Array) -> tuple[Array, Array]:
    """Return the synthetic percentiles without repetition, and the mean of the real ones of each.

    A value that is held for long, such as a reading at rest, takes up several percentiles.
    """
    distinct, place, counts = np.unique(synthetic_Q, return_inverse=True, return_counts=True)
    return distinct, np.bincount(place, weights=real_Q) / counts


def _map(values: Array, from_K: Array, to_K: Array) -> Array:
    width = from_K[-1] - from_K[0]
    slope = (to_K[-1] - to_K[0]) / width if width > 0 else 1.0
    beyond = values - np.clip(values, from_K[0], from_K[-1])
    return np.interp(values, from_K, to_K) + slope * beyond
