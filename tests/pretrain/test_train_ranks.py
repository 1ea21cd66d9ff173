"""Two real ranks, started by DeepSpeed's launcher as a user starts them."""

import json
from pathlib import Path

import pytest
from made_shards import make_shards
from training import TRAINER, arguments, free_port, run

from cluster.errors import UserError
from pretrain import train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder, train_shards=4, samples=6)
    return folder


def launch(*command: str) -> tuple[int, str]:
    return run("deepspeed", "--num_accelerators", "2", "--master_port", free_port(), *command)


@pytest.fixture(scope="module")
def output(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    status, said = launch("tests/pretrain/two_ranks.py", str(data), str(folder))
    assert status == 0, said
    return folder


@pytest.fixture(scope="module")
def told(output: Path) -> list[dict]:
    return [json.loads((output / f"told{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("way", ["plain", "cached"])
def test_half_the_batch_on_each_of_two_ranks_is_the_whole_batch_on_one(
    told: list[dict], way: str
) -> None:
    for rank in told:
        assert max(rank[way]["losses"]) < 1e-5
        assert max(rank[way]["gradients"]) < 1e-5


def test_two_ranks_continue_exactly(told: list[dict]) -> None:
    assert told[0]["equal"] == [True, True]


def test_a_nan_on_one_rank_stops_every_rank_with_the_same_line(told: list[dict]) -> None:
    assert told[0]["nan"] == told[1]["nan"]
    assert told[0]["nan"] == (
        "step 1: loss/contrastive/text-left is nan; the shards hold values that are not finite: "
        f"imu_left of {told[1]['spoilt']} (rank 1); make them without these"
    )


def test_another_number_of_ranks_is_refused(data: Path, output: Path) -> None:
    with pytest.raises(UserError, match="made by 2 ranks, this run has 1"):
        train.main(arguments(data, output / "whole0", "batch_size=4", "steps=8"))


def test_a_mistake_is_said_once(data: Path, output: Path) -> None:
    status, said = launch(TRAINER, *arguments(data, output / "x", "optimizer.learningrate=1"))
    assert status != 0
    assert said.count("error: ") == 1
    assert "the nearest known key is optimizer.learning_rate" in said
    assert "Traceback" not in said
