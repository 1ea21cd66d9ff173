"""Pictures for TensorBoard: predicted signals over the true ones.

Shape letters: V windows, T frames, W wrists, C channels.
"""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = 3
RATE = 60
TITLES = (
    "left accelerometer, m/s²",
    "left gyroscope, rad/s",
    "right accelerometer, m/s²",
    "right gyroscope, rad/s",
)


def signals_figure(true_VTWC: Tensor, predicted_VTWC: Tensor, sentences: list[str]) -> "Figure":
    """Return the first windows' signals in SI units: true ones faint, predicted ones strong.

    Of the validation windows a rank has predicted its own part alone, which may be one window.
    """
    from matplotlib.figure import Figure

    count = min(SHOWN, len(true_VTWC), len(predicted_VTWC))
    figure = Figure(figsize=(13, 2.4 * count), layout="constrained")
    axes = figure.subplots(count, len(TITLES), squeeze=False, sharex=True)
    time_T = np.arange(true_VTWC.shape[1]) / RATE
    for window in range(count):
        for place, title in enumerate(TITLES):
            wrist, first = place // 2, 3 * (place % 2)
            plot = axes[window][place]
            for axis, (name, colour) in enumerate(zip("xyz", ("C3", "C2", "C0"), strict=True)):
                channel = first + axis
                plot.plot(time_T, true_VTWC[window, :, wrist, channel], colour, alpha=0.35, lw=3)
                plot.plot(
                    time_T, predicted_VTWC[window, :, wrist, channel], colour, lw=1.2, label=name
                )
            if window == 0:
                plot.set_title(title, fontsize=9)
            plot.tick_params(labelsize=7)
        axes[window][0].set_ylabel(sentences[window][:40], fontsize=7)
    axes[0][-1].legend(fontsize=7, title="predicted; true faint", title_fontsize=7)
    for plot in axes[-1]:
        plot.set_xlabel("seconds", fontsize=8)
    return figure
