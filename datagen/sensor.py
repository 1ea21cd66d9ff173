"""What a real part adds to the ideal signal: the errors that data sheets name, in their units.

In the order in which they arise: gain and cross-axis errors, offset, flicker, random walk and
white noise, the output filter, the range, the resolution. The noise shows in the Allan deviation
as IEEE Std 952 (annex C) says; a data sheet's density D counts positive frequencies alone, so that
its N is D / sqrt(2):

    white noise          D sqrt(1 / (2 tau))        slope -1/2
    bias instability     B sqrt(2 ln 2 / pi)        slope 0
    random walk          K sqrt(tau / 3)            slope +1/2

Shape letters: N bodies, T frames, W sensors.
"""

from dataclasses import astuple, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfftfreq
from scipy.signal import butter, lfilter, lfilter_zi

from cluster.errors import UserError
from datagen.motion import Array

STANDARD_GRAVITY = 9.80665
FILTER_ORDER = 2


@dataclass
class Triad:
    """Errors of a three-axis accelerometer or gyroscope; zero is none.

    Where the unit depends on which it is, the accelerometer's stands first.

    Attributes:
        noise_density: ug/sqrt(Hz) or mdps/sqrt(Hz); white, up to half the rate.
        bias: standard deviation of the offset that a part has when it is switched on, mg or dps.
        bias_instability: coefficient B of flicker noise, ug or mdps. Where a data sheet gives the
            lowest point of the Allan deviation instead, divide by 0.664.
        random_walk: coefficient K of the offset's drift, ug or mdps per sqrt(s).
        scale: standard deviation of the gain's error, percent.
        misalignment: standard deviation of what one axis sees of another, percent.
        range: largest reading, g or dps.
        resolution: smallest step, mg or mdps.
        bandwidth: where the output filter has fallen by 3 dB, Hz, below half the rate.
    """

    noise_density: float = 0.0
    bias: float = 0.0
    bias_instability: float = 0.0
    random_walk: float = 0.0
    scale: float = 0.0
    misalignment: float = 0.0
    range: float = 0.0
    resolution: float = 0.0
    bandwidth: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < np.inf:
                raise UserError(f"sensor: {name}={value:g}: give a value from 0 on")

    @property
    def ideal(self) -> bool:
        """Whether it has no errors at all."""
        return not any(astuple(self))


@dataclass
class SensorConfig:
    """An inertial sensor; without errors by default.

    Attributes:
        part: name of a part in PARTS, instead of values of one's own; or "".
        accelerometer: in g's multiples.
        gyroscope: in degrees per second (dps).

    Raises UserError for a part that is not known, or a part beside values of one's own.
    """

    part: str = ""
    accelerometer: Triad = field(default_factory=Triad)
    gyroscope: Triad = field(default_factory=Triad)

    def __post_init__(self) -> None:
        if not self.part:
            return
        if self.part not in PARTS:
            known = ", ".join(PARTS)
            raise UserError(f"sensor: part={self.part}: no such part; there are {known}")
        own, chosen = (self.accelerometer, self.gyroscope), PARTS[self.part]
        if own not in ((Triad(), Triad()), chosen):
            raise UserError(f"sensor: give part={self.part} or values of your own, not both")
        self.accelerometer, self.gyroscope = (replace(triad) for triad in chosen)


# Typical values at 16 g and 2000 dps. None of the data sheets states a bias instability or a random
# walk; at the output rates next above 60 Hz their filters pass all that 60 Hz can hold.
PARTS = {
    # Bosch Sensortec, BST-BMI270-DS000.
    "bmi270": (
        Triad(noise_density=160.0, bias=20.0, scale=0.4, range=16.0, resolution=0.488),
        Triad(noise_density=7.0, bias=0.5, scale=0.4, range=2000.0, resolution=61.0),
    ),
    # STMicroelectronics, LSM6DSO32 data sheet, table "Mechanical characteristics".
    "lsm6dso32": (
        Triad(noise_density=160.0, bias=20.0, scale=0.5, range=16.0, resolution=0.488),
        Triad(noise_density=3.8, bias=0.5, scale=0.5, range=2000.0, resolution=70.0),
    ),
    # TDK InvenSense, DS-000176, tables 1 and 2.
    "icm20602": (
        Triad(
            noise_density=100.0,
            bias=25.0,
            scale=1.0,
            misalignment=1.0,
            range=16.0,
            resolution=0.488,
        ),
        Triad(
            noise_density=4.0, bias=1.0, scale=1.0, misalignment=1.0, range=2000.0, resolution=61.0
        ),
    ),
}


