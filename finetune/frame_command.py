"""`python -m finetune frame`: the axes and the sign of gravity that a target's signals speak for.

Shape letters: P people, K candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.config import load_config
from cluster.errors import UserError
from cluster.storage import local_path
from finetune.agreements import (
    SECONDS,
    conclusion,
    find_agreements,
    unlabelled_windows,
    wrists_worn,
)
from finetune.config import FinetuneConfig
from finetune.frames import Candidate, Verdict, candidates
from finetune.targets.choose import read_unchecked
from finetune.targets.recording import WRISTS, Target
from finetune.windows import RATE
from pretrain.model import Multi3Net
from pretrain.release import load_pretrained

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


def tell_frame(preset: Path | None, overrides: Sequence[str]) -> int:
    """Print a table of candidates for each wrist and what it says; always 0."""
    config = load_config(FrameConfig, preset, overrides)
    model = _reconstructing(local_path(config.release)) if config.release else None
    target = _people(read_unchecked(config.target), config.people)
    options = candidates(config.every_axis)
    windows = unlabelled_windows(target)
    print(f"{target.name}: {len(target.subjects)} people, {len(windows)} windows of {SECONDS} s")
    if not config.people:
        print("note: people=[...] names whom to use; in an experiment, training people only")
    for wrist in wrists_worn(windows):
        verdict = find_agreements(windows, wrist, options, model).verdict()
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
