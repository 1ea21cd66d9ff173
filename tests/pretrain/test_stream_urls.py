"""Shards on a web server: the same batches as from a disk, or one line."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import pytest
from made_shards import make_shards
from test_stream import same
from training import arguments, results

from cluster import stores
from cluster.errors import UserError
from cluster.lock import LOCK
from cluster.storage import location
from pretrain import train
from pretrain.data import open_data
from pretrain.shard import shard_cache
from pretrain.stream import Stream, StreamConfig
from tests.web import Web, served


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "PAUSES", (0.01, 0.01))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    make_shards(folder)
    return folder


@pytest.fixture
def web(here: Path) -> Iterator[Web]:
    with served(here) as web:
        yield web


def streamed(place: str, cache: Path, gigabytes: float = 1, share: float = 1) -> Stream:
    data = open_data(location(place), cache=shard_cache(str(cache), gigabytes), share=share)
    return Stream(data, 8, 0, 0, 1, StreamConfig(open_shards=5, readers=1, kept_gigabytes=0))


def tars(asked: Web) -> dict[str, int]:
    return {path: count for path, count in asked.asked.items() if path.endswith(".tar")}


@pytest.mark.parametrize("share", [1, 0.5])
def test_batches_are_those_of_a_local_folder(
    here: Path, web: Web, tmp_path: Path, share: float
) -> None:
    local = streamed(str(here), tmp_path / "unused", share=share)
    remote = streamed(web.url, tmp_path / "cache", share=share)
    assert remote.data.identity == local.data.identity
    count = 2 * local.batches_per_epoch
    pairs = zip(islice(local.batches(), count), islice(remote.batches(), count), strict=True)
    for (batch, after), (other, other_after) in pairs:
        assert same(batch, other)
        assert after == other_after
    # Two epochs, and each shard has come once; a local one is not copied.
    assert set(tars(web).values()) == {1}
    assert not (tmp_path / "unused").exists()


def bytes_in(cache: Path) -> int:
    """While nothing is removed, though the stream's reader may finish a copy, which renames it."""
    total = 0
    with open(cache / LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in cache.iterdir():
            with suppress(FileNotFoundError):
                total += path.stat().st_size
    return total


def test_the_cache_is_each_user_s_own(monkeypatch):
    folders = set()
    for user in (1000, 1001):
        monkeypatch.setattr(os, "getuid", lambda user=user: user)
        folders.add(shard_cache().folder)
    assert len(folders) == 2


def test_the_cache_stays_within_its_bytes(here: Path, web: Web, tmp_path: Path) -> None:
    largest = max(path.stat().st_size for path in here.glob("*.tar"))
    stream = streamed(web.url, tmp_path / "cache", gigabytes=2.5 * largest / 1e9)
    for _ in islice(stream.batches(), 2 * stream.batches_per_epoch):
        assert bytes_in(tmp_path / "cache") <= 2.5 * largest
    assert max(tars(web).values()) > 1


def test_the_command_learns_the_same_from_a_url_and_may_move(
    here: Path, web: Web, tmp_path: Path
) -> None:
    train.main(arguments(here, tmp_path / "local", "steps=3"))
    at_url = [f"data={web.url}", f"stream.cache={tmp_path / 'cache'}"]
    train.main([*arguments(here, tmp_path / "remote", "steps=3"), *at_url])
    assert results(tmp_path / "remote") == results(tmp_path / "local")
    # The same shards elsewhere are the same data.
    train.main([*arguments(here, tmp_path / "local", "steps=3"), *at_url])


def message(stream: Stream) -> str:
    with pytest.raises(UserError) as caught:
        for _ in islice(stream.batches(), stream.batches_per_epoch):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_shard_of_other_bytes_is_one_line(here: Path, web: Web, tmp_path: Path) -> None:
    path = sorted(here.glob("*.tar"))[2]
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(data)
    said = message(streamed(web.url, tmp_path / "cache"))
    assert said == f"{web.url}/{path.name}: its bytes do not match their checksum"


def test_a_store_that_stops_answering_is_one_line(
    here: Path, web: Web, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = streamed(web.url, tmp_path / "cache")
    web.failures = {f"/{path.name}": [503] * 100 for path in here.glob("*.tar")}
    assert "does not answer" in message(stream)
    assert "trying again" in capfd.readouterr().err
    # Once it is known, the shards that wait for their turn are not asked for as well.
    assert len(tars(web)) <= 2
    # Another time it is there again: a few answers that do not come are waited for.
    web.failures = {f"/{path.name}": ["cut", 503] for path in here.glob("*.tar")}
    next(stream.batches())


def test_a_shard_that_is_gone_is_one_line(here: Path, web: Web, tmp_path: Path) -> None:
    path = sorted(here.glob("*.tar"))[1]
    stream = streamed(web.url, tmp_path / "cache")
    path.unlink()
    assert f"{path.name}: cannot be read" in message(stream)
    with pytest.raises(UserError, match=f"{path.name}: is missing"):
        streamed(web.url, tmp_path / "cache")


def test_a_cache_that_is_too_small_is_one_line(web: Web, tmp_path: Path) -> None:
    assert "too few for what is read" in message(streamed(web.url, tmp_path / "cache", 1e-6))
