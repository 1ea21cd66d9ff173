"""What real watches read, to set synthetic signals beside them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.seeing.survey import SPECTRUM_SECONDS, Spectrum, spectrum

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
RATE = 50.0
STANDARD_GRAVITY = 9.80665


@dataclass(frozen=True)
class Watch:
    """Percentiles of magnitudes of a data set, in the order of PERCENTILES.

    Attributes:
        name: of the data set.
        acc: specific force, m/s2.
        gyro: angular velocity, rad/s.
    """

    name: str
    acc: tuple[float, ...]
    gyro: tuple[float, ...]


# The first is made anew by a test; the second is of recordings that this project does not carry.
WATCHES = (
    Watch(
        "real: shoulder exercises (Burns et al. 2018)",
        (10.5, 15.8, 28.6, 40.4),
        (2.0, 4.6, 7.6, 9.4),
    ),
    Watch(
        "real: walking, turning, sitting down (Matey-Sanz et al. 2023)",
        (10.0, 12.8, 16.8, 21.2),
        (1.7, 3.6, 5.9, 8.2),
    ),
)


def shoulder_recordings() -> list[NDArray[np.float64]]:
    """Return the recordings of Burns et al. that `seglearn` carries: (T, 6), m/s2 and rad/s."""
    from seglearn.datasets import load_watch

    to_si = np.repeat([STANDARD_GRAVITY, 1.0], 3)
    return [np.asarray(signals, dtype=np.float64) * to_si for signals in load_watch()["X"]]


def shoulder_spectra() -> dict[str, Spectrum]:
    """Return the mean spectra of these recordings, by quantity."""
    found: dict[str, Spectrum] = {}
    for signals_TC in shoulder_recordings():
        if len(signals_TC) < SPECTRUM_SECONDS * RATE:
            continue
        for quantity, channels in (("acc", slice(0, 3)), ("gyro", slice(3, 6))):
            own = spectrum(signals_TC[:, channels], RATE)
            if quantity in found:
                found[quantity].add(own)
            else:
                found[quantity] = own
    return found
