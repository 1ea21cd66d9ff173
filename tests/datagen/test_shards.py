import errno
import gc
import io
import json
import os
import pickle
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import webdataset as wds

from cluster.errors import UserError
from datagen import shards
from datagen.motion import BadClipError
from datagen.sample import ARRAY_MEMBERS, SCHEMA, Sample, _array, to_half
from datagen.shards import Cut, Failure, load_manifest, read_info, read_shard, verify, write_shard


def made_sample(key="clip/a-000", frames=150, bodies=3, seed=0):
    rng = np.random.default_rng(seed)

    def half(*shape):
        return rng.normal(size=shape).astype(np.float16)

    return Sample(
        key=key,
        pose_TJ3=half(frames, 52, 3),
        acc_NTW3=half(bodies, frames, 2, 3),
        gyro_NTW3=half(1, frames, 2, 3),
        shape_N10=rng.normal(size=(bodies, 10)).astype(np.float32),
        text_E=half(8),
        meta={"schema": SCHEMA, "clip": key, "text": "wäscht ein Fenster", "start": 0.0},
    )


def written(folder, index=0, samples=(), failures=(), split="train", cuts=()):
    return write_shard(
        folder,
        index,
        samples,
        source="made",
        split=split,
        config_digest="d1",
        text_backend="minilm",
        clips=len(samples) + len(failures),
        failures=list(failures),
        cuts=cuts,
    )


def summed(folder, infos):
    return shards.write_manifest(
        folder,
        infos,
        config_digest="d1",
        seed=0,
        bodies=3,
        body="made",
        placement="watch",
        licences={"made": "CC0-1.0"},
        text_backend="minilm",
        text_size=8,
    )


def same(one, other):
    return one.meta == other.meta and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for _, name, _ in ARRAY_MEMBERS
    )


def test_samples_come_back_as_they_were_written(tmp_path):
    samples = [made_sample(f"clip/{name}-000", seed=seed) for seed, name in enumerate("abc")]
    info = written(tmp_path, 7, samples)
    back = list(read_shard(info.path(tmp_path)))
    assert [sample.key for sample in back] == [sample.key for sample in samples]
    assert all(same(*pair) for pair in zip(samples, back, strict=True))
    assert (info.samples, info.windows, info.frames, info.seconds) == (3, 6, 450, 7.5)
    assert read_info(tmp_path, 7) == info


