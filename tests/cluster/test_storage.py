import errno
import importlib.util
import pickle
import re
from pathlib import Path, PurePosixPath

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from cluster import stores
from cluster.errors import UserError
from cluster.runs import replace_when_whole, write_json, write_run_record
from cluster.secrets import redacted
from cluster.storage import Url, files_in, local_folder, location, remove_parts, size_of
from tests.cluster.test_config import Outer
from tests.web import served

FILES = {
    "one.csv": "file,description\n",
    "deep/er/walk (1).bvh": "HIERARCHY\n",
    "deep/a b#c%20d?.txt": "ein Wort: Türöffner\n",
    "deep/empty.npz": "",
}


@pytest.fixture
def here(tmp_path):
    """The same few files on the disk, for all kinds of stores."""
    folder = tmp_path / "here"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def web(here, monkeypatch):
    monkeypatch.setattr(stores, "PAUSES", (0.01, 0.01))
    with served(here) as web:
        yield web


@pytest.fixture(params=["memory", "http", "http/", "file"])
def there(request, here):
    """The files at a URL of each kind."""
    if request.param == "file":
        return location(f"file://{here}")
    if request.param.startswith("http"):
        return location(request.getfixturevalue("web").url + request.param.removeprefix("http"))
    folder = request.getfixturevalue("memory")
    for path in files_in(here):
        if path.is_file():
            (folder / path.relative_to(here).as_posix()).put(path)
    return folder


def test_what_lies_at_a_url_is_what_lies_in_the_folder(here, there):
    found = {path.relative_to(str(there)).as_posix(): path for path in files_in(there)}
    found = {way: path for way, path in found.items() if path.is_file()}
    assert sorted(found) == sorted(FILES)
    for way, path in found.items():
        assert path == there / way
        assert path.read_text() == FILES[way]
        assert (path.is_file(), path.is_dir(), path.exists()) == (True, False, True)
        assert size_of(path) == len(FILES[way].encode())
        with path.open("rb") as file:
            assert file.read() == FILES[way].encode()
    assert sorted(entry.name for entry in there.iterdir()) == ["deep", "one.csv"]
    deep, absent = there / "deep", there / "absent.csv"
    assert (deep.is_dir(), deep.is_file(), deep.exists(), there.is_dir()) == (
        True,
        False,
        True,
        True,
    )
    assert (absent.is_dir(), absent.is_file(), absent.exists()) == (False, False, False)
    with pytest.raises(FileNotFoundError, match="No such file") as missing:
        absent.open("rb")
    assert missing.value.errno == errno.ENOENT


def test_linked_folders_are_followed_and_each_is_read_once(here, tmp_path):
    (tmp_path / "disk" / "day 2").mkdir(parents=True)
    (tmp_path / "disk" / "day 2" / "far.bvh").touch()
    (here / "a_link").symlink_to(here / "deep")
    (here / "b_link").symlink_to("../disk")
    (here / "c_link").symlink_to(tmp_path / "disk")
    (here / "deep" / "again").symlink_to(here)
    (tmp_path / "disk" / "day 2" / "up").symlink_to("..")
    (here / "file.csv").symlink_to("one.csv")
    (here / "nothing").symlink_to("absent")
    (here / "itself").symlink_to("itself")
    found = sorted(path.relative_to(here).as_posix() for path in files_in(here))
    assert found == sorted([*FILES, "b_link/day 2/far.bvh", "file.csv", "nothing", "itself"])
    (tmp_path / "link").symlink_to(here)
    assert len([*files_in(tmp_path / "link")]) == len(found)


def test_a_folder_that_cannot_be_read_is_one_line(here):
    with pytest.raises(UserError, match=r"one\.csv: cannot be read \(Not a directory\); let"):
        [*files_in(here / "one.csv")]


