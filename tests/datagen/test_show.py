from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.signal import savgol_filter
from scipy.spatial.transform import Rotation

from datagen.body import BodyConfig, Mannequin, embody, load_body_model, reference_body
from datagen.config import DatagenConfig, SourcesConfig, open_sources
from datagen.imu import GRAVITY
from datagen.motion import FINGERS, JOINT_INDEX, JOINT_NAMES, PARENTS, ClipRef
from datagen.normalize import normalize
from datagen.pipeline import Pipeline
from datagen.population import People
from datagen.seeing.bvh_write import write_bvh
from datagen.seeing.clips import FoundClip, clip_of_sources
from datagen.seeing.scene import make_scene
from datagen.shards import load_manifest, read_shard
from datagen.sources.bvh import BvhConfig, BvhSource
from datagen.sources.bvh_file import read_bvh
from datagen.sources.choreography import ChoreographyConfig
from tests.datagen.helpers import lively, people
from tests.datagen.made_shards import made_shards
from tests.datagen.running import sources, write_motion
from tests.made_smplh import write_smplh

CLIP = "choreography/0-00005-forehand"
STEM = "choreography-0-00005-forehand"
ROW = "choreography/0-00000-upright-row"


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return made_shards(tmp_path_factory.mktemp("shards"), bad="thumbs", segment_seconds=3.0)


def naive_positions(offsets, rotations, translation):
    """Forward kinematics joint by joint and frame by frame, by scipy."""
    positions = np.zeros(rotations.shape)
    for frame, pose in enumerate(rotations):
        world = []
        for joint, parent in enumerate(PARENTS):
            own = Rotation.from_rotvec(pose[joint])
            world.append(own if parent < 0 else world[parent] * own)
            positions[frame, joint] = (
                translation[frame]
                if parent < 0
                else positions[frame, parent] + world[parent].apply(offsets[joint])
            )
    return positions


def read_back(path):
    """Return a BVH's joints in our order, metres, and its rate."""
    bvh = read_bvh(path)
    positions, _ = bvh.world_pose()
    assert set(bvh.names) == set(JOINT_NAMES)
    return positions[:, [bvh.names.index(name) for name in JOINT_NAMES]] / 100, bvh


def test_a_bvh_file_holds_body_and_motion_to_a_tenth_of_a_millimetre(tmp_path):
    motion, tall = lively(90, 60.0, seed=3), people(4).offsets_NJ3[3]
    motion.rotations_TJ3[:] *= 2  # beyond a right angle, where Euler angles turn over
    write_bvh(tmp_path / "a.bvh", tall, motion.rotations_TJ3, motion.translation_T3, 60)
    found, bvh = read_back(tmp_path / "a.bvh")
    truth = naive_positions(tall, motion.rotations_TJ3, motion.translation_T3)
    assert np.abs(found - truth).max() < 1e-4
    fingers = [JOINT_INDEX[f"{side}_{f}3"] for side in ("left", "right") for f in FINGERS]
    assert np.ptp(found[:, fingers] - found[:, [20] * 5 + [21] * 5], axis=0).min() > 1e-3
    assert bvh.frame_seconds == pytest.approx(1 / 60, abs=1e-9)
    assert np.abs(np.diff(bvh.values_TC[:, 3:], axis=0)).max() < 120  # no half turns
    assert np.allclose(bvh.offsets_J3[bvh.names.index("left_knee")], 100 * tall[4], atol=1e-4)


