"""Published scores, to stand beside our own.

They are not of the same protocol: other people, folds, windows and budgets. All but the last are
from the paper of Multi3Net+, of whose tables nothing else is left than these.
"""

from dataclasses import dataclass

PAPER = "Ray et al. 2025, Frontiers in Computer Science 7:1569205"
WATCH_PAPER = "Burns et al. 2018, arXiv 1802.01489 (20 people, of whom 10 are public)"


@dataclass(frozen=True)
class Published:
    """A published score, in per cent; `row` names our row of the same method, or is ""."""

    data_set: str
    setting: str
    method: str
    row: str
    experts: int | None
    metric: str
    percent: float
    source: str = PAPER


def _of_paper(
    method: str, row: str, scores: dict[tuple[str, str], float], experts: int | None = None
) -> list[Published]:
    return [
        Published(data_set, setting, method, row, experts, "macro F1", percent)
        for (data_set, setting), percent in scores.items()
    ]


PUBLISHED = (
    *_of_paper(
        "Multi3Net+ (not frozen)",
        "multi3net_plus",
        {
            ("openpack", "left"): 49.6,
            ("openpack", "both"): 62.8,
            ("mmfit", "left"): 92.9,
            ("mmfit", "both"): 95.8,
            ("als_har", "left"): 74.4,
        },
    ),
    *_of_paper(
        "Multi3Net (not frozen)",
        "multi3net",
        {
            ("openpack", "left"): 47.3,
            ("openpack", "both"): 59.8,
            ("mmfit", "left"): 91.0,
            ("mmfit", "both"): 93.8,
            ("als_har", "left"): 69.2,
        },
    ),
    *_of_paper(
        "contrastive only (not frozen)",
        "",
        {
            ("openpack", "left"): 45.3,
            ("openpack", "both"): 58.2,
            ("mmfit", "both"): 93.5,
            ("als_har", "left"): 66.0,
        },
    ),
    *_of_paper(
        "IMU reconstruction only (not frozen)",
        "",
        {("mmfit", "both"): 86.6, ("als_har", "left"): 60.9},
    ),
    *_of_paper(
        "Multi3Net+ (not frozen), one expert",
        "multi3net_plus",
        {
            ("openpack", "left"): 48.4,
            ("openpack", "both"): 61.1,
            ("mmfit", "left"): 91.2,
            ("mmfit", "both"): 93.4,
            ("als_har", "left"): 70.8,
        },
        experts=1,
    ),
    Published(
        "seglearn_watch",
        "one wrist at a time",
        "convolutional recurrent network",
        "",
        None,
        "accuracy",
        88.9,
        WATCH_PAPER,
    ),
)


def published_for(data_set: str, wrists: list[str]) -> list[Published]:
    """Return the published scores of a data set as far as they use the same wrists."""
    setting = "both" if len(wrists) == 2 else wrists[0]
    return [
        each
        for each in PUBLISHED
        if each.data_set == data_set
        and (each.setting == setting or each.setting not in ("left", "right", "both"))
    ]
