import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from made_shards import made_sample, make_shards

from cluster.errors import UserError
from datagen.shards import ShardInfo, load_manifest, read_shard, write_shard
from pretrain.clips import Batch, Clips, cut, draw_windows, join, lay_out, read_clips
from pretrain.data import check_one_kind, open_data
from pretrain.shard import Shard, shard_cache
from pretrain.stream import Position, Stream, StreamConfig, read_ahead

SMALL = StreamConfig(open_shards=2, readers=2, ahead=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards")
    make_shards(path)
    return path


def stream_of(
    folder: Path,
    rank: int = 0,
    ranks: int = 1,
    batch: int = 8,
    seed: int = 3,
    config: StreamConfig = SMALL,
) -> Stream:
    return Stream(open_data(folder), batch, seed, rank, ranks, config)


def same(one: Batch, other: Batch) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


def test_a_window_is_the_slice_of_its_sample_and_of_one_body() -> None:
    samples = [
        made_sample(f"s{n}", n, bodies=2 + n, split="train", length=61 + 40 * n) for n in range(4)
    ]
    clips = join([lay_out(samples[:1]), lay_out(samples[1:])])
    windows = np.array([[s, t, b] for s in range(4) for t in (0, 1 + 40 * s) for b in (0, 1 + s)])
    batch = cut(clips, windows, 60)
    assert batch["pose"].shape == (16, 60, 52, 3)
    assert batch["pose"].dtype == torch.float16
    assert {batch[name].dtype for name in ("imu_left", "imu_right", "text")} == {torch.float32}
    for row, (s, t, b) in enumerate(windows):
        sample, frames = samples[s], slice(t, t + 60)
        gyro = sample.gyro_NTW3[b if len(sample.gyro_NTW3) > 1 else 0]
        for wrist, name in enumerate(("imu_left", "imu_right")):
            expected = np.concatenate([sample.acc_NTW3[b, frames, wrist], gyro[frames, wrist]], 1)
            np.testing.assert_array_equal(batch[name][row], expected)
        np.testing.assert_array_equal(batch["pose"][row], sample.pose_TJ3[frames])
        np.testing.assert_array_equal(batch["text"][row], sample.text_E)
        assert batch["key"][row] == f"s{s}"


def test_equal_sentences_share_a_caption_and_equal_clips_a_number() -> None:
    samples = [made_sample(f"s{n}", n, 2, "train", 70) for n in range(5)]
    clips = lay_out(samples)
    assert clips.caption_S[0] == clips.caption_S[4]
    assert len(set(clips.caption_S)) == 4
    assert len(set(clips.clip_S)) == 5
    assert (clips.caption_S >= 0).all()


def test_starts_reach_both_ends_of_a_sample_and_every_body_is_worn() -> None:
    clips = lay_out([made_sample("s", 1, 3, "train", 6000), made_sample("t", 2, 2, "train", 61)])
    drawn = np.concatenate([draw_windows(clips, 60, np.random.default_rng(n)) for n in range(40)])
    assert (np.bincount(drawn[:, 0]) == [4000, 40]).all()
    first, second = drawn[drawn[:, 0] == 0], drawn[drawn[:, 0] == 1]
    assert first[:, 1].min() < 30
    assert first[:, 1].max() > 5910
    assert set(second[:, 1]) == {0, 1}
    assert set(first[:, 2]) == {0, 1, 2}
    assert set(second[:, 2]) == {0, 1}


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
def test_the_ranks_share_an_epoch_equally_and_read_no_window_twice(
    folder: Path, ranks: int
) -> None:
    streams = [stream_of(folder, rank, ranks, batch=4) for rank in range(ranks)]
    assert len({stream.batches_per_epoch for stream in streams}) == 1
    shards = streams[0].data.train
    for epoch in range(2):
        seen = {
            (piece.shard, window)
            for stream in streams
            for piece in stream.pieces(epoch)
            for window in range(piece.first, piece.last)
        }
        asked = [len(piece) for stream in streams for piece in stream.pieces(epoch)]
        assert sum(asked) == len(seen) == ranks * 4 * streams[0].batches_per_epoch
        assert sum(asked) > sum(shard.windows for shard in shards) - ranks * 4 - ranks
        assert all(window < shards[shard].windows for shard, window in seen)


def test_an_epoch_holds_every_sample_about_as_often_as_it_has_windows(folder: Path) -> None:
    stream = stream_of(folder, batch=1)
    epoch = [batch for batch, _ in islice(stream.batches(), stream.batches_per_epoch)]
    counts: dict[str, int] = {}
    for batch in epoch:
        counts[batch["key"][0]] = counts.get(batch["key"][0], 0) + 1
    expected = {
        sample.key: len(sample.pose_TJ3) // 60
        for shard in stream.data.train
        for sample in read_shard(shard.path)
    }
    assert counts == expected


def test_a_stream_is_a_function_of_its_numbers(folder: Path) -> None:
    def two_epochs(**numbers: int) -> list[Batch]:
        stream = stream_of(folder, **numbers)
        return [batch for batch, _ in islice(stream.batches(), 2 * stream.batches_per_epoch)]

    once, again = two_epochs(), two_epochs()
    assert all(map(same, once, again))
    half = len(once) // 2
    assert not any(map(same, once[:half], once[half:]))
    assert not any(map(same, once, two_epochs(seed=4)))
    assert not any(map(same, two_epochs(ranks=2), two_epochs(ranks=2, rank=1)))


def test_a_position_continues_exactly_also_with_other_threads(folder: Path) -> None:
    stream = stream_of(folder)
    count = 2 * stream.batches_per_epoch + 2
    whole = list(islice(stream.batches(), count))
    assert whole[stream.batches_per_epoch - 1][1] == Position(1, 0)
    for done in range(count - 1):
        other = StreamConfig(2, readers=1 + done % 3, kept_gigabytes=done % 2, ahead=1 + done % 4)
        rest = stream_of(folder, config=other).batches(whole[done][1])
        for (batch, after), (expected, expected_after) in zip(
            islice(rest, 3), whole[done + 1 :], strict=False
        ):
            assert same(batch, expected)
            assert after == expected_after
        rest.close()


def test_a_continued_stream_does_not_open_the_shards_that_are_done(tmp_path: Path) -> None:
    make_shards(tmp_path)
    config = StreamConfig(open_shards=1)
    stream = stream_of(tmp_path, config=config)
    *_, (_, position) = islice(stream.batches(), stream.batches_per_epoch - 1)
    expected, _ = next(stream.batches(position))
    again = stream_of(tmp_path, config=config)
    for path in [path_of(tmp_path, piece.shard) for piece in again.pieces(0)[:3]]:
        path.unlink()
    assert same(next(again.batches(position))[0], expected)


@pytest.mark.parametrize("kept", [0, 2, 5])
def test_a_shard_that_is_kept_in_memory_is_read_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    epochs, shards = 8, open_data(folder).train
    largest = max(shard.info.bytes for shard in shards)
    read = []

    def noted(shard: Shard, check: bool) -> Clips:
        read.append(shard.path)
        return read_clips(shard, check)

    monkeypatch.setattr("pretrain.stream.read_clips", noted)
    stream = stream_of(folder, config=StreamConfig(2, kept_gigabytes=kept * largest / 1e9))
    for _ in islice(stream.batches(), epochs * stream.batches_per_epoch):
        pass
    # It reads a few ahead of the last batch, and what two epochs want at the same time twice.
    assert len(read) == pytest.approx(kept + (len(shards) - kept) * epochs, abs=6)


def test_the_windows_of_several_shards_are_shuffled_together(folder: Path) -> None:
    first, _ = next(stream_of(folder, batch=16, config=StreamConfig(open_shards=5)).batches())
    assert len({key[4:] for key in first["key"]}) > 8


def read_an_epoch(folder: Path) -> None:
    stream = stream_of(folder, batch=2)
    for _ in islice(stream.batches(), stream.batches_per_epoch):
        pass


def path_of(folder: Path, number: int) -> Path:
    path = open_data(folder).train[number].path
    assert isinstance(path, Path)
    return path


def flip_a_byte(folder: Path) -> str:
    path = path_of(folder, 0)
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    return path.name


def cut_off(folder: Path) -> str:
    path = path_of(folder, 1)
    path.write_bytes(path.read_bytes()[:-512])
    return path.name


def remove(folder: Path) -> str:
    path = path_of(folder, 2)
    path.unlink()
    return path.name


@pytest.mark.parametrize(
    ("damage", "says"),
    [(flip_a_byte, "checksum"), (cut_off, "bytes, not"), (remove, "missing")],
)
def test_a_damaged_shard_is_named(tmp_path: Path, damage: Callable[[Path], str], says: str) -> None:
    make_shards(tmp_path, samples=1)
    name = damage(tmp_path)
    with pytest.raises(UserError, match=f"{name}.*{says}"):
        read_an_epoch(tmp_path)


def test_a_shard_that_is_replaced_meanwhile_is_compared_again(tmp_path: Path) -> None:
    make_shards(tmp_path, samples=1)
    stream = stream_of(tmp_path, batch=1, config=replace(SMALL, kept_gigabytes=0))
    batches = stream.batches()
    list(islice(batches, stream.batches_per_epoch))
    name = flip_a_byte(tmp_path)
    with pytest.raises(UserError, match=f"{name}.*checksum"):
        list(islice(batches, 2 * stream.batches_per_epoch))


def test_mixed_text_vectors_are_refused(tmp_path: Path) -> None:
    make_shards(tmp_path, text_backends=("minilm", "instructor"), samples=1)
    mixed = r"minilm with 8 values in .*shard-000000\.tar, instructor with 8 .*shard-000001\.tar"
    with pytest.raises(UserError, match=mixed) as caught:
        open_data(tmp_path)
    assert "\n" not in str(caught.value)


def test_text_vectors_of_two_folders_must_be_of_one_kind(tmp_path: Path) -> None:
    def together(*folders: str) -> list[tuple[Path, ShardInfo]]:
        return [
            (shard.path(tmp_path / folder), shard)
            for folder in folders
            for shard in load_manifest(tmp_path / folder).shards
        ]

    for folder, backend in (("one", "minilm"), ("two", "minilm"), ("three", "instructor")):
        make_shards(tmp_path / folder, text_backends=(backend,), samples=1)
    check_one_kind(together("one", "two"))
    with pytest.raises(UserError, match=r"minilm .*one/shard-000000.*instructor .*three/shard-"):
        check_one_kind(together("one", "two", "three"))


def test_a_text_vector_of_another_size_than_the_shard_says_is_named(tmp_path: Path) -> None:
    samples = [made_sample(f"s{n}", n, 2, "train", 120) for n in range(2)]
    samples[1] = replace(samples[1], text_E=np.zeros(5, np.float16))
    info = write_shard(
        tmp_path,
        0,
        samples,
        source="made",
        split="train",
        config_digest="made",
        text_backend="made",
        clips=2,
        failures=[],
    )
    with pytest.raises(
        UserError, match=r"shard-000000\.tar: the text vector of s0 has 8 values, not 5"
    ):
        read_clips(Shard(info.path(tmp_path), info, shard_cache(), None, 4, 240), check=True)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    make_shards(tmp_path, validation_shards=0, samples=1)
    with pytest.raises(UserError, match="no validation windows"):
        open_data(tmp_path)


def test_too_few_shards_or_windows_are_refused_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(UserError, match="5 training shards for 6 ranks"):
        stream_of(folder, ranks=6, batch=1)
    with pytest.raises(UserError, match="do not fill one batch of 500"):
        stream_of(folder, batch=500)


def test_reading_ahead_hands_on_errors_and_ends_its_thread() -> None:
    def numbers() -> Generator[int, None, None]:
        yield from range(3)
        raise UserError("no more")

    before = threading.active_count()
    ahead = read_ahead(numbers(), 2)
    assert list(islice(ahead, 3)) == [0, 1, 2]
    with pytest.raises(UserError, match="no more"):
        next(ahead)
    endless = read_ahead((n for n in iter(int, 1)), 2)
    assert next(endless) == 0
    endless.close()
    assert threading.active_count() == before
