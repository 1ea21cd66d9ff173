"""Windows of other lengths than a second: cut from clips, shared out, judged, continued."""

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from made_shards import made_sample, make_shards
from test_train import train_until_broken_off
from training import arguments, results

from cluster.errors import UserError
from datagen.sample import Sample
from datagen.shards import load_manifest, read_shard, write_shard
from pretrain import train
from pretrain.clips import Batch, draw_windows, read_clips
from pretrain.data import Data, open_data
from pretrain.encoders import TimeEncoder
from pretrain.evaluate import draw_pool, validation_pool
from pretrain.release import load_pretrained
from pretrain.scorecard import EvaluateConfig, evaluate
from pretrain.shard import Shard, shard_cache
from pretrain.share import share_of
from pretrain.stream import Stream, StreamConfig

WINDOWS = (120, 240)
CONVOLUTION = (
    "steps=4",
    "save.every=2",
    "model.window=120",
    "model.imu.kind=convolution",
    "model.imu.convolution.channels=[8,8,16]",
    "model.imu.convolution.strides=[2,2,2]",
    "augment.mirror=0.5",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return shards of samples with 200, 217, 234, 251 and 268 frames."""
    path = tmp_path_factory.mktemp("shards")
    make_shards(path, samples=5, validation_shards=2)
    return path


def samples_of(folder: Path, split: str) -> dict[str, Sample]:
    return {
        sample.key: sample
        for info in load_manifest(folder).of_split(split)
        for sample in read_shard(info.path(folder))
    }


def epoch_of(data: Data, seed: int = 0) -> list[Batch]:
    stream = Stream(data, 1, seed, 0, 1, StreamConfig(open_shards=2))
    return [batch for batch, _ in islice(stream.batches(), stream.batches_per_epoch)]


def keys_of(batches: list[Batch]) -> list[str]:
    return [key for batch in batches for key in batch["key"]]


def is_cut_out_of(sample: Sample, batch: Batch, window: int) -> bool:
    """Look for the window at every frame of its sample, on every body."""
    frames, bodies = len(sample.pose_TJ3), len(sample.acc_NTW3)
    pose = batch["pose"][0].numpy()
    for first in range(frames - window + 1):
        here = slice(first, first + window)
        if not np.array_equal(sample.pose_TJ3[here], pose):
            continue
        for body in range(bodies):
            acc = sample.acc_NTW3[body, here]
            gyro = sample.gyro_NTW3[min(body, len(sample.gyro_NTW3) - 1), here]
            signals = np.concatenate([acc, gyro], axis=-1)
            if np.array_equal(signals[:, 0], batch["imu_left"][0]) and np.array_equal(
                signals[:, 1], batch["imu_right"][0]
            ):
                return True
    return False


@pytest.mark.parametrize("window", WINDOWS)
def test_an_epoch_holds_slices_of_the_samples_as_many_as_fit(folder: Path, window: int) -> None:
    samples = samples_of(folder, "train")
    epoch = epoch_of(open_data(folder, window=window))
    assert {tuple(batch["pose"].shape) for batch in epoch} == {(1, window, 52, 3)}
    assert all(is_cut_out_of(samples[batch["key"][0]], batch, window) for batch in epoch)
    fitting = {key: len(sample.pose_TJ3) // window for key, sample in samples.items()}
    assert sorted(keys_of(epoch)) == sorted(key for key, n in fitting.items() for _ in range(n))


def test_a_share_is_one_of_the_clips_that_are_long_enough(folder: Path) -> None:
    long = {key for key, each in samples_of(folder, "train").items() if len(each.pose_TJ3) >= 240}
    assert len(long) == 10
    whole, half = open_data(folder, window=240), open_data(folder, window=240, share=0.5)
    assert set(keys_of(epoch_of(whole))) == long
    chosen = set(keys_of(epoch_of(half)))
    assert len(chosen) == 5
    assert chosen < long
    assert [each.clips for each in half.validation] == [each.clips for each in whole.validation]


def test_what_is_too_short_is_said(folder: Path) -> None:
    lengths = np.array([len(each.pose_TJ3) for each in samples_of(folder, "train").values()])
    left_out = lengths[lengths < 240].sum() / lengths.sum()
    data = open_data(folder, window=240)
    hours = lengths[lengths >= 240].sum() / 60 / 3600
    assert data.describe() == (
        f"{hours:.2f} h of made without the {100 * left_out:.3g} % in stretches shorter than 4 s"
    )
    assert open_data(folder, window=240, share=0.5).too_short == data.too_short
    assert "without" not in open_data(folder, window=120).describe()
    assert "without" not in open_data(folder).describe()


def test_of_a_clip_s_stretches_the_short_ones_alone_are_left_out(tmp_path: Path) -> None:
    stretches = [
        replace(sample, meta={**sample.meta, "clip": "one"})
        for sample in (
            made_sample("one-0", 0, 2, "train", 100),
            made_sample("one-1", 1, 2, "train", 300),
        )
    ]
    info = write_shard(
        tmp_path,
        0,
        stretches,
        source="made",
        split="train",
        config_digest="made",
        text_backend="made",
        clips=1,
        failures=[],
    )
    shard = Shard(info.path(tmp_path), info, shard_cache(), None, info.windows, info.frames)
    found = share_of([shard], 1.0, 240)
    assert found.too_short == {"made": 0.25}
    (kept,) = found.shards
    assert (kept.windows, kept.frames, kept.clips) == (1, 300, {"one"})
    clips = read_clips(kept, check=True)
    drawn = [draw_windows(clips, 240, np.random.default_rng(seed)) for seed in range(20)]
    assert {len(windows_V3) for windows_V3 in drawn} == {1}
    keys = {clips.keys[index] for index in np.concatenate(drawn)[:, 0]}
    assert keys == {"one-1"}
    assert draw_pool([kept], 10, 0, 240)[1][:, 0].tolist() == [1]


def test_no_clip_as_long_as_a_window_is_one_line(tmp_path: Path) -> None:
    make_shards(tmp_path / "shards", samples=1, length=100)
    with pytest.raises(UserError, match="no train clip is as long as a window of 240") as error:
        train.main(arguments(tmp_path / "shards", tmp_path / "run", "model.window=240"))
    assert str(error.value).endswith(
        "240 frames, 4 s; make longer clips, or pre-train with a smaller model.window"
    )


def test_the_windows_of_the_pool_do_not_overlap(folder: Path) -> None:
    pool = validation_pool(open_data(folder, window=120), 1000, seed=0)
    samples = samples_of(folder, "validation")
    assert len(pool["key"]) == sum(len(each.pose_TJ3) // 120 for each in samples.values())
    frames = pool["pose"].flatten(2).flatten(0, 1)
    assert len(frames.unique(dim=0)) == 120 * len(pool["key"])


def test_a_run_with_windows_of_two_seconds_continues_exactly_and_can_be_judged(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(output: str) -> list[str]:
        return arguments(folder, tmp_path / output, *CONVOLUTION)

    train.main(command("whole"))
    train_until_broken_off(command("broken"), 3, monkeypatch)
    train.main(command("broken"))
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    release = tmp_path / "broken" / "release"
    pretrained = load_pretrained(release)
    assert isinstance(pretrained.imu_left, TimeEncoder)
    assert pretrained.config.window == 120
    evaluate(release, folder, EvaluateConfig(windows=10, probe_windows=40))
    scores = json.loads((release / "evaluation.json").read_text())
    windows = [len(each.pose_TJ3) // 120 for each in samples_of(folder, "validation").values()]
    assert scores["probe"]["windows"] == sum(windows)
    assert np.isfinite(list(scores["error"].values())).all()