def test_many_threads_read_headers_at_once():
    """CPython 3.11 loses count where threads parse at once and garbage is collected meanwhile."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.zeros((2, 60, 52, 3), np.float16), version=(1, 0))

    class Litter:
        def __init__(self):
            self.me = self

        def __del__(self):
            sum(range(50))

    def read(_):
        Litter()
        return _array(buffer.getvalue()).shape

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(5)
    try:
        with ThreadPoolExecutor(4) as readers:
            assert set(readers.map(read, range(4000))) == {(2, 60, 52, 3)}
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)


def test_webdataset_reads_a_shard(tmp_path):
    samples = [made_sample("clip/a-000"), made_sample("clip/b-000", seed=1)]
    info = written(tmp_path, 0, samples)
    data = wds.WebDataset(str(info.path(tmp_path)), shardshuffle=False).decode()
    read = list(data)
    assert [item["__key__"] for item in read] == ["clip/a-000", "clip/b-000"]
    assert np.array_equal(read[1]["acc.npy"], samples[1].acc_NTW3)
    assert read[0]["meta.json"]["text"] == "wäscht ein Fenster"


def test_the_same_samples_give_the_same_bytes(tmp_path):
    first = written(tmp_path / "one", 0, [made_sample()])
    second = written(tmp_path / "two", 0, [made_sample()])
    assert first.sha256 == second.sha256
    assert first.path(tmp_path / "one").read_bytes() == second.path(tmp_path / "two").read_bytes()
    with tarfile.open(first.path(tmp_path / "one")) as tar:
        assert {(m.mtime, m.uid, m.gid, m.uname) for m in tar} == {(0, 0, 0, "")}


def test_an_error_while_writing_leaves_nothing(tmp_path):
    def breaking():
        yield made_sample()
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_shard(
            tmp_path,
            0,
            breaking(),
            source="made",
            split="train",
            config_digest="d1",
            text_backend="minilm",
            clips=1,
            failures=[],
        )
    assert list(tmp_path.iterdir()) == []
    assert read_info(tmp_path, 0) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_in_mid_shard_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, number):
    written(tmp_path, 0, [made_sample()])
    before = sorted(tmp_path.iterdir())
    write = shards._CountedFile.write

    def until_full(self, data):
        if self.bytes > 100_000:
            raise OSError(number, os.strerror(number))
        return write(self, data)

    monkeypatch.setattr(shards._CountedFile, "write", until_full)
    with pytest.raises(UserError, match="no space is left there; make some") as e:
        written(tmp_path, 1, [made_sample(f"clip/{name}-000") for name in "abc"])
    assert "\n" not in str(e.value)
    assert sorted(tmp_path.iterdir()) == before
    monkeypatch.undo()
    assert written(tmp_path, 1, [made_sample("clip/a-000")]).samples == 1


def test_what_was_cut_out_stands_in_shard_and_manifest(tmp_path):
    cut = Cut("clip/a", 1.25, 2.5, "head accelerated at 866 m/s2")
    infos = [written(tmp_path, 0, [made_sample()], cuts=[cut]), written(tmp_path, 1, [])]
    assert read_info(tmp_path, 0) == infos[0]
    assert infos[0].cuts == (cut,)
    assert summed(tmp_path, infos).cuts == (cut,)
    assert load_manifest(tmp_path).cuts == (cut,)
    assert verify(tmp_path).shards[0].cuts == ()


def test_a_tar_without_json_or_json_without_tar_does_not_exist(tmp_path):
    info = written(tmp_path, 0, [made_sample()])
    json_text = shards.info_path(tmp_path, 0).read_text()
    shards.info_path(tmp_path, 0).unlink()
    assert read_info(tmp_path, 0) is None
    shards.info_path(tmp_path, 0).write_text(json_text)
    assert read_info(tmp_path, 0) == info
    with open(info.path(tmp_path), "ab") as file:
        file.truncate(1000)
    assert read_info(tmp_path, 0) is None


def test_a_shard_of_bad_clips_alone_has_no_tar(tmp_path):
    failure = Failure("clip/a", "has NaN or infinite values")
    info = written(tmp_path, 0, [], [failure])
    assert not info.path(tmp_path).exists()
    assert read_info(tmp_path, 0) == info
    good = written(tmp_path, 1, [made_sample()], split="validation")
    manifest = summed(tmp_path, [info, good])
    assert load_manifest(tmp_path) == manifest
    assert manifest.shards == (good,)
    assert manifest.failures == (failure,)
    assert manifest.of_split("validation") == [good]
    assert manifest.of_split("train") == []
    assert manifest.hours == {"made": {"train": 0.0, "validation": good.seconds / 3600}}
    assert verify(tmp_path) == manifest


@pytest.mark.parametrize("value", [np.inf, np.nan, 7e4, -7e4])
def test_what_float16_cannot_hold_fails_the_clip(value):
    with pytest.raises(BadClipError, match="acceleration reaches"):
        to_half(np.array([1.0, value]), "acceleration")


def test_float16_rounds_to_nearest():
    assert to_half(np.array([9.81]), "x")[0] == np.float16(9.81)


def test_verify_names_each_damaged_shard(tmp_path):
    infos = [written(tmp_path, index, [made_sample(seed=index)]) for index in range(3)]
    summed(tmp_path, infos)
    path = infos[1].path(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    infos[2].path(tmp_path).unlink()
    with pytest.raises(UserError) as caught:
        verify(tmp_path)
    message = str(caught.value)
    assert "2 of 3 shards are damaged" in message
    assert "shard-000001.tar (its bytes do not match their checksum)" in message
    assert "shard-000002.tar (missing)" in message
    assert "\n" not in message


def test_another_schema_version_is_refused(tmp_path):
    info = written(tmp_path, 0, [replace(made_sample(), meta={"schema": SCHEMA + 1})])
    summed(tmp_path, [info])
    both = f"version {SCHEMA + 1}, but this program reads version {SCHEMA}"
    with pytest.raises(UserError, match=both):
        list(read_shard(info.path(tmp_path)))
    for path, read in (
        (tmp_path / "manifest.json", lambda: load_manifest(tmp_path)),
        (shards.info_path(tmp_path, 0), lambda: read_info(tmp_path, 0)),
    ):
        value = json.loads(path.read_text())
        path.write_text(json.dumps(value | {"schema": SCHEMA + 1, "new key": 1}))
        with pytest.raises(UserError, match=both):
            read()


def test_a_missing_or_unfinished_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        load_manifest(tmp_path / "absent")
    with pytest.raises(UserError, match="has not finished"):
        load_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        load_manifest(tmp_path)


def tar_of(path, members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def members_of(path):
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_pickles_are_never_loaded(tmp_path):
    info = written(tmp_path, 0, [made_sample()])
    members = members_of(info.path(tmp_path))

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    objects = io.BytesIO()
    np.save(objects, np.array([Bomb()], dtype=object), allow_pickle=True)
    for data in (objects.getvalue(), pickle.dumps(Bomb())):
        members["clip/a-000.pose.npy"] = data
        tar_of(tmp_path / "bad.tar", members)
        with pytest.raises(UserError, match=r"bad\.tar: not a whole shard"):
            list(read_shard(tmp_path / "bad.tar"))
    assert not (tmp_path / "exploded").exists()


def test_names_in_a_tar_never_become_paths(tmp_path):
    info = written(tmp_path, 0, [made_sample()])
    members = {
        f"../../outside/{name}": data for name, data in members_of(info.path(tmp_path)).items()
    }
    tar_of(tmp_path / "odd.tar", members)
    before = sorted(tmp_path.rglob("*"))
    assert [sample.key for sample in read_shard(tmp_path / "odd.tar")] == [
        "../../outside/clip/a-000"
    ]
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent / "outside").exists()


@pytest.mark.parametrize("field", ["pose_TJ3", "acc_NTW3", "gyro_NTW3", "shape_N10", "text_E"])
def test_arrays_of_another_shape_are_refused(tmp_path, field):
    sample = made_sample()
    wrong = getattr(sample, field)[..., None] if field == "text_E" else getattr(sample, field)[:-1]
    if field == "gyro_NTW3":
        wrong = np.repeat(sample.gyro_NTW3, 2, axis=0)
    info = written(tmp_path, 0, [replace(sample, **{field: wrong})])
    with pytest.raises(UserError, match="has shape"):
        list(read_shard(info.path(tmp_path)))


def test_a_truncated_tar_is_named(tmp_path):
    info = written(tmp_path, 0, [made_sample()])
    path = info.path(tmp_path)
    path.write_bytes(path.read_bytes()[:20000])
    with pytest.raises(UserError, match=r"shard-000000\.tar: not a whole shard"):
        list(read_shard(path))
