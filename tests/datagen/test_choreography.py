"""The choreography as a source: believable, varied, and the same clip for the same seed."""

import dataclasses
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from cluster.config import load_config
from cluster.errors import UserError
from datagen.kinematics import quaternions
from datagen.motion import JOINT_INDEX, JOINT_NAMES, PARENTS
from datagen.sources.choreography import ChoreographyConfig, ChoreographySource, ground, stage
from datagen.sources.choreography.actions import ACTIONS
from datagen.sources.choreography.anatomy import ANGLES, HIGH_A, LIMITED, LOW_A
from datagen.sources.choreography.casting import cast
from datagen.sources.choreography.curves import KeyCurve

DOCS = Path(__file__).resolve().parents[2] / "docs" / "choreography.md"
SOME = ChoreographyConfig(hours=0.75, seed=5, clip_seconds_max=12.0)


@pytest.fixture(scope="module")
def performed():
    """Every listed clip of 45 minutes: each action at least once, mostly twice."""
    source = ChoreographySource(SOME)
    refs = source.list_clips()
    assert len(refs) > 200
    motions = [source.read_clip(ref) for ref in refs]
    return [(ref, motion, *world_frames(motion)) for ref, motion in zip(refs, motions, strict=True)]


def world_frames(motion):
    """Positions (T, 22, 3) and rotations by scipy, independent of the project's kinematics."""
    rotations, positions = [], []
    for joint, parent in enumerate(PARENTS[:22]):
        own = Rotation.from_rotvec(motion.rotations_TJ3[:, joint])
        if parent < 0:
            rotations.append(own)
            positions.append(motion.translation_T3)
        else:
            rotations.append(rotations[parent] * own)
            positions.append(positions[parent] + rotations[parent].apply(motion.offsets_J3[joint]))
    return np.stack(positions, axis=1), rotations


def watch(positions, rotations, side, step=1 / 60):
    """Specific force (T, 3) of a watch at the wrist and the forearm's angular speed (T-1,)."""
    forearm = rotations[JOINT_INDEX[f"{side}_elbow"]]
    speed = np.gradient(positions[:, JOINT_INDEX[f"{side}_wrist"]], step, axis=0)
    acceleration = np.gradient(speed, step, axis=0) + np.array([0, 9.81, 0])
    turning = (forearm[:-1].inv() * forearm[1:]).magnitude() / step
    return forearm.inv().apply(acceleration)[2:-2], turning


def test_catalogue_is_large_and_every_action_has_its_sentences():
    assert len(ACTIONS) >= 80
    for action in ACTIONS.values():
        assert len(set(action.texts)) >= 4, action.name


def test_docs_list_exactly_the_actions_there_are():
    listed = re.findall(r"`([a-z_]+)`", DOCS.read_text().split("## Actions")[1].split("\n## ")[0])
    assert sorted(listed) == sorted(ACTIONS)
    assert f"{len(ACTIONS)} actions" in DOCS.read_text()


def test_every_action_is_performed_and_says_so_in_a_finished_sentence(performed):
    assert {ref.action.replace(" ", "_") for ref, *_ in performed} == set(ACTIONS)
    for ref, motion, *_ in performed:
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z' ,:-]+", motion.text), motion.text
        assert "  " not in motion.text
        assert (motion.text, motion.action, motion.subject) == (ref.text, ref.action, ref.subject)
        assert re.fullmatch(r"choreography/5-\d{5}-[a-z-]+", motion.name)


def test_sentences_vary_and_name_the_side_that_moves():
    refs = ChoreographySource(ChoreographyConfig(hours=12)).list_clips()
    assert len({ref.text for ref in refs}) > 0.45 * len(refs)
    castings = [cast(0, index, (6.0, 20.0), 40) for index in range(len(refs))]
    for casting in castings:
        if not any("{other}" in text for text in ACTIONS[casting.action].texts):
            named = set(re.findall(r"\b(left|right) (?:hand|arm)", casting.text))
            assert named <= {casting.side}, casting.text
    shares = [casting.side == "left" for casting in castings]
    assert 0.25 < np.mean(shares) < 0.75


