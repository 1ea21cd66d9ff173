"""The paper's kind of picture: synthetic against real magnitudes over time (its Figure 2).

Shape letters: K kinds of sensor.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from datagen.comparison import Comparison
from datagen.fidelity import Compared
from datagen.imu import RATE

SECONDS_SHOWN = 10.0
MOST_ROWS = 5
LABELS = ("accelerometer, m/s²", "gyroscope, rad/s")
REAL, SYNTHETIC, INK = "#2d3748", "#dd6b20", "#2d3748"


def magnitude_picture(comparisons: Sequence[Comparison]) -> Figure:
    """Return the first ten seconds that were recorded of each activity: not the nicest ones."""
    shown = _first_of_each_activity(comparisons)[:MOST_ROWS]
    figure = Figure(figsize=(11, 0.6 + 1.9 * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    axes_RK = figure.subplots(len(shown), 2, squeeze=False, sharex=False)
    for axes_K, (title, stretch) in zip(axes_RK, shown, strict=True):
        for kind, axes in enumerate(axes_K):
            _draw(axes, stretch, kind)
            axes.set_ylabel(LABELS[kind], fontsize=8)
        axes_K[0].set_title(title, loc="left", fontsize=9, color=INK)
    axes_RK[0, 1].legend(loc="upper right", fontsize=8, ncols=2, frameon=False)
    for axes in axes_RK[-1]:
        axes.set_xlabel("time of the motion, s", fontsize=8)
    return figure


def _draw(axes: Axes, stretch: Compared, kind: int) -> None:
    axes.plot(stretch.times_T, stretch.real_KT[kind], color=REAL, lw=1.1, label="watch")
    made = stretch.synthetic_KT[kind]
    axes.plot(stretch.times_T, made, color=SYNTHETIC, lw=1.1, alpha=0.85, label="synthetic")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.01)


def _first_of_each_activity(comparisons: Sequence[Comparison]) -> list[tuple[str, Compared]]:
    found: dict[str, tuple[str, Compared]] = {}
    for comparison in comparisons:
        for activity, stretch in zip(comparison.activities, comparison.stretches, strict=True):
            known = np.isfinite(stretch.real_KT).all(axis=0)
            if activity in found or not known.any():
                continue
            start = int(np.argmax(known))
            part = slice(start, start + int(SECONDS_SHOWN * RATE))
            title = f"{activity} ({comparison.name})"
            cut = Compared(
                stretch.times_T[part], stretch.synthetic_KT[:, part], stretch.real_KT[:, part]
            )
            found[activity] = title, cut
    return list(found.values())
