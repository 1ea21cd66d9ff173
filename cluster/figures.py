"""One look for all pictures: colours, bare axes, figures that need no display."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = ("#2b6cb0", "#dd6b20", "#718096", "#805ad5", "#2f855a", "#b83280")
INK = "#2d3748"


def new_figure(width: float, height: float, **more: Any) -> Figure:
    """Return an empty figure of `width` by `height` inches; `more` goes to matplotlib."""
    figure = Figure(figsize=(width, height), **{"layout": "constrained", **more})
    FigureCanvasAgg(figure)
    return figure


def literal(text: str) -> str:
    """Return text for a picture in which a dollar begins no formula."""
    return text.replace("$", r"\$")


def clean(axes: Axes) -> None:
    """Take away what a picture does not need."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)
