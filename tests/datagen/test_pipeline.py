from dataclasses import replace

import numpy as np
import pytest

from datagen.body import BodyConfig, draw_bodies, embody, load_body_model, reference_body
from datagen.config import DatagenConfig, SourcesConfig
from datagen.imu import ImuConfig, synthesize
from datagen.motion import JOINT_INDEX, BadClipError, ClipRef, Motion
from datagen.normalize import normalize
from datagen.pipeline import Pipeline
from datagen.placement import MountingConfig
from datagen.plan import Unit
from datagen.population import People
from datagen.sensor import SensorConfig, Triad
from datagen.shards import read_info, read_shard
from datagen.sources.choreography import ChoreographyConfig

TEXT_E = np.linspace(-1, 1, 6, dtype=np.float32)


def waving(name="made/wave", seconds=3.0, rate=60.0, amplitude=1.0):
    """A right arm that swings at half a hertz while the rest stands still."""
    time = np.arange(round(seconds * rate) + 1) / rate
    rotations = np.zeros((len(time), 52, 3))
    rotations[:, JOINT_INDEX["right_shoulder"], 2] = amplitude * np.sin(np.pi * time)
    return Motion(name, rate, rotations, np.zeros((len(time), 3)), "a person waves", source="made")


def jumping(name, frames, seconds=3.0):
    """The same person, thrown half a metre to the side at some frames."""
    motion = waving(name, seconds)
    for frame in frames:
        motion.translation_T3[frame:] += (0.5, 0.0, 0.0)
    return motion


class Shelf:
    """A source that hands out what it was given."""

    def __init__(self, *motions):
        self.motions = {getattr(motion, "name", "made/broken"): motion for motion in motions}

    def list_clips(self):
        return [ClipRef(name, "", "a person waves", source="made") for name in self.motions]

    def read_clip(self, ref):
        motion = self.motions[ref.name]
        if isinstance(motion, Exception):
            raise motion
        return motion


def pipeline_of(*motions, **settings):
    made = Pipeline(DatagenConfig(**{"bodies": 3, "seed": 5} | settings), "d1")
    made._sources = {"made": Shelf(*motions)}
    return made


def samples_of(pipeline, name="made/wave"):
    return pipeline.samples(ClipRef(name, "", "a person waves", source="made"), "train", TEXT_E)


def test_a_sample_holds_what_the_parts_make_of_its_clip():
    (sample,) = samples_of(pipeline_of(waving(), bodies=4))
    assert sample.key == "made/wave-000"
    assert sample.pose_TJ3.shape == (181, 52, 3)
    assert sample.acc_NTW3.shape == (4, 181, 2, 3)
    assert sample.gyro_NTW3.shape == (1, 181, 2, 3)
    assert sample.shape_N10.shape == (4, 10)
    model = load_body_model(BodyConfig())
    told = {f"{name}_N": np.array(values) for name, values in sample.meta["people"].items()}
    bodies = embody(model, People(**told))
    assert bodies.stature_N[0] == 1.70
    imu = synthesize(normalize(waving(), reference_body(model)), bodies, ImuConfig())
    np.testing.assert_allclose(sample.acc_NTW3, imu.acc_NTW3, atol=0.02)
    np.testing.assert_allclose(sample.gyro_NTW3, imu.gyro_1TW3, atol=0.005)
    expected = waving().rotations_TJ3[:, JOINT_INDEX["right_shoulder"]]
    np.testing.assert_allclose(
        sample.pose_TJ3[20:-20, JOINT_INDEX["right_shoulder"]], expected[20:-20], atol=2e-3
    )
    np.testing.assert_allclose(sample.text_E, TEXT_E, atol=1e-3)


