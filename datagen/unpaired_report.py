"""What comparing distributions gives: table, JSON and picture.

Shape letters: T samples at 60 Hz, F frequencies, K kinds of sensor.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from datagen.fidelity import FLOOR, frequencies, power_spectrum
from datagen.imu import RATE
from datagen.motion import Array
from datagen.recordings import KINDS

PERCENTILES = (5.0, 50.0, 90.0, 99.0, 99.9)
# What is set against the real people of one half; the last are the real people of the other.
ROWS = ("synthetic", "calibrated", "other people")
COLOURS = {"real": "#2d3748", "synthetic": "#dd6b20", "calibrated": "#2b6cb0"}
UNITS = ("m/s²", "rad/s")
HIGHEST_SHOWN = 20.0


@dataclass(frozen=True)
class Distances:
    """How far made signals are from real ones, of one kind.

    Attributes:
        wasserstein: of the magnitudes, m/s2 or rad/s.
        spectral: log-spectral distance of the magnitudes, dB (see datagen.fidelity).
    """

    wasserstein: float
    spectral: float


@dataclass(frozen=True)
class Unpaired:
    """The outcome.

    Attributes:
        real, synthetic, calibrated: magnitudes (K, T) piece by piece; the calibrated ones were
            made twice, by the people of each half.
        distances: for each half that was judged, for each of ROWS, for each kind.
        people, clips, bad: how many were compared, and what could not be read.
    """

    real: list[Array]
    synthetic: list[Array]
    calibrated: list[Array]
    distances: list[dict[str, dict[str, Distances]]]
    people: tuple[tuple[str, ...], tuple[str, ...]]
    clips: int
    bad: dict[str, str]

    def mean(self, row: str, kind: str, name: str) -> float:
        """Return a distance, the mean over both halves."""
        return float(np.mean([getattr(half[row][kind], name) for half in self.distances]))

    def percentiles(self, pieces: Sequence[Array]) -> dict[str, list[float]]:
        """Return the percentiles of the magnitudes of each kind."""
        stacked_KT = np.concatenate(pieces, axis=1)
        return {
            kind: np.percentile(stacked_KT[row], PERCENTILES).round(3).tolist()
            for row, kind in enumerate(KINDS)
        }

    def lines(self) -> list[str]:
        """Return the table."""
        lines = [
            f"real           {sum(map(len, self.people))} people, {_seconds(self.real):.0f} s",
            f"synthetic      {self.clips} clips, {_seconds(self.synthetic):.0f} s",
        ]
        lines += [f"left out       {name}: {reason}" for name, reason in self.bad.items()]
        for row, kind in enumerate(KINDS):
            head = "".join(f"{f'{each:g} %':>9}" for each in PERCENTILES)
            lines += ["", f"{f'{kind}, {UNITS[row]}':<24}{head}{'Wasserstein':>13}{'dB':>7}"]
            for name in COLOURS:
                values = self.percentiles(getattr(self, name))[kind]
                cells = "".join(f"{value:>9.2f}" for value in values)
                against = ROWS[-1] if name == "real" else name
                lines.append(
                    f"{name:<24}{cells}{self.mean(against, kind, 'wasserstein'):>13.3f}"
                    f"{self.mean(against, kind, 'spectral'):>7.2f}"
                )
        note = (
            "Wasserstein distance and log-spectral distance (dB) to the people of one half, mean "
            "of both halves;\ncalibrated: fitted on the other half; real: the other half itself."
        )
        return [*lines, "", note]

    def as_json(self) -> dict[str, Any]:
        """Return everything but the signals."""
        halves = [
            {row: {kind: asdict(each) for kind, each in kinds.items()} for row, kinds in h.items()}
            for h in self.distances
        ]
        return {
            "people": self.people,
            "clips": self.clips,
            "left_out": self.bad,
            "percentiles": list(PERCENTILES),
            "magnitudes": {name: self.percentiles(getattr(self, name)) for name in COLOURS},
            "halves": halves,
        }

    def picture(self) -> Figure:
        """Return distributions (above) and spectra (below) of the magnitudes."""
        figure = Figure(figsize=(10, 6), layout="constrained")
        FigureCanvasAgg(figure)
        axes_2K = figure.subplots(2, 2)
        shown = frequencies() <= HIGHEST_SHOWN
        for row, kind in enumerate(KINDS):
            for name, colour in COLOURS.items():
                pieces = [piece[row] for piece in getattr(self, name)]
                values = np.sort(np.concatenate(pieces))
                share = np.linspace(0, 100, len(values))
                axes_2K[0, row].plot(values, share, color=colour, label=name)
                power_F = power_spectrum(pieces) + FLOOR[kind]
                axes_2K[1, row].semilogy(frequencies()[shown], power_F[shown], color=colour)
            limit = np.percentile(np.concatenate([piece[row] for piece in self.real]), 99.9)
            axes_2K[0, row].set(xlim=(0, 1.3 * limit), xlabel=f"{kind}, {UNITS[row]}")
            axes_2K[0, row].set_ylabel("samples below, %")
            axes_2K[1, row].set(xlim=(0, HIGHEST_SHOWN), xlabel="frequency, Hz")
            axes_2K[1, row].set_ylabel(f"power, ({UNITS[row]})²/Hz")
        axes_2K[0, 0].legend(frameon=False)
        for axes in axes_2K.flat:
            axes.spines[["top", "right"]].set_visible(False)
        return figure


def _seconds(pieces: Sequence[Array]) -> float:
    return sum(piece.shape[1] for piece in pieces) / RATE
