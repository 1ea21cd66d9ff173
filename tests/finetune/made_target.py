"""A small made-up target. Shape letters: T samples, W wrists, C channels."""

import numpy as np

from finetune.targets.recording import Recording, Target


def recording(
    signals_TWC: np.ndarray,
    timestamps_T: np.ndarray,
    labels_T: np.ndarray | int = 0,
    subject: str = "a",
    wrists: tuple[bool, bool] = (True, False),
    has_gyroscope: bool = True,
) -> Recording:
    return Recording(
        name=f"recording of {subject}",
        subject=subject,
        signals_TWC=signals_TWC,
        timestamps_T=timestamps_T,
        labels_T=np.broadcast_to(labels_T, timestamps_T.shape).astype(int),
        wrists=wrists,
        has_gyroscope=has_gyroscope,
    )


def target(*recordings: Recording, classes: int = 3) -> Target:
    names = tuple(f"class {number}" for number in range(classes))
    return Target("made", "made up", names, recordings)


def waves(people: int, classes: int = 3, seconds: int = 12) -> Target:
    """Each class is a frequency, each person has a phase and an amplitude; left wrist, 50 Hz."""
    rng = np.random.default_rng(0)
    recordings = []
    for person in range(people):
        for label in range(classes):
            time_T = np.arange(50 * seconds) / 50
            phases_C = rng.uniform(0, 2 * np.pi, 6)
            amplitudes_C = rng.uniform(2, 4, 6)
            signals_TWC = np.zeros((len(time_T), 2, 6))
            angle_TC = 2 * np.pi * (0.7 + 1.3 * label) * time_T[:, None] + phases_C
            signals_TWC[:, 0] = amplitudes_C * np.sin(angle_TC)
            recordings.append(recording(signals_TWC, time_T, label, f"p{person}"))
    return target(*recordings, classes=classes)
