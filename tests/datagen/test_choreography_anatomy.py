"""Anatomical angles against what the clinic means by them, on an ideal T-pose skeleton."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datagen.motion import JOINT_INDEX, JOINT_NAMES, PARENTS
from datagen.sources.choreography import anatomy, rotation, skeleton
from datagen.sources.choreography.anatomy import ANGLE_INDEX, ANGLES, HIGH_A, LIMITED, LOW_A
from datagen.sources.choreography.poses import reach

RIGHT, UP, FORWARD = np.eye(3) * np.array([-1, 1, 1])
LEFT, DOWN, BACK = -RIGHT, -UP, -FORWARD


def angles(**degrees: float) -> np.ndarray:
    row = np.zeros((1, len(ANGLES)))
    for name, value in degrees.items():
        row[0, ANGLE_INDEX[name]] = value
    return row


def world(row: np.ndarray) -> dict[str, Rotation]:
    """Chain the axis-angle output with scipy, independently of the project's own kinematics."""
    local = rotation.smooth_axis_angles(anatomy.joint_quaternions(row))[0]
    turned: dict[str, Rotation] = {}
    for name, parent, vector in zip(JOINT_NAMES, PARENTS, local, strict=True):
        own = Rotation.from_rotvec(vector)
        turned[name] = own if parent < 0 else turned[JOINT_NAMES[parent]] * own
    return turned


def outwards(side: str) -> np.ndarray:
    return LEFT if side == "left" else RIGHT


def limb(side: str, joint: str, **degrees: float) -> np.ndarray:
    """Where the arm or finger segment after `joint` points; rest: along +x on the left."""
    row = angles(**{f"{side}_{name}": value for name, value in degrees.items()})
    return world(row)[f"{side}_{joint}"].apply(outwards(side))


def segment(side: str, joint: str, rest: np.ndarray, **degrees: float) -> np.ndarray:
    row = angles(**{f"{side}_{name}": value for name, value in degrees.items()})
    return world(row)[f"{side}_{joint}"].apply(rest)


@pytest.fixture(params=["left", "right"])
def side(request) -> str:
    return request.param


def test_neutral_arm_hangs_with_palm_to_the_thigh_and_thumb_forward(side):
    assert np.allclose(limb(side, "shoulder"), DOWN)
    assert np.allclose(limb(side, "elbow"), DOWN)
    assert np.allclose(segment(side, "wrist", DOWN), -outwards(side))
    assert np.allclose(segment(side, "wrist", FORWARD), FORWARD)


@pytest.mark.parametrize(
    ("name", "degrees", "expected"),
    [
        ("shoulder_flexion", 90, lambda side: FORWARD),
        ("shoulder_flexion", 180, lambda side: UP),
        ("shoulder_flexion", -45, lambda side: (DOWN + BACK) / np.sqrt(2)),
        ("shoulder_abduction", 90, outwards),
        ("shoulder_abduction", 180, lambda side: UP),
    ],
)
def test_upper_arm(side, name, degrees, expected):
    assert np.allclose(limb(side, "shoulder", **{name: degrees}), expected(side), atol=1e-9)


@pytest.mark.parametrize(
    ("degrees", "expected"),
    [
        ({}, lambda side: FORWARD),
        ({"shoulder_internal_rotation": -90}, outwards),
        ({"shoulder_internal_rotation": 90}, lambda side: -outwards(side)),
        ({"shoulder_abduction": 90}, lambda side: FORWARD),
        ({"shoulder_abduction": 90, "shoulder_internal_rotation": -90}, lambda side: UP),
        ({"shoulder_flexion": 90}, lambda side: UP),
    ],
)
def test_forearm_with_the_elbow_at_ninety_degrees(side, degrees, expected):
    assert np.allclose(limb(side, "elbow", elbow_flexion=90, **degrees), expected(side), atol=1e-9)


@pytest.mark.parametrize(("degrees", "palm"), [(90, DOWN), (-90, UP)])
def test_pronation_turns_the_palm_and_mostly_the_forearm(side, degrees, palm):
    bent = {"elbow_flexion": 90.0, "forearm_pronation": degrees}
    assert np.allclose(segment(side, "wrist", DOWN, **bent), palm, atol=1e-9)
    assert segment(side, "elbow", DOWN, **bent) @ palm > np.cos(np.radians(15))
    assert np.allclose(limb(side, "elbow", **bent), FORWARD, atol=1e-9)


