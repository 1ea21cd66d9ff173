"""Motion and shards at URLs: the same as on a disk."""

import errno
import os
import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import datagen.workers
from cluster import stores
from cluster.config import load_config
from cluster.errors import UserError, exit_with
from cluster.storage import files_in, location
from datagen import __main__ as cli
from datagen import generate
from datagen.body import BodyConfig, load_body_model
from datagen.config import DatagenConfig, open_sources
from datagen.motion import BadClipError
from datagen.pipeline import Pipeline
from datagen.shards import load_manifest, read_infos, read_shard, verify
from tests.datagen.made_how2sign import (
    HEADER,
    NAME,
    TRAIN,
    seen,
    signing,
    write_frames,
    write_sentence,
)
from tests.datagen.made_smpl import babel_entry, label, write_amass, write_babel, write_grab
from tests.datagen.made_store import install
from tests.datagen.running import finish, sources, start, write_motion
from tests.datagen.test_shards import made_sample, same, summed, written
from tests.made_smplh import write_smplh
from tests.web import served


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(stores, "PAUSES", (0.01, 0.01))


@pytest.fixture
def here(tmp_path):
    """A folder on the disk."""
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def web(here):
    with served(here) as web:
        yield web


def upload(folder, there):
    for path in files_in(folder):
        if path.is_file():
            (there / path.relative_to(folder).as_posix()).put(path)


# Shards


def test_shards_at_a_url_are_those_on_a_disk(memory, here):
    samples = [made_sample("clip/a-000"), made_sample("clip/b-000", seed=1)]
    infos = [[written(folder, 0, samples), written(folder, 1)] for folder in (here, memory)]
    assert infos[0] == infos[1]
    manifests = [summed(folder, infos[0]) for folder in (here, memory)]
    assert {path.name: path.read_bytes() for path in memory.files()} == {
        path.name: path.read_bytes() for path in here.iterdir()
    }
    assert load_manifest(memory) == verify(memory) == manifests[0] == manifests[1]
    back = list(read_shard(infos[1][0].path(memory)))
    assert all(same(one, other) for one, other in zip(samples, back, strict=True))
    assert read_infos(memory) == read_infos(here) == dict(enumerate(infos[0]))


def test_damaged_and_missing_shards_at_a_url_are_named(memory):
    summed(memory, [written(memory, index, [made_sample()]) for index in range(3)])
    whole = (memory / "shard-000000.tar").read_bytes()
    (memory / "shard-000000.tar").write_bytes(whole[:600] + b"x" + whole[601:])
    (memory / "shard-000001.tar").unlink()
    (memory / "shard-000002.tar").write_bytes(whole[:1000])
    with pytest.raises(UserError, match=r"000.tar \(its bytes do not.*001.tar \(missing\)"):
        verify(memory)
    assert list(read_infos(memory)) == [0]
    with pytest.raises(UserError, match=r"000002.tar: not a whole shard"):
        list(read_shard(memory / "shard-000002.tar"))
    with pytest.raises(UserError, match="no such shard"):
        list(read_shard(memory / "shard-000001.tar"))
    with pytest.raises(UserError, match="absent: no such folder"):
        load_manifest(memory / "absent")


# Motion


def motion_of_every_kind(folder):
    """Write files of each source; returns the sources' configuration with FOLDER in it."""
    write_motion(folder / "bvh" / "deep er", "dance #1")
    (folder / "bvh.csv").write_text("file,description\ndeep er/dance #1.bvh,a person dances\n")
    write_amass(folder / "amass" / "CMU" / "01" / "01_01_poses.npz")
    (folder / "babel").mkdir()
    entry = babel_entry(7, "CMU/CMU/01/01_01_poses.npz", [label("walk")], None)
    write_babel(folder / "babel" / "train.json", entry)
    write_grab(folder / "grab" / "s1" / "cup_drink_1.npz")
    write_smplh(folder / "SMPLX.npz", joints=55)
    (folder / "sentences").mkdir()
    (folder / "sentences" / "how2sign_realigned_train.csv").write_text("\n".join([HEADER, *TRAIN]))
    for name, write in (("frames", write_frames), ("poses", write_sentence)):
        (folder / name).mkdir()
        write(folder / name, NAME, seen(signing(30)))
    (folder / "joints").mkdir()
    (folder / "texts").mkdir()
    rest = load_body_model(BodyConfig()).bodies(np.zeros((1, 10))).joints_NJ3[0, :22]
    np.save(folder / "joints" / "000001.npy", np.tile(rest, (40, 1, 1)))
    (folder / "texts" / "000001.txt").write_text("a person stands#a/DET#0.0#0.0\n")
    return [
        "sources.bvh.bvh.folder=FOLDER/bvh",
        "sources.bvh.bvh.skeleton=mixamo",
        "sources.bvh.bvh.descriptions=FOLDER/bvh.csv",
        "sources.amass.amass.folder=FOLDER/amass",
        "sources.amass.amass.babel=FOLDER/babel",
        "sources.amass.amass.body=FOLDER/SMPLX.npz",
        "sources.grab.grab.folder=FOLDER/grab",
        "sources.how2sign.frames.folder=FOLDER/frames",
        "sources.how2sign.frames.sentences=FOLDER/sentences",
        "sources.how2sign.poses.folder=FOLDER/poses",
        "sources.how2sign.poses.sentences=FOLDER/sentences",
        "sources.joints.joints.folder=FOLDER/joints",
        "sources.joints.joints.texts=FOLDER/texts",
    ]


