"""Mirrored windows against datagen's own physics of the mirrored motion.

Shape letters: N bodies, T frames, J joints, B windows, C channels.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_shards import make_shards
from scipy.spatial.transform import Rotation
from training import arguments

from cluster.errors import UserError
from datagen.body import Bodies
from datagen.imu import ImuConfig, synthesize
from datagen.motion import JOINT_NAMES, Motion
from datagen.placement import Placement, upper_arm, watch
from pretrain import train
from pretrain.augment import AugmentConfig, augment, mirror
from pretrain.clips import Batch
from pretrain.data import open_data
from tests.datagen.helpers import lively, people

# At the plane x = 0, which divides left from right.
MIRROR = np.diag([-1.0, 1.0, 1.0])
UNSIDED = "A person waves."


def other_side(name: str) -> str:
    exchanged = {"left": "right", "right": "left"}
    side, _, part = name.partition("_")
    return f"{exchanged[side]}_{part}" if side in exchanged else name


OTHER_J = [JOINT_NAMES.index(other_side(name)) for name in JOINT_NAMES]


def mirrored(motion: Motion) -> Motion:
    """Return what a mirror shows: every rotation between two reflections, sides exchanged."""
    matrices = Rotation.from_rotvec(motion.rotations_TJ3.reshape(-1, 3)).as_matrix()
    turned = Rotation.from_matrix(MIRROR @ matrices @ MIRROR).as_rotvec()
    return replace(
        motion,
        rotations_TJ3=turned.reshape(motion.rotations_TJ3.shape)[:, OTHER_J],
        translation_T3=motion.translation_T3 @ MIRROR,
    )


def symmetric(bodies: Bodies) -> Bodies:
    flipped_NJ3 = bodies.joints_NJ3[:, OTHER_J] @ MIRROR
    return replace(bodies, joints_NJ3=(bodies.joints_NJ3 + flipped_NJ3) / 2)


def window_of(motion: Motion) -> Batch:
    """Return one window as a stream would, in double precision."""
    imu = synthesize(motion, symmetric(people(1)), ImuConfig(), np.float64)
    signals_TWC = torch.from_numpy(np.concatenate([imu.acc_NTW3[0], imu.gyro_1TW3[0]], axis=-1))
    return {
        "pose": torch.from_numpy(motion.rotations_TJ3[::2])[None],  # 60 of 120 Hz
        "imu_left": signals_TWC[None, :, 0],
        "imu_right": signals_TWC[None, :, 1],
        "sentence": [UNSIDED],
    }


def made_windows(*sentences: str) -> Batch:
    draw = torch.Generator().manual_seed(0)
    count = len(sentences)
    return {
        "pose": torch.randn(count, 60, 52, 3, generator=draw),
        "imu_left": torch.randn(count, 60, 6, generator=draw),
        "imu_right": torch.randn(count, 60, 6, generator=draw),
        "sentence": list(sentences),
    }


def test_a_mirrored_window_is_that_of_the_mirrored_motion() -> None:
    motion = lively()
    seen, expected = mirror(window_of(motion), torch.tensor([True])), window_of(mirrored(motion))
    for name in ("pose", "imu_left", "imu_right"):
        torch.testing.assert_close(seen[name], expected[name], atol=1e-5, rtol=0, msg=name)
        assert not torch.allclose(seen[name], window_of(motion)[name], atol=0.1)


def test_mirrored_twice_is_as_it_was_and_others_are_left_alone() -> None:
    batch = made_windows(*[UNSIDED] * 6)
    chosen_B = torch.tensor([True, False, True, True, False, False])
    once = mirror(batch, chosen_B)
    twice = mirror(once, chosen_B)
    for name in ("pose", "imu_left", "imu_right"):
        assert torch.equal(twice[name], batch[name])
        changed_B = (once[name] != batch[name]).flatten(1).any(1)
        assert torch.equal(changed_B, chosen_B)


def test_windows_whose_sentence_names_a_side_are_left_alone() -> None:
    sided = (
        "Raises the LEFT arm.",
        "a left-handed throw",
        "turns rightwards",
        "turns counter-clockwise",
        "An anticlockwise turn.",
    )
    unsided = ("Stands upright.", "Is bright and aleft", UNSIDED)
    batch = made_windows(*sided, *unsided)
    seen = augment(batch, AugmentConfig(mirror=1.0), np.random.default_rng(0))
    changed_B = (seen["pose"] != batch["pose"]).flatten(1).any(1)
    assert changed_B.tolist() == [False] * len(sided) + [True] * len(unsided)


def test_as_many_as_asked_for_and_what_has_to_be_predicted_is_mirrored_too() -> None:
    batch = made_windows(*[UNSIDED] * 2000)
    seen = augment(batch, AugmentConfig(mirror=0.3, drop_wrist=1.0), np.random.default_rng(0))
    changed_B = (seen["pose"] != batch["pose"]).flatten(1).any(1)
    assert changed_B.float().mean() == pytest.approx(0.3, abs=0.03)
    clean = mirror(batch, changed_B)
    for side in ("left", "right"):
        assert torch.equal(seen[f"clean_{side}"], clean[f"imu_{side}"])


def test_only_watches_are_mirrored(tmp_path: Path) -> None:
    arms = upper_arm("left"), upper_arm("right")
    make_shards(tmp_path / "arms", samples=2, placements=arms)
    crossed = watch("right"), watch("left")
    make_shards(tmp_path / "crossed", samples=2, placements=crossed)
    named = Placement(preset="left_watch"), Placement(preset="right_watch")
    assert asdict(named[0]) != asdict(watch("left"))
    make_shards(tmp_path / "named", samples=2, placements=named)
    assert open_data(tmp_path / "named").watches
    for worn in ("arms", "crossed"):
        folders = tmp_path / "named", tmp_path / worn
        assert not open_data(*folders).watches
        given = arguments(tmp_path / worn, tmp_path / "run", "augment.mirror=0.5")
        with pytest.raises(UserError, match=rf"augment.mirror: the sensors of .*{worn}") as error:
            train.main(given)
        assert "\n" not in str(error.value)


def test_placements_that_differ_are_all_told(tmp_path: Path) -> None:
    watches, arms = (watch("left"), watch("right")), (upper_arm("left"), upper_arm("right"))
    for name, placements in (("one", watches), ("two", watches), ("arms", arms)):
        make_shards(tmp_path / name, samples=2, placements=placements)
    alike = open_data(tmp_path / "one", tmp_path / "two").placement
    assert json.loads(alike)["right"]["segment"] == watches[1].segment
    differing = json.loads(open_data(tmp_path / "one", tmp_path / "arms").placement)
    assert [worn["left"]["segment"] for worn in differing] == [
        watches[0].segment,
        arms[0].segment,
    ]
