"""Synthesis of IMU signals against the other ways to get them, on one thread.

Measured in turn, in one run: this project's closed form, a full forward pass of `smplx` for the
same frames (which yields positions only), forward kinematics body by body with the same
differentiation, and a plain copy of the bytes that the closed form writes.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import smplx
import torch

from datagen.body import BodyConfig, Mannequin, draw_bodies
from datagen.imu import RATE, ImuConfig, synthesize
from datagen.kinematics import rotation_matrices
from datagen.motion import Motion
from datagen.smoothing import Smoother
from tests.datagen.helpers import lively
from tests.datagen.naive_imu import accelerations_body_by_body
from tests.made_smplh import write_smplh

BODIES = 64
SECONDS = 60
SMPLX_FRAMES = 128
ROUNDS = 7


def seconds_of(work: Callable[[], object]) -> float:
    """Return the processor time of one call, which other work on the machine does not take."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def smplx_forward(folder: Path, motion: Motion) -> Callable[[], object]:
    """Return a call that runs `smplx` on the first SMPLX_FRAMES frames."""
    model = smplx.SMPLHLayer(
        str(write_smplh(folder / "SMPLH_NEUTRAL.npz")),
        ext="npz",
        use_pca=False,
        flat_hand_mean=True,
    )
    rotations = torch.from_numpy(rotation_matrices(motion.rotations_TJ3[:SMPLX_FRAMES])).float()

    def forward() -> object:
        with torch.inference_mode():
            return model(
                betas=torch.zeros(SMPLX_FRAMES, 10),
                global_orient=rotations[:, :1],
                body_pose=rotations[:, 1:22],
                left_hand_pose=rotations[:, 22:37],
                right_hand_pose=rotations[:, 37:52],
                transl=torch.zeros(SMPLX_FRAMES, 3),
            )

    return forward


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    torch.set_num_threads(1)
    motion = lively(frames=int(SECONDS * RATE), rate=RATE)
    frames = len(motion.rotations_TJ3)
    config = ImuConfig()
    bodies = draw_bodies(Mannequin(), BodyConfig(), BODIES, np.random.default_rng(0))
    imu = synthesize(motion, bodies, config)
    source = (imu.acc_NTW3, imu.gyro_1TW3)
    target = tuple(np.empty_like(array) for array in source)

    def copy() -> None:
        for into, array in zip(target, source, strict=True):
            np.copyto(into, array)

    smoother = Smoother(motion.rate, RATE, config.cutoff)
    one_body = draw_bodies(Mannequin(), BodyConfig(), 1, np.random.default_rng(0))
    with tempfile.TemporaryDirectory() as folder:
        works: dict[str, tuple[Callable[[], object], int]] = {
            "closed form": (lambda: synthesize(motion, bodies, config), BODIES * frames),
            "body by body": (
                lambda: accelerations_body_by_body(motion, one_body, config, smoother),
                frames,
            ),
            "smplx forward": (smplx_forward(Path(folder), motion), SMPLX_FRAMES),
            "copy of the output": (copy, BODIES * frames),
        }
        for work, _ in works.values():
            work()
        rounds = [
            {name: count / seconds_of(work) for name, (work, count) in works.items()}
            for _ in range(ROUNDS)
        ]
    report(rounds)


def report(rounds: list[dict[str, float]]) -> None:
    """Print body-frames a second and the median of the ratios taken round by round."""
    print(f"{BODIES} bodies, both wrists, 12 channels, {SECONDS} s of motion, one thread")
    for name in rounds[0]:
        speed = statistics.median(each[name] for each in rounds)
        ratio = statistics.median(each["closed form"] / each[name] for each in rounds)
        print(f"{name:20s} {speed:16,.0f} body-frames/s   closed form is {ratio:10,.2f} times that")

    def ratio(name: str) -> float:
        return statistics.median(each["closed form"] / each[name] for each in rounds)

    figures = {
        "body_frames_per_s": statistics.median(each["closed form"] for each in rounds),
        "ratio_smplx": ratio("smplx forward"),
        "ratio_naive": ratio("body by body"),
        "share_of_copy": ratio("copy of the output"),
    }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
