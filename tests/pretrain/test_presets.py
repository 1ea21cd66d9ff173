"""Every preset makes a run and a model; what `plus` is."""

import sys
from pathlib import Path

import pytest
import torch
from training import ROOT

from cluster.config import load_config
from pretrain.__main__ import main
from pretrain.config import TrainConfig
from pretrain.encoders import ImuEncoderKind
from pretrain.model import Multi3Net

PRESETS = sorted(
    path
    for path in (ROOT / "configs" / "pretrain").glob("*.yaml")
    if not path.stem.startswith("prompts")
)


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_makes_a_run_and_a_model(path: Path) -> None:
    config = load_config(TrainConfig, path, [])
    if not config.stages and config.data is None:
        config.data = "shards"
    config.check()
    with torch.device("meta"):
        Multi3Net(config.model, text_size=384)


def test_small_is_a_smaller_plus() -> None:
    plus, small = (
        load_config(TrainConfig, ROOT / f"configs/pretrain/{name}.yaml", [])
        for name in ("plus", "small")
    )
    for config in (plus, small):
        assert config.model.window == 240
        assert config.model.imu.kind is ImuEncoderKind.convolution
    assert small.augment == plus.augment
    assert small.model.losses == plus.model.losses


def test_describe_takes_plus(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["pretrain", "describe", "--config", str(ROOT / "configs/pretrain/plus.yaml")]
    monkeypatch.setattr(sys, "argv", given)
    assert main() == 0
    rows = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert rows["imu_left"] == rows["imu_right"]
    convolutions = 5 * 6 * 64 + 2 * 5 * 64 * 64 + 5 * (64 * 128 + 128 * 128)
    convolutions += 5 * (128 * 256 + 256 * 256)
    shortcuts = 64 * 64 + 64 * 128 + 128 * 256
    norms = 2 * (64 + 3 * 64 + 3 * 128 + 3 * 256)
    linear = 5 * 256 * 256 + 256
    assert rows["imu_left"][0] == f"{convolutions + shortcuts + norms + linear:,}"
