"""A target whose data set does not say which way its sensors point: training people's signals do.

Each fold would have to be read in the frame that its own training people speak for. Where those of
every fold speak for the same one, which is asked for here, the target is read once for all folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cluster.errors import UserError
from finetune.agreements import (
    FEWEST_PEOPLE,
    conclusion,
    find_agreements,
    is_sure,
    unlabelled_windows,
    wrists_worn,
)
from finetune.folds import Fold
from finetune.frames import Candidate, candidates
from finetune.targets.recording import WRISTS, Target

REMEDY = "leave estimate_frame out and state the target's frame"


def estimate_frame(target: Target, folds: Sequence[Fold]) -> Target:
    """Return the target with its signals in the frame that they speak for.

    Of each fold, the people who are not tested are looked at, and no labels. Raises UserError
    where those of a fold are too few or leave it open, and where folds differ.
    """
    options = candidates(every_axis=True)
    windows = unlabelled_windows(target)
    turns = {}
    for wrist in wrists_worn(windows):
        agreements = find_agreements(windows, wrist, options)
        found: dict[int, Fold] = {}
        for fold in folds:
            seen = {*fold.train, *fold.validation}.intersection(agreements.people)
            if len(seen) < FEWEST_PEOPLE:
                raise UserError(
                    f"estimate_frame: {_without(fold, wrist)}: only {len(seen)} others wear it, "
                    f"and {FEWEST_PEOPLE} are needed; {REMEDY}"
                )
            verdict = agreements.verdict(seen)
            if not is_sure(verdict):
                raise UserError(
                    f"estimate_frame: {_without(fold, wrist)}: {conclusion(verdict, options)}; "
                    f"{REMEDY}"
                )
            found.setdefault(verdict.best, fold)
        if len(found) > 1:
            said = (
                f"{_without(fold, wrist)} it is {_named(options[best])}"
                for best, fold in found.items()
            )
            raise UserError(f"estimate_frame: folds differ: {', '.join(said)}; {REMEDY}")
        turns[wrist] = options[next(iter(found))]
    return _turned(target, turns)


def _turned(target: Target, turns: Mapping[int, Candidate]) -> Target:
    recordings = []
    for recording in target.recordings:
        signals_TWC = recording.signals_TWC.copy()
        for wrist, option in turns.items():
            signals_TWC[:, wrist] = option.turn(signals_TWC[:, wrist])
        recordings.append(replace(recording, signals_TWC=signals_TWC))
    said = ", ".join(f"{WRISTS[wrist]} {_named(option)}" for wrist, option in turns.items())
    about = f"{target.about}. Frame by training people's signals, beside what is stated: {said}"
    return replace(target, recordings=tuple(recordings), about=about)


def _named(option: Candidate) -> str:
    return f"{option.frame}, gravity {option.sign:+}"


def _without(fold: Fold, wrist: int) -> str:
    return f"{WRISTS[wrist]} wrist, without {', '.join(fold.test)}"
