"""Intervals over people against plain loops, closed forms and their coverage.

Shape letters: N windows, P people, K classes.
"""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from finetune import bootstrap
from finetune.bootstrap import PeopleCounts, count_people, estimate_difference, estimate_macro_f1

People = dict[tuple[int, str], tuple[np.ndarray, np.ndarray]]


def made(rng: np.random.Generator, seeds: int, people: int, right: float = 0.7) -> People:
    """True and predicted labels by seed and person, who differ in how well they are known."""
    skill_P = np.clip(rng.normal(right, 0.15, people), 0, 1)
    labels = {}
    for seed in range(seeds):
        for person in range(people):
            true_N = rng.integers(0, 3, 40)
            wrong_N = (true_N + rng.integers(1, 3, 40)) % 3
            predicted_N = np.where(rng.random(40) < skill_P[person], true_N, wrong_N)
            labels[seed, f"p{person:02d}"] = true_N, predicted_N
    return labels


def counted(labels: People, classes: int = 3) -> PeopleCounts:
    return count_people(
        {
            key: confusion_matrix(true_N, predicted_N, labels=range(classes))
            for key, (true_N, predicted_N) in labels.items()
        }
    )


def naive_macro_f1(labels: People, seeds: int, people: list[str]) -> float:
    scores = []
    for seed in range(seeds):
        true_N = np.concatenate([labels[seed, person][0] for person in people])
        predicted_N = np.concatenate([labels[seed, person][1] for person in people])
        scores.append(f1_score(true_N, predicted_N, average="macro"))
    return float(np.mean(scores))


def naive_resamples(labels: People, seeds: int, people: int, draws_BP: np.ndarray) -> list[float]:
    return [
        naive_macro_f1(labels, seeds, [f"p{p:02d}" for p in np.repeat(range(people), drawn_P)])
        for drawn_P in draws_BP
    ]


def draws(people: int) -> np.ndarray:
    rng = np.random.default_rng(bootstrap.seed_from("bootstrap", people))
    return rng.multinomial(people, np.full(people, 1 / people), size=bootstrap.RESAMPLES)


def test_intervals_are_those_of_a_plain_loop(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "RESAMPLES", 60)
    one, other = made(rng, 2, 6), made(rng, 2, 6, right=0.6)
    for key in one:
        other[key] = one[key][0], other[key][1]
    values = np.array(naive_resamples(one, 2, 6, draws(6)))
    found = estimate_macro_f1(counted(one))
    everyone = [f"p{person:02d}" for person in range(6)]
    assert found.value == pytest.approx(naive_macro_f1(one, 2, everyone))
    assert [found.low, found.high] == pytest.approx(np.percentile(values, [2.5, 97.5]))
    differences = values - np.array(naive_resamples(other, 2, 6, draws(6)))
    paired = estimate_difference(counted(one), counted(other))
    assert paired
    assert [paired.low, paired.high] == pytest.approx(np.percentile(differences, [2.5, 97.5]))


def test_two_people_in_closed_form() -> None:
    """One person is all right and one all wrong: resamples score 0, 1/2 and 1."""
    true_N = np.array([0, 1] * 10)
    counts = counted({(0, "a"): (true_N, true_N), (0, "b"): (true_N, 1 - true_N)}, classes=2)
    found = estimate_macro_f1(counts)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


def test_a_class_that_one_person_did_does_not_widen_what_the_others_say() -> None:
    """Six people are alike, but one of them did a fourth class, which is never recognised."""
    usual = np.array([[30, 5, 5, 0], [5, 30, 5, 0], [5, 5, 30, 0], [0, 0, 0, 0]])
    strays = usual + np.array([[-1, 0, 0, 1], [0] * 4, [0] * 4, [0] * 4])
    fourth = np.array([[0] * 4] * 3 + [[10, 5, 5, 0]])
    one = count_people({(0, f"p{n}"): usual + fourth * (n == 0) for n in range(6)})
    other = count_people({(0, f"p{n}"): strays + fourth * (n == 0) for n in range(6)})
    paired = estimate_difference(one, other)
    assert paired
    # What strays costs is a class's recall, with and without the fourth class among the rest.
    assert 0 < paired.low <= paired.value <= paired.high < 0.02


