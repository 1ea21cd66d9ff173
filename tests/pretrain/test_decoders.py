"""The decoders: shapes, the places of wrists, channels and frames."""

import pytest
import torch

from pretrain.decoders import DecoderConfig, ImuReconstructor, Pose2Imu


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("window", "unpooling", "kernel"),
    [(60, [2, 2, 3], 5), (60, [5, 4, 3], 3), (120, [2, 3, 4], 7), (30, [3, 2], 5)],
)
def test_signals_of_both_wrists_over_the_whole_window(
    window: int, unpooling: list[int], kernel: int
) -> None:
    config = DecoderConfig(channels=[16] * len(unpooling), unpooling=unpooling, kernel=kernel)
    assert Pose2Imu(config, window, 32)(torch.randn(4, 32)).shape == (4, window, 2, 6)


def test_every_sample_comes_from_the_embedding_of_its_own() -> None:
    decoder = Pose2Imu(DecoderConfig(), 60, 32).eval()
    embedding_BD = torch.randn(2, 32)
    signals_BTWC = decoder(embedding_BD)
    moved = embedding_BD.clone()
    moved[0] += 1
    change_BTWC = decoder(moved) - signals_BTWC
    assert (change_BTWC[0] != 0).all()
    assert (change_BTWC[1] == 0).all()


def test_left_before_right_then_channels() -> None:
    decoder = Pose2Imu(DecoderConfig(), 60, 32).eval()
    with torch.no_grad():
        decoder.out.weight.zero_()
        decoder.out.bias.copy_(torch.arange(12.0))
    signals_BTWC = decoder(torch.randn(1, 32))
    expected_WC = torch.tensor([[0.0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
    assert (signals_BTWC == expected_WC).all()


def test_neighbouring_frames_come_from_neighbouring_places() -> None:
    """What the first stage writes at its last place must not reach the first frames."""
    decoder = Pose2Imu(DecoderConfig(), 60, 32).eval()
    after_first = torch.randn(1, 128, 5)
    moved = after_first.clone()
    moved[..., 4] += 1
    rest = decoder.stages[1:]
    change_BT = (decoder.out(rest(after_first)) - decoder.out(rest(moved))).abs().sum(1)
    assert (change_BT[0, :15] == 0).all()
    assert (change_BT[0, -12:] > 0).all()


def test_reconstruction_needs_both_wrists_in_their_places() -> None:
    reconstructor = ImuReconstructor(DecoderConfig(), 60, 32).eval()
    left_BD, right_BD = torch.randn(2, 3, 32)
    signals_BTWC = reconstructor(left_BD, right_BD)
    assert signals_BTWC.shape == (3, 60, 2, 6)
    assert not torch.allclose(signals_BTWC, reconstructor(right_BD, left_BD), atol=1e-3)
    expected = reconstructor.decoder(reconstructor.join(torch.cat([left_BD, right_BD], 1)))
    torch.testing.assert_close(signals_BTWC, expected)
    assert reconstructor.join.weight.shape == (32, 64)