def test_the_description_says_where_a_sample_comes_from():
    (sample,) = samples_of(pipeline_of(waving()))
    assert sample.meta["placement"]["left"]["segment"] == "left_elbow"
    assert sample.meta["people"]["stature"][0] == 1.7
    assert {len(values) for values in sample.meta["people"].values()} == {3}
    told = {key: sample.meta[key] for key in sample.meta if key not in ("placement", "people")}
    assert told == {
        "schema": 2,
        "source": "made",
        "clip": "made/wave",
        "subject": "",
        "split": "train",
        "text": "a person waves",
        "action": "",
        "rate": 60,
        "body": "mannequin",
        "start": 0.0,
    }


def test_bodies_depend_on_the_seed_and_the_clip_alone():
    def shapes(name="made/wave", **settings):
        motions = [waving(name), waving("made/other")]
        return samples_of(pipeline_of(*motions, **settings), name)[0].shape_N10

    same = shapes()
    assert np.array_equal(same, shapes())
    assert np.array_equal(same[0], shapes(seed=6)[0])
    assert not np.allclose(same[1:], shapes(seed=6)[1:])
    assert not np.allclose(same[1:], shapes("made/other")[1:])
    model = load_body_model(BodyConfig())
    drawn = draw_bodies(model, BodyConfig(), 3, np.random.default_rng(0))
    assert same.shape == drawn.shape_N10.shape


def test_each_body_wears_its_sensors_differently_and_is_the_same_body():
    plain = samples_of(pipeline_of(waving()))[0]
    worn = ImuConfig(mounting=MountingConfig(roll=20.0, shift=0.01))
    (sample,) = samples_of(pipeline_of(waving(), imu=worn))
    assert sample.gyro_NTW3.shape == (3, 181, 2, 3)
    assert sample.meta["people"] == plain.meta["people"]
    assert not np.allclose(sample.gyro_NTW3[0], sample.gyro_NTW3[1], atol=0.01)
    # A strap that turns changes what the axes see, not how much there is to see.
    turning = np.linalg.norm(sample.gyro_NTW3.astype(float), axis=-1)
    truth = np.linalg.norm(plain.gyro_NTW3.astype(float), axis=-1)
    np.testing.assert_allclose(turning, np.broadcast_to(truth, turning.shape), atol=0.005)
    again = samples_of(pipeline_of(waving(), imu=worn))[0]
    np.testing.assert_array_equal(sample.acc_NTW3, again.acc_NTW3)


def test_errors_of_the_gyroscope_are_each_bodys_own():
    noisy = ImuConfig(sensor=SensorConfig(gyroscope=Triad(bias=5.0)))
    plain, sample = (samples_of(pipeline_of(waving(), imu=imu))[0] for imu in (ImuConfig(), noisy))
    np.testing.assert_array_equal(sample.acc_NTW3, plain.acc_NTW3)
    offset = sample.gyro_NTW3.astype(float) - plain.gyro_NTW3.astype(float)
    assert offset.shape == (3, 181, 2, 3)
    assert np.ptp(offset, axis=1).max() < 0.01 < np.abs(offset).mean()


def test_a_long_clip_becomes_segments_that_join_without_a_seam():
    whole = samples_of(pipeline_of(waving(seconds=9.5)))[0]
    parts = samples_of(pipeline_of(waving(seconds=9.5), segment_seconds=4.0))
    assert [len(part.pose_TJ3) for part in parts] == [240, 240, 91]
    assert [part.meta["start"] for part in parts] == [0.0, 4.0, 8.0]
    assert [part.key[-4:] for part in parts] == ["-000", "-001", "-002"]
    for name, axis in (("pose_TJ3", 0), ("acc_NTW3", 1), ("gyro_NTW3", 1)):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=axis)
        assert np.array_equal(joined, getattr(whole, name))


def test_a_rest_shorter_than_a_window_is_dropped():
    lengths = [
        [
            len(part.pose_TJ3)
            for part in samples_of(pipeline_of(waving(seconds=s), segment_seconds=2))
        ]
        for s in (2 + 58 / 60, 2 + 59 / 60)
    ]
    assert lengths == [[120], [120, 60]]


