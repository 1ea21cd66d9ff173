"""How sure a score is: intervals from resampled people.

People, not windows, are what a study draws at random, so people are drawn again, with
replacement, and macro F1 is computed anew from all windows of those drawn, pooled over folds;
with several seeds it is the mean over them. This takes counts alone: F1 of a class is
2 hits / (true + predicted), and counts of people add up. The interval is that of percentiles
(Efron 1981). A class that only some people did is not scored in a resample without them, whatever
a row predicts there: else rows, and resamples, would be means over different classes.

Shape letters: S seeds, P people, K classes, B resamples; the axis of 3 is hits, true, predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cluster.runs import seed_from

RESAMPLES = 2000
COVERAGE = 95.0
ROUNDING = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A value with the ends of its interval, which has no width where there is but one person."""

    value: float
    low: float
    high: float

    def excludes_zero(self) -> bool:
        """Whether there is an interval and it lies on one side of zero."""
        return self.is_known and (self.low > 0 or self.high < 0)

    @property
    def is_known(self) -> bool:
        """Whether there is an interval: people differed, and there was more than one."""
        return self.high - self.low > ROUNDING


@dataclass(frozen=True)
class PeopleCounts:
    """Counts (S, P, 3, K) of all people with every seed; zeros where a person was not tested."""

    seeds: tuple[int, ...]
    people: tuple[str, ...]
    counts_SP3K: np.ndarray

    def of(self, seeds: Sequence[int], people: Sequence[str]) -> np.ndarray:
        """Return the counts of some seeds and people."""
        rows = [self.seeds.index(seed) for seed in seeds]
        columns = [self.people.index(person) for person in people]
        return self.counts_SP3K[np.ix_(rows, columns)]


def count_people(confusions: dict[tuple[int, str], np.ndarray]) -> PeopleCounts:
    """Return counts from confusion matrices (K, K) by seed and person."""
    seeds = tuple(sorted({seed for seed, _ in confusions}))
    people = tuple(sorted({person for _, person in confusions}))
    classes = len(next(iter(confusions.values())))
    counts_SP3K = np.zeros((len(seeds), len(people), 3, classes))
    for (seed, person), confusion_KK in confusions.items():
        counts_SP3K[seeds.index(seed), people.index(person)] = (
            np.diagonal(confusion_KK),
            confusion_KK.sum(1),
            confusion_KK.sum(0),
        )
    return PeopleCounts(seeds, people, counts_SP3K)


def macro_f1(counts_3K: np.ndarray, nobodys_K: np.ndarray) -> np.ndarray:
    """Return the mean F1 over the classes that are true; leading axes stay.

    Those that nobody did, in any resample, count once they are predicted.
    """
    hits_K, true_K, predicted_K = np.moveaxis(counts_3K, -2, 0)
    f1_K = 2 * hits_K / (true_K + predicted_K).clip(min=1)
    scored_K = (true_K > 0) | (nobodys_K & (predicted_K > 0))
    return (f1_K * scored_K).sum(-1) / scored_K.sum(-1).clip(min=1)


def macro_f1_by_seed(counts: PeopleCounts) -> np.ndarray:
    """Return macro F1 (S,) over the windows of all people; each seed has tested somebody."""
    return macro_f1(counts.counts_SP3K.sum(1), _nobodys(counts.counts_SP3K))


def estimate_macro_f1(counts: PeopleCounts) -> Estimate:
    """Return macro F1, the mean over seeds, with its interval."""
    return _estimate(float(macro_f1_by_seed(counts).mean()), _resampled(counts.counts_SP3K))


def estimate_difference(one: PeopleCounts, other: PeopleCounts) -> Estimate | None:
    """Return macro F1 of `one` minus that of `other`, both on the same resampled people.

    Seeds and people that only one of them has are left out; None where nothing is left.
    """
    seeds = [seed for seed in one.seeds if seed in other.seeds]
    people = [person for person in one.people if person in other.people]
    if not seeds or not people:
        return None
    one_SP3K, other_SP3K = one.of(seeds, people), other.of(seeds, people)
    # Whoever was tested has windows, so their true classes are not all without a count.
    both_SP = (one_SP3K.sum((-1, -2)) > 0) & (other_SP3K.sum((-1, -2)) > 0)
    shared_S = both_SP.any(1)
    if not shared_S.any():
        return None
    one_SP3K, other_SP3K = (
        (each * both_SP[..., None, None])[shared_S] for each in (one_SP3K, other_SP3K)
    )
    one_S, other_S = (macro_f1(each.sum(1), _nobodys(each)) for each in (one_SP3K, other_SP3K))
    value = one_S.mean() - other_S.mean()
    return _estimate(float(value), _resampled(one_SP3K) - _resampled(other_SP3K))


def _resampled(counts_SP3K: np.ndarray) -> np.ndarray:
    """Return the mean over seeds of macro F1 for every resample in which somebody was tested."""
    people = counts_SP3K.shape[1]
    # The number of people alone decides the draws, so rows are compared on the same ones.
    rng = np.random.default_rng(seed_from("bootstrap", people))
    drawn_BP = rng.multinomial(people, np.full(people, 1 / people), size=RESAMPLES)
    sums_BS3K = np.tensordot(drawn_BP.astype(np.float64), counts_SP3K, axes=(1, 1))
    scores_BS = macro_f1(sums_BS3K, _nobodys(counts_SP3K))
    # With a seed of which cells are missing, a resample may have nobody who was tested.
    tested_BS = sums_BS3K[:, :, 1].sum(-1) > 0
    some_B = tested_BS.any(1)
    return (scores_BS * tested_BS).sum(1)[some_B] / tested_BS.sum(1)[some_B]


def _nobodys(counts_SP3K: np.ndarray) -> np.ndarray:
    """Return which classes (K,) nobody did."""
    return counts_SP3K[:, :, 1].sum((0, 1)) == 0


def _estimate(value: float, resampled_B: np.ndarray) -> Estimate:
    tail = (100 - COVERAGE) / 2
    low, high = np.percentile(resampled_B, [tail, 100 - tail])
    return Estimate(value, float(low), float(high))
