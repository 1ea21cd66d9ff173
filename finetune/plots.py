"""Pictures of results. Shape letters: K classes, B bins."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cluster.figures import COLOURS, INK, clean, literal, new_figure
from finetune.calibration import Reliability
from finetune.summary import Line

MARKERS = "os^Dv"


def score_bars(lines: Mapping[str, Line]) -> Figure:
    """Macro F1 of each line with its interval over people, and a dot for every cell."""
    figure = new_figure(8.0, 0.9 + 0.5 * len(lines))
    axes = figure.subplots()
    for place, (name, line) in enumerate(lines.items()):
        own = line.macro_f1
        colour = COLOURS[place % len(COLOURS)]
        axes.barh(place, 100 * own.value, color=colour, alpha=0.75, height=0.6, label=name)
        axes.plot([100 * own.low, 100 * own.high], [place, place], color=INK, linewidth=1.6)
        dots = [100 * cell["macro_f1"] for cell in line.by_cell]
        axes.plot(dots, np.full(len(dots), place), "o", color=INK, markersize=2.5, alpha=0.4)
        axes.text(1, place, f"{100 * own.value:.1f}", va="center", color="white", weight="bold")
    axes.set_yticks(range(len(lines)), list(lines))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("macro F1 on people left out, %")
    clean(axes)
    return figure


def share_curves(
    curves: Mapping[str, Sequence[Line]],
    share: Callable[[Line], float],
    what: str,
    log: bool,
    levels: Mapping[str, Line] | None = None,
) -> Figure:
    """Macro F1, with its interval over people, against what `share` says of a line.

    `levels` are lines that do not depend on it.
    """
    figure = new_figure(8.0, 3.6 + 0.11 * len(curves))
    axes = figure.subplots()
    for place, (name, lines) in enumerate(curves.items()):
        points = sorted(lines, key=share)
        x = [share(line) for line in points]
        colour = COLOURS[place % len(COLOURS)]
        marker = MARKERS[place // len(COLOURS) % len(MARKERS)]
        low, high = ([100 * getattr(p.macro_f1, end) for p in points] for end in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.08, linewidth=0)
        y = [100 * line.macro_f1.value for line in points]
        axes.plot(x, y, f"{marker}-", color=colour, label=name, markersize=4, linewidth=1.4)
    for place, (name, line) in enumerate((levels or {}).items()):
        dashes = (0, (4, 1 + 2 * place))
        axes.axhline(100 * line.macro_f1.value, color=INK, ls=dashes, linewidth=1, label=name)
    if log:
        axes.set_xscale("log")
    ticks = sorted({share(line) for lines in curves.values() for line in lines})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(what)
    axes.set_ylabel("macro F1, %")
    _legend(figure, axes)
    clean(axes)
    return figure


def confusion_picture(confusion_KK: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """Rows are the true classes, in per cent of each."""
    share_KK = 100 * confusion_KK / confusion_KK.sum(1, keepdims=True).clip(min=1)
    figure = new_figure(5.4, 4.9)
    axes = figure.subplots()
    axes.imshow(share_KK, cmap="Blues", vmin=0, vmax=100)
    for true, predicted in np.ndindex(*share_KK.shape):
        value = share_KK[true, predicted]
        if value >= 0.5:
            colour = "white" if value > 55 else INK
            axes.text(predicted, true, f"{value:.0f}", ha="center", va="center", color=colour)
    names = [literal(name) for name in names]
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=11, color=INK)
    return figure


def people_picture(lines: Mapping[str, Line]) -> Figure:
    """Macro F1 of every person, a dot for each line."""
    people = sorted({person for line in lines.values() for person in line.people})
    figure = new_figure(8.0, 3.4 + 0.11 * len(lines))
    axes = figure.subplots()
    for place, (name, line) in enumerate(lines.items()):
        heights = [100 * line.people.get(person, np.nan) for person in people]
        where = np.arange(len(people)) + 0.5 * (place / max(len(lines) - 1, 1) - 0.5)
        colour = COLOURS[place % len(COLOURS)]
        marker = MARKERS[place // len(COLOURS) % len(MARKERS)]
        axes.plot(where, heights, marker, color=colour, label=name, markersize=4)
    axes.set_xticks(range(len(people)), map(literal, people), rotation=40, ha="right")
    axes.set_xlabel("person (tested by a model that never saw them)")
    axes.set_ylabel("macro F1, %")
    axes.grid(axis="y", color="#edf2f7")
    _legend(figure, axes)
    clean(axes)
    return figure


def reliability_picture(parts: Mapping[str, Reliability]) -> Figure:
    """Share of hits against mean confidence in every bin; the diagonal is perfect."""
    figure = new_figure(8.0, 3.6 + 0.11 * len(parts))
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], "--", color=COLOURS[2], linewidth=1)
    for place, (name, part) in enumerate(parts.items()):
        windows_B = np.array(part.windows)
        filled_B = windows_B > 0
        confidence = 100 * np.array(part.confidence)[filled_B] / windows_B[filled_B]
        hits = 100 * np.array(part.hits)[filled_B] / windows_B[filled_B]
        colour = COLOURS[place % len(COLOURS)]
        marker = MARKERS[place // len(COLOURS) % len(MARKERS)]
        axes.plot(confidence, hits, f"{marker}-", color=colour, label=name, markersize=3.5)
    axes.set_xlabel("confidence, %")
    axes.set_ylabel("windows that are right, %")
    _legend(figure, axes)
    clean(axes)
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    """Name the lines below the picture."""
    handles, names = axes.get_legend_handles_labels()
    columns = 1 if max(map(len, names)) > 60 else 2
    figure.legend(
        handles, names, fontsize=7, ncols=columns, loc="outside lower center", frameon=False
    )


def history_picture(groups: Mapping[str, Sequence[dict]]) -> Figure:
    """Loss by epoch, one panel for each title, one curve for each cell.

    It is the validation loss where training stopped by one, else the training loss.
    """
    stopped = all(None not in each["validation_loss"] for all_ in groups.values() for each in all_)
    loss = "validation_loss" if stopped else "train_loss"
    columns = min(4, len(groups))
    rows = -(-len(groups) // columns)
    figure = new_figure(8.0, 0.6 + 2.0 * rows)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    for place, (axes, (title, histories)) in enumerate(zip(panels, groups.items(), strict=False)):
        for history in histories:
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(history["epoch"], history[loss], color=colour, linewidth=1)
            freed = np.flatnonzero(history["encoder_trains"])
            if len(freed) and freed[0] > 0:
                axes.plot(freed[0], history[loss][freed[0]], "v", color=INK, markersize=5)
        axes.set_title(title, fontsize=8, color=INK)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        clean(axes)
    panels[0].set_ylabel(loss.replace("_", " "))
    return figure
