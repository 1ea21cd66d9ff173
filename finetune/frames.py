"""Which way a watch's axes point and which sign its gravity has, judged from signals alone.

Three tests, none of which looks at labels. For each candidate they say how well the signals, turned
by it and mirrored onto the left wrist, fit a left wrist in the watch frame of `Recording`:

- lever: where the watch sits beside the joints about which it swings. With f specific force, w
  angular velocity, r the place in the sensor frame and c = w' x r + w x (w x r), gravity f - c is
  fixed in the world: (f - c)' + w x (f - c) = 0. This is linear in r, and turning the
  accelerometer's sign turns r around. A left watch lies towards the hand (+x), out of the back of
  the wrist (+z) and, since an elbow bends to one side only, towards the little finger (+y).
- posture: the mean specific force. Arms hang (-x), thumbs are above (-y), and so are backs of
  hands (+z).
- release: how much of the signals a pre-trained network finds again from its own embeddings, of
  them and of their mirror image as the other wrist.

What cannot be told by any means: a right recording with the other sign of gravity is a left one
turned by 180 degrees about x. So the wrist has to be known; a wrong one comes out as that
candidate, which makes the same signals of it.

Shape letters: N windows, T frames, C channels (ax ay az gx gy gz), P people, K candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
import torch
from scipy.signal import butter, sosfiltfilt

from cluster.errors import UserError
from finetune.targets.recording import GRAVITY
from finetune.windows import MIRROR_SIGNS_C, RATE
from pretrain.model import Multi3Net

# Where a left watch is from the joints, and its mean specific force, as directions: measured by
# these tests on synthetic signals of Bandai-Namco's and CMU's motion, not on any target.
LEVER = np.array([0.935, 0.31, 0.175])
POSTURE = np.array([-0.81, -0.51, 0.27])
# Swings about a joint are slow; what is faster, the fit takes for noise. Hz and frames.
LEVER_CUTOFF = 1.0
LEVER_EDGE = 15
# Halves of a sample's weight: m/s2 of acceleration beside gravity, rad/s2.
CALM_FORCE, CALM_TURNING = 1.0, 5.0
DRAWINGS = 1000


@dataclass(frozen=True)
class Candidate:
    """A rotation (3, 3) of both sensors and a sign of the accelerometer."""

    rotation: np.ndarray
    sign: int

    @property
    def frame(self) -> str:
        """The axes of the signals along x, y and z of the watch frame, as `mounting` has them."""
        axes = [
            ("-" if row.sum() < 0 else "") + "xyz"[int(np.abs(row).argmax())]
            for row in self.rotation
        ]
        return f"[{', '.join(axes)}]"

    @property
    def is_half_turn(self) -> bool:
        """Whether every axis stays the axis that it is, but for its direction."""
        return bool((np.abs(np.diag(self.rotation)) == 1).all())

    def turn(self, signals_C: np.ndarray) -> np.ndarray:
        """Return signals (..., C) in the frame that this candidate says they have."""
        force_3, turning_3 = np.split(signals_C @ _twice(self.rotation).T, 2, axis=-1)
        return np.concatenate([self.sign * force_3, turning_3], axis=-1)


def candidates(every_axis: bool) -> list[Candidate]:
    """Return half turns about the axes by two signs (8), or all right-handed axes by them (48).

    The first leaves the signals as they are.
    """
    found = []
    for order in permutations(range(3)) if every_axis else [(0, 1, 2)]:
        for signs in product((1, -1), repeat=3):
            rotation = np.diag(signs)[:, list(order)]
            if np.linalg.det(rotation) > 0:
                found += [Candidate(rotation, 1), Candidate(rotation, -1)]
    return found


def lever_fit(signals_NTC: np.ndarray) -> np.ndarray:
    """Return the place r (3,) of the sensor beside what it swings about, in metres."""
    low_pass = butter(4, LEVER_CUTOFF, fs=RATE, output="sos")
    slow_NTC = sosfiltfilt(low_pass, signals_NTC, axis=1)
    force, turning = slow_NTC[..., :3], slow_NTC[..., 3:]
    turning_rate = _rate(turning)
    beside_gravity = (np.linalg.norm(force, axis=-1) - GRAVITY) / CALM_FORCE
    speeding = np.linalg.norm(turning_rate, axis=-1) / CALM_TURNING
    weight_NT1 = (1 / (1 + beside_gravity**2 + speeding**2))[..., None]

    def world_rate(vector_NT3: np.ndarray) -> np.ndarray:
        rate_NT3 = weight_NT1 * (_rate(vector_NT3) + np.cross(turning, vector_NT3))
        return rate_NT3[:, LEVER_EDGE:-LEVER_EDGE].ravel()

    columns = []
    for axis in np.eye(3):
        along = np.broadcast_to(axis, turning.shape)
        swing = np.cross(turning_rate, along) + np.cross(turning, np.cross(turning, along))
        columns.append(world_rate(swing))
    place_3, *_ = np.linalg.lstsq(np.stack(columns, 1), world_rate(force), rcond=None)
    return place_3


def by_lever(signals_NTC: np.ndarray, options: Sequence[Candidate], right: bool) -> np.ndarray:
    """Return the cosine (K,) between the place of the watch and LEVER."""
    return _cosines(lever_fit(signals_NTC), LEVER, options, right)


def by_posture(signals_NTC: np.ndarray, options: Sequence[Candidate], right: bool) -> np.ndarray:
    """Return the cosine (K,) between the mean specific force and POSTURE."""
    return _cosines(signals_NTC[..., :3].mean((0, 1)), POSTURE, options, right)


@torch.inference_mode()
def by_release(
    signals_NTC: np.ndarray, options: Sequence[Candidate], right: bool, model: Multi3Net
) -> np.ndarray:
    """Return the share (K,) of the signals' power that the release reconstructs."""
    segments_NTC = signals_NTC.reshape(-1, model.config.window, signals_NTC.shape[-1])
    mirror_C = torch.tensor(MIRROR_SIGNS_C, dtype=torch.float32)
    shares = []
    for option in options:
        turned_NTC = torch.from_numpy(_as_left(option.turn(segments_NTC), right)).float()
        left_ND = model.imu_left(turned_NTC)[1]
        right_ND = model.imu_right(turned_NTC * mirror_C)[1]
        found_NTC = model.reconstructor(left_ND, right_ND)[:, :, 0]
        true_NTC = model.imu_left.scale(turned_NTC)
        shares.append(float(1 - (found_NTC - true_NTC).square().sum() / true_NTC.square().sum()))
    return np.array(shares)


