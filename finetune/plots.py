"""Pictures of results. Shape letters: K classes."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cluster.figures import COLOURS, INK, clean, new_figure
from finetune.summary import RowSummary, label


def score_bars(summaries: Sequence[RowSummary], varied: bool) -> Figure:
    """Mean macro F1 of each line with its spread, and a dot for every cell."""
    figure = new_figure(8.0, 0.9 + 0.55 * len(summaries))
    axes = figure.subplots()
    for place, line in enumerate(summaries):
        mean, spread = line.macro_f1
        colour = COLOURS[place % len(COLOURS)]
        axes.barh(place, 100 * mean, color=colour, alpha=0.75, height=0.6)
        axes.errorbar(100 * mean, place, xerr=100 * spread, color=INK, capsize=4, linewidth=1.2)
        dots = [100 * own["macro_f1"] for own in line.by_cell]
        axes.plot(dots, np.full(len(dots), place), "o", color=INK, markersize=3.5, alpha=0.7)
        axes.text(1, place, f"{100 * mean:.1f}", va="center", color="white", weight="bold")
    axes.set_yticks(range(len(summaries)), [label(line, varied) for line in summaries])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("macro F1 on people left out, %")
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
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title, fontsize=11, color=INK)
    return figure


def people_picture(summaries: Sequence[RowSummary], varied: bool) -> Figure:
    """Macro F1 of every person for each line."""
    people = sorted({person for line in summaries for person in line.people})
    figure = new_figure(8.0, 3.4)
    axes = figure.subplots()
    width = 0.8 / max(len(summaries), 1)
    for place, line in enumerate(summaries):
        where = np.arange(len(people)) + (place - (len(summaries) - 1) / 2) * width
        heights = [100 * line.people.get(person, np.nan) for person in people]
        colour = COLOURS[place % len(COLOURS)]
        axes.bar(where, heights, width, color=colour, label=label(line, varied))
    axes.set_xticks(range(len(people)), people)
    axes.set_xlabel("person (tested by a model that never saw them)")
    axes.set_ylabel("macro F1, %")
    axes.set_ylim(0, 100)
    axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    clean(axes)
    return figure


def history_picture(groups: dict[str, list[dict]]) -> Figure:
    """Validation loss by epoch, one panel for each title, one curve for each cell."""
    figure = new_figure(8.0, 2.6)
    panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
    for place, (axes, (title, histories)) in enumerate(zip(panels, groups.items(), strict=True)):
        for history in histories:
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(history["epoch"], history["validation_loss"], color=colour, linewidth=1)
            freed = np.flatnonzero(history["encoder_trains"])
            if len(freed) and freed[0] > 0:
                loss = history["validation_loss"][freed[0]]
                axes.plot(freed[0], loss, "v", color=INK, markersize=5)
        axes.set_title(title, fontsize=9, color=INK)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        clean(axes)
    panels[0].set_ylabel("validation loss")
    return figure
