"""Fine-tuning on an encoder that reads windows of any length.

Shape letters: B windows, T frames, W wrists, C channels, L tokens, D width.
"""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from finetune import export, prepare
from finetune.classifiers import (
    ClassifierConfig,
    EncoderClassifier,
    MixtureClassifier,
    encode_windows,
)
from finetune.config import FinetuneConfig
from finetune.training import TrainingConfig
from finetune.windows import WindowsConfig, cut_windows
from pretrain.convolution import ConvolutionConfig
from pretrain.encoders import ImuEncoderConfig, ImuEncoderKind, PoseEncoderConfig, TimeEncoder
from pretrain.model import ModelConfig, Multi3Net
from pretrain.release import ReleaseCard, save_release
from tests.finetune import made_target
from tests.finetune.made_classifier import fitted

CONVOLUTION = ConvolutionConfig(channels=[16, 16, 24], strides=[2, 2, 2])
IMU = ImuEncoderConfig(kind=ImuEncoderKind.convolution, convolution=CONVOLUTION)
SMALL = ClassifierConfig(width=8, heads=2, feed_forward=16, experts=3, expert_width=4, dropout=0.0)


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def time_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of random weights, as if trained on windows of two seconds."""
    torch.manual_seed(0)
    pose = PoseEncoderConfig(
        frames_per_token=20, spatial_width=8, spatial_blocks=1, spatial_heads=2, temporal_blocks=1
    )
    config = ModelConfig(embedding=16, window=120, imu=IMU, pose=pose)
    folder = tmp_path_factory.mktemp("release") / "release"
    card = ReleaseCard("nothing", "none", 0, {}, "unknown", "minilm", "watch")
    save_release(folder, Multi3Net(config, 32), config, card)
    return folder


def network(frozen: bool = True) -> EncoderClassifier:
    encoders = {name: TimeEncoder(IMU, embedding=6) for name in ("left", "right")}
    return EncoderClassifier(encoders, MixtureClassifier(24, 4, SMALL), frozen)


def windows(count: int, seconds: int) -> tuple[Tensor, Tensor]:
    present_BWC = torch.ones(count, 2, 6, dtype=torch.bool)
    return torch.randn(count, 60 * seconds, 2, 6), present_BWC


@pytest.mark.parametrize("seconds", [1, 3, 4])
def test_a_window_is_read_at_once_and_an_absent_wrist_not_at_all(seconds: int) -> None:
    model = network().eval()
    signals_BTWC, present_BWC = windows(4, seconds)
    present_BWC[2, 1] = False
    tokens_BLD = encode_windows(model.encoders, signals_BTWC, present_BWC)
    length = -(-60 * seconds // 8)
    assert tokens_BLD.shape == (4, 2 * length, 24)
    for b, w in np.ndindex(4, 2):
        own_LD = tokens_BLD[b, w * length : (w + 1) * length]
        if not present_BWC[b, w].any():
            assert not own_LD.any()
            continue
        expected, _ = model.encoders[("left", "right")[w]](signals_BTWC[b : b + 1, :, w])
        torch.testing.assert_close(own_LD, expected[0])
    scores_BK = model(signals_BTWC, present_BWC)
    torch.testing.assert_close(model.classify(tokens_BLD, present_BWC), scores_BK)
    # What the absent wrist would have shown does not matter.
    signals_BTWC[2, :, 1] = 100
    torch.testing.assert_close(model(signals_BTWC, present_BWC), scores_BK)


def test_without_a_gyroscope_the_wrist_s_tokens_count() -> None:
    model = network().eval()
    signals_BTWC, present_BWC = windows(4, 2)
    present_BWC[..., 3:] = False
    signals_BTWC[..., 3:] = 0
    tokens_BLD = encode_windows(model.encoders, signals_BTWC, present_BWC)
    everything = torch.ones_like(present_BWC)
    torch.testing.assert_close(
        model.classify(tokens_BLD, present_BWC), model.classify(tokens_BLD, everything)
    )


def test_a_batch_without_one_of_the_wrists_trains() -> None:
    model = network(frozen=False).train()
    signals_BTWC, present_BWC = windows(4, 2)
    present_BWC[:, 1] = False
    before = {name: value.clone() for name, value in model.encoders["right"].named_buffers()}
    model(signals_BTWC, present_BWC).square().sum().backward()
    assert all(value.isfinite().all() for value in model.state_dict().values())
    after = dict(model.encoders["right"].named_buffers())
    assert all(torch.equal(after[name], before[name]) for name in before if "running" in name)
    learning = {
        name for name, each in model.encoders["left"].named_parameters() if each.grad is not None
    }
    assert {name.split(".")[0] for name in learning} == {"trunk"}


def test_from_people_to_labels_and_to_a_file(time_release: Path, tmp_path: Path) -> None:
    """Windows of three seconds on an encoder that was trained on windows of two."""
    target = made_target.waves(people=6)
    folder = tmp_path / "model"
    training = TrainingConfig(
        epochs=20, batch_size=16, unfreeze_patience=1, learning_rate=5e-3, encoder_rate_factor=1.0
    )
    classifier = fitted(
        folder, time_release, target, training=training, windows=WindowsConfig(seconds=3)
    )
    right = [
        label == target.label_names[recording.labels_T[0]]
        for recording in target.recordings
        for label in classifier.predict(recording.signals_TWC[:, 0], recording.timestamps_T).labels
    ]
    assert np.mean(right) > 0.8
    assert "on one core takes" in export.export(folder)
    session = onnxruntime.InferenceSession(str(folder / export.NAME))
    for count in (1, 5):
        imu_BTX = export.example(classifier, count)
        assert imu_BTX.shape == (count, 180, 6)
        (found_BK,) = session.run(None, {"imu": imu_BTX})
        np.testing.assert_allclose(found_BK, classifier.probabilities(imu_BTX), atol=1e-4)


@pytest.mark.parametrize("seconds", [1, 3])
def test_windows_of_any_whole_second_are_prepared(
    time_release: Path, tmp_path: Path, seconds: int
) -> None:
    config = FinetuneConfig(
        release=str(time_release), output=str(tmp_path), windows=WindowsConfig(seconds=seconds)
    )
    windows = cut_windows(made_target.waves(people=5), config.windows)
    data = prepare.encode(config, prepare.load_fitting(config), windows)
    assert data.tokens_VNLD.shape == (5, len(windows), -(-60 * seconds // 8), 24)
