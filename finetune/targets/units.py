"""Units that recordings come in, and what makes them those of `Recording`."""

import numpy as np
import pandas as pd

from cluster.errors import UserError
from finetune.targets.recording import GRAVITY
from finetune.targets.tables import what_to_mend

ACCELERATION = {"m/s2": 1.0, "g": GRAVITY}
TURNING = {"rad/s": 1.0, "deg/s": np.pi / 180}
TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ISO = "iso"


def factor(units: dict[str, float], unit: str, key: str) -> float:
    """Return what a value in `unit` is multiplied by; UserError for a unit that is not there."""
    if unit not in units:
        raise UserError(f"{key} is {unit}; one of {', '.join(units)}")
    return units[unit]


def seconds(times: pd.Series, unit: str, key: str, where: str) -> np.ndarray:
    """Return time stamps in seconds, NaN where there is none.

    `unit` is one of TIME for numbers or ISO for dates such as 2021-10-22T11:19:54+09:00. Raises
    UserError for words.
    """
    if unit == ISO:
        stamps = pd.to_datetime(times, errors="coerce", utc=True, format="ISO8601")
        _refuse_words(times, stamps, "an ISO date", key, where)
        return (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()
    scale = factor({**TIME, ISO: 1.0}, unit, key)
    numbers = pd.to_numeric(times, errors="coerce")
    _refuse_words(times, numbers, "a number", key, where)
    return scale * numbers.to_numpy(dtype=np.float64)


def _refuse_words(times: pd.Series, read: pd.Series, wanted: str, key: str, where: str) -> None:
    words = times[read.isna() & times.notna()]
    if len(words):
        raise UserError(
            f"{where}: the time {str(words.iloc[0])!r} in row {words.index[0] + 2} is not {wanted}"
            + (what_to_mend(str(words.iloc[0])) or f"; mend it, or state the unit in {key}")
        )
