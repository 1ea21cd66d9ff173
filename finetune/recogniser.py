"""A loaded classifier at work: recordings or single samples in, labels with probabilities out.

Shape letters: N windows, T samples or frames, W wrists, C channels of a wrist, X = W x C of a
recording, K classes.
"""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cluster.errors import UserError
from cluster.runs import replace_when_whole
from finetune.classifiers import EncoderClassifier
from finetune.streaming import SlidingWindows, windows_of
from finetune.targets.recording import CHANNELS, WRISTS
from finetune.windows import CHOICES, MIRROR_SIGNS_C, MIRRORS, WindowsConfig

BATCH = 64
BOTH = "both"
COLUMNS = ("start", "end", "label")


@dataclass(frozen=True)
class Prediction:
    """One window: from `start` to `end` in seconds, its most probable label, all probabilities."""

    start: float
    end: float
    label: str
    probabilities_K: np.ndarray


@dataclass(frozen=True)
class Predictions:
    """The windows of a recording, by time."""

    starts_N: np.ndarray
    ends_N: np.ndarray
    probabilities_NK: np.ndarray
    label_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.starts_N)

    @property
    def labels(self) -> list[str]:
        """The most probable label of each window."""
        return [self.label_names[best] for best in self.probabilities_NK.argmax(1)]

    def write_csv(self, path: Path) -> None:
        """Write a line for each window: start, end, label, the probability of each class."""
        with replace_when_whole(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([*COLUMNS, *self.label_names])
            for start, end, label, probabilities_K in zip(
                self.starts_N, self.ends_N, self.labels, self.probabilities_NK, strict=True
            ):
                rounded = (f"{value:.6f}" for value in probabilities_K)
                writer.writerow([f"{start:.3f}", f"{end:.3f}", label, *rounded])


@dataclass(frozen=True)
class Classifier:
    """What `load_classifier` returns.

    Signals are in m/s2 (specific force) and rad/s, in the watch frame of `targets/recording.py`,
    at any rate from 20 Hz on. `inputs` are what training recordings had, as `described` says it.
    """

    network: EncoderClassifier
    label_names: tuple[str, ...]
    windows: WindowsConfig
    inputs: tuple[str, ...]

    def predict(
        self, signals_TX: np.ndarray, timestamps_T: np.ndarray, wrist: str = "left"
    ) -> Predictions:
        """Label a recording.

        Args:
            signals_TX: ax ay az gx gy gz, or ax ay az alone, of the wrist (T, 6) or (T, 3); of
                both wrists (T, 2, 6) or (T, 2, 3). A sample with NaN counts as missing.
            timestamps_T: in seconds, rising; gaps longer than `windows.max_gap` are not bridged.
            wrist: left, right or both.

        Raises UserError for signals of other sensors than it was trained on or of another shape,
        time stamps that do not rise, a recording without a single window, and values so large that
        no probability comes of them.
        """
        signals_TX, times_T = _as_recording(signals_TX, timestamps_T, _recorded(wrist))
        self.present_WC(wrist, signals_TX.shape[1])
        known_T = np.isfinite(signals_TX).all(1) & np.isfinite(times_T)
        times_T = times_T[known_T]
        if np.any(np.diff(times_T) <= 0):
            place = int(np.flatnonzero(np.diff(times_T) <= 0)[0])
            raise UserError(f"time stamps do not rise behind {times_T[place]:.3f} s; sort them")
        found = list(windows_of(times_T, signals_TX[known_T], self.windows)) if len(times_T) else []
        if not found:
            raise UserError(_why_no_window(times_T, self.windows))
        starts_N = np.array([start for start, _ in found])
        probabilities_NK = self.probabilities(np.stack([each for _, each in found]), wrist)
        return Predictions(
            starts_N, starts_N + self.windows.seconds, probabilities_NK, self.label_names
        )

    def stream(self, wrist: str = "left") -> "Stream":
        """Return an object that is fed sample by sample and gives what `predict` gives."""
        return Stream(self, wrist)

    @torch.inference_mode()
    def probabilities(self, windows_NTX: np.ndarray, wrist: str = "left") -> np.ndarray:
        """Return class probabilities (N, K) of windows at 60 Hz."""
        present_WC = self.present_WC(wrist, windows_NTX.shape[2])
        signals_NTWC = torch.from_numpy(self._placed(windows_NTX, wrist))
        parts = []
        for signals_BTWC in signals_NTWC.split(BATCH):
            present_BWC = torch.from_numpy(present_WC).expand(len(signals_BTWC), -1, -1)
            parts.append(self.network(signals_BTWC, present_BWC).softmax(1))
        probabilities_NK = torch.cat(parts).numpy()
        if not np.isfinite(probabilities_NK).all():
            raise UserError(
                f"values of up to {np.abs(windows_NTX).max():.3g} give no probabilities; leave out "
                "what no sensor reads"
            )
        return probabilities_NK

    def present_WC(self, wrist: str, channels: int) -> np.ndarray:
        """Return which inputs `channels` signals of a wrist are; UserError for untrained ones."""
        places = self._places(wrist)
        recorded = _recorded(wrist)
        if channels not in (3 * recorded, 6 * recorded):
            raise UserError(
                f"{channels} signals of {wrist} wrist{'s' * (wrist == BOTH)}; give ax ay az, or "
                "ax ay az gx gy gz, of each"
            )
        present_WC = np.zeros((len(WRISTS), len(CHANNELS)), dtype=bool)
        present_WC[list(places.values()), : channels // recorded] = True
        given = described(present_WC)
        if given not in self.inputs:
            present_WC[:, 3:] = False
            without = described(present_WC) in self.inputs
            mend = "leave the gyroscope out" if without else "fit one on such recordings"
            raise UserError(
                f"the classifier was trained on {' and on '.join(self.inputs)}, not on "
                f"{given}; {mend}"
            )
        return present_WC

    def _places(self, wrist: str) -> dict[int, int]:
        """Return which recorded wrists go where in a window, as in `cut_windows`."""
        if wrist not in (*WRISTS, BOTH):
            raise UserError(f"wrist is {wrist}; left, right or both")
        if wrist != BOTH:
            side = WRISTS.index(wrist)
            return {0: 1 - side if self._mirrors(wrist) else side}
        chosen = CHOICES[self.windows.wrist]
        return {side: side for side in range(len(WRISTS)) if chosen is None or chosen[side]}

    def _mirrors(self, wrist: str) -> bool:
        return CHOICES[wrist] == MIRRORS[self.windows.mirror]

    def _placed(self, windows_NTX: np.ndarray, wrist: str) -> np.ndarray:
        """Return windows (N, T, W, C) of both wrists and all channels, zero where absent."""
        places = self._places(wrist)
        count, frames, _ = windows_NTX.shape
        own_NTWC = windows_NTX.reshape(count, frames, _recorded(wrist), -1)
        channels = own_NTWC.shape[3]
        signs_C = MIRROR_SIGNS_C[:channels] if self._mirrors(wrist) else 1.0
        placed_NTWC = np.zeros((count, frames, len(WRISTS), len(CHANNELS)), dtype=np.float32)
        placed_NTWC[:, :, list(places.values()), :channels] = own_NTWC[:, :, list(places)] * signs_C
        return placed_NTWC


class Stream:
    """A recording that is still going on. Keeps no more samples than the next window needs."""

    def __init__(self, classifier: Classifier, wrist: str) -> None:
        self.classifier, self.wrist = classifier, wrist
        self._sliding = SlidingWindows(classifier.windows)
        self._channels = 0

    def feed(self, time: float, values_X: Sequence[float]) -> list[Prediction]:
        """Take one sample (seconds; m/s2 and rad/s); return the windows that it completes.

        A window is complete `streaming.CONTEXT` seconds after its end, or when a gap follows.
        Raises UserError as `Classifier.predict` does.
        """
        if not self._channels:
            self.classifier.present_WC(self.wrist, len(values_X))
            self._channels = len(values_X)
        if len(values_X) != self._channels:
            raise UserError(
                f"a sample of {len(values_X)} values at {time:.3f} s in a stream of "
                f"{self._channels}; begin another stream where sensors come or go"
            )
        if not math.isfinite(time + sum(values_X)):
            return []
        return self._labelled(self._sliding.push(time, values_X))

    def finish(self) -> list[Prediction]:
        """Return the windows that still waited when the recording ended."""
        return self._labelled(self._sliding.finish())

    def _labelled(self, found: list[tuple[float, np.ndarray]]) -> list[Prediction]:
        if not found:
            return []
        windows_NTX = np.stack([window_TX for _, window_TX in found])
        probabilities_NK = self.classifier.probabilities(windows_NTX, self.wrist)
        seconds = self.classifier.windows.seconds
        names = self.classifier.label_names
        return [
            Prediction(start, start + seconds, names[row_K.argmax()], row_K)
            for (start, _), row_K in zip(found, probabilities_NK, strict=True)
        ]


def _as_recording(
    signals: np.ndarray, timestamps: np.ndarray, wrists: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return signals (T, X) and times (T,) in float64; UserError for other shapes."""
    signals = np.asarray(signals, dtype=np.float64)
    times_T = np.asarray(timestamps, dtype=np.float64)
    between = ((), (wrists,))
    fits = signals.ndim > 1 and len(signals) == times_T.size and signals.shape[1:-1] in between
    if times_T.ndim != 1 or not times_T.size or not fits:
        wanted = "(samples, 2, 6 or 3)" if wrists == 2 else "(samples, 6 or 3)"
        raise UserError(
            f"signals of shape {signals.shape} at {times_T.size} time stamps; give {wanted} with a "
            "time stamp for each sample"
        )
    return signals.reshape(times_T.size, -1), times_T


def _why_no_window(times_T: np.ndarray, windows: WindowsConfig) -> str:
    text = f"no window of {windows.seconds} s without a gap of more than {windows.max_gap} s"
    if len(times_T) > 1 and np.median(np.diff(times_T)) > windows.max_gap:
        rate = 1 / np.median(np.diff(times_T))
        return f"{text}: there are {rate:.3g} samples a second; record more often"
    return f"{text}; record for longer"


def _recorded(wrist: str) -> int:
    return 2 if wrist == BOTH else 1


def described(present_WC: np.ndarray) -> str:
    """Say which sensors are present: "left wrist with gyroscope", "both wrists, ..."."""
    sides = []
    for name, present_C in zip(WRISTS, present_WC, strict=True):
        if present_C.any():
            gyroscope = "with" if present_C[3:].any() else "without"
            sides.append(f"{name} wrist {gyroscope} gyroscope")
    return ", ".join(sides)
