"""The pictures of the report of a folder of shards."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cluster.figures import COLOURS, INK, clean, new_figure
from datagen.seeing.real_watches import PERCENTILES, WATCHES, Watch
from datagen.seeing.survey import QUANTITIES, Spectrum, Survey

MOST_SOURCES = 5
# Densities are drawn down to this share of the highest.
DEEPEST = 1e-6
# Magnitudes are drawn up to so many times the highest percentile of real watches.
FARTHEST = 3
REAL = "#1a202c"
MARKERS = ("o", "s")
AXIS_LABELS = {"acc": "acceleration, m/s²", "gyro": "angular velocity, rad/s"}
DENSITY_LABELS = {"acc": "power density, (m/s²)²/Hz", "gyro": "power density, (rad/s)²/Hz"}
MEASURES = {
    "stature": "stature, m",
    "mass": "mass, kg",
    "arms": "arms, relative",
    "legs": "legs, relative",
    "torso": "torso, relative",
    "shoulders": "shoulders, relative",
}


def people_picture(people: Mapping[str, Sequence[float]]) -> Figure:
    """Return a histogram of each measure, with its median and 5th and 95th percentile."""
    figure = new_figure(8.6, 4.3)
    panels = figure.subplots(2, 3).ravel()
    for place, (axes, (name, label)) in enumerate(zip(panels, MEASURES.items(), strict=True)):
        values = np.asarray(people[name])
        axes.hist(values, bins=32, color=COLOURS[0], alpha=0.8)
        for percentile, style in ((5, ":"), (50, "-"), (95, ":")):
            axes.axvline(np.percentile(values, percentile), color=INK, linewidth=1, linestyle=style)
        axes.set_xlabel(label, color=INK)
        if place % 3 == 0:
            axes.set_ylabel("bodies", color=INK)
        clean(axes)
    return figure


def lengths_picture(seconds: Sequence[float]) -> Figure:
    """Return a histogram of the lengths of clips."""
    figure = new_figure(8.6, 2.2)
    axes = figure.subplots()
    axes.hist(seconds, bins=min(40, max(len(set(seconds)), 1)), color=COLOURS[0], alpha=0.8)
    axes.set_xlabel("length of a clip, s", color=INK)
    axes.set_ylabel("clips", color=INK)
    clean(axes)
    return figure


def ranges_picture(found: Survey) -> Figure:
    """Return the share of readings above a magnitude; real watches as marks on the same axes."""
    figure = new_figure(8.6, 3.6)
    for axes, quantity in zip(figure.subplots(1, 2), QUANTITIES, strict=True):
        for place, source in enumerate(found.sources[:MOST_SOURCES]):
            values = np.sort(found.of(quantity, source))
            axes.semilogy(*_exceeded(values), color=COLOURS[place], linewidth=1.8, label=source)
        for watch, marker in zip(WATCHES, MARKERS, strict=True):
            _mark(axes, watch, getattr(watch, quantity), marker)
        axes.set_ylim(3e-4, 1.2)
        axes.set_yticks([0.5, 0.1, 0.01, 0.001], ["50 %", "10 %", "1 %", "0.1 %"])
        axes.minorticks_off()
        axes.grid(axis="y", color="#edf2f7")
        axes.set_xlabel(AXIS_LABELS[quantity], color=INK)
        beyond = FARTHEST * max(max(getattr(watch, quantity)) for watch in WATCHES)
        axes.set_xlim(0, min(axes.get_xlim()[1], beyond))
        clean(axes)
    figure.axes[0].set_ylabel("readings above it", color=INK)
    _legend_below(figure)
    return figure


def spectra_picture(found: Survey, real: Mapping[str, Spectrum]) -> Figure:
    """Return the mean power densities of the sources, and of real watches."""
    figure = new_figure(8.6, 3.6)
    for axes, quantity in zip(figure.subplots(1, 2), QUANTITIES, strict=True):
        for place, source in enumerate(found.sources[:MOST_SOURCES]):
            if (source, quantity) in found.spectra:
                _draw_spectrum(axes, found.spectra[source, quantity], COLOURS[place], source)
        _draw_spectrum(axes, real[quantity], REAL, WATCHES[0].name, linestyle=(0, (3, 2)))
        highest = max(float(line.get_ydata().max()) for line in axes.lines)
        axes.set_ylim(DEEPEST * highest, 3 * highest)
        axes.set_xlim(0.25, 30)
        axes.set_xticks([0.25, 0.5, 1, 2, 5, 10, 20, 30], "0.25 0.5 1 2 5 10 20 30".split())
        axes.minorticks_off()
        axes.grid(color="#edf2f7")
        axes.set_xlabel("frequency, Hz", color=INK)
        axes.set_ylabel(DENSITY_LABELS[quantity], color=INK)
        clean(axes)
    _legend_below(figure)
    return figure


def _exceeded(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return magnitudes and the share above each, few enough to be drawn, of sorted values."""
    shares = np.geomspace(1, 3e-4, 300)
    places = np.minimum(((1 - shares) * len(values)).astype(int), len(values) - 1)
    return values[places], shares


def _mark(axes: Axes, watch: Watch, values: Sequence[float], marker: str) -> None:
    shares = [1 - percentile / 100 for percentile in PERCENTILES]
    axes.plot(
        values,
        shares,
        marker,
        color=REAL,
        markersize=6,
        markerfacecolor="white",
        markeredgewidth=1.5,
        label=watch.name,
        zorder=3,
    )


def _draw_spectrum(axes: Axes, own: Spectrum, colour: str, label: str, **style: object) -> None:
    seen = own.frequencies_F >= 0.25
    axes.loglog(
        own.frequencies_F[seen], own.mean_F[seen], color=colour, linewidth=1.6, label=label, **style
    )


def _legend_below(figure: Figure) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=8.5, frameon=False)