def read(keys, folder):
    """Return every clip's reference without its place, and its motion."""
    config = load_config(DatagenConfig, None, [key.replace("FOLDER", folder) for key in keys])
    found = {}
    for name, source in open_sources(config.sources).items():
        for ref in source.list_clips():
            found[ref.name] = replace(ref, locator=name), source.read_clip(ref)
    return found


@pytest.mark.parametrize("kind", ["memory", "http", "file"])
def test_every_source_reads_the_same_at_a_url(memory, web, here, kind):
    keys = motion_of_every_kind(here)
    expected = read(keys, str(here))
    assert len(expected) == 6
    upload(here, memory)
    there = {"memory": str(memory), "http": web.url, "file": f"file://{here}"}[kind]
    found = read(keys, there)
    assert list(found) == list(expected)
    for name, (ref, motion) in expected.items():
        assert found[name][0] == ref
        for array in ("rotations_TJ3", "translation_T3", "offsets_J3"):
            assert np.array_equal(getattr(found[name][1], array), getattr(motion, array))


def test_a_body_model_at_a_url_makes_the_same_bodies(web, here):
    write_smplh(here / "SMPLH_NEUTRAL.npz")
    shape = np.random.default_rng(0).normal(size=(3, 10))
    one, other = (
        load_body_model(BodyConfig(model=f"{place}/SMPLH_NEUTRAL.npz")).bodies(shape)
        for place in (here, web.url)
    )
    assert np.array_equal(one.joints_NJ3, other.joints_NJ3)
    with pytest.raises(UserError, match=r"absent.npz: no such file"):
        load_body_model(BodyConfig(model=f"{web.url}/absent.npz"))


def test_a_missing_file_is_a_bad_clip_and_a_store_that_fails_is_the_end(web, here):
    paths = [write_amass(here / "amass" / f"{name}.npz") for name in "ab"]
    config = load_config(DatagenConfig, None, [f"sources.amass.amass.folder={web.url}/amass"])
    pipeline = Pipeline(config, "d1")
    (source,) = open_sources(config.sources).values()
    gone, failing = source.list_clips()
    paths[0].unlink()
    with pytest.raises(BadClipError, match="cannot be read: No such file"):
        pipeline.samples(gone, "train", np.zeros(8, np.float32))
    web.failures["/amass/b.npz"] = [503] * 9
    with pytest.raises(UserError, match=r"b.npz: does not answer"):
        pipeline.samples(failing, "train", np.zeros(8, np.float32))


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("{url}/absent", "absent: no such folder; give the one that holds the BVH files"),
        ("{url}/empty", "empty: holds no BVH file"),
        (
            "http://ada:lovelace@127.0.0.1:1/bvh",
            r"http://\*\*\*@127.0.0.1:1/bvh/: does not answer",
        ),
        ("parchment://x", "Protocol not known"),
    ],
)
def test_a_mistake_in_a_url_is_one_line(web, here, tmp_path, monkeypatch, capsys, folder, part):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stores, "PAUSES", ())
    (here / "empty").mkdir()
    monkeypatch.setattr("sys.argv", ["datagen", "generate", *sources(folder.format(url=web.url))])
    with pytest.raises(SystemExit) as left:
        exit_with(cli.main)
    out, err = capsys.readouterr()
    assert (left.value.code, out, len(err.splitlines())) == (2, "", 1)
    assert re.search(part, err)
    assert "lovelace" not in err


def test_inspect_reads_a_url(web, here, monkeypatch, capsys):
    write_motion(here, "walk turn")
    texts = []
    for place in (here, web.url):
        monkeypatch.setattr("sys.argv", ["datagen", "inspect", f"{place}/walk turn.bvh"])
        cli.main()
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert "30 a second" in texts[0]


# Runs