def test_wrist_and_fingers_bend_towards_the_palm_and_the_little_finger(side):
    palm_up = {"elbow_flexion": 90.0, "forearm_pronation": -90.0}
    assert np.allclose(limb(side, "wrist", wrist_flexion=60, **palm_up) @ UP, np.sin(np.pi / 3))
    for finger in ("index", "middle", "ring", "pinky"):
        bent = {f"{finger}_knuckle_flexion": 90.0}
        assert np.allclose(limb(side, f"{finger}1", **bent, **palm_up), UP, atol=1e-9)
        curled = bent | {f"{finger}_middle_flexion": 90.0}
        assert np.allclose(limb(side, f"{finger}2", **curled, **palm_up), BACK, atol=1e-9)
    # Hanging, thumb forward: the little finger is behind.
    assert limb(side, "wrist", wrist_ulnar_deviation=30) @ BACK > 0.49
    index, pinky = (limb(side, f"{f}1", **{f"{f}_spread": 20.0}) for f in ("index", "pinky"))
    assert index @ FORWARD > 0.3
    assert pinky @ FORWARD < -0.3


@pytest.mark.parametrize("joint", ["thumb2", "thumb3"])
def test_thumb_bends_across_the_palm(side, joint):
    straight = segment(side, joint, 0.6 * outwards(side) + 0.8 * FORWARD)
    name = "thumb_knuckle_flexion" if joint == "thumb2" else "thumb_end_flexion"
    bent = segment(side, joint, 0.6 * outwards(side) + 0.8 * FORWARD, **{name: 50})
    assert bent @ FORWARD < straight @ FORWARD - 0.2


def test_legs(side):
    assert np.allclose(segment(side, "hip", DOWN, hip_flexion=90), FORWARD)
    assert np.allclose(segment(side, "hip", DOWN, hip_abduction=90), outwards(side))
    assert np.allclose(segment(side, "hip", FORWARD, hip_internal_rotation=90), -outwards(side))
    assert np.allclose(segment(side, "knee", DOWN, knee_flexion=90), BACK)
    assert np.allclose(segment(side, "ankle", FORWARD, ankle_dorsiflexion=90), UP)
    assert segment(side, "ankle", outwards(side), ankle_inversion=30) @ DOWN > 0.49
    assert np.allclose(segment(side, "foot", FORWARD, toe_extension=90), UP)


def test_trunk_and_head():
    spine = world(angles(spine_flexion=60))["spine3"]
    assert np.allclose(spine.apply(UP), [0, 0.5, np.sqrt(0.75)])
    assert world(angles(spine_left_bend=30))["spine3"].apply(UP) @ LEFT == pytest.approx(0.5)
    assert np.allclose(world(angles(spine_left_turn=45))["spine3"].apply(FORWARD) @ LEFT, 0.5**0.5)
    assert world(angles(neck_flexion=30))["head"].apply(UP) @ FORWARD == pytest.approx(0.5)
    assert world(angles(pelvis_forward_tilt=30))["pelvis"].apply(UP) @ FORWARD == pytest.approx(0.5)
    assert world(angles(pelvis_left_turn=30))["pelvis"].apply(FORWARD) @ LEFT == pytest.approx(0.5)


def test_collar_lifts_the_shoulder_but_does_not_turn_the_upper_arm(side):
    raised = {"shoulder_abduction": 120.0, "collar_elevation": 15.0}
    assert np.allclose(
        limb(side, "shoulder", **raised), limb(side, "shoulder", shoulder_abduction=120)
    )
    assert limb(side, "collar", **raised) @ UP > limb(side, "collar", shoulder_abduction=120) @ UP
    assert limb(side, "collar", shoulder_abduction=120) @ UP > 0.2


