"""BVH files that the tests write, and a naive reading of them to compare with."""

from dataclasses import dataclass, field

import numpy as np

SIX = "Xposition Yposition Zposition Zrotation Xrotation Yrotation".split()
THREE = "Zrotation Xrotation Yrotation".split()


@dataclass
class Joint:
    name: str
    parent: int
    offset: tuple[float, float, float]
    channels: list[str] = field(default_factory=lambda: list(THREE))


# A person of 1.7 m or so in a T-pose, centimetres, facing +z; by their Mixamo names.
TRUNK = [
    ("Hips", "", (0, 95, 0)),
    ("Spine", "Hips", (0, 10, -1)),
    ("Spine1", "Spine", (0, 12, 0)),
    ("Spine2", "Spine1", (0, 13, 1)),
    ("Neck", "Spine2", (0, 15, 0)),
    ("Head", "Neck", (0, 10, 2)),
]
ARM = [
    ("Shoulder", "Spine2", (6, 11, 0)),
    ("Arm", "Shoulder", (12, 1, -1)),
    ("ForeArm", "Arm", (28, 0, 0)),
    ("Hand", "ForeArm", (25, 0, 0)),
]
LEG = [
    ("UpLeg", "Hips", (9, -8, 0)),
    ("Leg", "UpLeg", (0, -41, 1)),
    ("Foot", "Leg", (0, -40, -2)),
    ("ToeBase", "Foot", (0, -6, 13)),
]


def person() -> list[Joint]:
    """Return a Mixamo figure without fingers in a T-pose, its joints depth first."""
    listed = list(TRUNK)
    limbs = [(*sided, limb) for limb in (ARM, LEG) for sided in (("Left", 1), ("Right", -1))]
    for side, mirror, limb in limbs:
        for name, parent, offset in limb:
            above = parent if parent in ("Spine2", "Hips") else f"{side}{parent}"
            listed.append((f"{side}{name}", above, (mirror * offset[0], *offset[1:])))
    names = [name for name, _, _ in listed]
    joints = [
        Joint(f"mixamorig:{name}", names.index(parent) if parent else -1, offset)
        for name, parent, offset in listed
    ]
    joints[0].channels = list(SIX)
    return joints


def index(joints: list[Joint], name: str) -> int:
    return [joint.name.rpartition(":")[2] for joint in joints].index(name)


def channel_count(joints: list[Joint]) -> int:
    return sum(len(joint.channels) for joint in joints)


def smooth_values(joints: list[Joint], frames: int, rng: np.random.Generator) -> np.ndarray:
    """Return channel values (T, C): slow swings of up to 40 degrees, the root's within 1 m."""
    t = np.linspace(0, 2 * np.pi, frames)[:, None]
    count = channel_count(joints)
    phase = rng.uniform(0, 6, count)
    values = rng.uniform(10, 40, count) * np.sin(t * rng.uniform(0.5, 2, count) + phase)
    return np.round(values, 6)


def bvh_text(joints: list[Joint], values: np.ndarray, frame_time: float = 1 / 30) -> str:
    """Write a BVH; every joint without children gets an End Site."""
    lines = ["HIERARCHY"]

    def write(number: int, depth: int) -> None:
        joint, tab = joints[number], "\t" * depth
        lines.append(f"{tab}{'JOINT' if joint.parent >= 0 else 'ROOT'} {joint.name}")
        lines.append(f"{tab}{{")
        lines.append(f"{tab}\tOFFSET {' '.join(f'{x:.9g}' for x in joint.offset)}")
        channels = " ".join([str(len(joint.channels)), *joint.channels])
        lines.append(f"{tab}\tCHANNELS {channels}")
        children = [i for i, other in enumerate(joints) if other.parent == number]
        for child in children:
            write(child, depth + 1)
        if not children:
            lines.extend([f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET 0 5 0", f"{tab}\t}}"])
        lines.append(f"{tab}}}")

    write(0, 0)
    lines += ["MOTION", f"Frames: {len(values)}", f"Frame Time: {frame_time:.7f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in values]
    return "\n".join(lines) + "\n"


def file_order(joints: list[Joint]) -> list[int]:
    """Return the joints in the order in which `bvh_text` writes them: depth first."""
    order: list[int] = []

    def visit(number: int) -> None:
        order.append(number)
        for child, other in enumerate(joints):
            if other.parent == number:
                visit(child)

    visit(0)
    return order


def turn(axis: str, degrees: float) -> np.ndarray:
    """Return the textbook matrix of a rotation about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return {
        "X": np.array([[1, 0, 0], [0, c, -s], [0, s, c]]),
        "Y": np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]),
        "Z": np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]),
    }[axis]


def naive_pose(joints: list[Joint], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (T, J, 3) and world matrices (T, J, 3, 3), one joint at a time."""
    positions = np.zeros((len(values), len(joints), 3))
    world = np.zeros((len(values), len(joints), 3, 3))
    for frame, row in enumerate(values):
        numbers = iter(row)
        for number in file_order(joints):
            joint = joints[number]
            place, rotation = np.array(joint.offset, dtype=float), np.eye(3)
            for channel in joint.channels:
                value = next(numbers)
                if channel.endswith("position"):
                    place["XYZ".index(channel[0])] = value
                else:
                    rotation = rotation @ turn(channel[0], value)
            if joint.parent < 0:
                positions[frame, number], world[frame, number] = place, rotation
            else:
                above = world[frame, joint.parent]
                positions[frame, number] = positions[frame, joint.parent] + above @ place
                world[frame, number] = above @ rotation
    return positions, world
