"""What the tests of fine-tuning share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from pretrain.encoders import ImuEncoderConfig, PoseEncoderConfig
from pretrain.model import ModelConfig, Multi3Net
from pretrain.release import ReleaseCard, save_release
from tests.finetune import made_target
from tests.finetune.made_classifier import fitted
from tests.finetune.made_shards import make_shards


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Small networks are fastest on one thread, the more so when tests run beside other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _few_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finetune.rocket.KERNELS", 300)


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return shards of clips that walk and wave."""
    return make_shards(tmp_path_factory.mktemp("t2m"))


@pytest.fixture(scope="session")
def tiny_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of random weights whose encoders are quick."""
    torch.manual_seed(0)
    imu = ImuEncoderConfig(width=16, blocks=1, heads=2, mlp_ratio=1.0)
    pose = PoseEncoderConfig(
        spatial_width=8, spatial_blocks=1, temporal_width=16, temporal_blocks=1, spatial_heads=2
    )
    config = ModelConfig(embedding=16, imu=imu, pose=pose)
    folder = tmp_path_factory.mktemp("release") / "release"
    card = ReleaseCard("nothing", "none", 0, {}, "unknown", "minilm", "watch")
    save_release(folder, Multi3Net(config, 32), config, card)
    return folder


@pytest.fixture(scope="session")
def folder(tiny_release: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small classifier, fitted on four made people."""
    folder = tmp_path_factory.mktemp("use") / "model"
    fitted(folder, tiny_release, made_target.waves(people=4))
    return folder
