"""A scene seen through a camera: the figure, its sensors and their axes.

Shape letters: T frames, H rows and W columns of pixels, V vertices.
"""

from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter1d

from cluster.figures import INK
from datagen.motion import Array
from datagen.sample import RATE
from datagen.seeing.raster import Camera, Mesh, render
from datagen.seeing.scene import Scene, SensorTrack
from datagen.seeing.skin import skin_of

AXIS_NAMES = ("x", "y", "z")
AXIS_COLOURS = ("#c53030", "#2f855a", "#2b6cb0")
LIMB = np.array([0.80, 0.60, 0.40], dtype=np.float32)
BALL = np.array([0.42, 0.27, 0.16], dtype=np.float32)
CASE = np.array([0.13, 0.15, 0.19], dtype=np.float32)
# Half the edges of a sensor's case along its own axes, metres.
CASE_HALF = np.array([0.021, 0.021, 0.008])
AXIS_LENGTH = 0.17
# Drawn at twice the size and averaged, so that edges are smooth.
OVERSAMPLED = 2
AZIMUTH, ELEVATION, DISTANCE = 28.0, 9.0, 6.0
ROOM_ABOVE, ROOM_BELOW, ROOM_BESIDE = 0.25, 0.22, 0.2
SECONDS_OF_FOLLOWING = 0.8


class Stage:
    """Draws moments of a scene from a camera that walks along with the figure."""

    def __init__(self, scene: Scene, window: slice, width: int, height: int) -> None:
        """`window` says which frames are to fit into pictures of `width` by `height` pixels."""
        self.scene, self.width, self.height = scene, width, height
        self._skin = skin_of(scene.bodies)
        self._colours = np.where(self._skin.is_ball_V[:, None], BALL, LIMB)
        path_T3 = scene.positions_TJ3[:, 0]
        self._follow_T3 = gaussian_filter1d(
            path_T3, SECONDS_OF_FOLLOWING * RATE, axis=0, mode="nearest"
        )
        self._view = self._height_of_view(window)

    def draw(self, frame: int) -> Image.Image:
        """Return the picture of one frame."""
        camera = self._camera(frame)
        scene = self.scene
        vertices = self._skin.posed(scene.world_TJ33[frame], scene.positions_TJ3[frame])
        meshes = [Mesh(vertices, self._skin.faces_F3, self._colours)]
        meshes += [_case(track, frame) for track in scene.sensors]
        large = Image.fromarray(np.round(255 * render(camera, meshes)).astype(np.uint8))
        for track in scene.sensors:
            _draw_axes(ImageDraw.Draw(large), camera, track, frame)
            _draw_side(ImageDraw.Draw(large), camera, track, frame)
        return large.reduce(OVERSAMPLED)

    def _height_of_view(self, window: slice) -> float:
        """Return how many metres upwards a picture has to hold, so that nothing is cut off."""
        joints_TJ3 = self.scene.positions_TJ3[window] - self._follow_T3[window][:, None]
        upwards = self.scene.positions_TJ3[window, :, 1].max() + ROOM_ABOVE + ROOM_BELOW
        azimuth = np.radians(AZIMUTH)
        sideways_TJ = joints_TJ3 @ np.array([np.cos(azimuth), 0.0, -np.sin(azimuth)])
        across = 2 * (np.abs(sideways_TJ).max() + ROOM_BESIDE) * self.height / self.width
        return max(float(upwards), float(across))

    def _camera(self, frame: int) -> Camera:
        x, _, z = self._follow_T3[frame]
        middle = self._view / 2 - ROOM_BELOW
        return Camera(
            np.array([x, middle, z]),
            AZIMUTH,
            ELEVATION,
            DISTANCE,
            self._view,
            OVERSAMPLED * self.width,
            OVERSAMPLED * self.height,
        )


def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font that matplotlib brings."""
    return ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"), size
    )


def _draw_axes(draw: ImageDraw.ImageDraw, camera: Camera, track: SensorTrack, frame: int) -> None:
    """Draw a sensor's axes over everything else, the farthest first."""
    place, axes = track.place_T3[frame], track.axes_T33[frame].T
    ends = camera.project(place + AXIS_LENGTH * axes)
    start = camera.project(place)
    letters = font(11 * OVERSAMPLED)
    for axis in np.argsort(-ends[:, 2]):
        colour = AXIS_COLOURS[axis]
        tip, tail = ends[axis, :2], start[:2]
        draw.line([*tail, *tip], fill=colour, width=2 * OVERSAMPLED)
        length = float(np.hypot(*(tip - tail)))
        if length > 3 * OVERSAMPLED:
            along = (tip - tail) / length
            across = np.array([-along[1], along[0]])
            head = 5 * OVERSAMPLED * along
            side = 3 * OVERSAMPLED * across
            corners = [tip + head, tip + side, tip - side]
            draw.polygon([tuple(corner) for corner in corners], fill=colour)
            beyond = tip + head + 7 * OVERSAMPLED * along
            draw.text(tuple(beyond), AXIS_NAMES[axis], fill=colour, font=letters, anchor="mm")


def _draw_side(draw: ImageDraw.ImageDraw, camera: Camera, track: SensorTrack, frame: int) -> None:
    """Write L or R beside a sensor, where its axes do not point to."""
    place = track.place_T3[frame]
    start = camera.project(place)[:2]
    away = start - camera.project(place + AXIS_LENGTH * track.axes_T33[frame].sum(axis=1))[:2]
    x, y = start + 17 * OVERSAMPLED * away / max(float(np.hypot(*away)), 1.0)
    size = 8 * OVERSAMPLED
    draw.ellipse([x - size, y - size, x + size, y + size], fill=INK)
    letters = font(11 * OVERSAMPLED)
    draw.text((x, y), track.side[0].upper(), fill="white", font=letters, anchor="mm")


def _case(track: SensorTrack, frame: int) -> Mesh:
    corners, faces = _box()
    vertices = track.place_T3[frame] + (corners * CASE_HALF) @ track.axes_T33[frame].T
    return Mesh(vertices, faces, np.tile(CASE, (len(corners), 1)))


@lru_cache(maxsize=1)
def _box() -> tuple[Array, NDArray[np.int64]]:
    """Return a cube of edge 2 whose sides share no vertices, so that its edges stay sharp."""
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    corners: list[Array] = []
    faces: list[list[int]] = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            side = np.insert(square, axis, sign, axis=1)
            # Counter-clockwise from outside: y's other two axes come in the other order.
            outwards = (sign > 0) != (axis == 1)
            start = 4 * len(corners)
            corners.append(side if outwards else side[::-1])
            faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    return np.concatenate(corners), np.array(faces)
