"""The IMU encoder that convolves over time, against plain loops and measured gradients.

Shape letters: B batch, T frames, C channels, L tokens, W their width.
"""

from math import ceil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from cluster.errors import UserError
from pretrain.__main__ import main
from pretrain.convolution import ConvolutionConfig, ResidualStage
from pretrain.encoders import ImuEncoderConfig, ImuEncoderKind, TimeEncoder
from pretrain.model import Multi3Net, build_imu_encoder
from pretrain.release import ReleaseCard, load_pretrained, save_release
from tests.pretrain.small_model import TEXT_SIZE, small_config

SMALL = ConvolutionConfig(channels=[5, 4, 7], strides=[2, 1, 3], kernel=3)
EMBEDDING = 10


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def encoder_of(convolution: ConvolutionConfig) -> TimeEncoder:
    """Return an encoder in double precision whose BatchNorms have statistics of their own."""
    encoder = TimeEncoder(ImuEncoderConfig(convolution=convolution), EMBEDDING).double().eval()
    for norm in norms_of(encoder):
        nn.init.uniform_(norm.running_mean)
        nn.init.uniform_(norm.running_var, 1, 2)
    return encoder


def norms_of(encoder: TimeEncoder) -> list[nn.BatchNorm1d]:
    return [part for part in encoder.modules() if isinstance(part, nn.BatchNorm1d)]


@pytest.mark.parametrize("frames", [1, 5, 6, 7, 60, 61, 240])
def test_windows_of_any_length_have_a_token_for_so_many_frames(frames: int) -> None:
    encoder = encoder_of(SMALL)
    tokens_BLW, embedding_BD = encoder(torch.randn(3, frames, 6))
    assert tokens_BLW.shape == (3, ceil(frames / 6), 7)
    assert embedding_BD.shape == (3, EMBEDDING)
    assert (encoder.width, encoder.window, encoder.window_tokens) == (7, None, None)


def test_the_model_builds_the_kind_that_is_asked_for() -> None:
    config = small_config(ImuEncoderKind.convolution)
    assert isinstance(build_imu_encoder(config), TimeEncoder)
    assert not isinstance(build_imu_encoder(small_config()), TimeEncoder)


def normal(part: nn.BatchNorm1d, maps_CT: np.ndarray) -> np.ndarray:
    mean, variance = part.running_mean, part.running_var
    assert mean is not None
    assert variance is not None
    return (maps_CT - mean.numpy()[:, None]) / np.sqrt(variance.numpy() + part.eps)[:, None]


def convolved(part: nn.Conv1d, maps_CT: np.ndarray) -> np.ndarray:
    """Loop over the places of the kernel."""
    weight, stride = part.weight.detach().numpy(), part.stride[0]
    side = weight.shape[2] // 2
    padded = np.pad(maps_CT, ((0, 0), (side, side)))
    starts = range(0, maps_CT.shape[1], stride)
    places = [np.tensordot(weight, padded[:, t : t + weight.shape[2]], 2) for t in starts]
    return np.stack(places, axis=1)