def test_the_named_arm_is_the_one_that_works():
    for side, other in (("left", "right"), ("right", "left")):
        casting = dataclasses.replace(
            cast(0, 0, (8.0, 8.0), 40),
            action="hammering", side=side, stance="standing", pace=1.0, extent=1.0,
        )  # fmt: skip
        rotations, _ = stage.perform(casting, np.random.default_rng(1), 60.0)
        moved = {
            s: rotations[:, JOINT_INDEX[f"{s}_elbow"]].std(axis=0).sum() for s in (side, other)
        }
        assert moved[side] > 3 * moved[other]


def test_joints_stay_within_limits_in_hundreds_of_clips():
    for index in range(300):
        casting = cast(11, index, (6.0, 9.0), 40)
        angles = stage.play(casting, np.random.default_rng(index), np.arange(-0.5, 9.5, 0.05))
        limited = angles[:, LIMITED]
        outside = (limited < LOW_A) | (limited > HIGH_A)
        assert not outside.any(), (casting.action, np.array(ANGLES)[LIMITED][outside.any(axis=0)])


def test_hinge_joints_only_hinge_and_stay_within_limits_in_the_motion_itself(performed):
    for _, motion, *_ in performed:
        for side, sign in (("left", 1.0), ("right", -1.0)):
            elbow = Rotation.from_rotvec(motion.rotations_TJ3[:, JOINT_INDEX[f"{side}_elbow"]])
            forearm = elbow.apply([sign, 0, 0])
            flexion = np.degrees(np.arctan2(forearm[:, 2], sign * forearm[:, 0]))
            assert flexion.min() > -0.01
            assert flexion.max() < 150
            assert np.abs(forearm[:, 1]).max() < 1e-9
            knee = np.degrees(motion.rotations_TJ3[:, JOINT_INDEX[f"{side}_knee"]])
            assert knee[:, 0].min() > -0.01
            assert knee[:, 0].max() < 135
            assert np.abs(knee[:, 1:]).max() < 1e-9


def test_watch_signals_have_the_size_of_real_ones(performed):
    forces, turnings = [], []
    for ref, _, positions, rotations in performed:
        for side in ("left", "right"):
            force, turning = watch(positions, rotations, side)
            forces.append(np.linalg.norm(force, axis=1))
            turnings.append(turning)
            assert forces[-1].max() < 110, ref.name
            assert turning.max() < 22, ref.name
    # Real watches: 99.9 % of readings under 21-40 m/s2 and 8-10 rad/s.
    assert 20 < np.percentile(np.concatenate(forces), 99.9) < 42
    assert 6 < np.percentile(np.concatenate(turnings), 99.9) < 12
    assert 9.7 < np.median(np.concatenate(forces)) < 10.6


def test_nobody_is_ever_quite_still(performed):
    body = [JOINT_INDEX[name] for name in JOINT_NAMES[:22]]
    for ref, motion, *_ in performed:
        spread = motion.rotations_TJ3[:, body].std(axis=0).max(axis=-1)
        assert (np.degrees(spread) > 0.02).all(), ref.name


def test_feet_stay_on_the_floor(performed):
    for ref, _, positions, rotations in performed:
        if "jump" in ref.action or "skipping" in ref.action:
            continue
        lowest = np.full(len(positions), np.inf)
        for name, offset in ground.FEET + ground.KNEES + ground.HANDS:
            joint = JOINT_INDEX[name]
            point = positions[:, joint] + rotations[joint].apply(offset)
            lowest = np.minimum(lowest, point[:, 1])
        assert lowest.min() > -0.05, ref.name
        assert lowest.max() < 0.05, ref.name
        assert np.abs(np.median(lowest)) < 0.03, ref.name


def test_standing_feet_do_not_wander():
    casting = dataclasses.replace(
        cast(0, 0, (10.0, 10.0), 40), action="squats", stance="standing", pace=1.0, extent=1.0
    )
    motion = _motion(casting, seed=3)
    positions, _ = world_frames(motion)
    for side in ("left", "right"):
        foot = positions[:, JOINT_INDEX[f"{side}_ankle"]]
        assert np.ptp(foot, axis=0).max() < 0.12
    assert np.ptp(motion.translation_T3[:, 1]) > 0.15


