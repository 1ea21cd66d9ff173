"""`estimate_frame`: training people's signals decide, and nobody else's.

Shape letters: N windows, T frames, W wrists, C channels.
"""

from pathlib import Path

import numpy as np
import pytest

from cluster.config import load_config
from cluster.errors import UserError
from finetune.config import FinetuneConfig
from finetune.estimated_frame import estimate_frame
from finetune.folds import Fold
from finetune.frames import candidates
from finetune.materials import Materials
from finetune.sweep import as_sweep
from finetune.targets.recording import Recording, Target
from finetune.windows import MIRROR_SIGNS_C
from tests.finetune import made_target
from tests.finetune.made_arms import ARMS, undo

ANOTHER = next(
    number
    for number, option in enumerate(candidates(every_axis=True))
    if (option.frame, option.sign) == ("[-y, x, z]", -1)
)
PEOPLE = tuple(f"p{person}" for person in range(6))
FOLD = Fold(train=PEOPLE[:2], validation=PEOPLE[2:3], test=PEOPLE[3:4])


def worn(person: int, frame: int | None, right: bool = False) -> Recording:
    """A recording of one person's arm, by a sensor in that frame beside what is stated."""
    signals_TC = ARMS[person % len(ARMS)].reshape(-1, 6)
    if right:
        signals_TC = signals_TC * MIRROR_SIGNS_C
    if frame is not None:
        signals_TC = undo(frame, signals_TC)
    signals_TWC = np.zeros((len(signals_TC), 2, 6))
    signals_TWC[:, int(right)] = signals_TC
    wrists = (not right, right)
    times_T = np.arange(len(signals_TC)) / 60
    return made_target.recording(signals_TWC, times_T, 0, PEOPLE[person], wrists=wrists)


def of_all(*frames: int | None, right: bool = False) -> Target:
    """A target of one recording for each person, each in a frame."""
    return made_target.target(*(worn(person, frame, right) for person, frame in enumerate(frames)))


def same(one: Target, other: Target) -> bool:
    pairs = zip(one.recordings, other.recordings, strict=True)
    return all(np.allclose(a.signals_TWC, b.signals_TWC, atol=1e-9) for a, b in pairs)


@pytest.mark.parametrize("right", [False, True])
def test_signals_come_back_into_the_watch_frame(right: bool) -> None:
    found = estimate_frame(of_all(*[ANOTHER] * 4, right=right), [FOLD])
    assert same(found, of_all(*[None] * 4, right=right))
    side = "right" if right else "left"
    assert f"beside what is stated: {side} [-y, x, z], gravity -1" in found.about


def test_a_test_person_has_no_say() -> None:
    unlike_the_rest = of_all(None, None, None, ANOTHER)
    assert same(estimate_frame(unlike_the_rest, [FOLD]), unlike_the_rest)
    found = estimate_frame(of_all(ANOTHER, ANOTHER, ANOTHER, None), [FOLD])
    assert same(made_target.target(*found.recordings[:3]), of_all(None, None, None))


def test_what_is_left_open_is_one_line() -> None:
    too_few = Fold(train=PEOPLE[:1], validation=PEOPLE[1:2], test=PEOPLE[2:4])
    with pytest.raises(
        UserError, match=r"estimate_frame: left wrist, without p2, p3: only 2 others wear it, and 3"
    ):
        estimate_frame(of_all(None, None, None, None), [too_few])
    lefts = of_all(None, None, None).recordings
    with pytest.raises(UserError, match="right wrist, without p3: only 0 others wear it, and 3"):
        estimate_frame(made_target.target(*lefts, worn(3, None, right=True)), [FOLD])
    with pytest.raises(UserError, match=r"cannot be told: .*leave estimate_frame out and state"):
        estimate_frame(of_all(None, ANOTHER, ANOTHER, None), [FOLD])


def test_folds_that_differ_are_one_line() -> None:
    other = Fold(train=PEOPLE[3:5], validation=PEOPLE[5:], test=PEOPLE[:3])
    target = of_all(None, None, None, ANOTHER, ANOTHER, ANOTHER)
    with pytest.raises(
        UserError,
        match=r"folds differ: left wrist, without p3 it is \[x, y, z\], gravity \+1, left wrist, "
        r"without p0, p1, p2 it is \[-y, x, z\], gravity -1; leave",
    ):
        estimate_frame(target, [FOLD, other])


@pytest.mark.parametrize("estimated", [False, True])
def test_a_run_reads_the_watch_as_though_its_sign_had_been_stated(
    tiny_release: Path, estimated: bool
) -> None:
    def digest(*keys: str) -> str:
        given = [f"release={tiny_release}", "output=unused", "seeds=[0,1]", *keys]
        config = load_config(FinetuneConfig, Path("configs/finetune/watch.yaml"), given)
        return Materials(as_sweep(config)).targets["seglearn_watch"].digest

    wrong = digest("target.seglearn_watch.gravity_sign=1", f"estimate_frame={estimated}")
    assert (wrong == digest()) == estimated
