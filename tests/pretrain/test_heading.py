"""A body that faces elsewhere has another pose and the same signals: datagen's physics says so."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from pretrain.augment import AugmentConfig, augment, face_elsewhere
from tests.datagen.helpers import lively
from tests.pretrain.test_mirror import UNSIDED, made_windows, window_of

ANGLE = 2.1


def test_a_turned_motion_has_the_turned_pose_and_the_same_signals() -> None:
    motion = lively()
    turn = Rotation.from_rotvec([0.0, ANGLE, 0.0])
    rotations_TJ3 = motion.rotations_TJ3.copy()
    rotations_TJ3[:, 0] = (turn * Rotation.from_rotvec(rotations_TJ3[:, 0])).as_rotvec()
    turned = replace(
        motion, rotations_TJ3=rotations_TJ3, translation_T3=turn.apply(motion.translation_T3)
    )
    before, after = window_of(motion), window_of(turned)
    for name in ("imu_left", "imu_right"):
        torch.testing.assert_close(before[name], after[name], atol=1e-6, rtol=0)
    found = face_elsewhere(before["pose"], np.array([ANGLE]))
    torch.testing.assert_close(found, after["pose"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("largest", [0.0, 90.0])
def test_headings_are_as_large_as_asked_for_and_signals_stay(largest: float) -> None:
    batch = made_windows(*[UNSIDED] * 300)
    seen = augment(batch, AugmentConfig(heading=largest), np.random.default_rng(0))
    assert torch.equal(seen["imu_left"], batch["imu_left"])
    assert torch.equal(seen["pose"][:, :, 1:], batch["pose"][:, :, 1:])
    old, new = (Rotation.from_rotvec(each["pose"][:, 0, 0].numpy()) for each in (batch, seen))
    turned_B3 = np.degrees((new * old.inv()).as_rotvec())
    np.testing.assert_allclose(turned_B3[:, [0, 2]], 0, atol=1e-3)
    assert abs(turned_B3[:, 1]).max() == pytest.approx(largest, abs=2)