def test_walking_moves_forward_by_its_own_steps():
    casting = dataclasses.replace(
        cast(0, 0, (12.0, 12.0), 40), action="walking", stance="standing", pace=1.0, extent=1.0
    )
    motion = _motion(casting, seed=4)
    positions, _ = world_frames(motion)
    middle = slice(240, 540)
    gap = (
        positions[middle, JOINT_INDEX["left_ankle"]] - positions[middle, JOINT_INDEX["right_ankle"]]
    )
    crossings = np.flatnonzero(np.diff(np.sign(gap[:, 2])))
    steps_a_second = motion.rate / np.diff(crossings).mean()
    step_length = 0.5 * (gap[:, 2].max() - gap[:, 2].min())
    travelled = motion.translation_T3[middle][-1, 2] - motion.translation_T3[middle][0, 2]
    speed = travelled / 5.0 * motion.rate / 60.0
    assert speed == pytest.approx(steps_a_second * step_length, rel=0.25)
    assert 0.8 < speed < 1.6


def _motion(casting, seed):
    source = ChoreographySource(ChoreographyConfig())
    rotations, translation = stage.perform(casting, np.random.default_rng(seed), 60.0)
    return dataclasses.replace(
        source.read_clip(source.list_clips()[0]),
        rotations_TJ3=rotations, translation_T3=translation,
    )  # fmt: skip


def third_derivative_jump(values_T, step):
    """Largest change of the third derivative within one step."""
    return np.abs(np.diff(np.diff(values_T, n=3, axis=0) / step**3, axis=0)).max()


def test_key_curves_pass_through_their_keys_and_are_smooth_to_the_third_derivative(rng):
    times = np.cumsum(rng.uniform(0.3, 0.9, 12))
    keys, flows = rng.normal(size=(12, 2)), rng.uniform(0, 1, 12)
    curve = KeyCurve(times, flows, keys)
    every = slice(None)
    assert np.allclose(curve(times, every), keys)
    jumps = [
        third_derivative_jump(curve(np.arange(times[0] - 1, times[-1] + 1, step), every), step)
        for step in (2e-3, 1e-3, 5e-4)
    ]
    # Halving the step halves what a continuous derivative changes by; a jump would stay.
    assert jumps[1] < 0.6 * jumps[0]
    assert jumps[2] < 0.6 * jumps[1]


def test_the_smoothness_check_notices_a_jump():
    def kinked(step):
        times = np.arange(-1, 1, step)
        return third_derivative_jump(np.maximum(times, 0) ** 3, step)

    assert kinked(1e-3) > 0.9 * kinked(2e-3)


@pytest.mark.parametrize("index", range(0, 40, 4))
def test_clips_are_smooth_to_the_third_derivative(index):
    casting = dataclasses.replace(cast(2, index, (6.0, 6.0), 40), seconds=6.0)
    jumps = []
    for rate in (500.0, 1000.0):
        rotations, translation = stage.perform(casting, np.random.default_rng(index), rate)
        curves = np.concatenate([rotations.reshape(len(rotations), -1), translation], axis=1)
        jumps.append(third_derivative_jump(curves, 1.0 / rate))
    assert jumps[1] < 0.65 * jumps[0], casting.action


def test_a_clip_depends_on_seed_and_place_alone(performed):
    ref, motion, *_ = performed[7]
    longer = ChoreographySource(dataclasses.replace(SOME, hours=2.0))
    assert longer.list_clips()[: len(performed)] == [ref for ref, *_ in performed]
    again = pickle.loads(pickle.dumps(longer)).read_clip(ref)
    assert np.array_equal(again.rotations_TJ3, motion.rotations_TJ3)
    assert np.array_equal(again.translation_T3, motion.translation_T3)


def test_other_seeds_give_other_clips_under_other_names():
    one, two = (
        ChoreographySource(ChoreographyConfig(hours=0.5, seed=seed)).list_clips() for seed in (1, 2)
    )
    names = [ref.name for ref in one + two]
    assert len(set(names)) == len(names)
    assert [ref.action for ref in one] != [ref.action for ref in two]


def test_lengths_sum_to_the_hours_and_actions_are_balanced():
    source = ChoreographySource(ChoreographyConfig(hours=3.0))
    refs = source.list_clips()
    seconds = [cast(0, index, (6.0, 20.0), 40).seconds for index in range(len(refs))]
    assert 3 * 3600 <= sum(seconds) < 3 * 3600 + 20
    assert min(seconds) >= 6
    assert max(seconds) <= 20
    counts = [sum(ref.action == name.replace("_", " ") for ref in refs) for name in ACTIONS]
    assert max(counts) - min(counts) <= 1
    motion = source.read_clip(refs[0])
    assert len(motion.rotations_TJ3) == round(60 * seconds[0])


