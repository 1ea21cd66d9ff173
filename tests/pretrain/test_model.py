"""The whole model: what it returns, what its keys change, what it refuses."""

from pathlib import Path

import pytest
import torch

from cluster.config import load_config
from cluster.errors import UserError
from pretrain.losses import PAIRS
from pretrain.model import ModelConfig, Multi3Net, build_imu_encoder, parameter_count
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_a_step_returns_every_term_and_their_sum() -> None:
    output = Multi3Net(small_config(), TEXT_SIZE)(made_batch())
    assert {name: rows.shape for name, rows in output.embeddings.items()} == dict.fromkeys(
        ("text", "pose", "left", "right"), (12, 24)
    )
    assert {name: imu.shape for name, imu in output.predicted.items()} == dict.fromkeys(
        ("pose2imu", "reconstruction"), (12, 60, 2, 6)
    )
    contrastive = [f"contrastive/{pair}" for pair in PAIRS]
    terms = [*contrastive, "regression/pose2imu", "regression/reconstruction"]
    assert list(output.losses) == [*terms, "total"]
    total = sum(output.losses[name].item() for name in terms)
    assert output.losses["total"].item() == pytest.approx(total, rel=1e-6)


def test_weights_scale_the_total_and_leave_the_terms() -> None:
    config = small_config()
    config.losses.contrastive_weight, config.losses.regression_weight = 0.5, 3.0
    losses = {k: v.item() for k, v in Multi3Net(config, TEXT_SIZE)(made_batch()).losses.items()}
    contrastive = sum(loss for name, loss in losses.items() if name.startswith("contrastive"))
    regression = sum(loss for name, loss in losses.items() if name.startswith("regression"))
    assert losses["total"] == pytest.approx(0.5 * contrastive + 3 * regression, rel=1e-6)


def test_terms_that_are_not_named_are_not_computed() -> None:
    config = small_config()
    config.losses.pairs, config.losses.regressions = ["pose-left"], ["reconstruction"]
    output = Multi3Net(config, TEXT_SIZE)(made_batch())
    assert list(output.losses) == ["contrastive/pose-left", "regression/reconstruction", "total"]
    assert list(output.predicted) == ["reconstruction"]
    config.losses.pairs = []
    output = Multi3Net(config, TEXT_SIZE)(made_batch())
    assert list(output.losses) == ["regression/reconstruction", "total"]


def test_regression_is_against_the_scaled_signals_left_before_right() -> None:
    model, batch = Multi3Net(small_config(), TEXT_SIZE), made_batch()
    true_BTWC = model.true_imu(batch)
    torch.testing.assert_close(true_BTWC[:, :, 0, :3], batch["imu_left"][..., :3] / 9.81)
    torch.testing.assert_close(true_BTWC[:, :, 1, 3:], batch["imu_right"][..., 3:] / 3.0)
    output = model(batch)
    for name, predicted in output.predicted.items():
        expected = (predicted - true_BTWC).square().mean()
        torch.testing.assert_close(output.losses[f"regression/{name}"], expected)


