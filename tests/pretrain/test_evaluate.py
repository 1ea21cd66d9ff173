from collections import Counter
from math import comb
from pathlib import Path

import numpy as np
import pytest
import torch
from made_shards import make_shards

from cluster.errors import UserError
from pretrain.data import open_data
from pretrain.evaluate import (
    RECALL_AT,
    chance,
    recall,
    retrieval,
    shortfall_of,
    validation_pool,
)


def naive_recall(similarity: np.ndarray, correct: np.ndarray, k: int) -> float:
    hits = 0
    for row, right in zip(similarity, correct, strict=True):
        # Wrong before right where they are equally similar.
        order = sorted(range(len(row)), key=lambda key: (-row[key], right[key]))
        hits += any(right[key] for key in order[:k])
    return hits / len(similarity)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_recall_equals_a_naive_loop_also_with_ties_and_several_correct_keys(levels: int) -> None:
    rng = np.random.default_rng(levels)
    similarity = rng.integers(0, levels, (40, 30)) / levels
    correct = rng.random((40, 30)) < 0.1
    correct[:, 0] |= ~correct.any(1)
    found = recall(torch.from_numpy(similarity), torch.from_numpy(correct))
    assert found == pytest.approx({k: naive_recall(similarity, correct, k) for k in RECALL_AT})


def test_chance_is_what_blind_drawing_gives() -> None:
    counts = [1, 2, 5, 1]
    correct = torch.zeros(4, 12, dtype=torch.bool)
    for row, count in enumerate(counts):
        correct[row, :count] = True
    expected = {
        k: sum(
            sum(comb(count, m) * comb(12 - count, k - m) for m in range(1, min(k, count) + 1))
            for count in counts
        )
        / comb(12, k)
        / 4
        for k in RECALL_AT
    }
    assert chance(correct) == pytest.approx(expected)
    assert chance(torch.eye(8, dtype=torch.bool)) == {1: 1 / 8, 5: 5 / 8, 10: 1}


def test_retrieval_looks_both_ways_and_takes_equal_sentences_as_equal() -> None:
    apart = torch.eye(20)
    turned = apart.roll(1, 0)
    caption = torch.arange(20) // 2
    scores = retrieval({"text": apart, "pose": apart, "left": apart, "right": turned}, caption)
    assert scores["pose-to-left/recall@1"] == scores["left-to-pose/recall@1"] == 1
    assert scores["pose-to-right/recall@1"] == 0
    # Of two samples with one sentence, the first finds its neighbour's.
    assert scores["text-to-pose/recall@1"] == 1
    assert scores["text-to-right/recall@1"] == 0.5
    assert scores["chance-others/recall@5"] == pytest.approx(0.25)
    assert scores["chance-text/recall@1"] == pytest.approx(0.1)
    assert len(scores) == 6 * 2 * 3 + 2 * 3


def test_a_model_that_maps_everything_to_one_point_finds_nothing() -> None:
    same = torch.ones(20, 4)
    scores = retrieval(dict.fromkeys(("text", "pose", "left", "right"), same), torch.arange(20))
    assert {value for name, value in scores.items() if not name.startswith("chance")} == {0.0}


def test_what_is_no_number_finds_nothing() -> None:
    assert set(recall(torch.full((20, 20), torch.nan), torch.eye(20, dtype=bool)).values()) == {0.0}


def test_the_pool_takes_a_window_of_each_clip_before_any_gives_a_second(tmp_path: Path) -> None:
    make_shards(tmp_path, train_shards=1, validation_shards=3, samples=5)
    data = open_data(tmp_path)
    pools = [validation_pool(data, count, seed=1) for count in (10, 15, 22, 1000)]
    spread = [sorted(Counter(pool["key"]).values()) for pool in pools]
    assert spread[0] == [1] * 10
    assert spread[1] == [1] * 15
    assert spread[2] == [1] * 8 + [2] * 7
    assert sum(spread[3]) == sum(shard.windows for shard in data.validation)
    assert {key for pool in pools for key in pool["key"]} == {f"clip{n:04d}" for n in range(5, 20)}
    again, other = validation_pool(data, 10, seed=1), validation_pool(data, 10, seed=2)
    assert torch.equal(pools[0]["pose"], again["pose"])
    assert not torch.equal(pools[0]["pose"], other["pose"])


def test_windows_of_the_pool_do_not_overlap(tmp_path: Path) -> None:
    make_shards(tmp_path, train_shards=1, validation_shards=1, samples=1, length=600)
    pool = validation_pool(open_data(tmp_path), 100, seed=0)
    frames = pool["pose"].flatten(2).flatten(0, 1)
    assert len(pool["key"]) == 10
    assert len(frames.unique(dim=0)) == 600


def test_every_rank_gets_an_equal_part_of_the_pool(tmp_path: Path) -> None:
    make_shards(tmp_path, train_shards=1, validation_shards=1, samples=1, length=600)
    data = open_data(tmp_path)
    assert len(validation_pool(data, 100, seed=0, ranks=3)["key"]) == 9
    with pytest.raises(UserError, match="10 validation windows for 11 ranks"):
        validation_pool(data, 100, seed=0, ranks=11)


def test_the_shortfall_is_what_is_not_found_first() -> None:
    scores = {
        "loss/total": 3.5,
        "retrieval/pose-to-left/recall@1": 0.5,
        "retrieval/left-to-pose/recall@1": 0.3,
        "retrieval/left-to-right/recall@1": 1.0,
        "retrieval/right-to-left/recall@1": 0.8,
    }
    assert shortfall_of(scores, ["pose-left"]) == pytest.approx(0.6)
    assert shortfall_of(scores, ["pose-left", "left-right"]) == pytest.approx(0.35)
    assert shortfall_of(scores, []) == 3.5
