"""How well the signals of each person of a target fit each frame that they may be in.

Shape letters: N windows, T frames, C channels, P people, K candidates.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from cluster.errors import UserError
from cluster.progress import Progress
from finetune.frames import Candidate, Verdict, by_lever, by_posture, by_release, judge
from finetune.targets.recording import WRISTS, Target
from finetune.windows import Windows, WindowsConfig, cut_windows
from pretrain.model import Multi3Net

SECONDS = 4
# Windows of each person that the release encodes, evenly over all that there are.
MOST_ENCODED = 25
FEWEST_PEOPLE = 3
SURE = 0.95


@dataclass(frozen=True)
class Agreements:
    """What each test finds: (P, K) by its name, for the people who wear something there."""

    people: tuple[str, ...]
    by_test: dict[str, np.ndarray]

    def verdict(self, people: Collection[str] | None = None) -> Verdict:
        """Judge by the signals of some of the people, or of all."""
        if people is None:
            return judge(self.by_test)
        rows = [row for row, person in enumerate(self.people) if person in people]
        return judge({name: found_PK[rows] for name, found_PK in self.by_test.items()})


def unlabelled_windows(target: Target) -> Windows:
    """Cut windows as they are worn, with one label for everything: nothing can depend on labels."""
    recordings = tuple(
        replace(each, labels_T=np.zeros(len(each.timestamps_T), dtype=int))
        for each in target.recordings
    )
    config = WindowsConfig(SECONDS, 0.0, mirror="none")
    try:
        return cut_windows(replace(target, recordings=recordings), config)
    except UserError:
        raise UserError(
            f"target {target.name}: not one stretch of {SECONDS} s without a gap longer than "
            f"{config.max_gap:g} s, and shorter ones do not tell a frame"
        ) from None


def wrists_worn(windows: Windows) -> list[int]:
    """Return the wrists that any window has, as numbers."""
    return np.flatnonzero(windows.present_NWC.any((0, 2))).tolist()


def find_agreements(
    windows: Windows, wrist: int, options: Sequence[Candidate], model: Multi3Net | None = None
) -> Agreements:
    """Return each test's agreement; those are left out that need what is not there."""
    worn_N = windows.present_NWC[:, wrist, 0]
    turning = bool(windows.present_NWC[worn_N, wrist, 3:].all())
    tests = {"lever": by_lever} if turning else {}
    tests["posture"] = by_posture
    if turning and model:
        tests["release"] = partial(by_release, model=model)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in tests}
    people = np.unique(windows.subjects_N[worn_N])
    with Progress(f"frame, {WRISTS[wrist]} wrist", len(people), "people") as progress:
        for person in people:
            own_NTC = windows.signals_NTWC[worn_N & (windows.subjects_N == person), :, wrist]
            for name, test in tests.items():
                most = MOST_ENCODED if name == "release" else len(own_NTC)
                some = np.linspace(0, len(own_NTC) - 1, min(most, len(own_NTC))).astype(int)
                rows[name].append(test(own_NTC[some].astype(np.float64), options, wrist == 1))
            progress.advance()
    by_test = {name: np.stack(parts) for name, parts in rows.items()}
    return Agreements(tuple(map(str, people)), by_test)


def is_sure(verdict: Verdict) -> bool:
    """Whether enough people, drawn anew or not, and most tests speak for the same candidate."""
    return (
        len(verdict.together_PK) >= FEWEST_PEOPLE
        and verdict.certainty >= SURE
        and len(_others(verdict)) <= len(verdict.tests) / 2
    )


def _others(verdict: Verdict) -> list[str]:
    """Return the tests that prefer another candidate by themselves."""
    chosen = zip(verdict.tests, verdict.choices, strict=True)
    return [name for name, choice in chosen if choice != verdict.best]


def conclusion(verdict: Verdict, options: Sequence[Candidate]) -> str:
    """Say in words which candidate it is, or why that cannot be told."""
    people = len(verdict.together_PK)
    best, second = options[verdict.best], options[verdict.second]
    ahead_P = verdict.together_PK[:, verdict.best] - verdict.together_PK[:, verdict.second]
    others = _others(verdict)
    against = f"; by {' and '.join(others)} alone it would be another" if others else ""
    if people < FEWEST_PEOPLE:
        return f"cannot be told from {people} people; at least {FEWEST_PEOPLE} are needed"
    margin = (
        f"ahead of {second.frame}, gravity {second.sign:+} by {ahead_P.mean():.2f} (spread over "
        f"people {ahead_P.std(ddof=1):.2f}), best in {100 * verdict.certainty:.0f} % of "
        f"drawings of people{against}"
    )
    if not is_sure(verdict):
        return f"cannot be told: {best.frame}, gravity {best.sign:+} is only {margin}"
    if verdict.best == 0:
        return f"as configured: {margin}"
    return f"not as configured: {best.frame}, gravity {best.sign:+} is {margin}"