def test_a_clip_of_shards_becomes_three_files(datagen, shards):
    arguments = ("show", CLIP, "--shards", shards, "--body", 2, "--seconds", 1, "--start", 2.5)
    status, out, err = datagen(*arguments, "--to", "seen")
    assert status == 0, err
    assert "the lower foot stands on the floor" in out
    with Image.open(f"seen/{STEM}-body2.png") as picture:
        assert (picture.format, picture.size[0]) == ("PNG", 1120)
    with Image.open(f"seen/{STEM}-body2.gif") as animation:
        assert (animation.format, animation.n_frames) == ("GIF", 20)
        assert animation.info["duration"] == 50
        frames = []
        for number in (0, 19):
            animation.seek(number)
            frames.append(np.asarray(animation.convert("RGB"), dtype=int))
    dark = [np.flatnonzero(np.all(frame[140:180, 480:] < 60, axis=(0, 2))) for frame in frames]
    left, right = frames[0].shape[1] * 0.44 - 480, frames[0].shape[1] * 0.985 - 480
    assert dark[1].max() - dark[0].max() == pytest.approx(0.95 * (right - left), abs=12)
    assert np.any(frames[0][:, :430] != frames[1][:, :430])


def test_a_shown_body_stands_on_the_floor_with_its_own_bones(datagen, shards, tmp_path):
    status, _, _ = datagen("show", CLIP, "--shards", shards, "--body", 3, "--seconds", 0.2)
    assert status == 0
    found, _ = read_back(tmp_path / "runs" / "show" / f"{STEM}-body3.bvh")
    parts = [
        sample
        for shard in load_manifest(shards).shards
        for sample in read_shard(shard.path(shards))
        if sample.meta["clip"] == CLIP
    ]
    assert len(parts) > 1  # its segments are put together
    pose = np.concatenate([part.pose_TJ3 for part in parts]).astype(float)
    who = People(**{f"{k}_N": np.array(v)[[2]] for k, v in parts[0].meta["people"].items()})
    body = embody(Mannequin(), who)
    assert len(pose) == len(found)
    truth = naive_positions(body.offsets_NJ3[0], pose[::20], found[::20, 0])
    assert np.abs(found[::20] - truth).max() < 1e-4
    feet = [
        JOINT_INDEX[f"{side}_{part}"] for side in ("left", "right") for part in ("ankle", "foot")
    ]
    soles = found[:, feet, 1] - (body.joints_NJ3[0, feet, 1] - body.sole_N[0])
    assert np.abs(soles.min(axis=1)).max() < 1e-4


def test_a_clip_of_a_source_keeps_its_path(datagen, tmp_path):
    write_motion(tmp_path / "motion", "walk", seconds=3.0)
    status, out, err = datagen(
        "show", "made/walk", *sources("motion"), "bodies=2", "--body", 2, "--seconds", 0.2
    )
    assert status == 0, err
    assert "its own, steps scaled to the body" in out
    found, _ = read_back(tmp_path / "runs" / "show" / "made-walk-body2.bvh")
    source = BvhSource(BvhConfig(folder="motion", skeleton="mixamo", name="made"))
    normal = normalize(source.read_clip(source.list_clips()[0]), reference_body(Mannequin()))
    travel = normal.translation_T3 - normal.translation_T3[0]
    seen = (found[:, 0] - found[0, 0])[::2][: len(travel)]  # the file has 30 frames a second
    scale = np.sum(seen * travel[: len(seen)]) / np.sum(travel[: len(seen)] ** 2)
    legs = np.linalg.norm(found[0, [4, 7]] - found[0, [1, 4]], axis=-1).sum()
    own = np.linalg.norm(reference_body(Mannequin()).offsets_NJ3[0, [4, 7]], axis=-1).sum()
    assert scale == pytest.approx(legs / own, abs=0.02)
    assert np.abs(seen - scale * travel[: len(seen)]).max() < 0.02


def test_another_body_model_is_worn_from_a_source_and_replaced_from_shards(datagen, tmp_path):
    model = write_smplh(tmp_path / "SMPLH_NEUTRAL.npz")
    write_motion(tmp_path / "motion", "walk")
    given = [*sources("motion"), f"body.model={model}", "bodies=1", "--seconds", 0.1]
    status, out, err = datagen("show", "made/walk", *given)
    assert status == 0, err
    assert "figure" not in out
    found, _ = read_back(tmp_path / "runs" / "show" / "made-walk-body1.bvh")
    bones = reference_body(load_body_model(BodyConfig(model=str(model)))).offsets_NJ3[0]
    thigh = np.linalg.norm(found[:, 4] - found[:, 1], axis=1)
    assert np.allclose(thigh, np.linalg.norm(bones[4]), atol=1e-4)

    shards = made_shards(tmp_path / "shards", body=BodyConfig(model=str(model)), bodies=1)
    model.unlink()
    status, out, err = datagen("show", ROW, "--shards", shards, "--seconds", 0.1)
    assert status == 0, err
    assert "mannequin of this stature and these proportions; the signals are of smplh" in out


