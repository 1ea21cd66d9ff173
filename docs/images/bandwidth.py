"""Draw docs/images/bandwidth.png: what the differentiation lets through, as measured.

python docs/images/bandwidth.py
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

from datagen.motion import Array
from datagen.smoothing import Smoother

matplotlib.use("Agg")
CUTOFFS = (6.0, 12.0, 20.0)
RATE = 120.0
FREQUENCIES = np.geomspace(0.5, 29.0, 24)


def measured_gain(cutoff: float) -> Array:
    """Return the gain of the second derivative, against the true one, at each frequency."""
    times = np.arange(0, 12, 1 / RATE)
    waves = np.exp(2j * np.pi * FREQUENCIES[:, None] * times)
    smoother = Smoother(RATE, 60.0, cutoff)
    made = [smoother.apply(np.ascontiguousarray(part), 2) for part in (waves.real, waves.imag)]
    true = -((2 * np.pi * FREQUENCIES[:, None]) ** 2) * waves[:, ::2]
    # Away from the ends, where the spline has both sides to lean on.
    ratio = ((made[0] + 1j * made[1]) / true)[:, 180:-180]
    return np.abs(ratio.mean(axis=1))


def main() -> None:
    """Write the picture beside this file."""
    figure, axes = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
    fine = np.geomspace(0.5, 30, 400)
    for cutoff in CUTOFFS:
        (line,) = axes.loglog(fine, 1 / (1 + (fine / cutoff) ** 6), label=f"cutoff = {cutoff:g} Hz")
        axes.loglog(FREQUENCIES, measured_gain(cutoff), "o", ms=4, color=line.get_color())
    axes.axhline(0.5, color="grey", lw=0.8, ls=":")
    axes.set(xlabel="frequency of the motion, Hz", ylabel="gain of the acceleration")
    axes.set(ylim=(1e-3, 1.5), xlim=(0.5, 30))
    axes.set_xticks([0.5, 1, 2, 5, 10, 20, 30], ["0.5", "1", "2", "5", "10", "20", "30"])
    axes.legend(title="lines: formula; dots: measured", loc="lower left")
    axes.grid(alpha=0.3)
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
