"""One recording of wrist sensors with labels, in the units and frame that everything here uses.

Shape letters: T samples in time, W wrists (left, right), C channels (ax ay az gx gy gz).
"""

from dataclasses import dataclass

import numpy as np

UNLABELLED = -1
WRISTS = ("left", "right")
CHANNELS = ("ax", "ay", "az", "gx", "gy", "gz")
GRAVITY = 9.81


@dataclass(frozen=True)
class Recording:
    """Signals of one person at the recording's own rate, two samples or more, each with a label.

    `signals_TWC` is in m/s2 (specific force: a resting sensor reads +9.81 upwards) and rad/s, in
    the watch frame: z out of the back of the wrist, y towards the little finger, x towards the
    hand on the left and towards the elbow on the right wrist. It holds no NaN; channels that the
    recording lacks (a wrist, the gyroscope) are zero there and False in `present_WC`.
    `timestamps_T` is in seconds and rises. `labels_T` indexes the target's `label_names`;
    UNLABELLED marks samples without a label. `without_value` and `not_rising` count the samples
    that the reader had to drop because they held no number or their time was not behind all before,
    `segments_beyond` the labelled segments that reach beyond the recording, and
    `segments_overlapping` those that overlap one of another label.
    """

    name: str
    subject: str
    signals_TWC: np.ndarray
    timestamps_T: np.ndarray
    labels_T: np.ndarray
    wrists: tuple[bool, bool]
    has_gyroscope: bool
    without_value: int = 0
    not_rising: int = 0
    segments_beyond: int = 0
    segments_overlapping: int = 0

    def __post_init__(self) -> None:
        length = len(self.timestamps_T)
        if self.signals_TWC.shape != (length, len(WRISTS), len(CHANNELS)):
            raise ValueError(f"{self.name}: signals have shape {self.signals_TWC.shape}")
        if self.labels_T.shape != (length,):
            raise ValueError(f"{self.name}: {len(self.labels_T)} labels for {length} samples")
        if length < 2:
            raise ValueError(f"{self.name}: {length} samples, but a rate takes two")
        if not np.isfinite(self.signals_TWC).all():
            raise ValueError(f"{self.name}: signals hold NaN or infinite values")
        if np.any(np.diff(self.timestamps_T) <= 0):
            raise ValueError(f"{self.name}: timestamps do not rise")

    @property
    def present_WC(self) -> np.ndarray:
        """Which channels were measured, bool (W, C)."""
        present_WC = np.zeros((len(WRISTS), len(CHANNELS)), dtype=bool)
        present_WC[list(self.wrists), : 6 if self.has_gyroscope else 3] = True
        return present_WC


@dataclass(frozen=True)
class Target:
    """A data set to recognise activities on: its recordings, its classes and where it is from."""

    name: str
    about: str
    label_names: tuple[str, ...]
    recordings: tuple[Recording, ...]

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people of the data set."""
        return tuple(sorted({recording.subject for recording in self.recordings}))
