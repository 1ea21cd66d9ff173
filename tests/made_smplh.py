"""Body model files in the layout of SMPL-H and SMPL-X, with made-up numbers in them."""

from pathlib import Path

import numpy as np

from datagen.body import Mannequin
from datagen.motion import PARENTS

VERTICES = 6890


def write_smplh(path: Path, joints: int = 52, shapes: int = 16, seed: int = 0) -> Path:
    """Write an .npz that `smplx` reads: a body whose joints lie where a person's do."""
    rng = np.random.default_rng(seed)
    rest = Mannequin().bodies(np.zeros((1, 10))).joints_NJ3[0]
    if joints == 55:
        rest = np.concatenate([rest[:22], rest[[15, 15, 15]], rest[22:]])
    nearest = rng.integers(0, joints, VERTICES)
    nearest[:joints] = np.arange(joints)
    template = rest[nearest] + rng.normal(scale=0.02, size=(VERTICES, 3))
    regressor = np.zeros((joints, VERTICES))
    for joint in range(joints):
        members = nearest == joint
        regressor[joint, members] = 1 / members.sum()
    weights = np.zeros((VERTICES, joints))
    weights[np.arange(VERTICES), nearest] = 1.0
    parents = np.array(PARENTS if joints == 52 else [*PARENTS[:22], 15, 15, 15, *PARENTS[22:]])
    if joints == 55:
        parents[25:] = np.where(np.array(PARENTS[22:]) < 22, parents[25:], parents[25:] + 3)
    parents = parents.astype(np.uint32)
    np.savez(
        path,
        v_template=template,
        shapedirs=rng.normal(scale=0.01, size=(VERTICES, 3, shapes)),
        posedirs=np.zeros((VERTICES, 3, 9 * (joints - 1)), dtype=np.float32),
        J_regressor=regressor,
        kintree_table=np.stack([parents, np.arange(joints, dtype=np.uint32)]),
        weights=weights,
        f=np.zeros((1, 3), dtype=np.uint32),
        hands_componentsl=np.eye(45),
        hands_componentsr=np.eye(45),
        hands_meanl=np.zeros(45),
        hands_meanr=np.zeros(45),
    )
    return path
