"""Parsing BVH and its own forward kinematics, against a naive reading of the same channels."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from datagen.kinematics import matrices
from datagen.motion import BadClipError
from datagen.sources.bvh_file import parse_bvh, read_bvh
from tests.datagen.made_bvh import (
    Joint,
    bvh_text,
    channel_count,
    file_order,
    naive_pose,
    person,
    smooth_values,
)

POSITIONS = ["Xposition", "Yposition", "Zposition"]


def assert_same_pose(joints: list[Joint], values: np.ndarray, text: str | None = None) -> None:
    bvh = parse_bvh((text or bvh_text(joints, values)).encode())
    order = file_order(joints)
    assert bvh.names == tuple(joints[number].name for number in order)
    positions, world = naive_pose(joints, values)
    found_positions, found_world = bvh.world_pose()
    np.testing.assert_allclose(found_positions, positions[:, order], atol=1e-4)
    np.testing.assert_allclose(matrices(found_world), world[:, order], atol=1e-6)


@pytest.mark.parametrize("order", ["".join(order) for order in permutations("XYZ")])
def test_every_rotation_order(order: str, rng: np.random.Generator) -> None:
    joints = person()
    for joint in joints:
        joint.channels = [f"{axis}rotation" for axis in order]
    joints[0].channels = [*POSITIONS, *joints[0].channels]
    assert_same_pose(joints, smooth_values(joints, 5, rng))


def test_every_joint_may_have_channels_of_its_own(rng: np.random.Generator) -> None:
    joints = person()
    kinds = [
        ["Xrotation", "Yposition", "Zrotation", "Xposition", "Yrotation", "Zposition"],
        ["Yrotation"],
        ["Zrotation", "Xrotation"],
        ["Yposition"],
        [],
        [*POSITIONS, "Yrotation", "Xrotation", "Zrotation"],
    ]
    for number, joint in enumerate(joints):
        joint.channels = kinds[number % len(kinds)]
    assert_same_pose(joints, smooth_values(joints, 7, rng))


def test_position_channel_replaces_its_axis_of_the_offset_on_an_inner_joint() -> None:
    joints = [
        Joint("Hips", -1, (1.0, 2.0, 3.0), []),
        Joint("Arm", 0, (10.0, 0.0, 0.0), ["Yposition", "Zrotation"]),
        Joint("Hand", 1, (5.0, 0.0, 0.0), []),
    ]
    positions, _ = parse_bvh(bvh_text(joints, np.array([[7.0, 90.0]])).encode()).world_pose()
    np.testing.assert_allclose(positions[0], [[1, 2, 3], [11, 9, 3], [11, 14, 3]], atol=1e-9)


@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text,
        lambda text: "\n\n" + text.replace("\t", "    "),
        lambda text: text.replace("\n\t{", " {").replace("\n{", " {"),
        lambda text: text.replace("Frames: ", "Frames:\t").replace("End Site", "End site"),
        lambda text: text.lower().replace("mixamorig:", "mixamorig:"),
        lambda text: text + "\n\n \t\n",
        lambda text: text.replace("Spine2", "Spine 2 of Bip01"),
    ],
    ids=["crlf", "cr", "bom", "spaces", "braces", "tabs", "case", "blank end", "names with spaces"],
)
def test_ways_of_writing_the_same(disguise, tmp_path: Path, rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 4, rng)
    path = tmp_path / "clip.bvh"
    path.write_text(disguise(bvh_text(joints, values)), encoding="utf-8", newline="")
    plain, disguised = parse_bvh(bvh_text(joints, values).encode()), read_bvh(path)
    for one, other in zip(plain.world_pose(), disguised.world_pose(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_lines_do_not_matter_to_the_values(rng: np.random.Generator) -> None:
    joints = person()
    values = smooth_values(joints, 4, rng)
    head, motion = bvh_text(joints, values).split("Frame Time:")
    seconds, *numbers = motion.split()
    assert_same_pose(joints, values, f"{head}Frame Time: {seconds}\n" + "\n".join(numbers))


GOOD = bvh_text(
    [Joint("Hips", -1, (0, 0, 0)), Joint("Spine", 0, (0, 1, 0))], np.arange(18.0).reshape(3, 6)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a BVH"),
        ("\x00\x01\x02", "not a BVH"),
        (GOOD.partition("MOTION")[0], "no MOTION"),
        (GOOD.replace("Frames: 3", ""), "no `Frames:`"),
        (GOOD.rpartition("15.0")[0], "truncated: 15 motion values where 3 frames of 6"),
        (GOOD.replace("Frames: 3", "Frames: 2"), "18 motion values, more than the 12"),
        (GOOD.replace("Frames: 3", "Frames: 0"), "Frames: 0"),
        (GOOD.replace("Frames: 3", "Frames: -3"), "Frames: -3"),
        (GOOD.replace("Frames: 3", "Frames: many"), "not numbers"),
        (GOOD.replace("Time: 0.0333333", "Time: 0"), "Frame Time of 0 s"),
        (GOOD.replace("Time: 0.0333333", "Time: nan"), "Frame Time of nan s"),
        (GOOD.replace("Time: 0.0333333", "Time: -0.03"), "Frame Time of -0.03 s"),
        (GOOD.replace("Time: 0.0333333", "Time: 33.3"), "Frame Time of 33.3 s"),
        (GOOD.replace("7.000000", "seven"), "'seven' among its motion values, in frame 2"),
        (GOOD.replace("7.000000", "7,0"), "'7,0' among its motion values"),
        (GOOD.replace(" 7.000000", " nan"), "1 NaN .* frame 2 at Hips Xrotation"),
        (GOOD.replace("17.000000", "-inf"), "frame 3 at Spine Yrotation"),
        (GOOD.replace("}\nMOTION", "MOTION"), "unbalanced braces: 1 never closed"),
        (GOOD.replace("}\nMOTION", "}\n}\nMOTION"), "unbalanced braces: one closes"),
        (GOOD.replace("ROOT Hips\n{", "ROOT Hips\n{\n{"), "unbalanced braces: one opens"),
        (GOOD.replace("Spine", "Hips"), "more than one joint with the name Hips"),
        (GOOD.replace("JOINT Spine", "JOINT"), "'JOINT' in the hierarchy where"),
        (GOOD.replace("}\nMOTION", "}\nROOT Hips2\n{\n}\nMOTION"), "more than one ROOT"),
        (GOOD.replace("OFFSET 0 1 0", ""), "no finite OFFSET of Spine"),
        (GOOD.replace("OFFSET 0 1 0", "OFFSET 0 x 0"), "OFFSET of Spine"),
        (GOOD.replace("OFFSET 0 1 0", "OFFSET 0 nan 0"), "OFFSET of Spine"),
        (GOOD.replace("CHANNELS 3", "CHANNELS 4"), "CHANNELS at Hips"),
        (GOOD.replace("Xrotation", "Zrotation"), "CHANNELS at Hips"),
        (GOOD.replace("Xrotation", "Wrotation"), "CHANNELS at Hips"),
    ],
)
def test_bad_file_has_one_reason(text: str, reason: str) -> None:
    with pytest.raises(BadClipError, match=reason) as caught:
        parse_bvh(text.encode())
    assert "\n" not in str(caught.value)


def test_file_cut_anywhere_is_a_bad_clip() -> None:
    whole = GOOD.rstrip()
    last_number = len(whole) - len("17.000000")
    for end in range(last_number):
        with pytest.raises(BadClipError):
            parse_bvh(whole[:end].encode())


def test_missing_file_is_a_bad_clip(tmp_path: Path) -> None:
    with pytest.raises(BadClipError, match="No such file"):
        read_bvh(tmp_path / "none.bvh")


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["bandai", "cmu"])
def test_real_files_equal_the_naive_reading(folder: str, shared_data: Path) -> None:
    path = sorted((shared_data / folder / "bvh").glob("*.bvh"))[0]
    bvh = read_bvh(path)
    joints = [
        Joint(*described)
        for described in zip(
            bvh.names, bvh.parents, bvh.offsets_J3, map(list, bvh.channels), strict=True
        )
    ]
    assert channel_count(joints) == bvh.values_TC.shape[1]
    positions, world = naive_pose(joints, bvh.values_TC[::60])
    found_positions, found_world = bvh.world_pose()
    np.testing.assert_allclose(found_positions[::60], positions, atol=1e-9)
    np.testing.assert_allclose(matrices(found_world[::60]), world, atol=1e-12)
