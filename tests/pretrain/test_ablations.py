"""The ablations of the paper: what each shares with preset `paper`, and what learns in it."""

from pathlib import Path

import pytest
import torch
from made_shards import make_shards
from training import ROOT, arguments, records

from cluster.config import load_config
from pretrain import train
from pretrain.config import TrainConfig
from pretrain.model import Multi3Net
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

PARTS = {"text", "pose", "imu_left", "imu_right", "pose2imu", "reconstructor", "contrastive"}
# What does not learn, and which losses are computed.
ABLATIONS = {
    "paper": (set(), 6, 2),
    "paper_contrastive_only": ({"pose2imu", "reconstructor"}, 6, 0),
    "paper_reconstruction_only": ({"text", "pose", "pose2imu", "contrastive"}, 0, 1),
    "paper_without_text": ({"text"}, 3, 2),
}


def preset(name: str) -> TrainConfig:
    return load_config(TrainConfig, ROOT / "configs" / "pretrain" / f"{name}.yaml", ["data=shards"])


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_differs_from_the_paper_in_its_losses_alone(name: str) -> None:
    ablation, paper = preset(name), preset("paper")
    assert ablation.output == f"runs/{name}/pretrain"
    ablation.output, ablation.model.losses = paper.output, paper.model.losses
    assert ablation == paper


@pytest.mark.parametrize("name", ABLATIONS)
def test_only_what_has_a_loss_learns(name: str) -> None:
    silent, pairs, regressions = ABLATIONS[name]
    config = small_config()
    config.losses = preset(name).model.losses
    config.losses.learned_temperature = True
    torch.manual_seed(0)
    model = Multi3Net(config, TEXT_SIZE)
    losses = model(made_batch()).losses
    losses["total"].backward()
    assert sum(loss.startswith("contrastive") for loss in losses) == pairs
    assert sum(loss.startswith("regression") for loss in losses) == regressions
    learns = {
        part
        for part, module in model.named_children()
        if any(p.grad is not None and p.grad.any() for p in module.parameters())
    }
    assert learns == PARTS - silent


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder)
    return folder


@pytest.mark.parametrize("zero", [0, 2])
@pytest.mark.parametrize("name", list(ABLATIONS)[1:])
def test_an_ablation_trains(data: Path, tmp_path: Path, name: str, zero: int) -> None:
    losses = preset(name).model.losses
    overrides = [
        f"model.losses.pairs=[{','.join(losses.pairs)}]",
        f"model.losses.regressions=[{','.join(losses.regressions)}]",
    ]
    train.main(arguments(data, tmp_path, *overrides, "steps=4", f"zero={zero}"))
    assert records(tmp_path)[-1]["loss/total"] < records(tmp_path)[0]["loss/total"]
