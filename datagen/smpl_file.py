"""Bodies from a model file of SMPL, SMPL-H or SMPL-X.

Shape letters: N bodies, J joints, S shape values, V vertices.
"""

import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from smplx.lbs import blend_shapes, vertices2joints

from cluster.errors import UserError
from cluster.storage import Location
from datagen.body import BUILT_IN, SHAPES, Bodies, Mannequin
from datagen.motion import BODY_JOINT_NAMES, JOINT_INDEX, JOINTS, Array
from datagen.safe_pickle import BadPickleError, load_pickle

BODY_JOINTS = len(BODY_JOINT_NAMES)
# Number of joints of each model. SMPL's last two are hands without fingers; SMPL-X has a jaw and
# two eyes between body and fingers.
KINDS = {24: "smpl", JOINTS: "smplh", 55: "smplx"}
CHOSEN = {
    "smpl": np.arange(BODY_JOINTS),
    "smplh": np.arange(JOINTS),
    "smplx": np.r_[0:BODY_JOINTS, 25:55],
}
WANTED = ("v_template", "shapedirs", "J_regressor")


class SmplFile:
    """A body model file in the layout of SMPL, SMPL-H or SMPL-X, evaluated by `smplx`.

    SMPL has no fingers: it borrows the mannequin's, scaled by the length of the forearm.

    Raises UserError when the file is not one.
    """

    def __init__(self, path: Location, key: str = "body.model") -> None:
        """Read the file that the configuration's `key` names."""
        template, directions, regressor = _read_smpl_arrays(path, key)
        self.kind = KINDS[len(regressor)]
        self._template_V3 = torch.from_numpy(template)
        self._directions_V3S = torch.from_numpy(directions)
        self._regressor_JV = torch.from_numpy(regressor[CHOSEN[self.kind]])

    def bodies(self, shape_N10: Array) -> Bodies:
        """Return one body for each row of shape values."""
        shape = torch.from_numpy(np.asarray(shape_N10, dtype=np.float64))
        vertices = self._template_V3 + blend_shapes(shape, self._directions_V3S)
        joints = vertices2joints(self._regressor_JV, vertices).numpy()
        if self.kind == "smpl":
            joints = np.concatenate([joints, _borrowed_fingers(joints)], axis=1)
        heights = vertices[..., 1].numpy()
        sole, top = heights.min(axis=1), heights.max(axis=1)
        return Bodies(joints, sole, top - sole, shape_N10, self.kind)


def _borrowed_fingers(body_NJ3: Array) -> Array:
    """Return the finger joints (N, 30, 3) of hands that hang on the wrists of `body_NJ3`."""
    lender_J3 = Mannequin().bodies(np.zeros((1, SHAPES))).joints_NJ3[0]
    hands = []
    for side, fingers in (("left", np.r_[22:37]), ("right", np.r_[37:52])):
        elbow, wrist = JOINT_INDEX[f"{side}_elbow"], JOINT_INDEX[f"{side}_wrist"]
        forearm_N = np.linalg.norm(body_NJ3[:, wrist] - body_NJ3[:, elbow], axis=-1)
        size_N = forearm_N / np.linalg.norm(lender_J3[wrist] - lender_J3[elbow])
        hand_J3 = lender_J3[fingers] - lender_J3[wrist]
        hands.append(body_NJ3[:, None, wrist] + size_N[:, None, None] * hand_J3)
    return np.concatenate(hands, axis=1)


def _read_smpl_arrays(path: Location, key: str) -> tuple[Array, Array, Array]:
    """Return the mean skin (V, 3), its change with ten shape values and the joint regressor."""
    try:
        stored = _read_pickle(path) if path.suffix == ".pkl" else _read_npz(path)
        arrays = [np.asarray(stored[name], dtype=np.float64) for name in WANTED]
    except FileNotFoundError:
        raise UserError(
            f"{key}: {path}: no such file; give an SMPL, SMPL-H or SMPL-X file, or {BUILT_IN}"
        ) from None
    except KeyError as error:
        raise UserError(f"{key}: {path}: has no {error.args[0]}") from None
    except (
        OSError, EOFError, ValueError, TypeError, zipfile.BadZipFile, BadPickleError
    ) as error:  # fmt: skip
        raise UserError(f"{key}: {path}: is not an SMPL, SMPL-H or SMPL-X file: {error}") from None
    template, directions, regressor = arrays
    vertices = len(template) if template.ndim else 0
    if template.shape != (vertices, 3) or directions.shape[:2] != (vertices, 3):
        raise UserError(f"{key}: {path}: v_template and shapedirs do not fit together")
    if directions.ndim != 3 or directions.shape[2] < SHAPES:
        raise UserError(f"{key}: {path}: has fewer than {SHAPES} shape directions")
    if regressor.shape not in [(joints, vertices) for joints in KINDS]:
        raise UserError(
            f"{key}: {path}: J_regressor has shape {regressor.shape}; "
            f"SMPL has 24 joints, SMPL-H {JOINTS}, SMPL-X 55"
        )
    # SMPL-X files hold expressions behind the shapes, newer ones 300 shapes: the first ten are
    # the same in all.
    return template, np.ascontiguousarray(directions[..., :SHAPES]), regressor


def _read_npz(path: Location) -> Mapping[str, Any]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return {name: stored[name] for name in WANTED}


def _read_pickle(path: Location) -> Mapping[str, Any]:
    with path.open("rb") as file:
        stored = load_pickle(file)
    if not isinstance(stored, dict):
        raise ValueError(f"it holds a {type(stored).__name__} where a dictionary belongs")
    return stored