def test_tokens_and_embedding_equal_a_plain_loop() -> None:
    encoder = encoder_of(SMALL)
    imu_TC = 5 * torch.randn(20, 6, dtype=torch.float64)
    stem, norm, _, *stages, _ = encoder.trunk.stages
    maps_CT = (imu_TC / torch.tensor([9.81] * 3 + [3.0] * 3)).numpy().T
    maps_CT = normal(norm, convolved(stem, maps_CT)).clip(min=0)  # type: ignore[arg-type]
    assert len(stages) == 2
    for stage in stages:
        assert isinstance(stage, ResidualStage)
        first, first_norm, _, second, second_norm = stage.branch
        side, side_norm = stage.shortcut
        branch = normal(first_norm, convolved(first, maps_CT)).clip(min=0)  # type: ignore[arg-type]
        branch = normal(second_norm, convolved(second, branch))  # type: ignore[arg-type]
        maps_CT = (branch + normal(side_norm, convolved(side, maps_CT))).clip(min=0)  # type: ignore[arg-type]
    tokens_BLW, embedding_BD = encoder(imu_TC[None])
    np.testing.assert_allclose(tokens_BLW[0].detach(), maps_CT.T, atol=1e-6)
    length, parts = maps_CT.shape[1], encoder.parts
    spans = [(p * length // parts, -(-(p + 1) * length // parts)) for p in range(parts)]
    means_CP = np.stack([maps_CT[:, first:last].mean(1) for first, last in spans], axis=1)
    summary = np.concatenate([means_CP.ravel(), maps_CT.max(1)])
    weight, bias = (parameter.detach().numpy() for parameter in encoder.out.parameters())
    np.testing.assert_allclose(embedding_BD[0].detach(), weight @ summary + bias, atol=1e-6)
    torch.testing.assert_close(encoder.embed(tokens_BLW), embedding_BD)


def test_a_token_sees_1_2_seconds_to_either_side() -> None:
    """What the docstrings say of the default sizes, measured: nothing is cut to zero on the way."""
    encoder = TimeEncoder(ImuEncoderConfig(), EMBEDDING).double().eval()
    for part in encoder.modules():
        if isinstance(part, nn.Conv1d):
            nn.init.ones_(part.weight)
    imu_BTC = torch.ones(1, 400, 6, dtype=torch.float64, requires_grad=True)
    token = 25
    encoder(imu_BTC)[0][0, token].sum().backward()
    assert imu_BTC.grad is not None
    seen = imu_BTC.grad[0].ne(0).all(1).nonzero().squeeze(1)
    centre = 8 * token
    assert seen.tolist() == list(range(centre - 70, centre + 71))
    assert len(seen) == 141
    assert round(70 / 60, 1) == 1.2


def test_every_sample_counts_and_windows_do_not_mix() -> None:
    config = ImuEncoderConfig(convolution=ConvolutionConfig([32, 32], [1, 2]))
    encoder = TimeEncoder(config, EMBEDDING).double().eval()
    imu_BTC = torch.randn(2, 60, 6, dtype=torch.float64, requires_grad=True)
    encoder(imu_BTC)[1][0].square().sum().backward()
    assert imu_BTC.grad is not None
    assert imu_BTC.grad[0].ne(0).all()
    assert imu_BTC.grad[1].eq(0).all()
    assert not torch.allclose(encoder(imu_BTC)[1], encoder(imu_BTC.flip(1))[1], atol=1e-2)


def test_presence_is_that_of_the_wrist() -> None:
    present_BC = torch.ones(3, 6, dtype=torch.bool)
    present_BC[1, 3:] = False
    present_BC[2] = False
    present_BL: Tensor = encoder_of(SMALL).present_tokens(present_BC, 5)
    assert present_BL.tolist() == [[True] * 5, [True] * 5, [False] * 5]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("strides", [2, 2], "model.imu.convolution.strides: must have 3 entries, as imu.conv"),
        ("kernel", 4, "model.imu.convolution.kernel: must be odd"),
        ("channels", [], "model.imu.convolution.channels: must be positive"),
        ("dropout", 1.0, "model.imu.convolution.dropout: must be at least 0 and below 1"),
    ],
)
def test_sizes_that_make_no_network_are_named(key: str, value: object, says: str) -> None:
    config = small_config(ImuEncoderKind.convolution)
    setattr(config.imu.convolution, key, value)
    with pytest.raises(UserError, match=says):
        Multi3Net(config, TEXT_SIZE)


def test_the_exported_file_gives_torch_s_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config(ImuEncoderKind.convolution)
    config.window = 120
    model = Multi3Net(config, TEXT_SIZE)
    model.imu_left(5 * torch.randn(8, 120, 6))  # moves the running statistics
    card = ReleaseCard("made clips", "CC0-1.0", 0, {}, "abc", "made", "watch")
    folder = tmp_path / "release"
    save_release(folder, model, config, card)
    monkeypatch.setattr("sys.argv", ["pretrain", "export", str(folder)])
    assert main() == 0
    assert capsys.readouterr().out.count("differs from torch by") == 2
    encoder = load_pretrained(folder).imu_left
    session = onnxruntime.InferenceSession(str(folder / "imu_left.onnx"))
    for batch in (1, 5):
        imu = np.random.default_rng(batch).normal(0, 8, (batch, 120, 6)).astype(np.float32)
        found = session.run(["tokens", "embedding"], {"imu": imu})
        with torch.inference_mode():
            expected = encoder(torch.from_numpy(imu))
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4)