def test_one_person_gives_no_interval_and_no_sure_difference() -> None:
    true_N = np.array([0, 1] * 10)
    one = counted({(0, "a"): (true_N, true_N)}, classes=2)
    other = counted({(0, "a"): (true_N, 1 - true_N)}, classes=2)
    assert not estimate_macro_f1(one).is_known
    paired = estimate_difference(one, other)
    assert paired
    assert paired.value == 1
    assert not paired.excludes_zero()


def test_people_who_are_alike_leave_no_doubt() -> None:
    true_N, predicted_N = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    counts = counted({(0, f"p{n}"): (true_N, predicted_N) for n in range(5)}, classes=2)
    found = estimate_macro_f1(counts)
    assert found.low == pytest.approx(found.value) == pytest.approx(found.high)
    assert not found.is_known


def test_a_difference_to_itself_is_zero_and_a_sure_one_excludes_zero(
    rng: np.random.Generator,
) -> None:
    labels = made(rng, 1, 8)
    itself = estimate_difference(counted(labels), counted(labels))
    assert itself
    assert (itself.value, itself.low, itself.high) == (0, 0, 0)
    assert not itself.excludes_zero()
    perfect = {key: (true_N, true_N) for key, (true_N, _) in labels.items()}
    better = estimate_difference(counted(perfect), counted(labels))
    assert better
    assert better.excludes_zero()


def test_only_people_and_seeds_of_both_are_compared(rng: np.random.Generator) -> None:
    labels = made(rng, 2, 6)
    known = {key: value for key, value in labels.items() if key[1] != "p03" and key[0] == 0}
    worse = {key: (true_N, (true_N + 1) % 3) for key, (true_N, _) in labels.items()}
    found = estimate_difference(counted(known), counted(worse))
    assert found
    people = ["p00", "p01", "p02", "p04", "p05"]
    assert found.value == pytest.approx(naive_macro_f1(known, 1, people))
    assert estimate_difference(counted(known), counted({(1, "p00"): labels[1, "p00"]})) is None


def test_a_fold_that_failed_with_one_seed_is_left_out_of_both(rng: np.random.Generator) -> None:
    labels = made(rng, 2, 6)
    gone = {key: value for key, value in labels.items() if key != (1, "p02")}
    found = estimate_difference(counted(gone), counted(labels))
    assert found
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_seeds_without_cells_count_neither_as_zero_nor_at_all(rng: np.random.Generator) -> None:
    labels = made(rng, 2, 10, right=0.9)
    whole = estimate_macro_f1(counted(labels))
    part = {key: value for key, value in labels.items() if key[0] == 0 or key[1] < "p02"}
    found = estimate_macro_f1(counted(part))
    assert found.low > whole.low - 0.1
    worse = {key: (true_N, (true_N + 1) % 3) for key, (true_N, _) in labels.items()}
    one = {key: value for key, value in labels.items() if key[0] == 0 or key[1] < "p04"}
    other = {key: value for key, value in worse.items() if key[0] == 0 or key[1] >= "p04"}
    sure = estimate_difference(counted(one), counted(other))
    first = {key: value for key, value in labels.items() if key[0] == 0}
    alone = estimate_difference(counted(first), counted(worse))
    assert sure == alone


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """What a method is worth on all people, from studies of 20: within a fair margin of 95 %."""
    rng = np.random.default_rng(1)
    population = counted(made(rng, 1, 600))
    truth = float(bootstrap.macro_f1_by_seed(population)[0])
    hits = 0
    for _ in range(150):
        some = rng.choice(600, 20, replace=False)
        counts = PeopleCounts((0,), tuple("abcdefghijklmnopqrst"), population.counts_SP3K[:, some])
        found = estimate_macro_f1(counts)
        hits += found.low <= truth <= found.high
    assert 0.87 <= hits / 150 <= 0.99