@pytest.fixture
def in_process(monkeypatch, tmp_path):
    """Runs without Ray: the driver makes the shards itself, of which every one can be spoilt."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    @contextmanager
    def connected(*_):
        yield 1

    def make_shards(units, vectors, config, digest, workers):
        pipeline = Pipeline(config, digest)
        for unit in units:
            yield unit, pipeline.make_shard(location(config.output), unit, vectors)

    monkeypatch.setattr(generate, "connected", connected)
    monkeypatch.setattr(datagen.workers, "make_shards", make_shards)

    def run(folder, output, *more):
        keys = [*sources(str(folder)), f"output={output}", "clips_per_shard=1", "bodies=2", *more]
        return generate.generate(load_config(DatagenConfig, None, keys))

    return run


@pytest.fixture
def motion(here):
    for seed in range(3):
        write_motion(here / "motion", f"dance {seed}", seed=seed)
    return here / "motion"


@pytest.fixture
def expected(in_process, motion, tmp_path):
    """The shards of a local run that nothing disturbs."""
    in_process(motion, tmp_path / "undisturbed")
    return contents(tmp_path / "undisturbed")


def contents(folder):
    """Return the bytes of all that decides the data."""
    odd = ("run.json", "config.yaml", ".lock")
    return {path.name: path.read_bytes() for path in files_in(folder) if path.name not in odd}


def test_a_run_from_url_to_url_writes_the_same_bytes(in_process, expected, memory, web, motion):
    upload(motion, memory / "motion")
    in_process(memory / "motion", memory / "shards")
    assert contents(memory / "shards") == expected
    again = in_process(f"{web.url}/motion", memory / "shards")
    assert again.shards_made == 0
    assert not (memory / "shards" / ".lock").exists()
    with pytest.raises(UserError, match="was begun with another configuration: bodies is 2 there"):
        in_process(motion, memory / "shards", "bodies=3")


def full(after):
    """Return what a file system says once it is full."""
    calls = iter(range(after))

    def fail(*arguments, **more):
        if next(calls, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fail


@pytest.mark.parametrize("place", ["disk", "url"])
def test_a_full_disk_is_one_line_and_the_same_command_continues(
    in_process, expected, motion, memory, tmp_path, monkeypatch, place
):
    output = tmp_path / "shards" if place == "disk" else memory
    with monkeypatch.context() as patch:
        fails = full(5)  # within the second shard
        if place == "disk":
            patch.setattr("os.fsync", fails)
        else:
            put = MemoryFileSystem.put_file
            patch.setattr(MemoryFileSystem, "put_file", lambda *each: (fails(), put(*each)))
        with pytest.raises(UserError, match=f"^{output}: no space is left there; make some"):
            in_process(motion, output)
    left = [path.name for path in files_in(output) if path.name != ".lock"]
    assert sorted(left) == [
        "config.yaml", "plan.json", "run.json", "shard-000000.json", "shard-000000.tar",
    ]  # fmt: skip
    assert in_process(motion, output).shards_made == 2
    assert contents(output) == expected


def test_no_password_is_written_or_said(in_process, web, motion, memory, capsys):
    url = web.url.replace("http://", "http://ada:lovelace@") + "/motion"
    (motion / "broken.bvh").write_text("HIERARCHY")
    in_process(url, memory)
    assert in_process(url, memory).shards_made == 0
    assert in_process(url.replace("lovelace", "byron"), memory).shards_made == 0
    said = capsys.readouterr()
    for text in [said.out, said.err, *(path.read_text("latin1") for path in memory.files())]:
        assert "lovelace" not in text
    assert "***@" in (memory / "config.yaml").read_text()


def test_the_command_reads_and_writes_urls(in_process, web, motion, tmp_path):
    """With Ray's workers, from a web server and from file:// into a plugged-in store."""
    other = [key.replace(".made.", ".other.") for key in sources(f"file://{motion}")]
    in_process(motion, f"file://{tmp_path / 'undisturbed'}", *other)
    install(tmp_path / "site")
    (tmp_path / "buckets").mkdir()
    environ = {
        "BUCKETS": str(tmp_path / "buckets"),
        "PYTHONPATH": f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', os.getcwd())}",
    }
    arguments = [*sources(f"{web.url}/motion"), *other, "output=bucket://made/shards"]
    arguments += ["clips_per_shard=1", "bodies=2", "cluster.workers=2"]
    out, _ = finish(start(tmp_path, "generate", *arguments, **environ))
    assert "6 in bucket://made/shards" in out
    assert "configs/pretrain/small.yaml data=bucket://made/shards" in out
    shards = tmp_path / "buckets" / "made" / "shards"
    assert contents(shards) == contents(tmp_path / "undisturbed")
    assert not (shards / ".lock").exists()
    out, _ = finish(start(tmp_path, "verify", "bucket://made/shards", **environ))
    assert "every checksum matches" in out
