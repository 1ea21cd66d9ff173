"""The encoders against plain references, and against what a wrong axis or unit would change."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pretrain.attention import Attention, DropPath, drop_path_rates
from pretrain.encoders import (
    ChannelEncoder,
    ImuEncoderConfig,
    JointEncoder,
    PoseEncoderConfig,
    ResidualBlock,
    TextEncoder,
    TextEncoderConfig,
)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def small_pose_encoder(**keys: object) -> JointEncoder:
    config = PoseEncoderConfig(
        joints=5,
        spatial_width=8,
        spatial_blocks=1,
        spatial_heads=2,
        temporal_width=16,
        temporal_blocks=1,
        temporal_heads=2,
    )
    for key, value in keys.items():
        setattr(config, key, value)
    return JointEncoder(config, window=12, embedding=10).eval()


def small_imu_encoder(**keys: object) -> ChannelEncoder:
    config = ImuEncoderConfig(width=16, blocks=1, heads=2)
    for key, value in keys.items():
        setattr(config, key, value)
    return ChannelEncoder(config, window=60, embedding=10).eval()


def test_paper_shapes() -> None:
    text = TextEncoder(TextEncoderConfig(), text_size=768, embedding=256)
    pose = JointEncoder(PoseEncoderConfig(), window=60, embedding=256)
    imu = ChannelEncoder(ImuEncoderConfig(), window=60, embedding=256)
    assert text(torch.randn(2, 768)).shape == (2, 256)
    assert pose(torch.randn(2, 60, 52, 3)).shape == (2, 256)
    tokens_BCD, embedding_BD = imu(torch.randn(2, 60, 6))
    assert tokens_BCD.shape == (2, 6, 256)
    assert embedding_BD.shape == (2, 256)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_equals_its_formula(heads: int) -> None:
    attention = Attention(8, heads).double()
    tokens_SLD = torch.randn(2, 5, 8, dtype=torch.float64)
    weight, bias = (p.detach().numpy() for p in attention.query_key_value.parameters())
    out_weight, out_bias = (p.detach().numpy() for p in attention.out.parameters())
    expected = np.zeros((2, 5, 8))
    size = 8 // heads
    for sequence, tokens_LD in enumerate(tokens_SLD.numpy()):
        query_LD, key_LD, value_LD = np.split(tokens_LD @ weight.T + bias, 3, axis=1)
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            scores_LL = np.exp(query_LD[:, own] @ key_LD[:, own].T / np.sqrt(size))
            scores_LL /= scores_LL.sum(1, keepdims=True)
            expected[sequence, :, own] = scores_LL @ value_LD[:, own]
    expected = expected @ out_weight.T + out_bias
    np.testing.assert_allclose(attention(tokens_SLD).detach(), expected, atol=1e-12)


def test_drop_path_drops_whole_sequences_and_keeps_the_mean() -> None:
    branch = torch.ones(4000, 3, 2)
    dropped = DropPath(0.25)(branch)
    assert dropped.unique().tolist() == pytest.approx([0, 1 / 0.75])
    assert (dropped == dropped[:, :1, :1]).all()
    assert dropped.mean() == pytest.approx(1, abs=0.05)
    assert DropPath(0.25).eval()(branch) is branch
    assert drop_path_rates(0.2, 3) == pytest.approx([0, 0.1, 0.2])
    assert drop_path_rates(0.2, 1) == [0]


def test_residual_block_equals_a_plain_loop() -> None:
    block = ResidualBlock(2, 3, kernel=3, stride=2, dropout=0.0).double().eval()
    norm = block.branch[1]
    nn.init.uniform_(norm.running_mean)
    nn.init.uniform_(norm.running_var, 1, 2)
    signal_BCL = torch.randn(1, 2, 7, dtype=torch.float64)
    weight = block.branch[0].weight.detach().numpy()
    side = block.shortcut.weight.detach().numpy()[..., 0]
    side_bias = block.shortcut.bias.detach().numpy()
    padded = np.pad(signal_BCL[0].numpy(), ((0, 0), (1, 1)))
    expected = np.zeros((3, 4))
    for step in range(4):
        convolved = np.tensordot(weight, padded[:, 2 * step : 2 * step + 3], 2)
        deviation = np.sqrt(norm.running_var.numpy() + norm.eps)
        normal = (convolved - norm.running_mean.numpy()) / deviation
        expected[:, step] = normal + side @ signal_BCL[0, :, 2 * step].numpy() + side_bias
    np.testing.assert_allclose(block(signal_BCL)[0].detach(), expected.clip(min=0), atol=1e-12)


@pytest.mark.parametrize("size", [384, 768, 13])
def test_text_encoder_takes_any_size_and_ignores_the_length_of_the_vector(size: int) -> None:
    encoder = TextEncoder(TextEncoderConfig(), text_size=size, embedding=10).eval()
    text_BE = torch.randn(4, size)
    torch.testing.assert_close(encoder(text_BE), encoder(text_BE * 7), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(encoder(text_BE), encoder(-text_BE), atol=1e-2)


@pytest.mark.parametrize("frames_per_token", [1, 4])
def test_every_value_of_the_pose_counts(frames_per_token: int) -> None:
    encoder = small_pose_encoder(frames_per_token=frames_per_token)
    pose_BTJ3 = torch.randn(2, 12, 5, 3, requires_grad=True)
    encoder(pose_BTJ3)[0].square().sum().backward()
    assert pose_BTJ3.grad is not None
    assert (pose_BTJ3.grad[0] != 0).all()
    assert (pose_BTJ3.grad[1] == 0).all(), "samples of a batch must not mix"


@pytest.mark.parametrize("frames_per_token", [1, 3])
def test_joints_and_frames_keep_their_places(frames_per_token: int) -> None:
    """Reordering joints (or patches) together with all that is theirs changes nothing."""
    encoder = small_pose_encoder(frames_per_token=frames_per_token)
    pose_BTJ3 = torch.randn(2, 12, 5, 3)
    before = encoder(pose_BTJ3)
    joints, patches = torch.randperm(5), torch.randperm(12 // frames_per_token)
    frames_PT = torch.arange(12).unflatten(0, (-1, frames_per_token))[patches]
    shuffled = pose_BTJ3[:, frames_PT.flatten()][:, :, joints]
    assert not torch.allclose(encoder(shuffled), before, atol=1e-3)
    with torch.no_grad():
        encoder.joint_positions.copy_(encoder.joint_positions[joints])
        weight_DJD = encoder.frame_token.weight.unflatten(1, (5, 8))
        encoder.frame_token.weight.copy_(weight_DJD[:, joints].flatten(1))
        encoder.frame_positions.copy_(encoder.frame_positions[patches])
        encoder.frame_logits.copy_(encoder.frame_logits[patches])
    torch.testing.assert_close(encoder(shuffled), before)


def test_spatial_attention_stays_within_a_patch() -> None:
    encoder = small_pose_encoder(frames_per_token=3)
    pose_BTJ3 = torch.randn(1, 12, 5, 3)
    moved = pose_BTJ3.clone()
    moved[0, 7, 2, 1] += 1
    change_P = (encoder._joints_of_patches(pose_BTJ3) - encoder._joints_of_patches(moved))[0]
    assert (change_P != 0).any(1).tolist() == [False, False, True, False]


def test_frames_are_averaged_with_weights_that_sum_to_one() -> None:
    encoder = small_pose_encoder(temporal_blocks=0)
    pose_BTJ3 = torch.randn(1, 12, 5, 3)
    even = encoder(pose_BTJ3)
    with torch.no_grad():
        encoder.frame_logits += 5
    torch.testing.assert_close(encoder(pose_BTJ3), even)
    with torch.no_grad():
        encoder.frame_logits[3] += 50
    moved = pose_BTJ3.clone()
    moved[:, [2, 4]] += 1
    torch.testing.assert_close(encoder(moved), encoder(pose_BTJ3))


def test_a_token_holds_one_channel_only_before_attention() -> None:
    encoder = small_imu_encoder(blocks=0)
    imu_BTC = torch.randn(1, 60, 6)
    moved = imu_BTC.clone()
    moved[0, 17, 4] += 1
    change_CD = (encoder(imu_BTC)[0] - encoder(moved)[0])[0]
    assert (change_CD != 0).any(1).tolist() == [False, False, False, False, True, False]


def test_channels_are_the_tokens() -> None:
    """Reordering channels together with their positions reorders the tokens."""
    encoder = small_imu_encoder(accelerometer_scale=1.0, gyroscope_scale=1.0)
    imu_BTC = torch.randn(3, 60, 6)
    before_BCD, _ = encoder(imu_BTC)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.no_grad():
        encoder.channel_positions.copy_(encoder.channel_positions[order])
    after_BCD, _ = encoder(imu_BTC[:, :, order])
    torch.testing.assert_close(after_BCD, before_BCD[:, order])


def test_every_sample_counts_and_time_has_a_direction() -> None:
    encoder = small_imu_encoder()
    imu_BTC = torch.randn(2, 60, 6, requires_grad=True)
    encoder(imu_BTC)[1][0].square().sum().backward()
    assert imu_BTC.grad is not None
    assert (imu_BTC.grad[0] != 0).all()
    assert (imu_BTC.grad[1] == 0).all(), "samples of a batch must not mix"
    assert not torch.allclose(encoder(imu_BTC)[1], encoder(imu_BTC.flip(1))[1], atol=1e-2)


def test_si_units_are_scaled_inside() -> None:
    encoder = small_imu_encoder(accelerometer_scale=9.81, gyroscope_scale=3.0)
    unscaled = small_imu_encoder(accelerometer_scale=1.0, gyroscope_scale=1.0)
    unscaled.load_state_dict(encoder.state_dict())
    imu_BTC = torch.randn(2, 60, 6)
    in_g = imu_BTC / torch.tensor([9.81] * 3 + [3.0] * 3)
    torch.testing.assert_close(encoder(imu_BTC), unscaled(in_g))
    assert not torch.allclose(encoder(imu_BTC)[1], encoder(in_g)[1], atol=1e-2)
    scaled: Tensor = encoder.scale(imu_BTC)
    torch.testing.assert_close(encoder.scale.to_si(scaled), imu_BTC)


def test_the_scale_is_not_among_the_weights() -> None:
    assert not [name for name in small_imu_encoder().state_dict() if "scale" in name]