def test_mirrored_angles_make_the_mirror_image(rng):
    row = rng.uniform(-30, 30, (1, len(ANGLES)))
    positions, _ = skeleton.body_frames(anatomy.joint_quaternions(row))
    image, _ = skeleton.body_frames(anatomy.joint_quaternions(anatomy.mirror(row)))
    swapped = [
        JOINT_INDEX[n.replace("left", "right") if "left" in n else n.replace("right", "left")]
        for n in JOINT_NAMES[:22]
    ]
    assert np.allclose(image[0, swapped] * [-1, 1, 1], positions[0], atol=1e-12)


def test_soft_limit_holds_rises_and_leaves_the_middle_alone():
    wild = np.linspace(-400, 400, 4001)[:, None] * np.ones(len(ANGLES))
    held = anatomy.soft_limit(wild)[:, LIMITED]
    assert (held >= LOW_A - 1e-9).all()
    assert (held <= HIGH_A + 1e-9).all()
    assert (np.diff(held, axis=0) >= -1e-12).all()
    middle = np.zeros((1, len(ANGLES)))
    middle[:, LIMITED] = 0.5 * (LOW_A + HIGH_A)
    assert np.allclose(anatomy.soft_limit(middle), middle, atol=0.01)


def test_axis_angles_run_on_past_half_a_turn():
    sweep = np.zeros((400, len(ANGLES)))
    sweep[:, ANGLE_INDEX["left_shoulder_flexion"]] = np.linspace(0, 180, 400)
    sweep[:, ANGLE_INDEX["left_shoulder_internal_rotation"]] = -40
    vectors = rotation.smooth_axis_angles(anatomy.joint_quaternions(sweep))
    assert np.abs(np.diff(vectors, axis=0)).max() < 0.05


@pytest.mark.parametrize(
    "point",
    [
        (0.1, 0.1, 0.2),
        (0.3, -0.3, 0.3),
        (-0.1, -0.1, 0.3),
        (0.2, 0.3, 0.2),
        (0.2, -0.4, 0.05),
        (0.5, 0.0, 0.1),
    ],
)
@pytest.mark.parametrize("swivel", [0.0, 40.0])
def test_reach_brings_the_wrist_to_the_point_and_lifts_the_elbow(side, point, swivel):
    row = angles(**reach(side, point, swivel))
    positions, _ = skeleton.body_frames(anatomy.joint_quaternions(row))
    rest, _ = skeleton.body_frames(anatomy.joint_quaternions(angles()))
    index = {n: i for i, n in enumerate(JOINT_NAMES)}
    shoulders = 0.5 * (rest[0, index["left_shoulder"]] + rest[0, index["right_shoulder"]])
    expected = shoulders + np.array([outwards(side)[0] * point[0], point[1], point[2]])
    assert np.linalg.norm(positions[0, index[f"{side}_wrist"]] - expected) < 0.02


def test_reach_swivel_moves_the_elbow_outwards(side):
    elbows = []
    for swivel in (0.0, 50.0):
        row = angles(**reach(side, (0.15, 0.0, 0.3), swivel))
        positions, _ = skeleton.body_frames(anatomy.joint_quaternions(row))
        elbows.append(positions[0, JOINT_INDEX[f"{side}_elbow"]])
    assert (elbows[1] - elbows[0]) @ outwards(side) > 0.05


@pytest.mark.parametrize("palm", [DOWN, LEFT, RIGHT, UP])
def test_reach_turns_the_palm_as_asked_within_the_forearm_s_range(side, palm):
    own = palm * [outwards(side)[0], 1, 1]
    pose = reach(side, (0.1, -0.25, 0.35), palm=tuple(own))
    turned = world(angles(**pose))[f"{side}_wrist"]
    facing = turned.apply(DOWN)
    along = turned.apply(outwards(side))
    wanted = palm - (palm @ along) * along
    pronation = pose[f"{side}_forearm_pronation"]
    if abs(pronation) < 74.9:
        assert facing @ wanted / np.linalg.norm(wanted) > 0.999
    else:
        assert abs(pronation) <= 75.001


def test_every_joint_limit_has_a_source_and_contains_the_neutral_pose():
    for limits in (anatomy.SIDE_LIMITS, anatomy.TRUNK_LIMITS):
        for name, (low, high, source) in limits.items():
            assert low <= 0 <= high, name
            assert source[0] in "AK", name