def test_every_parameter_learns() -> None:
    model = Multi3Net(small_config(), TEXT_SIZE)
    model(made_batch()).losses["total"].backward()
    still = [
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert not still


def test_descent_lowers_every_term() -> None:
    model, batch = Multi3Net(small_config(), TEXT_SIZE), made_batch()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    first = {name: loss.item() for name, loss in model(batch).losses.items()}
    for _ in range(30):
        optimizer.zero_grad()
        model(batch).losses["total"].backward()
        optimizer.step()
    last = {name: loss.item() for name, loss in model(batch).losses.items()}
    assert all(last[name] < 0.9 * first[name] for name in first), (first, last)


def test_each_wrist_has_weights_of_its_own() -> None:
    model, batch = Multi3Net(small_config(), TEXT_SIZE).eval(), made_batch()
    batch["imu_right"] = batch["imu_left"]
    embeddings = model.embed(batch)
    assert not torch.allclose(embeddings["left"], embeddings["right"], atol=1e-2)


def test_in_evaluation_an_embedding_depends_on_its_sample_alone() -> None:
    model = Multi3Net(small_config(), TEXT_SIZE)
    model(made_batch())
    model.eval()
    batch = made_batch()
    few = {name: value[:3] for name, value in batch.items()}
    for name, rows in model.embed(batch).items():
        torch.testing.assert_close(model.embed(few)[name], rows[:3], msg=name)


def test_bfloat16_weights_take_float32_batches() -> None:
    model = Multi3Net(small_config(), TEXT_SIZE).bfloat16()
    losses = model(made_batch()).losses
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    losses["total"].backward()


def test_parameters_are_counted_by_part() -> None:
    model = Multi3Net(ModelConfig(), 768)
    count = parameter_count(model)
    assert list(count) == [
        "text",
        "pose",
        "imu_left",
        "imu_right",
        "pose2imu",
        "reconstructor",
        "contrastive",
    ]
    assert sum(count.values()) == sum(parameter.numel() for parameter in model.parameters())
    # Per block 4 w^2 for attention, 2 * 2 w^2 for the perceptron, and the vectors beside them.
    block = 8 * 256**2 + 4 * 256 + 3 * 256 + 4 * 256
    ends = (60 + 1) * 256 + 6 * 256 + 2 * 256 + (6 * 256 + 1) * 256
    assert count["imu_left"] == count["imu_right"] == 4 * block + ends


def test_random_encoder_is_the_one_of_the_model() -> None:
    encoder = build_imu_encoder(small_config())
    model = Multi3Net(small_config(), TEXT_SIZE)
    encoder.load_state_dict(model.imu_left.state_dict())
    imu_BTC = made_batch()["imu_left"]
    torch.testing.assert_close(encoder(imu_BTC), model.imu_left(imu_BTC))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("embedding=0", "embedding: must be positive"),
        ("text.kernel=4", "text.kernel: must be odd, not 4"),
        ("text.channels=[]", "text.channels: must be positive"),
        ("pose.frames_per_token=7", "pose.frames_per_token: must divide the window of 60"),
        ("pose.frames_per_token=0", "pose.frames_per_token: must be positive"),
        ("pose.spatial_heads=5", "pose.spatial_heads: must divide the width of 32"),
        ("pose.joints=22", "pose.joints: must be 52, as many as shards have, not 22"),
        ("pose.spatial_blocks=-1", "pose.spatial_blocks: must be 0 or more, not -1"),
        ("imu.blocks=-3", "imu.blocks: must be 0 or more, not -3"),
        ("imu.accelerometer_scale=inf", "imu.accelerometer_scale: must be positive and finite"),
        ("imu.heads=3", "imu.heads: must divide the width of 256"),
        ("imu.gyroscope_scale=0", "imu.gyroscope_scale: must be positive"),
        ("imu.dropout=1", "imu.dropout: must be at least 0 and below 1"),
        ("decoder.unpooling=[2,2]", "decoder.unpooling: must have 3 entries"),
        ("decoder.unpooling=[2,2,7]", "decoder.unpooling: the product must divide"),
        ("losses.pairs=[text-foot]", "losses.pairs: must be some of text-left"),
        ("losses.pairs=[text-left,text-left]", "losses.pairs: must be some of"),
        ("losses.regressions=[pose]", "losses.regressions: must be some of pose2imu"),
        ("losses.temperature=0.001", "losses.temperature: must lie between"),
        ("losses.highest_temperature=inf", "losses.highest_temperature: must be positive and fin"),
        (
            "losses.contrastive_weight=nan",
            "losses.contrastive_weight: must be finite and 0 or more",
        ),
        ("losses.regression_weight=-1", "losses.regression_weight: must be finite and 0 or more"),
    ],
)
def test_a_contradiction_names_its_key(override: str, words: str) -> None:
    config = load_config(ModelConfig, None, [override])
    with pytest.raises(UserError) as error:
        Multi3Net(config, TEXT_SIZE)
    assert str(error.value).startswith(f"model.{words}")
    assert "\n" not in str(error.value)


def test_nothing_to_learn_is_refused() -> None:
    config = load_config(ModelConfig, None, ["losses.pairs=[]", "losses.regressions=[]"])
    with pytest.raises(UserError, match=r"model\.losses\.pairs"):
        Multi3Net(config, TEXT_SIZE)


def test_keys_of_the_model_are_checked_by_the_configuration(tmp_path: Path) -> None:
    preset = tmp_path / "model.yaml"
    preset.write_text("pose: {temporal_blocks: 2}\nimu: {width: 64}\n")
    config = load_config(ModelConfig, preset, ["imu.heads=4"])
    assert (config.pose.temporal_blocks, config.imu.width, config.imu.heads) == (2, 64, 4)
    with pytest.raises(UserError, match=r"imu\.width"):
        load_config(ModelConfig, preset, ["imu.width=wide"])
    with pytest.raises(UserError, match=r"imu\.heads"):
        load_config(ModelConfig, preset, ["imu.haeds=4"])
