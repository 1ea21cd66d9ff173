"""Bodies from an SMPL-H or SMPL-X model file.

Shape letters: N bodies, J joints, S shape values, V vertices.
"""

import zipfile
from pathlib import Path

import numpy as np
import torch
from smplx.lbs import blend_shapes, vertices2joints

from cluster.errors import UserError
from datagen.body import BUILT_IN, SHAPES, Bodies
from datagen.motion import JOINTS, Array

SMPLX_JOINTS = 55
# The 52 joints of SMPL-H among those of SMPL-X, which has a jaw and two eyes besides.
JOINTS_OF_SMPLX = np.r_[0:22, 25:55]


class SmplFile:
    """A body model file in the layout of SMPL-H or SMPL-X, evaluated by `smplx`.

    Raises UserError when the file is not one.
    """

    def __init__(self, path: Path) -> None:
        template, directions, regressor = _read_smpl_arrays(path)
        self.kind = {JOINTS: "smplh", SMPLX_JOINTS: "smplx"}[len(regressor)]
        self._chosen = np.arange(JOINTS) if self.kind == "smplh" else JOINTS_OF_SMPLX
        self._template_V3 = torch.from_numpy(template)
        self._directions_V3S = torch.from_numpy(directions)
        self._regressor_JV = torch.from_numpy(regressor)

    def bodies(self, shape_N10: Array) -> Bodies:
        """Return one body for each row of shape values."""
        shape = torch.from_numpy(np.asarray(shape_N10, dtype=np.float64))
        vertices = self._template_V3 + blend_shapes(shape, self._directions_V3S)
        joints = vertices2joints(self._regressor_JV, vertices).numpy()[:, self._chosen]
        heights = vertices[..., 1].numpy()
        sole, top = heights.min(axis=1), heights.max(axis=1)
        return Bodies(joints, sole, top - sole, shape_N10, self.kind)


def _read_smpl_arrays(path: Path) -> tuple[Array, Array, Array]:
    wanted = ("v_template", "shapedirs", "J_regressor")
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = [np.asarray(stored[name], dtype=np.float64) for name in wanted]
    except FileNotFoundError:
        raise UserError(
            f"body.model: {path}: no such file; give an SMPL-H or SMPL-X .npz, or {BUILT_IN}"
        ) from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"body.model: {path}: is not an SMPL-H or SMPL-X .npz with {', '.join(wanted)}: {error}"
        ) from None
    template, directions, regressor = arrays
    vertices = len(template)
    if template.shape != (vertices, 3) or directions.shape[:2] != (vertices, 3):
        raise UserError(f"body.model: {path}: v_template and shapedirs do not fit together")
    if directions.shape[2] < SHAPES:
        raise UserError(f"body.model: {path}: has fewer than {SHAPES} shape directions")
    if regressor.shape not in ((JOINTS, vertices), (SMPLX_JOINTS, vertices)):
        raise UserError(
            f"body.model: {path}: J_regressor has shape {regressor.shape}; "
            f"SMPL-H has {JOINTS} joints, SMPL-X {SMPLX_JOINTS}"
        )
    return template, np.ascontiguousarray(directions[..., :SHAPES]), regressor
