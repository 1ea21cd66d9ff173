"""The picture of a labelled recording. Shape letters: N windows, K classes, E edges."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from cluster.figures import INK, clean, literal, new_figure
from cluster.runs import replace_when_whole
from finetune.recogniser import Predictions

# Where a PNG keeps what it was made from.
SOURCE = "Source"


def write_timeline(predictions: Predictions, recording: Path, path: Path) -> None:
    """Write the picture as PNG, whole or not at all; it says of which recording it is."""
    figure = timeline(predictions, recording.name)
    with replace_when_whole(path, "wb") as file:
        figure.savefig(file, format="png", dpi=110, metadata={SOURCE: str(recording.resolve())})


def drawn_from(path: Path) -> str:
    """Return the recording whose picture this is, "" where that is not known."""
    try:
        with Image.open(path) as picture:
            return str(picture.info.get(SOURCE, ""))
    except OSError:
        return ""


def timeline(predictions: Predictions, title: str) -> Figure:
    """Draw the probability of each class over time, a row for each, and the label of each window.

    A moment that several windows cover shows the mean of their probabilities. Time is that of the
    predictions.
    """
    names = predictions.label_names
    edges_E, mean_EK = averaged(predictions)
    figure = new_figure(9.0, 1.3 + 0.32 * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names) + 1) - 0.5
    image = axes.pcolormesh(edges_E, rows, mean_EK.T, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    best_E = np.where(np.isnan(mean_EK[:, 0]), np.nan, np.nan_to_num(mean_EK).argmax(1))
    axes.step(edges_E, np.append(best_E, best_E[-1]), where="post", color="#dd6b20", linewidth=2)
    axes.set_yticks(range(len(names)), map(literal, names))
    axes.invert_yaxis()
    axes.set_xlabel("seconds")
    axes.set_title(literal(title), fontsize=11, color=INK)
    figure.colorbar(image, ax=axes, label="probability")
    clean(axes)
    return figure


def averaged(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """Return edges (E+1,) and mean probabilities (E, K) between them; NaN where no window is."""
    edges_E = np.unique(np.concatenate([predictions.starts_N, predictions.ends_N]))
    first_N = np.searchsorted(edges_E, predictions.starts_N)
    last_N = np.searchsorted(edges_E, predictions.ends_N)
    # What a window adds where it starts, it takes away where it ends.
    weighted_N = np.column_stack([predictions.probabilities_NK, np.ones(len(first_N))])
    change_E = np.zeros((len(edges_E), weighted_N.shape[1]))
    np.add.at(change_E, first_N, weighted_N)
    np.add.at(change_E, last_N, -weighted_N)
    sums_E = change_E.cumsum(0)[:-1]
    counts_E = np.round(sums_E[:, -1:])
    return edges_E, np.where(counts_E > 0, sums_E[:, :-1] / counts_E.clip(min=1), np.nan)
