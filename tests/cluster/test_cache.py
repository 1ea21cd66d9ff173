import hashlib
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster.cache import Cache
from cluster.errors import UserError
from cluster.storage import location
from tests.web import served

SIZE = 1000


@pytest.fixture
def web(tmp_path):
    """Five files of a thousand bytes on a server."""
    folder = tmp_path / "there"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}").write_bytes(content(number))
    with served(folder) as web:
        yield web


def content(number):
    return bytes([number]) * SIZE


def opened(cache, web, number, size=SIZE):
    sha256 = hashlib.sha256(content(number)).hexdigest()
    return cache.open(location(f"{web.url}/{number}"), sha256, size)


def read(cache, web, number):
    with opened(cache, web, number) as file:
        return file.read()


def kept(cache):
    names = (".lock", ".fetching")
    return [path for path in cache.folder.iterdir() if not path.name.endswith(names)]


def test_a_file_is_fetched_once(web, tmp_path):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    for _ in range(3):
        assert read(cache, web, 1) == content(1)
    assert web.asked["/1"] == 1
    assert read(Cache(tmp_path / "cache", 3 * SIZE), web, 1) == content(1)
    assert web.asked["/1"] == 1


def test_what_several_want_at_once_is_fetched_once(web, tmp_path):
    caches = [Cache(tmp_path / "cache", 3 * SIZE) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda cache: read(cache, web, 1), caches)) == {content(1)}
    assert web.asked["/1"] == 1


def test_a_copy_that_is_cut_off_is_fetched_anew(web, tmp_path):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    read(cache, web, 1)
    (copy,) = kept(cache)
    os.truncate(copy, SIZE // 2)
    assert read(cache, web, 1) == content(1)
    assert web.asked["/1"] == 2


def test_what_was_not_read_for_longest_makes_room(web, tmp_path):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    for number in (0, 1, 2, 0, 3, 4):
        time.sleep(0.002)
        assert read(cache, web, number) == content(number)
        assert sum(path.stat().st_size for path in kept(cache)) <= 3 * SIZE
    for number in (0, 3, 4):
        read(cache, web, number)
    assert [web.asked[f"/{number}"] for number in range(5)] == [1, 1, 1, 1, 1]


def test_what_is_removed_can_be_read_to_its_end(web, tmp_path):
    cache = Cache(tmp_path / "cache", SIZE)
    with opened(cache, web, 0) as file:
        read(cache, web, 1)
        assert file.read() == content(0)


def test_another_user_s_copy_is_read(web, tmp_path, monkeypatch):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    read(cache, web, 1)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "utime", refuse)
    assert read(cache, web, 1) == content(1)
    assert web.asked["/1"] == 1


def test_other_bytes_are_refused_and_not_kept(web, tmp_path):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    (tmp_path / "there" / "0").write_bytes(b"x" * SIZE)
    with pytest.raises(UserError, match="/0: its bytes do not match their checksum"):
        read(cache, web, 0)
    with pytest.raises(FileNotFoundError):
        opened(cache, web, 9)
    assert kept(cache) == []


def test_what_is_fetched_counts_and_what_a_killed_process_left_goes(web, tmp_path):
    cache = Cache(tmp_path / "cache", 3 * SIZE)
    dead = subprocess.Popen(["true"])
    dead.wait()
    cache.folder.mkdir()
    mine, other = (cache.folder / f".{pid}.{2 * SIZE}.ab.part" for pid in (os.getpid(), dead.pid))
    mine.touch()
    other.touch()
    read(cache, web, 0)
    assert not other.exists()
    with pytest.raises(UserError, match="3,000 bytes of cache are too few"):
        opened(cache, web, 1, size=2 * SIZE)
    assert mine.exists()


def test_what_else_lies_in_the_folder_stays_and_does_not_count(web, tmp_path):
    cache = Cache(tmp_path, 2 * SIZE)
    (tmp_path / "letter.txt").write_bytes(b"x" * 5 * SIZE)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "letter.txt").write_text("x")
    (tmp_path / ("a" * 64)).mkdir()
    before = {path.name for path in kept(cache)}
    os.utime(tmp_path / "letter.txt", (0, 0))
    for number in (0, 1, 2):
        assert read(cache, web, number) == content(number)
    names = {path.name for path in kept(cache)}
    assert names > before
    assert len(names - before) == 2
    assert (tmp_path / "letter.txt").stat().st_size == 5 * SIZE
    assert (tmp_path / "deep" / "letter.txt").read_text() == "x"


def test_a_local_file_is_read_where_it_lies(tmp_path):
    (tmp_path / "0").write_bytes(content(0))
    cache = Cache(tmp_path / "cache", 1)
    with cache.open(tmp_path / "0", "", SIZE) as file:
        assert file.read() == content(0)
    assert not cache.folder.exists()
