"""The picture and the animation of a clip: a figure, and what its sensors read beside it.

Shape letters: T frames.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image, ImageColor, ImageDraw
from scipy.spatial import KDTree

from cluster.figures import INK, clean, new_figure
from cluster.progress import Progress
from cluster.runs import replace_when_whole
from datagen.sample import RATE
from datagen.seeing.raster import BACKGROUND
from datagen.seeing.scene import Scene, SensorTrack
from datagen.seeing.stage import AXIS_COLOURS, AXIS_NAMES, Stage, font

DPI = 100
WIDTH, HEIGHT = 1120, 640
HEADER = 84
STAGE_WIDTH = 430
MOMENTS, MOMENT_HEIGHT = 5, 330
PICTURE_HEIGHT = 860
# GIF counts in hundredths of a second: 20 frames a second are 5 of them, 15 would be none.
FRAMES_A_SECOND = 20
MAGNITUDE = "#a0aec0"
CURSOR = "#1a202c"
QUANTITIES = (("acceleration", "m/s²", "acc_T3"), ("angular velocity", "rad/s", "gyro_T3"))
PAPER = to_hex(BACKGROUND.tolist())


@dataclass(frozen=True)
class Window:
    """The part of a scene that is shown: frames from `first` to before `last`."""

    first: int
    last: int

    @property
    def frames(self) -> slice:
        """The frames as a slice."""
        return slice(self.first, self.last)

    @property
    def times_T(self) -> np.ndarray:
        """Times of the frames, seconds from the clip's start."""
        return np.arange(self.first, self.last) / RATE


def write_picture(path: Path, scene: Scene, window: Window) -> None:
    """Write a PNG: moments of the scene in a row, and all signals with these moments marked."""
    figure = _paper(PICTURE_HEIGHT, scene)
    bottom, top = (
        46 / PICTURE_HEIGHT,
        (PICTURE_HEIGHT - HEADER - MOMENT_HEIGHT - 40) / PICTURE_HEIGHT,
    )
    panels = _panels(figure, columns=2, left=0.055, right=0.985, bottom=bottom, top=top)
    moments = np.linspace(window.first, window.last - 1, 2 * MOMENTS + 1)[1::2].astype(int)
    for sensor, track in enumerate(scene.sensors):
        for row in range(len(QUANTITIES)):
            axes = panels[row][sensor]
            _draw_signal(axes, scene, track, row, window)
            for moment in moments:
                axes.axvline(moment / RATE, color=CURSOR, linewidth=0.8, linestyle=(0, (2, 3)))
    for column in panels[-1]:
        column.set_xlabel("time, s", color=INK)
    page = _rendered(figure)
    width = WIDTH // MOMENTS
    stage = Stage(scene, window.frames, width, MOMENT_HEIGHT)
    with Progress("picture", MOMENTS, "moments") as progress:
        for place, moment in enumerate(moments):
            page.paste(stage.draw(int(moment)), (place * width, HEADER))
            note = f"{moment / RATE:.2f} s"
            _write(page, note, (place * width + 20, HEADER + MOMENT_HEIGHT - 12))
            progress.advance()
    with replace_when_whole(path, "wb") as file:
        page.save(file, format="PNG", optimize=True)


