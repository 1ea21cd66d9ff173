"""A share of the clips: by name, nested, the same whatever else differs."""

from itertools import islice, pairwise
from pathlib import Path

import pytest
from made_shards import make_shards
from training import arguments, records

from cluster.errors import UserError
from datagen.shards import load_manifest, read_shard
from pretrain import train
from pretrain.data import Data, open_data
from pretrain.share import choose_clips
from pretrain.stream import Stream, StreamConfig

SHARES = (0.1, 0.25, 0.5, 0.8)
CLIPS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shards")
    make_shards(path, train_shards=6, samples=5, length=100)
    return path


def drawn(data: Data, seed: int = 0) -> list[str]:
    """Return the clips of the windows of an epoch, in order."""
    stream = Stream(data, 1, seed, 0, 1, StreamConfig())
    epoch = islice(stream.batches(), stream.batches_per_epoch)
    return [key for batch, _ in epoch for key in batch["key"]]


def test_a_share_has_as_many_clips_of_each_source_as_it_says() -> None:
    clips = [(source, f"{n}") for source, count in (("a", 200), ("b", 40)) for n in range(count)]
    for share in SHARES:
        chosen = choose_clips(clips, share)
        assert sum(source == "a" for source, _ in chosen) == 200 * share
        assert sum(source == "b" for source, _ in chosen) == 40 * share
    assert len(choose_clips(clips, 0.001)) == 2
    assert choose_clips(clips, 1) == set(clips)


def test_a_larger_share_holds_a_smaller_one_in_any_order() -> None:
    clips = [("a", f"{n}") for n in range(97)]
    chosen = [choose_clips(clips, percent / 100) for percent in range(1, 101)]
    assert all(one <= other for one, other in pairwise(chosen))
    assert choose_clips(reversed(clips), 0.3) == chosen[29]


def test_an_epoch_of_a_share_has_all_windows_of_its_clips_and_no_others(folder: Path) -> None:
    whole = drawn(open_data(folder))
    known = set(whole)
    assert len(known) == CLIPS
    before: set[str] = set()
    for share in SHARES:
        data = open_data(folder, share=share)
        windows = drawn(data)
        assert len(set(windows)) == round(CLIPS * share)
        assert set(windows) >= before
        assert sorted(windows) == sorted(key for key in whole if key in set(windows))
        assert set(drawn(data, seed=7)) == set(windows)
        before = set(windows)


def test_a_share_counts_its_motion_and_leaves_validation_whole(folder: Path) -> None:
    whole, half = open_data(folder), open_data(folder, share=0.5)
    kept = set(drawn(half))
    frames = sum(
        len(sample.pose_TJ3)
        for info in load_manifest(folder).of_split("train")
        for sample in read_shard(info.path(folder))
        if sample.key in kept
    )
    assert sum(shard.seconds for shard in half.train) == pytest.approx(frames / 60)
    assert [each.info for each in half.validation] == [each.info for each in whole.validation]
    assert {each.clips for each in half.validation} == {None}
    assert half.identity == whole.identity


def test_the_command_takes_a_share_and_continues_only_with_the_same(
    folder: Path, tmp_path: Path
) -> None:
    train.main(arguments(folder, tmp_path, "share=0.5", "steps=2"))
    assert len(records(tmp_path)) == 2
    with pytest.raises(UserError, match=r"share: is 0\.6, but .* was made with 0\.5"):
        train.main(arguments(folder, tmp_path, "share=0.6", "steps=2"))
    for share in ("0", "1.5", "20"):
        with pytest.raises(UserError, match="share: must lie above 0 and at most at 1"):
            train.main(arguments(folder, tmp_path, f"share={share}"))