@dataclass(frozen=True)
class _Units:
    """What the numbers of a triad are in, SI."""

    whole: float
    bias: float
    resolution: float
    noise: float


ACCELEROMETER = _Units(*(STANDARD_GRAVITY * part for part in (1.0, 1e-3, 1e-3, 1e-6)))
GYROSCOPE = _Units(*(np.pi / 180 * part for part in (1.0, 1.0, 1e-3, 1e-3)))


def measured(
    acc_NTW3: NDArray[np.floating],
    gyro_NTW3: NDArray[np.floating],
    config: SensorConfig,
    rate: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return what sensors with errors read of ideal signals; each body wears parts of its own.

    Args:
        acc_NTW3: m/s2, for N bodies.
        gyro_NTW3: rad/s, for N bodies or for one that stands for all.
        config: the errors.
        rate: Hz.
        rng: what is drawn, is drawn from it.
    """
    # Each has a generator of its own, so that one's errors do not change the other's.
    for_acc, for_gyro = rng.spawn(2)
    if not config.accelerometer.ideal:
        acc_NTW3 = _read(acc_NTW3, config.accelerometer, ACCELEROMETER, rate, for_acc)
    if not config.gyroscope.ideal:
        gyro_NTW3 = np.broadcast_to(gyro_NTW3, acc_NTW3.shape)
        gyro_NTW3 = _read(gyro_NTW3, config.gyroscope, GYROSCOPE, rate, for_gyro)
    return acc_NTW3, gyro_NTW3


def _read(
    ideal_NTW3: NDArray[np.floating],
    triad: Triad,
    units: _Units,
    rate: float,
    rng: np.random.Generator,
) -> NDArray[np.floating]:
    """Return a signal with a triad's errors."""
    bodies, frames, sensors, _ = ideal_NTW3.shape
    shape = (bodies, sensors, 3, frames)
    gains_NW33 = rng.normal(scale=triad.misalignment / 100, size=(bodies, sensors, 3, 3))
    own = np.eye(3, dtype=bool)
    gains_NW33[..., own] = 1 + rng.normal(scale=triad.scale / 100, size=(bodies, sensors, 3))
    bias_NW3 = rng.normal(scale=triad.bias * units.bias, size=(bodies, sensors, 3))
    signal_NW3T = gains_NW33 @ ideal_NTW3.transpose(0, 2, 3, 1) + bias_NW3[..., None]
    if triad.bias_instability:
        signal_NW3T += triad.bias_instability * units.noise * flicker(shape, rate, rng)
    if triad.random_walk:
        steps = rng.normal(scale=1 / np.sqrt(rate), size=shape)
        signal_NW3T += triad.random_walk * units.noise * np.cumsum(steps, axis=-1)
    if triad.noise_density:
        deviation = triad.noise_density * units.noise * np.sqrt(rate / 2)
        signal_NW3T += rng.normal(scale=deviation, size=shape)
    if triad.bandwidth:
        signal_NW3T = _filtered(signal_NW3T, triad.bandwidth, rate)
    if triad.range:
        signal_NW3T = np.clip(signal_NW3T, -triad.range * units.whole, triad.range * units.whole)
    if triad.resolution:
        step = triad.resolution * units.resolution
        signal_NW3T = step * np.round(signal_NW3T / step)
    return np.ascontiguousarray(signal_NW3T.transpose(0, 3, 1, 2), dtype=ideal_NTW3.dtype)


def flicker(shape: tuple[int, ...], rate: float, rng: np.random.Generator) -> Array:
    """Return noise of the one-sided power density 1 / (pi f), time along the last axis.

    It is made of random waves in a span twice as long, so that its end knows nothing of its
    beginning; what is slower than that span belongs to the offset.
    """
    frames = shape[-1]
    length = next_fast_len(2 * frames, real=True)
    frequency = rfftfreq(length, 1 / rate)
    # Half the variance of a wave in each of its two components; E|X|^2 = density * rate * length/2.
    size = np.zeros(len(frequency))
    size[1:] = np.sqrt(rate * length / (4 * np.pi * frequency[1:]))
    parts = rng.normal(size=(2, *shape[:-1], len(frequency)))
    return np.asarray(irfft(size * (parts[0] + 1j * parts[1]), length)[..., :frames])


def _filtered(signal_NW3T: Array, bandwidth: float, rate: float) -> Array:
    """Return a signal behind a Butterworth low-pass that was running long before it began."""
    b, a = butter(FILTER_ORDER, bandwidth, fs=rate)
    before = lfilter_zi(b, a) * signal_NW3T[..., :1]
    return np.asarray(lfilter(b, a, signal_NW3T, axis=-1, zi=before)[0])
