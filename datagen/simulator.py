"""The signals of the very person who was recorded, for comparison with a watch.

Shape letters: T frames at 60 Hz, W wrists, J joints.
"""

from dataclasses import replace

import numpy as np

from cluster.runs import seed_from
from datagen.body import Bodies, BodyConfig, load_body_model, reference_body
from datagen.glitches import GlitchConfig, find_glitches
from datagen.imu import RATE, ImuConfig, synthesize
from datagen.motion import JOINT_INDEX, PARENTS, Array, BadClipError, Motion
from datagen.normalize import normalize
from datagen.placement import as_worn, turned
from datagen.sensor import measured


class Simulator:
    """Synthesizes one body for each clip: the performer's, or that of 1.70 m where unknown."""

    def __init__(self, body: BodyConfig, imu: ImuConfig) -> None:
        self.imu = imu
        self._reference = reference_body(load_body_model(body))

    def signals(self, motion: Motion) -> Array:
        """Return both wrists' signals (T, W, 6) at 60 Hz, m/s2 and rad/s.

        Raises BadClipError for a clip that cannot be differentiated, or that has a glitch: what is
        compared with a watch second by second must be whole.
        """
        bones_J3 = self._reference.offsets_NJ3[0]
        glitches = find_glitches(motion, bones_J3, GlitchConfig(), fewest=1)
        if glitches:
            first = glitches[0]
            raise BadClipError(f"has a glitch at {first.first / motion.rate:.2f} s: {first.reason}")
        rng = np.random.default_rng(seed_from("fidelity", motion.name))
        body = self._reference
        if motion.offsets_J3 is None:
            motion = normalize(motion, body)
        else:
            body = _of_bones(body, motion.offsets_J3)
        worn = as_worn(self.imu.placements, body, self.imu.mounting, rng)
        imu = synthesize(motion, body, self.imu, dtype=np.float64, worn=worn)
        ideal = turned(imu.acc_NTW3, worn), turned(imu.gyro_1TW3, worn)
        acc, gyro = measured(*ideal, self.imu.sensor, RATE, rng)
        return np.concatenate([acc[0], gyro[0]], axis=-1).astype(np.float64)


def _of_bones(reference: Bodies, offsets_J3: Array) -> Bodies:
    """Return the body with these bones; its height is that of its joints."""
    joints_J3 = np.zeros_like(offsets_J3)
    for joint in range(1, len(PARENTS)):
        joints_J3[joint] = joints_J3[PARENTS[joint]] + offsets_J3[joint]
    sole = joints_J3[:, 1].min(keepdims=True)
    head = joints_J3[JOINT_INDEX["head"], 1]
    return replace(
        reference,
        joints_NJ3=joints_J3[None],
        sole_N=sole,
        stature_N=head - sole,
        kind="performer",
        people=None,
    )
