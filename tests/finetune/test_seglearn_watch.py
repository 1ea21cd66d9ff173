"""The watch data's units and frame, tested by physics.

Shape letters: T samples, C channels.
"""

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from cluster.errors import UserError
from finetune.targets import seglearn_watch
from finetune.targets.choose import TargetConfig, read_target
from finetune.targets.recording import Recording, Target
from finetune.targets.seglearn_watch import RATE, SeglearnWatchConfig
from finetune.windows import MIRROR_SIGNS_C


@pytest.fixture(scope="module")
def target() -> Target:
    return read_target(TargetConfig(SeglearnWatchConfig()))


def worn(recording: Recording) -> np.ndarray:
    return recording.signals_TWC[:, recording.wrists.index(True)]


def of(target: Target, exercises: set[str], wrist: int) -> list[np.ndarray]:
    return [
        worn(recording)
        for recording in target.recordings
        if target.label_names[recording.labels_T[0]] in exercises and recording.wrists[wrist]
    ]


def test_all_recordings_with_one_wrist_each(target: Target) -> None:
    assert len(target.recordings) == 140
    assert len(target.subjects) == 10
    assert len(target.label_names) == 7
    assert all(sum(recording.wrists) == 1 for recording in target.recordings)
    for subject in target.subjects:
        own = [r for r in target.recordings if r.subject == subject]
        assert sum(r.wrists[0] for r in own) == sum(r.wrists[1] for r in own) == 7


def test_a_quiet_wrist_reads_gravity_in_si_units(target: Target) -> None:
    signals_TC = np.concatenate([worn(recording) for recording in target.recordings])
    quiet = np.linalg.norm(signals_TC[:, 3:], axis=1) < 0.15
    assert quiet.sum() > 1000
    assert np.median(np.linalg.norm(signals_TC[quiet, :3], axis=1)) == pytest.approx(9.81, rel=0.03)


def test_hanging_arm_reads_specific_force_towards_the_elbow(target: Target) -> None:
    """Specific force points up: against x on the left (x distal), along x on the right."""
    hanging = {"pendulum", "trapezius extension"}
    for signals_TC in of(target, hanging, 0):
        assert signals_TC[:, 0].mean() < -7
    for signals_TC in of(target, hanging, 1):
        assert signals_TC[:, 0].mean() > 7


def test_a_level_forearm_with_the_little_finger_below_reads_minus_y(target: Target) -> None:
    for wrist in (0, 1):
        for signals_TC in of(target, {"internal rotation", "external rotation"}, wrist):
            assert signals_TC[:, 1].mean() < -6.5


def test_the_back_of_a_raised_hand_is_up(target: Target) -> None:
    """Nobody raises the arm palm up, so specific force has a part out of the screen."""
    for wrist in (0, 1):
        raised = of(target, {"abduction", "forward elevation"}, wrist)
        assert np.mean([signals_TC[:, 2].mean() for signals_TC in raised]) > 2


def lever_arm(signals_TC: np.ndarray) -> tuple[np.ndarray, float]:
    """Fit the sensor's place on a rigid arm that turns about a fixed shoulder.

    With f specific force, w angular velocity, r the place in the sensor frame and
    c = w' x r + w x (w x r), gravity f - c is fixed in the world: (f - c)' + w x (f - c) = 0.
    Returns r in metres and the explained share of f'.
    """
    low_pass = butter(4, 3.0, fs=RATE, output="sos")
    smooth_TC = sosfiltfilt(low_pass, signals_TC, axis=0)
    force, turn = smooth_TC[:, :3], smooth_TC[:, 3:]
    turn_rate = np.gradient(turn, 1 / RATE, axis=0)

    def world_rate(vector: np.ndarray) -> np.ndarray:
        rate = np.gradient(vector, 1 / RATE, axis=0) + np.cross(turn, vector)
        return rate[25:-25].ravel()

    columns = []
    for axis in np.eye(3):
        along = np.broadcast_to(axis, turn.shape)
        columns.append(
            world_rate(np.cross(turn_rate, along) + np.cross(turn, np.cross(turn, along)))
        )
    place, *_ = np.linalg.lstsq(np.stack(columns, 1), world_rate(force), rcond=None)
    left_over = world_rate(force) - np.stack(columns, 1) @ place
    changes = np.gradient(force, 1 / RATE, axis=0)[25:-25]
    return place, 1 - float((left_over**2).sum() / (changes**2).sum())


@pytest.mark.parametrize(("wrist", "towards_hand"), [(0, 1), (1, -1)])
def test_accelerometer_and_gyroscope_agree_on_a_rigid_arm(
    target: Target, wrist: int, towards_hand: int
) -> None:
    arms = of(target, {"abduction", "forward elevation"}, wrist)
    places, explained = zip(*(lever_arm(signals_TC) for signals_TC in arms), strict=True)
    x, y, z = np.median(places, axis=0)
    assert 0.25 < towards_hand * x < 0.6
    assert max(abs(y), abs(z)) < 0.12
    assert np.median(explained) > 0.7
    for axis in range(3):
        wrong = np.ones(6)
        wrong[3 + axis] = -1
        _, worse = zip(*(lever_arm(signals_TC * wrong) for signals_TC in arms), strict=True)
        assert np.median(worse) < np.median(explained) - 0.1


def test_a_mirrored_right_arm_obeys_the_physics_of_a_left_one(target: Target) -> None:
    arms = [
        signals_TC * MIRROR_SIGNS_C
        for signals_TC in of(target, {"abduction", "forward elevation"}, 1)
    ]
    places, explained = zip(*(lever_arm(signals_TC) for signals_TC in arms), strict=True)
    assert np.median(places, axis=0)[0] > 0.25
    assert np.median(explained) > 0.7


def test_the_other_sign_turns_the_accelerometer_alone(target: Target) -> None:
    turned = seglearn_watch.read(SeglearnWatchConfig(gravity_sign=1))
    for one, other in zip(target.recordings[:3], turned.recordings, strict=False):
        np.testing.assert_array_equal(one.signals_TWC[..., :3], -other.signals_TWC[..., :3])
        np.testing.assert_array_equal(one.signals_TWC[..., 3:], other.signals_TWC[..., 3:])


def test_mistakes_in_the_choice_of_a_target() -> None:
    with pytest.raises(UserError, match="gravity_sign is 0"):
        read_target(TargetConfig(SeglearnWatchConfig(gravity_sign=0)))
    with pytest.raises(UserError, match=r"0 data sets are named.*seglearn_watch"):
        read_target(TargetConfig())


def test_missing_recordings_are_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> dict:
        raise FileNotFoundError("watch_dataset.npy")

    monkeypatch.setattr("seglearn.datasets.load_watch", absent)
    with pytest.raises(UserError, match=r"watch_dataset.npy.*make setup"):
        read_target(TargetConfig(SeglearnWatchConfig()))