def write_animation(path: Path, scene: Scene, window: Window) -> None:
    """Write a GIF in real time: the moving figure, and a cursor over its signals."""
    figure = _paper(HEIGHT, scene)
    left = (STAGE_WIDTH + 62) / WIDTH
    rows = _panels(
        figure, columns=1, left=left, right=0.985, bottom=0.075, top=1 - 112 / HEIGHT, sensors=2
    )
    panels = [row[0] for row in rows]
    for place, axes in enumerate(panels):
        track = scene.sensors[place // len(QUANTITIES)]
        _draw_signal(axes, scene, track, place % len(QUANTITIES), window)
        axes.tick_params(labelbottom=place == len(panels) - 1)
    panels[-1].set_xlabel("time, s", color=INK)
    background = _rendered(figure)
    boxes = [axes.get_window_extent() for axes in panels]
    stage = Stage(scene, window.frames, STAGE_WIDTH, HEIGHT - HEADER)
    shown = range(window.first, window.last, RATE // FRAMES_A_SECOND)
    pages: list[Image.Image] = []
    palette: _Palette | None = None
    with Progress("animation", len(shown), "frames") as progress:
        for frame in shown:
            page = background.copy()
            page.paste(stage.draw(frame), (0, HEADER))
            draw = ImageDraw.Draw(page)
            share = (frame - window.first) / (window.last - window.first)
            for box in boxes:
                column = box.x0 + share * box.width
                draw.line([column, HEIGHT - box.y1, column, HEIGHT - box.y0], fill=CURSOR, width=2)
            _write(page, f"{frame / RATE:.2f} s", (20, HEIGHT - 22))
            # One palette for all frames: colours that change from frame to frame flicker.
            palette = palette or _Palette(page)
            pages.append(palette.quantize(page))
            progress.advance()
    with replace_when_whole(path, "wb") as file:
        pages[0].save(
            file,
            format="GIF",
            save_all=True,
            append_images=pages[1:],
            duration=1000 // FRAMES_A_SECOND,
            loop=0,
        )


def _paper(height: int, scene: Scene) -> Figure:
    """Return an empty page with a headline."""
    figure = new_figure(WIDTH / DPI, height / DPI, dpi=DPI, layout="none", facecolor=PAPER)
    who = f"{scene.wearer}" + (f", moved by {scene.subject}" if scene.subject else "")
    sentence = textwrap.shorten(scene.text or scene.clip, 95, placeholder=" ...")
    style: dict[str, Any] = {"x": 20 / WIDTH, "va": "top", "color": INK, "parse_math": False}
    figure.text(y=1 - 16 / height, s=sentence, fontsize=15, weight="bold", **style)
    figure.text(y=1 - 48 / height, s=f"{scene.clip}   ·   {who}", fontsize=10, **style)
    return figure


def _panels(
    figure: Figure,
    *,
    columns: int,
    left: float,
    right: float,
    bottom: float,
    top: float,
    sensors: int = 1,
) -> list[list[Axes]]:
    """Return the axes of the signals, row by row; a row is shared by as many as it has columns."""
    grid = figure.add_gridspec(
        len(QUANTITIES) * sensors,
        columns,
        left=left,
        right=right,
        bottom=bottom,
        top=top,
        hspace=0.42,
        wspace=0.11,
    )
    return [
        [figure.add_subplot(grid[row, column]) for column in range(columns)]
        for row in range(len(QUANTITIES) * sensors)
    ]


def _draw_signal(
    axes: Axes, scene: Scene, track: SensorTrack, quantity: int, window: Window
) -> None:
    """Draw three channels in their axes' colours over their magnitude."""
    name, unit, field = QUANTITIES[quantity]
    values_T3 = getattr(track, field)[window.frames]
    size_T = np.linalg.norm(values_T3, axis=1)
    axes.plot(window.times_T, size_T, color=MAGNITUDE, linewidth=2.2, label="magnitude")
    for axis in range(3):
        axes.plot(
            window.times_T,
            values_T3[:, axis],
            color=AXIS_COLOURS[axis],
            linewidth=1.3,
            label=AXIS_NAMES[axis],
        )
    # The same scale for both sides, so that they can be compared.
    both = [getattr(other, field)[window.frames] for other in scene.sensors]
    highest = max(np.linalg.norm(values, axis=1).max() for values in both)
    lowest = min(values.min() for values in both)
    room = 0.08 * max(highest - lowest, 1e-3)
    axes.set_ylim(lowest - room, highest + room)
    axes.set_xlim(window.first / RATE, window.last / RATE)
    axes.axhline(0, color="#e2e8f0", linewidth=0.8, zorder=0)
    axes.set_title(f"{track.side} sensor · {name}, {unit}", fontsize=10, loc="left", color=INK)
    axes.set_facecolor("white")
    axes.tick_params(labelsize=8)
    clean(axes)
    if quantity == 0:
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 0.99),
            ncols=4,
            fontsize=8,
            frameon=False,
            handlelength=1.2,
            columnspacing=1.0,
            borderaxespad=0,
        )


def _rendered(figure: Figure) -> Image.Image:
    canvas = figure.canvas
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[attr-defined]


class _Palette:
    """255 colours for pages like a first one; flat colours stand among them as they are."""

    def __init__(self, page: Image.Image) -> None:
        names = (*AXIS_COLOURS, MAGNITUDE, CURSOR, INK, PAPER, "white")
        flat = [ImageColor.getrgb(name)[:3] for name in names]
        common = page.quantize(colors=255 - len(flat)).getpalette() or []
        self._colours = [*(value for colour in flat for value in colour), *common]
        steps = np.arange(2, 256, 4)
        cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        tree = KDTree(np.reshape(self._colours, (-1, 3)))
        self._nearest = tree.query(cells)[1].astype(np.uint8)

    def quantize(self, page: Image.Image) -> Image.Image:
        """Return a page in these colours."""
        red, green, blue = np.moveaxis(np.asarray(page, dtype=np.int32) >> 2, -1, 0)
        indexed = Image.fromarray(self._nearest[(red << 12) + (green << 6) + blue])
        indexed.putpalette(self._colours)
        return indexed


def _write(page: Image.Image, text: str, place: tuple[float, float]) -> None:
    ImageDraw.Draw(page).text(place, text, fill=INK, font=font(13), anchor="lm")