@dataclass(frozen=True)
class Verdict:
    """What the tests say together.

    Attributes:
        agreements_TPK: of each test; T counts the tests, which have their names in `tests`.
        together_PK: by person: the tests in units of their own spread over candidates, averaged.
        best, second: candidates by the mean over people.
        choices: the best candidate of each test by itself.
        certainty: share of drawings of people, with replacement, in which `best` is best.
    """

    tests: tuple[str, ...]
    agreements_TPK: np.ndarray
    together_PK: np.ndarray
    best: int
    second: int
    choices: tuple[int, ...]
    certainty: float


def judge(agreements: Mapping[str, np.ndarray]) -> Verdict:
    """Put the agreements (P, K) of the tests together.

    A test that has no answer for somebody, as the lever without any turning, is left out. Raises
    UserError where none is left.
    """
    agreements = {name: each for name, each in agreements.items() if np.isfinite(each).all()}
    if not agreements:
        raise UserError("the signals are the same all the time; no frame can be told from them")
    parts_TPK = np.stack(list(agreements.values()))
    centred_TPK = parts_TPK - parts_TPK.mean(2, keepdims=True)
    together_PK = (centred_TPK / centred_TPK.std((1, 2), keepdims=True)).mean(0)
    order = together_PK.mean(0).argsort()
    people = len(together_PK)
    drawn_DP = np.random.default_rng(0).integers(people, size=(DRAWINGS, people))
    winners_D = together_PK[drawn_DP].mean(1).argmax(1)
    return Verdict(
        tests=tuple(agreements),
        agreements_TPK=parts_TPK,
        together_PK=together_PK,
        best=int(order[-1]),
        second=int(order[-2]),
        choices=tuple(int(best) for best in parts_TPK.mean(1).argmax(1)),
        certainty=float((winners_D == order[-1]).mean()),
    )


def _cosines(
    vector_3: np.ndarray, wanted_3: np.ndarray, options: Sequence[Candidate], right: bool
) -> np.ndarray:
    if not vector_3.any():
        return np.full(len(options), np.nan)
    unit_C = np.append(vector_3 / np.linalg.norm(vector_3), np.zeros(3))
    turned_KC = np.stack([_as_left(option.turn(unit_C), right) for option in options])
    return turned_KC[:, :3] @ wanted_3


def _as_left(signals_C: np.ndarray, right: bool) -> np.ndarray:
    return signals_C * MIRROR_SIGNS_C if right else signals_C


def _rate(vector_NT3: np.ndarray) -> np.ndarray:
    return np.gradient(vector_NT3, 1 / RATE, axis=1)


def _twice(rotation: np.ndarray) -> np.ndarray:
    return np.kron(np.eye(2), rotation)
