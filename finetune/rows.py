"""The rows of the table: what each compared method is."""

from dataclasses import dataclass
from typing import Literal

from cluster.errors import UserError


@dataclass(frozen=True)
class Row:
    """One method: where an encoder's weights come from and when they train.

    `weights` is `none` for a network without an IMU encoder. `schedule` is `frozen` (never
    trains), `plateau` (frozen until the validation loss has once stopped falling) or `start`.
    `mixture` says whether the number of experts matters.
    """

    name: str
    title: str
    about: str
    weights: Literal["pretrained", "random", "none"]
    schedule: Literal["frozen", "plateau", "start"]
    mixture: bool = False


ROWS = {
    row.name: row
    for row in (
        Row(
            "multi3net_plus_frozen",
            "Multi3Net+ (frozen)",
            "Pre-trained IMU encoder that never changes; only the mixture-of-experts classifier "
            "learns from labelled windows.",
            "pretrained",
            "frozen",
            mixture=True,
        ),
        Row(
            "multi3net_plus",
            "Multi3Net+ (not frozen)",
            "The same, but once the validation loss stops falling for the first time the encoder "
            "learns too, at a lower rate.",
            "pretrained",
            "plateau",
            mixture=True,
        ),
        Row(
            "base",
            "Base (no pre-training)",
            "The same architecture with random weights, everything trained from the start.",
            "random",
            "start",
            mixture=True,
        ),
        Row(
            "deepconvlstm",
            "DeepConvLSTM",
            "Four convolutions and two LSTM layers on standardised signals (Ordonez and Roggen "
            "2016), trained from the start.",
            "none",
            "start",
        ),
    )
}


def find_row(name: str, key: str = "rows") -> Row:
    """Return the row of that name; UserError, naming the key, for one that is not known."""
    if name not in ROWS:
        raise UserError(f"{key}: {name} is not a row; the rows are {', '.join(ROWS)}")
    return ROWS[name]
