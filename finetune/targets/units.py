"""Units that recordings come in, and what makes them those of `Recording`."""

import numpy as np
import pandas as pd

from cluster.errors import UserError
from finetune.targets.recording import GRAVITY

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

    `unit` is one of TIME for numbers or ISO for dates such as 2021-10-22T11:19:54+09:00.
    """
    if unit == ISO:
        stamps = pd.to_datetime(times, errors="coerce", utc=True, format="ISO8601")
        if stamps.isna().all():
            raise UserError(f"{where}: no time stamp is an ISO date; state their unit in {key}")
        return (stamps - pd.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy()
    scale = factor({**TIME, ISO: 1.0}, unit, key)
    numbers = pd.to_numeric(times, errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(numbers).all():
        raise UserError(f"{where}: no time stamp is a number; state their unit in {key}")
    return scale * numbers
