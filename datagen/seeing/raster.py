"""A small renderer: shaded triangles, their shadow and a floor with a metre grid.

Shape letters: H rows and W columns of pixels, V vertices, F faces.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from datagen.compiled import kept
from datagen.motion import Array

Pixels = NDArray[np.float32]

BACKGROUND = np.array([0.968, 0.972, 0.980], dtype=np.float32)
FLOOR = np.array([0.915, 0.927, 0.945], dtype=np.float32)
GRID = np.array([0.80, 0.83, 0.87], dtype=np.float32)
FADE_METRES = 3.2
LIGHT = np.array([0.45, 1.0, 0.55]) / np.linalg.norm([0.45, 1.0, 0.55])
FILL_LIGHT = np.array([-0.8, 0.25, 0.5]) / np.linalg.norm([-0.8, 0.25, 0.5])
SHADOW = 0.34
SHADOW_COARSER = 2
SOFT_EDGE = 0.22


@dataclass(frozen=True)
class Camera:
    """A camera that looks at a point.

    Attributes:
        target_3: what it looks at, metres.
        azimuth, elevation: from where: degrees from +z towards +x, and above the horizon.
        distance: to the target, metres.
        height: how many metres fit into the picture at the target.
        width_px, height_px: size of the picture.
    """

    target_3: Array
    azimuth: float
    elevation: float
    distance: float
    height: float
    width_px: int
    height_px: int

    @property
    def axes_33(self) -> Array:
        """Right, up and backwards (towards the camera), as rows."""
        a, e = np.radians([self.azimuth, self.elevation])
        back = np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
        right = np.array([np.cos(a), 0.0, -np.sin(a)])
        return np.stack([right, np.cross(back, right), back])

    @property
    def place_3(self) -> Array:
        """Where it stands, metres."""
        return self.target_3 + self.distance * self.axes_33[2]

    @property
    def focal_px(self) -> float:
        """Pixels for each unit of the tangent."""
        return self.height_px * self.distance / self.height

    def project(self, points_V3: Array) -> Array:
        """Return column, row and distance along the view of points, (V, 3)."""
        seen = (points_V3 - self.place_3) @ self.axes_33.T
        away = -seen[..., 2]
        column = self.width_px / 2 + self.focal_px * seen[..., 0] / away
        row = self.height_px / 2 - self.focal_px * seen[..., 1] / away
        return np.stack([column, row, away], axis=-1)


@dataclass(frozen=True)
class Mesh:
    """Triangles with a colour at each vertex: (V, 3), (F, 3), (V, 3) of 0 to 1."""

    vertices_V3: NDArray[np.floating]
    faces_F3: NDArray[np.int64]
    colours_V3: Pixels


def render(camera: Camera, meshes: list[Mesh]) -> Pixels:
    """Return the picture of meshes that stand on the floor, (H, W, 3) of 0 to 1."""
    size = camera.height_px, camera.width_px
    image = np.empty((*size, 3), dtype=np.float32)
    depth = np.full(size, np.inf, dtype=np.float32)
    # The shadow is soft: fewer pixels do.
    small = replace(
        camera,
        width_px=-(-camera.width_px // SHADOW_COARSER),
        height_px=-(-camera.height_px // SHADOW_COARSER),
    )
    shade = gaussian_filter(_shadow(small, meshes), small.height_px / 160)
    _draw_floor(
        image, shade, camera.axes_33, camera.place_3, camera.focal_px, camera.target_3[[0, 2]]
    )
    for mesh in meshes:
        points = camera.project(np.asarray(mesh.vertices_V3, dtype=np.float64))
        lit = _lit(mesh, camera.place_3)
        _draw_triangles(image, depth, points, mesh.faces_F3, lit)
    return image


def _lit(mesh: Mesh, eye_3: Array) -> Pixels:
    """Return the colours as two lamps and a little gloss make them."""
    vertices = np.asarray(mesh.vertices_V3, dtype=np.float64)
    normals = _normals(vertices, mesh.faces_F3)
    view = eye_3 - vertices
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    half = view + LIGHT
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    key = np.maximum(normals @ LIGHT, 0)
    fill = np.maximum(normals @ FILL_LIGHT, 0)
    sky = 0.5 + 0.5 * normals[:, 1]
    gloss = 0.16 * np.maximum(np.sum(normals * half, axis=1), 0) ** 24
    light = 0.36 + 0.16 * sky + 0.50 * key + 0.14 * fill
    lit = mesh.colours_V3 * light[:, None] + gloss[:, None]
    return np.clip(lit, 0, 1).astype(np.float32)


def _shadow(camera: Camera, meshes: list[Mesh]) -> Pixels:
    """Return where on the floor no light falls, (H, W) of 0 to 1."""
    mask = np.zeros((camera.height_px, camera.width_px, 3), dtype=np.float32)
    depth = np.full(mask.shape[:2], np.inf, dtype=np.float32)
    for mesh in meshes:
        vertices = np.asarray(mesh.vertices_V3, dtype=np.float64)
        fallen = vertices - np.maximum(vertices[:, 1:2], 0) / LIGHT[1] * LIGHT
        fallen[:, 1] = 0
        ones = np.ones(vertices.shape, dtype=np.float32)
        _draw_triangles(mask, depth, camera.project(fallen), mesh.faces_F3, ones)
    return mask[..., 0]


@kept
def _normals(vertices_V3: Array, faces_F3: NDArray[np.int64]) -> Array:
    normals = np.zeros_like(vertices_V3)
    for face in range(len(faces_F3)):
        a, b, c = faces_F3[face]
        ux, uy, uz = vertices_V3[b] - vertices_V3[a]
        vx, vy, vz = vertices_V3[c] - vertices_V3[a]
        normal = (uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx)
        for axis in range(3):
            normals[a, axis] += normal[axis]
            normals[b, axis] += normal[axis]
            normals[c, axis] += normal[axis]
    for vertex in range(len(normals)):
        length = np.sqrt(np.sum(normals[vertex] ** 2))
        if length > 0:
            normals[vertex] /= length
    return normals


@kept
def _draw_triangles(
    image: Pixels, depth: Pixels, points: Array, faces: NDArray[np.int64], colours: Pixels
) -> None:
    """Draw triangles given by column, row and distance of their vertices; the nearest wins."""
    rows, columns = depth.shape
    for face in range(len(faces)):
        a, b, c = faces[face]
        ax, ay, az = points[a]
        bx, by, bz = points[b]
        cx, cy, cz = points[c]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0 or min(az, bz, cz) <= 0:
            continue
        first_row = max(int(np.ceil(min(ay, by, cy) - 0.5)), 0)
        last_row = min(int(np.floor(max(ay, by, cy) - 0.5)), rows - 1)
        first = max(int(np.ceil(min(ax, bx, cx) - 0.5)), 0)
        last = min(int(np.floor(max(ax, bx, cx) - 0.5)), columns - 1)
        for row in range(first_row, last_row + 1):
            y = row + 0.5
            for column in range(first, last + 1):
                x = column + 0.5
                u = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                v = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                w = 1 - u - v
                if u < 0 or v < 0 or w < 0:
                    continue
                away = u * az + v * bz + w * cz
                if away < depth[row, column]:
                    depth[row, column] = away
                    for channel in range(3):
                        image[row, column, channel] = (
                            u * colours[a, channel]
                            + v * colours[b, channel]
                            + w * colours[c, channel]
                        )


@kept
def _smooth_step(x: float) -> float:
    x = min(x, 1.0)
    return x * x * (3 - 2 * x)


@kept
def _draw_floor(
    image: Pixels, shade: Pixels, axes: Array, place: Array, focal: float, middle: Array
) -> None:
    """Fill the picture with the floor at y = 0, which fades into the background."""
    rows, columns, _ = image.shape
    for row in range(rows):
        for column in range(columns):
            # Towards the sides and the bottom everything fades, so that pictures have no seams.
            side = min(column, columns - 1 - column) / (SOFT_EDGE * columns)
            foot = (rows - 1 - row) / (SOFT_EDGE * columns)
            edge = _smooth_step(side) * _smooth_step(foot)
            sideways = (column + 0.5 - columns / 2) / focal
            upwards = (rows / 2 - row - 0.5) / focal
            down = -(sideways * axes[0, 1] + upwards * axes[1, 1] - axes[2, 1])
            near = 0.0
            line = 0.0
            if down > 1e-6:
                reach = place[1] / down
                x = place[0] + reach * (sideways * axes[0, 0] + upwards * axes[1, 0] - axes[2, 0])
                z = place[2] + reach * (sideways * axes[0, 2] + upwards * axes[1, 2] - axes[2, 2])
                away = np.sqrt((x - middle[0]) ** 2 + (z - middle[1]) ** 2) / FADE_METRES
                near = max(1 - away * away, 0.0) * edge
                # Lines one pixel and a half wide wherever they are.
                pixel = reach / focal
                to_line = min(abs(x - round(x)) / pixel, abs(z - round(z)) / pixel * down)
                line = min(max(2.0 - to_line, 0.0), 1.0)
            dark = 1 - SHADOW * edge * shade[row // SHADOW_COARSER, column // SHADOW_COARSER]
            for channel in range(3):
                floor = FLOOR[channel] + line * (GRID[channel] - FLOOR[channel])
                flat = BACKGROUND[channel] + near * (floor - BACKGROUND[channel])
                image[row, column, channel] = flat * dark
