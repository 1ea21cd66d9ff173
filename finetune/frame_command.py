"""`python -m finetune frame`: the axes and the sign of gravity that a target's signals speak for.

Shape letters: N windows, T frames, C channels, P people, K candidates.
"""

import argparse
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from cluster.config import load_config
from cluster.errors import UserError
from cluster.progress import Progress
from finetune.config import FinetuneConfig
from finetune.frames import (
    Candidate,
    Verdict,
    by_lever,
    by_posture,
    by_release,
    candidates,
    judge,
)
from finetune.targets.choose import read_unchecked
from finetune.targets.recording import WRISTS, Target
from finetune.windows import RATE, Windows, WindowsConfig, cut_windows
from pretrain.model import Multi3Net
from pretrain.release import load_pretrained

SECONDS = 4
# Windows of each person that the release encodes, evenly over all that there are.
MOST_ENCODED = 25
FEWEST_PEOPLE = 3
SURE = 0.95
SHOWN = 8


@dataclass
class FrameConfig(FinetuneConfig):
    """What to judge; everything but these keys and `target` is ignored.

    Attributes:
        release: folder of the pre-trained encoders; "" leaves out the test by release.
        people: whose recordings to use; all when empty.
        every_axis: try all 24 right-handed axes, not just those turned by half turns.
    """

    release: str = ""
    output: str = ""
    people: list[str] = field(default_factory=list)
    every_axis: bool = False


def main(arguments: list[str]) -> int:
    """Print a table of candidates for each wrist and what it says; always 0."""
    parser = argparse.ArgumentParser("python -m finetune frame")
    parser.add_argument("--config", type=Path, help="a preset, or a file with a target in it")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(FrameConfig, given.config, given.overrides)
    model = _reconstructing(Path(config.release)) if config.release else None
    target = _people(read_unchecked(config.target), config.people)
    options = candidates(config.every_axis)
    windows = cut_windows(_without_labels(target), WindowsConfig(SECONDS, 0.0, mirror="none"))
    print(f"{target.name}: {len(target.subjects)} people, {len(windows)} windows of {SECONDS} s")
    if not config.people:
        print("note: people=[...] names whom to use; in an experiment, training people only")
    for wrist in np.flatnonzero(windows.present_NWC.any((0, 2))):
        verdict = judge(_agreements(windows, int(wrist), options, model))
        print(f"\n{WRISTS[wrist]} wrist\n" + "\n".join(_table(verdict, options)))
        print(f"{conclusion(verdict, options)}")
    return 0


def _reconstructing(folder: Path) -> Multi3Net:
    model = load_pretrained(folder).model
    if "reconstruction" not in model.config.losses.regressions:
        raise UserError(
            f"{folder}: was not trained to reconstruct signals; give another release, or none for "
            "the tests by physics alone"
        )
    if SECONDS * RATE % model.config.window:
        raise UserError(
            f"{folder}: reads {model.config.window / RATE:g} s at a time; windows of {SECONDS} s "
            "must be a multiple of it"
        )
    return model


def _people(target: Target, people: list[str]) -> Target:
    unknown = sorted(set(people) - set(target.subjects))
    if unknown:
        raise UserError(f"people: {unknown[0]} is nobody; there are {', '.join(target.subjects)}")
    kept = tuple(each for each in target.recordings if each.subject in (people or target.subjects))
    return replace(target, recordings=kept)


def _without_labels(target: Target) -> Target:
    """Return the target with one label for everything: nothing here can depend on labels."""
    recordings = tuple(
        replace(each, labels_T=np.zeros(len(each.timestamps_T), dtype=int))
        for each in target.recordings
    )
    return replace(target, recordings=recordings)


def _agreements(
    windows: Windows, wrist: int, options: list[Candidate], model: Multi3Net | None
) -> dict[str, np.ndarray]:
    """Return each test's agreement (P, K); those are left out that need what is not there."""
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
    return {name: np.stack(parts) for name, parts in rows.items()}


def _table(verdict: Verdict, options: list[Candidate]) -> list[str]:
    """Return the best candidates by all tests; a test's own best is marked."""
    people = len(verdict.together_PK)
    best_P = verdict.together_PK.argmax(1)
    scores_TK = verdict.agreements_TPK.mean(1)
    together_K = verdict.together_PK.mean(0)
    head = "".join(f"{name:>10}" for name in (*verdict.tests, "together", "best for"))
    lines = [f"{'frame':<14}{'gravity':>8}{head}"]
    for number in together_K.argsort()[::-1][:SHOWN]:
        option = options[number]
        scores = "".join(
            f"{score:>9.2f}{'*' if number == choice else ' '}"
            for score, choice in zip(scores_TK[:, number], verdict.choices, strict=True)
        )
        count = f"{(best_P == number).sum()} of {people}"
        lines.append(
            f"{option.frame:<14}{option.sign:>+8}{scores}{together_K[number]:>10.2f}{count:>10}"
        )
    alone = "".join(
        f"{f'{(agreements_PK.argmax(1) == verdict.best).sum()} of {people}':>10}"
        for agreements_PK in verdict.agreements_TPK
    )
    return [*lines, f"{'first, for people':<22}{alone}"]


def conclusion(verdict: Verdict, options: list[Candidate]) -> str:
    """Say in words which candidate it is, or why that cannot be told."""
    people = len(verdict.together_PK)
    best, second = options[verdict.best], options[verdict.second]
    ahead_P = verdict.together_PK[:, verdict.best] - verdict.together_PK[:, verdict.second]
    others = [
        name
        for name, choice in zip(verdict.tests, verdict.choices, strict=True)
        if choice != verdict.best
    ]
    against = f"; by {' and '.join(others)} alone it would be another" if others else ""
    if people < FEWEST_PEOPLE:
        return f"cannot be told from {people} people; at least {FEWEST_PEOPLE} are needed"
    margin = (
        f"ahead of {second.frame}, gravity {second.sign:+} by {ahead_P.mean():.2f} (spread over "
        f"people {ahead_P.std(ddof=1):.2f}), best in {100 * verdict.certainty:.0f} % of "
        f"drawings of people{against}"
    )
    if verdict.certainty < SURE or len(others) > len(verdict.tests) / 2:
        return f"cannot be told: {best.frame}, gravity {best.sign:+} is only {margin}"
    if verdict.best == 0:
        return f"as configured: {margin}"
    sign = ", and gravity_sign the other one" if best.sign < 0 else ""
    return (
        f"not as configured: the watch frame's x, y, z are {best.frame[1:-1]} of the present "
        f"signals{sign}; {margin}"
    )
