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
    is_sure,
    unlabelled_windows,
    wrists_worn,
)
from finetune.config import FinetuneConfig
from finetune.frames import Candidate, Verdict, candidates
from finetune.targets.checks import unusable_signals
from finetune.targets.choose import TargetConfig, mounting_keys, read_unchecked
from finetune.targets.mounting import rotation
from finetune.targets.recording import WRISTS, Target
from finetune.windows import RATE, Windows
from pretrain.model import Multi3Net
from pretrain.release import load_pretrained

SHOWN = 8


@dataclass
class FrameConfig(FinetuneConfig):
    """What to judge; everything but these keys and `target` is ignored.

    Attributes:
        release: folder of the pre-trained encoders; "" leaves out the test by release.
        people: whose recordings to use; all when empty.
        half_turns: try axes turned by half turns alone, where their order is known.
    """

    release: str = ""
    output: str = ""
    people: list[str] = field(default_factory=list)
    half_turns: bool = False


def tell_frame(preset: Path | None, overrides: Sequence[str]) -> int:
    """Print a table of candidates for each wrist and what it says; always 0.

    Raises UserError for signals from which no frame can be told.
    """
    config = load_config(FrameConfig, preset, overrides)
    model = _reconstructing(local_path(config.release)) if config.release else None
    target = _people(read_unchecked(config.target), config.people)
    for reason in unusable_signals(target):
        raise UserError(f"target {target.name}: {reason}")
    windows = unlabelled_windows(target)
    print(f"{target.name}: {len(target.subjects)} people, {len(windows)} windows of {SECONDS} s")
    if not config.people:
        print("note: people=[...] names whom to use; in an experiment, training people only")
    for wrist in wrists_worn(windows):
        print(f"\n{WRISTS[wrist]} wrist")
        verdict, options = _judged(windows, wrist, config.half_turns, model)
        print("\n".join(_table(verdict, options)))
        print(conclusion(verdict, options))
        if is_sure(verdict) and verdict.best:
            print(f"so write {_keys(config.target, wrist, options[verdict.best])}")
        elif not is_sure(verdict) and len(options) > len(candidates(every_axis=False)):
            print(
                "where the order of the axes is known, half_turns=true leaves fewer to tell apart"
            )
    return 0


def _judged(
    windows: Windows, wrist: int, half_turns: bool, model: Multi3Net | None
) -> tuple[Verdict, list[Candidate]]:
    """Judge all axes by physics; where they keep their order, half turns by the release as well.

    A release takes one axis for another, but does not mistake half turns.
    """
    options = candidates(every_axis=not half_turns)
    if model and not half_turns:
        verdict = find_agreements(windows, wrist, options).verdict()
        if not options[verdict.best].is_half_turn:
            print("the release is not asked: by physics the axes are in another order")
            return verdict, options
        options = candidates(every_axis=False)
    return find_agreements(windows, wrist, options, model).verdict(), options


def _keys(config: TargetConfig, wrist: int, found: Candidate) -> str:
    """Return the keys that put what is configured right: one turn after the other."""
    key, frame, sign = mounting_keys(config, wrist)
    turned = Candidate(found.rotation @ rotation(frame, key), found.sign * sign)
    target = key.rpartition(".")[0]
    return f"{key}={turned.frame.replace(' ', '')} {target}.gravity_sign={turned.sign}"


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