def test_other_links_of_an_index_page_are_not_followed(web, here):
    (here / "deep" / "index.html").write_text(
        '<a href="?C=N;O=D">Name</a> <a href="/">Parent Directory</a> <a href="../">Up</a>'
        '<a href="../one.csv">one</a> <a href="https://example.org/x.bvh">elsewhere</a>'
        f'<a href="er/">er/</a> <a href="/deep/empty.npz">e</a> <a href="{web.url}/deep/b.npz">'
    )
    deep = location(f"{web.url}/deep")
    assert sorted(each.relative_to(str(deep)).as_posix() for each in deep.files()) == [
        "b.npz",
        "empty.npz",
        "er/walk (1).bvh",
    ]


@pytest.mark.parametrize("way", ["a.npz", "a/b.c.tar", "a b/.hidden", "x#y/z?", "no_ending"])
@pytest.mark.parametrize("top", ["s3://bucket/data", "http://host:80/data", "memory://data"])
def test_names_are_those_of_pathlib(top, way):
    url, path = location(top) / way, PurePosixPath("data") / way
    assert (url.name, url.stem, url.suffix) == (path.name, path.stem, path.suffix)
    assert url.parent.name == path.parent.name
    assert url.with_name("other").name == "other"
    assert url.with_name("other").parent == url.parent
    assert url.relative_to(top).as_posix() == way
    assert url.as_posix().endswith(str(path))
    assert location(str(url)) == url
    assert pickle.loads(pickle.dumps(url)) == url


def test_a_query_stays_behind_the_path():
    url = location("https://host/models/SMPLH.npz?sig=abc&se=2027")
    assert (url.name, url.suffix) == ("SMPLH.npz", ".npz")
    assert str(url.with_name("b.csv")) == "https://host/models/b.csv?sig=abc&se=2027"


def test_paths_stay_paths():
    assert location("runs/shards") == Path("runs/shards")
    assert location("file:///runs/shards") == Path("/runs/shards")
    assert location("C:/runs") == Path("C:/runs")
    assert location("S3://bucket/x") == Url("S3://bucket/x")


def test_a_run_writes_to_this_machine():
    assert local_folder("file:///runs/a", "output") == Path("/runs/a")
    message = r"output=s3://bucket/a: must be a folder of this machine, not a URL"
    with pytest.raises(UserError, match=message):
        local_folder("s3://bucket/a", "output")


@pytest.mark.parametrize("failures", [[503], [500, 429], ["cut"]])
def test_what_fails_once_is_asked_for_again(web, failures, capsys):
    web.failures["/one.csv"] = list(failures)
    assert location(f"{web.url}/one.csv").read_text() == FILES["one.csv"]
    assert web.asked["/one.csv"] == len(failures) + 1
    assert capsys.readouterr().err.count("trying again in 0.01 s") == len(failures)


def test_a_store_that_does_not_answer_is_one_line(web):
    web.failures["/one.csv"] = [503] * 10
    with pytest.raises(UserError, match=r"one.csv: does not answer \(503.*type the same command"):
        location(f"{web.url}/one.csv").open("rb")
    assert web.asked["/one.csv"] == 3


@pytest.mark.parametrize("ask", [Url.open, Url.is_dir, Url.is_file, lambda url: [*url.files()]])
def test_a_server_that_is_not_there_is_one_line(ask, monkeypatch, capsys):
    monkeypatch.setattr(stores, "PAUSES", (0.01,))
    with pytest.raises(UserError, match=r"^http://\*\*\*@127.0.0.1:1/x.*: does not answer") as told:
        ask(location("http://ada:lovelace@127.0.0.1:1/x"))
    assert len(str(told.value).splitlines()) == 1
    assert "lovelace" not in str(told.value) + capsys.readouterr().err


def test_what_is_said_of_one_file_is_asked_for_once(web):
    for status, kind in ((403, PermissionError), (401, PermissionError), (410, OSError)):
        web.failures["/one.csv"] = [status]
        with pytest.raises(kind) as told:
            location(f"{web.url}/one.csv").open("rb")
        assert told.value.strerror
    assert web.asked["/one.csv"] == 3


