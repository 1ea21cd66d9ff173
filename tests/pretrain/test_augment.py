"""Augmented signals against closed forms; off, nothing changes, and a run continues exactly."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from made_shards import make_shards
from test_stream import same
from test_train import train_until_broken_off
from training import TINY, arguments, results

from cluster.config import load_config
from cluster.errors import UserError
from pretrain import train
from pretrain.augment import AugmentConfig, Axis, augment, draw_turns, turn, warp
from pretrain.clips import Batch
from pretrain.config import TrainConfig
from pretrain.data import open_data
from pretrain.model import Multi3Net
from pretrain.stages import open_stages
from pretrain.stream import Stream, StreamConfig
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

ALL = AugmentConfig(180, Axis.any, 0.1, 0.05, 0.2, 0.3, 0.3)
KEYS = [
    "augment.rotation=20",
    "augment.accelerometer_noise=0.1",
    "augment.time_warp=0.1",
    "augment.drop_wrist=0.2",
    "augment.drop_gyroscope=0.2",
]


def augmented(batch: Batch, seed: int = 0, **keys: object) -> Batch:
    return augment(batch, AugmentConfig(**keys), np.random.default_rng(seed))  # type: ignore[arg-type]


def test_off_returns_the_batch_itself() -> None:
    batch = made_batch()
    assert augmented(batch) is batch


def test_a_turned_sensor_keeps_magnitudes_and_the_angle_between_its_vectors() -> None:
    batch = made_batch(64)
    seen = augmented(batch, rotation=180)
    for wrist in ("left", "right"):
        old, new = batch[f"imu_{wrist}"], seen[f"imu_{wrist}"]
        assert not torch.allclose(old, new, atol=0.1)
        for part in (slice(0, 3), slice(3, 6)):
            torch.testing.assert_close(new[..., part].norm(dim=-1), old[..., part].norm(dim=-1))
        torch.testing.assert_close(
            (new[..., :3] * new[..., 3:]).sum(-1),
            (old[..., :3] * old[..., 3:]).sum(-1),
            atol=1e-3,
            rtol=1e-4,
        )
    assert torch.equal(seen["clean_left"], batch["imu_left"])
    assert torch.equal(seen["pose"], batch["pose"])


def test_a_quarter_turn_about_the_forearm_takes_y_to_z() -> None:
    imu = torch.tensor([1.0, 2, 3, 4, 5, 6]).expand(1, 60, 6)
    quarter = torch.tensor([[[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]])
    assert torch.equal(turn(imu, quarter)[0, 0], torch.tensor([1.0, -3, 2, 4, -6, 5]))


@pytest.mark.parametrize("axis", list(Axis))
def test_turns_are_as_large_as_asked_for_and_about_the_axis(axis: Axis) -> None:
    turns = draw_turns(AugmentConfig(30, axis), 2000, np.random.default_rng(0)).double()
    angle = ((turns.diagonal(dim1=1, dim2=2).sum(-1) - 1) / 2).clamp(-1, 1).arccos().rad2deg()
    assert 29 < angle.max() <= 30.01
    assert angle.mean() == pytest.approx(15, abs=0.7)
    is_about_x = torch.allclose(turns[:, :, 0], torch.tensor([1.0, 0, 0]).double())
    assert is_about_x == (axis is Axis.forearm)


def test_noise_has_the_deviation_of_each_sensor() -> None:
    batch = made_batch(400)
    seen = augmented(batch, accelerometer_noise=0.5, gyroscope_noise=0.02)
    noise = seen["imu_right"] - batch["imu_right"]
    assert noise[..., :3].std() == pytest.approx(0.5, rel=0.02)
    assert noise[..., 3:].std() == pytest.approx(0.02, rel=0.02)
    assert noise.mean() == pytest.approx(0, abs=0.01)


def test_a_warped_ramp_is_the_closed_form_and_keeps_its_ends() -> None:
    """Linear interpolation is exact for a signal that is linear in time."""
    ramp = torch.arange(60.0)[None, :, None].expand(3, 60, 6)
    amount = np.array([-0.2, 0.0, 0.2])
    frame = np.arange(60)
    expected = frame + amount[:, None] * 59 / np.pi * np.sin(np.pi * frame / 59)
    seen = warp(ramp, amount)
    np.testing.assert_allclose(seen[..., 0], expected, atol=1e-4)
    assert torch.equal(seen[1], ramp[1])
    steps = seen[2, :, 0].diff()
    assert steps.max() == pytest.approx(1.2, abs=0.01)
    assert steps.min() == pytest.approx(0.8, abs=0.01)


def test_wrists_and_gyroscopes_are_lost_as_often_as_asked_for() -> None:
    batch = made_batch(4000)
    seen = augmented(batch, drop_wrist=0.3)
    left, right = ((seen[f"imu_{wrist}"] == 0).all((1, 2)) for wrist in ("left", "right"))
    assert (left | right).float().mean() == pytest.approx(0.3, abs=0.03)
    assert left.float().mean() == pytest.approx(0.15, abs=0.03)
    assert not (left & right).any()
    assert torch.equal(seen["imu_left"][~left], batch["imu_left"][~left])
    seen = augmented(batch, drop_gyroscope=0.2)
    lost = (seen["imu_left"][..., 3:] == 0).all((1, 2))
    assert lost.float().mean() == pytest.approx(0.2, abs=0.03)
    assert torch.equal(lost, (seen["imu_right"][..., 3:] == 0).all((1, 2)))
    assert torch.equal(seen["imu_left"][..., :3], batch["imu_left"][..., :3])


def test_the_decoders_have_to_predict_the_clean_signals() -> None:
    torch.manual_seed(0)
    model = Multi3Net(small_config(), TEXT_SIZE).eval()
    batch = made_batch()
    seen = augment(batch, ALL, np.random.default_rng(0))
    assert torch.equal(model.true_imu(seen), model.true_imu(batch))
    plain, other = model(batch), model(seen)
    # Pose2IMU sees nothing of the IMU; the reconstruction and the contrast do.
    assert torch.equal(plain.losses["regression/pose2imu"], other.losses["regression/pose2imu"])
    assert not torch.equal(plain.embeddings["left"], other.embeddings["left"])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder)
    return folder


def test_a_stream_is_augmented_by_its_position(data: Path) -> None:
    def stream(config: AugmentConfig, rank: int = 0) -> Stream:
        return Stream(open_data(data), 4, 0, rank, 2, StreamConfig(), config)

    plain = list(islice(stream(AugmentConfig()).batches(), 5))
    whole = list(islice(stream(ALL).batches(), 5))
    for (clean, _), (seen, _) in zip(plain, whole, strict=True):
        assert torch.equal(seen["clean_left"], clean["imu_left"])
        assert torch.equal(seen["text"], clean["text"])
    for done in range(4):
        again, after = next(stream(ALL).batches(whole[done][1]))
        assert same(again, whole[done + 1][0])
        assert after == whole[done + 1][1]


def test_a_run_with_augmentation_continues_exactly(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(output: str) -> list[str]:
        return arguments(data, tmp_path / output, "steps=4", *KEYS)

    config = train.read_config(command("whole"))
    assert open_stages(config, 0, 1)[0].augmentation == config.augment
    assert not config.augment.is_off
    train.main(command("whole"))
    train_until_broken_off([*command("broken"), "save.every=2"], 3, monkeypatch)
    train.main(command("broken"))
    assert results(tmp_path / "broken") == results(tmp_path / "whole")


def test_the_paper_augments_nothing() -> None:
    for preset in (TINY.parents[2] / "configs" / "pretrain").glob("paper*.yaml"):
        assert load_config(TrainConfig, preset, []).augment.is_off


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("augment.rotation=181", "augment.rotation: must be from 0 to 180, not 181"),
        ("augment.time_warp=1", "augment.time_warp: must be from 0 to 0.9"),
        ("augment.drop_wrist=-0.1", "augment.drop_wrist: must be from 0 to 1"),
        ("augment.gyroscope_noise=.nan", "augment.gyroscope_noise: must be from 0, not nan"),
        ("augment.rotation_axis=y", "augment.rotation_axis"),
        ("augment.rotate=1", "nearest known key is augment.rotat"),
    ],
)
def test_a_mistake_names_the_key(data: Path, tmp_path: Path, override: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        train.main(arguments(data, tmp_path, override))