@pytest.mark.parametrize("number", [1, 3])
def test_sensors_are_drawn_where_their_signals_say(number):
    choreography = ChoreographyConfig(hours=0.012, clip_seconds_max=12.0)
    config = DatagenConfig(bodies=3, sources=SourcesConfig(choreography=choreography))
    assert ROW in [ref.name for ref in open_sources(config.sources)["choreography"].list_clips()]
    scene = make_scene(clip_of_sources(config, ROW), number)

    def smooth(values, derivative=0):
        return savgol_filter(values, 25, 4, deriv=derivative, delta=1 / 60, axis=0)[15:-15]

    for track in scene.sensors:
        moved = smooth(track.place_T3, 2)
        read = np.einsum("tij,tj->ti", track.axes_T33, track.acc_T3) + GRAVITY
        error = np.linalg.norm(moved - smooth(read), axis=1)
        assert np.median(error) < 0.05 * np.linalg.norm(moved, axis=1).max()
        step = Rotation.from_matrix(track.axes_T33[:-2]).inv() * Rotation.from_matrix(
            track.axes_T33[2:]
        )
        turned = smooth(step.as_rotvec() * 30)
        error = np.linalg.norm(turned - smooth(track.gyro_T3[1:-1]), axis=1)
        assert np.median(error) < 0.02


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["choreography/0-00005-forhand"], f"the nearest names are {CLIP}"),
        ([], "give the name of a clip"),
        ([CLIP, ROW], "are 2 clips; give one"),
        ([CLIP, "--body", "4"], "has 3 bodies; give 1 to 3"),
        ([CLIP, "--body", "0"], "give 1 to 3"),
        ([CLIP, "--start", "99"], "s long; start within it"),
        ([CLIP, "--start", "nan"], "start within it"),
        ([CLIP, "--seconds", "0"], "--seconds 0: give more than 0"),
        ([CLIP, "bodies=3"], "not both"),
        ([CLIP, "--to", "file/below"], "cannot be written to"),
        (["choreography/0-00001-thumbs-up"], "is a bad clip: has 12 NaN values"),
    ],
)
def test_a_mistake_ends_with_one_line(refused, shards, tmp_path, arguments, part):
    (tmp_path / "file").write_text("")
    assert part in refused("show", *arguments, "--shards", shards)


def test_other_mistakes_end_with_one_line(refused, tmp_path):
    assert "has no plan.json" in refused("show", CLIP, "--shards", tmp_path / "absent")
    assert "sources: there are none" in refused("show", CLIP)
    write_motion(tmp_path / "motion", "short", seconds=0.5)
    line = refused("show", "made/short", *sources("motion"))
    assert "made/short: is a bad clip: shorter than one window" in line
    assert "the nearest names are made/short" in refused("show", "made/shrt", *sources("motion"))


def test_what_was_cut_out_of_a_clip_is_told(datagen, tmp_path):
    motion = lively(600, 60.0)
    motion.translation_T3[240:, 0] += 5
    pipeline = Pipeline(DatagenConfig(output="x", bodies=1), "digest")
    pipeline._read = lambda _: replace(motion, name="made/leap", text="leaps", source="made")
    clip = ClipRef("made/leap", "0", "leaps", source="made")
    samples = pipeline.samples(clip, "train", np.zeros(1, np.float32))
    scene = make_scene(FoundClip(samples, pipeline._model), 1)
    ((place, seconds),) = scene.cuts
    assert place == pytest.approx(samples[1].meta["start"] - seconds, abs=1e-6)
    assert scene.seconds + seconds == pytest.approx(10, abs=0.1)