@pytest.mark.parametrize(
    ("url", "package"),
    [("s3://bucket/x", "s3fs"), ("gs://bucket/x", "gcsfs"), ("abfs://b/x", "adlfs")],
)
def test_a_missing_package_is_named(url, package):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is there")
    with pytest.raises(
        UserError, match=f"needs a package that is not installed: pip install {package}"
    ):
        location(url).is_dir()


def test_a_tilde_is_the_home_of_its_user(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert location("~/x") == tmp_path / "x"
    assert location("~") == tmp_path
    for name in ("a/~/x", "~nobody-here/x", "x~"):
        assert location(name) == Path(name)


def test_a_scheme_that_nobody_knows_is_named():
    with pytest.raises(UserError, match="parchment://x: Protocol not known"):
        location("parchment://x").read_text()


def test_a_file_at_a_url_appears_whole_or_not_at_all(memory, monkeypatch):
    path = memory / "deep" / "file.txt"
    with replace_when_whole(path) as file:
        file.write("one")
        assert not path.exists()
    assert path.read_text() == "one"

    def fail():
        with replace_when_whole(path) as file:
            file.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "one"

    def broken(*_):
        raise ConnectionError("gone")

    monkeypatch.setattr(stores, "PAUSES", ())
    monkeypatch.setattr(MemoryFileSystem, "cp_file", broken)
    with pytest.raises(UserError, match="gone"), replace_when_whole(path) as file:
        file.write("two")
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_a_full_store_and_a_full_disk_are_named(memory, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MemoryFileSystem, "put_file", full)
    with pytest.raises(UserError, match="memory://box/folder: no space is left there"):
        write_json(memory / "x.json", {})
    assert not [*memory.files()]
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=f"{tmp_path}: no space is left there; make some and type"):
        write_json(tmp_path / "x.json", {})
    assert not [*tmp_path.iterdir()]


def test_a_web_server_is_not_written_to(web):
    for write in (lambda url: write_json(url, {}), lambda url: url.create(b"")):
        with pytest.raises(UserError, match=r"new.json: can be read, but not written to"):
            write(location(f"{web.url}/new.json"))


def test_what_killed_runs_were_writing_is_removed(memory):
    for name in (".shard-000000.tar.77.part", "shard-000000.tar", "a.part"):
        (memory / name).write_bytes(b"x")
    remove_parts(memory)
    assert sorted(entry.name for entry in memory.iterdir()) == ["a.part", "shard-000000.tar"]


def test_passwords_and_signatures_are_not_shown():
    for text in (
        "http://ada:lovelace@host/x: gone",
        "{'folder': 'sftp://ada:lovelace@host/x'}",
        "https://host/x.npz?sv=1&sig=lovelace&se=2",
        "https://host/x?X-Amz-Signature=lovelace",
        "https://host/x?access_token=lovelace",
        "https://ada:byron@lovelace@host/x",
        "https://host/x?user=ada&pwd=lovelace",
    ):
        assert "lovelace" not in redacted(text)
        assert "host/x" in redacted(text)
    assert "lovelace" not in repr(location("http://ada:lovelace@host/x"))
    for text in ("s3://bucket/x@y", "ada@host: hello", "runs/a?b=c", "https://host/x?page=2"):
        assert redacted(text) == text


def test_records_of_a_run_show_no_password(memory, monkeypatch):
    monkeypatch.setattr("sys.argv", ["datagen", "x=http://ada:lovelace@host/x"])
    write_run_record(memory, Outer(folder="http://ada:lovelace@host/x"), seed=5)
    texts = [path.read_text() for path in memory.files()]
    assert len(texts) == 2
    for text in texts:
        assert "lovelace" not in text
        assert re.search(r"http://\*\*\*@host/x", text)