@pytest.mark.parametrize("rate", [24.0, 30.0, 60.0, 120.00004])
def test_a_clip_shorter_than_a_window_is_bad(rate):
    with pytest.raises(BadClipError, match="shorter than one window"):
        samples_of(pipeline_of(waving(seconds=0.9, rate=rate)))
    assert len(samples_of(pipeline_of(waving(seconds=1.0, rate=rate)))) == 1


def test_a_bad_clip_is_a_row_in_the_shard_and_ends_nothing(tmp_path):
    wild = jumping("made/wild", [20, 70, 120, 170])
    broken = ValueError("could not convert string to float: 'x'")
    pipeline = pipeline_of(waving(), broken, wild)
    clips = tuple(pipeline._sources["made"].list_clips())
    info = pipeline.make_shard(
        tmp_path, Unit(0, "made", "train", clips), {"a person waves": TEXT_E}
    )
    assert (info.clips, info.samples, info.config_digest) == (3, 1, "d1")
    assert [sample.key for sample in read_shard(info.path(tmp_path))] == ["made/wave-000"]
    reasons = {failure.clip: failure.reason for failure in info.failures}
    assert reasons["made/broken"].startswith("cannot be read: ValueError: could not convert")
    assert reasons["made/wild"].startswith("has too little left beside its glitches: pelvis acc")
    assert info.cuts == ()


def test_glitches_are_cut_out_and_listed_and_nothing_is_smoothed_across(tmp_path):
    whole = jumping("made/wave", [300], seconds=8.0)
    pipeline = pipeline_of(whole, segment_seconds=3.0)
    clips = tuple(pipeline._sources["made"].list_clips())
    unit = Unit(0, "made", "train", clips)
    info = pipeline.make_shard(tmp_path, unit, {"a person waves": TEXT_E})
    (cut,) = info.cuts
    assert (cut.clip, cut.reason) == ("made/wave", "pelvis accelerated at 450 m/s2")
    assert read_info(tmp_path, 0) == info
    first, end = round(cut.start * 60), round(cut.end * 60)
    assert 280 <= first < 300 < end <= 320
    parts = list(read_shard(info.path(tmp_path)))
    assert [part.key[-4:] for part in parts] == ["-000", "-001", "-002"]
    assert [part.meta["start"] for part in parts] == [0.0, 3.0, cut.end]
    assert len({tuple(part.meta["people"]["stature"]) for part in parts}) == 1
    after = replace(
        whole,
        rotations_TJ3=whole.rotations_TJ3[end:],
        translation_T3=whole.translation_T3[end:],
    )
    (alone,) = samples_of(pipeline_of(after))
    for name in ("pose_TJ3", "acc_NTW3", "gyro_NTW3", "shape_N10"):
        np.testing.assert_array_equal(getattr(parts[2], name), getattr(alone, name))
    assert np.linalg.norm(parts[1].acc_NTW3.astype(float), axis=-1).max() < 20


def test_a_mistake_of_the_program_surfaces_with_the_name_of_the_clip(tmp_path, monkeypatch):
    monkeypatch.setattr("datagen.pipeline.synthesize", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        samples_of(pipeline_of(waving()))
    assert "made/wave" in "".join(caught.value.__notes__)


def test_shards_are_the_same_byte_for_byte(tmp_path):
    config = DatagenConfig(
        bodies=2, sources=SourcesConfig(choreography=ChoreographyConfig(hours=0.01))
    )
    clips = Pipeline(config, "d1")._sources["choreography"].list_clips()
    unit = Unit(0, "choreography", "train", tuple(clips))
    vectors = {clip.text: TEXT_E for clip in clips}
    infos = [
        Pipeline(config, "d1").make_shard(tmp_path / name, unit, vectors) for name in ("a", "b")
    ]
    assert infos[0] == infos[1]
    assert infos[0].samples == len(clips)