def test_performers_come_from_a_bounded_pool_and_keep_their_habits():
    refs = ChoreographySource(ChoreographyConfig(hours=3.0, performers=12)).list_clips()
    subjects = {ref.subject for ref in refs}
    assert subjects <= {f"performer-{number:03d}" for number in range(12)}
    assert len(subjects) == 12
    castings = [cast(0, index, (6.0, 20.0), 12) for index in range(2500)]
    paces = np.array(
        [
            np.mean([np.log(c.pace) for c in castings[half::2] if c.performer == number])
            for half in (0, 1)
            for number in range(12)
        ]
    ).reshape(2, 12)
    assert np.corrcoef(paces)[0, 1] > 0.8


def test_a_manner_of_one_s_own_changes_arms_and_pace_and_nothing_else():
    plain, own = (
        [cast(0, index, (6.0, 20.0), 40, manner) for index in range(400)] for manner in (0.0, 1.0)
    )
    kept = ("action", "seconds", "performer", "side", "stance", "extent", "slots")
    for one, other in zip(plain, own, strict=True):
        assert all(getattr(one, name) == getattr(other, name) for name in kept)
    assert not any(any(each.manner.values()) for each in plain)
    turned = [each.manner["left_forearm_pronation"] for each in own]
    assert np.std(turned) == pytest.approx(33, abs=4)
    assert np.abs(turned).max() <= 70
    ratios = [np.log(two.pace / one.pace) for one, two in zip(plain, own, strict=True)]
    assert np.std(ratios) == pytest.approx(0.33, abs=0.04)
    # What a sentence says of the pace is true of the pace that is performed.
    quick = [each.pace for each in own if "quickly" in each.text]
    slow = [each.pace for each in own if "slowly" in each.text]
    assert min(quick) > 1 > max(slow)


@pytest.mark.parametrize("index", range(0, 141, 20))
def test_own_manners_stay_within_limits_and_are_smooth(index):
    casting = cast(3, index, (6.0, 8.0), 40, manner=2.0)
    jumps = []
    for rate in (240.0, 480.0):
        times_T = np.arange(0, casting.seconds, 1 / rate)
        curves = stage.play(casting, np.random.default_rng(index), times_T)
        assert np.isfinite(curves).all()
        assert (curves[:, LIMITED] > LOW_A[LIMITED]).all()
        assert (curves[:, LIMITED] < HIGH_A[LIMITED]).all()
        jumps.append(third_derivative_jump(curves, 1.0 / rate))
    assert jumps[1] < 0.65 * jumps[0], casting.action


def test_rate_changes_the_sampling_not_the_motion():
    slow, fast = (
        ChoreographySource(dataclasses.replace(SOME, rate=rate)) for rate in (60.0, 120.0)
    )
    ref = slow.list_clips()[3]
    one, two = (quaternions(s.read_clip(ref).rotations_TJ3) for s in (slow, fast))
    together = min(len(one), len(two[::2]))
    cosines = np.abs(np.sum(one[:together] * two[::2][:together], axis=-1))
    assert cosines.min() > 1 - 1e-9


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hours", 0.0),
        ("hours", -1.0),
        ("hours", float("nan")),
        ("hours", 1e9),
        ("seed", -1),
        ("name", "a/b"),
        ("name", ""),
        ("clip_seconds_min", 0.1),
        ("clip_seconds_min", 30.0),
        ("clip_seconds_max", 5000.0),
        ("rate", 1.0),
        ("performers", 0),
        ("manner", -0.1),
        ("manner", float("nan")),
    ],
)
def test_absurd_settings_end_in_one_line_that_names_the_key(key, value):
    with pytest.raises(UserError, match=rf"choreography\.{key} is .*; it must be ") as caught:
        ChoreographySource(dataclasses.replace(ChoreographyConfig(), **{key: value}))
    assert "\n" not in str(caught.value)


def test_settings_are_checked_by_type_on_the_command_line():
    assert load_config(ChoreographyConfig, None, ["hours=2", "seed=3"]).seed == 3
    with pytest.raises(UserError, match="hours"):
        load_config(ChoreographyConfig, None, ["hours=many"])
