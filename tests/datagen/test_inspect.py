"""`datagen inspect` and `datagen sources`, as a user types them, and a run of what they name."""

import contextlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cluster.config import load_config
from cluster.errors import UserError
from datagen.config import DatagenConfig, SourcesConfig, check, open_sources
from datagen.inspect import SOURCES, inspect
from datagen.kinematics import joint_positions
from datagen.motion import BadClipError
from datagen.pipeline import Pipeline
from datagen.sources.amass import AmassConfig
from datagen.sources.bvh import BvhConfig, BvhSource
from datagen.sources.grab import GrabConfig
from tests.datagen.helpers import lively, people
from tests.datagen.made_bvh import bvh_text, person, smooth_values
from tests.datagen.made_smpl import (
    babel_entry,
    grab_params,
    label,
    swaying,
    write_amass,
    write_babel,
    write_grab,
    write_humanml3d,
)
from tests.datagen.test_safe_pickle import Payload

PRESETS = Path(__file__).parents[2] / "configs" / "datagen"


@pytest.fixture
def said(datagen: Any) -> Any:
    """Inspect a file: what is printed, by its label."""

    def run(path: Path) -> dict[str, str]:
        status, out, err = datagen("inspect", str(path))
        assert (status, err) == (0, "")
        return {line.split()[0]: line[15:] for line in out.splitlines()}

    return run


def test_a_bvh_file(said: Any, tmp_path: Path, rng: np.random.Generator) -> None:
    text = bvh_text(person(), smooth_values(person(), 61, rng), frame_time=0.0333333)
    (tmp_path / "waveRight_01.bvh").write_text(text)
    found = said(tmp_path / "waveRight_01.bvh")
    assert found["format"] == "a clip of motion capture (BVH)"
    assert (found["joints"], found["frames"], found["rate"]) == ("22", "61", "30 a second")
    assert found["duration"] == "2.00 s"
    assert found["units"].startswith("centimetres (the figure is 1")
    assert found["skeleton"] == "mixamo (preset)"
    assert (found["text"], found["problem"]) == ("wave right", "none")


@pytest.mark.parametrize(
    ("scale", "unit"), [(0.01, "metres"), (10.0, "millimetres"), (0.3937, "inches")]
)
def test_the_unit_of_a_bvh_file_is_guessed(
    said: Any, tmp_path: Path, rng: np.random.Generator, scale: float, unit: str
) -> None:
    joints = person()
    values = smooth_values(joints, 5, rng)
    for joint in joints:
        joint.offset = tuple(scale * value for value in joint.offset)
    values[:, :3] *= scale
    (tmp_path / "x.bvh").write_text(bvh_text(joints, values))
    assert said(tmp_path / "x.bvh")["units"].startswith(f"{unit} (")


def test_a_bvh_file_that_no_preset_knows_or_that_is_cut(
    said: Any, tmp_path: Path, rng: np.random.Generator
) -> None:
    text = bvh_text(person(), smooth_values(person(), 5, rng))
    (tmp_path / "own.bvh").write_text(text.replace("ForeArm", "Forelimb"))
    assert said(tmp_path / "own.bvh")["problem"].startswith("no preset knows its joints")
    (tmp_path / "cut.bvh").write_text(text[:-50])
    assert said(tmp_path / "cut.bvh")["problem"].startswith("is truncated")


def test_clips_of_amass(said: Any, tmp_path: Path) -> None:
    found = said(write_amass(tmp_path / "KIT" / "3" / "jump_left02_poses.npz"))
    assert found["format"] == "a clip of AMASS: SMPL-H poses (npz)"
    assert (found["joints"], found["frames"], found["rate"]) == ("52", "240", "120 a second")
    assert found["duration"] == "1.99 s"
    assert found["units"].startswith("metres (the pelvis is ")
    assert (found["people"], found["text"]) == ("KIT/3", "jump left")
    wide = {"poses": swaying(240, 165), "pose_jaw": np.zeros((240, 3))}
    assert "SMPL-X" in said(write_amass(tmp_path / "x_stageii.npz", **wide))["format"]
    bad = said(write_amass(tmp_path / "bad.npz", trans=np.full((240, 3), 900.0)))
    assert bad["problem"].endswith("so positions are not in metres")
    assert bad["format"] == "a clip of AMASS: SMPL-H poses (npz)"


def test_glitches_are_problems(said: Any, tmp_path: Path) -> None:
    thrown = np.zeros((480, 3))
    thrown[240:] = (0.5, 0, 0)
    path = write_amass(tmp_path / "x.npz", trans=thrown, poses=np.zeros((480, 156)))
    told = said(path)["problem"]
    assert told.startswith("a glitch from 1.7")
    assert told.endswith(" s (pelvis at 60 m/s), which a run cuts out")
    values = smooth_values(person(), 121, np.random.default_rng(0))
    values[60:, 0] += 400
    (tmp_path / "x.bvh").write_text(bvh_text(person(), values))
    assert "(pelvis accelerated at " in said(tmp_path / "x.bvh")["problem"]


def test_clips_of_grab(said: Any, tmp_path: Path) -> None:
    found = said(write_grab(tmp_path / "s3" / "cup_drink_1.npz"))
    assert found["format"] == "a clip of GRAB: SMPL-X poses and an object (npz)"
    assert (found["joints"], found["frames"], found["people"]) == ("55", "240", "s3")
    assert (found["text"], found["problem"]) == ("a person drinks from a cup", "none")
    parts = grab_params() | {"fullpose": None}
    bad = said(write_grab(tmp_path / "s3" / "cup_lift.npz", parts))
    assert "principal components" in bad["problem"]


@pytest.mark.parametrize(
    ("unit", "turn", "guess"),
    [
        (1.0, [[1, 0, 0], [0, 1, 0], [0, 0, 1]], "unit=1 (metres), up=y"),
        (0.01, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], "unit=0.01 (metres), up=z"),
        (0.001, [[1, 0, 0], [0, -1, 0], [0, 0, -1]], "unit=0.001 (metres), up=-y"),
    ],
)
def test_joint_positions(said: Any, tmp_path: Path, unit: float, turn: Any, guess: str) -> None:
    moving = lively(60, 20.0)
    offsets = people(1).offsets_NJ3[0]
    body = joint_positions(offsets, 0.3 * moving.rotations_TJ3, moving.translation_T3)[:, :22]
    np.save(tmp_path / "000001.npy", body @ np.transpose(turn) / unit)
    found = said(tmp_path / "000001.npy")
    assert found["format"] == "a clip of joint positions, HumanML3D's 22 (npy)"
    assert (found["joints"], found["frames"], found["rate"]) == (
        "22",
        "60",
        "not in the file; 20 a second taken for it below",
    )
    assert found["units"].startswith(guess)
    assert (found["problem"], "duration" in found) == ("none", False)
    np.save(tmp_path / "000002.npy", np.full((60, 22, 3), np.nan))
    assert "finite" in said(tmp_path / "000002.npy")["problem"]


def test_sign_language(said: Any, tmp_path: Path) -> None:
    frames = 30
    root = np.tile([np.pi, 0.0, 0.0], (frames, 1))  # upright where y points down
    parts = {"root": root, "body": np.zeros((frames, 63))}
    parts |= {hand: np.zeros((frames, 45)) for hand in ("lhand", "rhand")}
    np.savez(tmp_path / "a.npz", **{f"smplx_{name}_pose": part for name, part in parts.items()})
    found = said(tmp_path / "a.npz")
    assert found["format"] == "SMPL-X poses of a sentence or video (npz)"
    assert (found["frames"], found["problem"]) == ("30", "none")
    wide = np.zeros((frames, 182))
    wide[:, :3] = root
    (tmp_path / "b.pkl").write_bytes(pickle.dumps({"smplx": wide}))
    assert said(tmp_path / "b.pkl")["frames"] == "30"
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(Payload(exec, "raise SystemExit")))
    assert "which is not data" in said(tmp_path / "c.pkl")["problem"]
    one = {"global_orient": (1, 3), "body_pose": (21, 3)}
    one |= {f"{side}_hand_pose": (15, 3) for side in ("left", "right")}
    np.savez(tmp_path / "d.npz", **{name: np.zeros(shape) for name, shape in one.items()})
    assert said(tmp_path / "d.npz")["format"].startswith("SMPLer-X's pose of one frame")
    columns = (
        "VIDEO_ID VIDEO_NAME SENTENCE_ID SENTENCE_NAME START_REALIGNED END_REALIGNED SENTENCE"
    ).split()
    rows = [columns, ["v", "v-1-rgb_front", "v_0", "v_0-1-rgb_front", "1.0", "3.5", "Hello."]]
    (tmp_path / "s.csv").write_text("\n".join("\t".join(row) for row in rows) + "\n")
    found = said(tmp_path / "s.csv")
    assert (found["format"], found["clips"]) == ("How2Sign's realigned sentences (CSV)", "1")


def test_descriptions(said: Any, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("file,description\na.bvh,walks\nb.bvh,walks\n")
    found = said(tmp_path / "d.csv")
    assert (found["source"], found["clips"], found["text"]) == ("bvh", "2", "1 sentences")
    walk = babel_entry(1, "KIT/KIT/3/walk_poses.npz", [label("walk", "walk")], None)
    run = babel_entry(2, "KIT/KIT/3/run_poses.npz", [label("walk", "walk")], None)
    found = said(write_babel(tmp_path / "train.json", walk, run))
    assert found["format"] == "BABEL's labels (JSON)"
    assert (found["clips"], found["text"]) == ("2", "1 sentences for 2 files")
    folder = write_humanml3d(
        tmp_path / "h", ["./pose_data/KIT/3/x_poses.npy,0,90,1.npy"], {"1": "jumps.#x#0.0#0.0"}
    )
    assert said(folder / "index.csv")["text"] == "1 sentences for 1 files"


def test_a_file_of_nobodys_is_one_line(refused: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a clip")
    (tmp_path / "cut.npz").write_bytes(write_amass(tmp_path / "x.npz").read_bytes()[:1000])
    np.savez(tmp_path / "other.npz", x=1)
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    np.save(tmp_path / "odd.npy", np.zeros((5, 4)))
    for name, part in [
        ("notes.txt", "is no file that a source reads"),
        ("other.npz", "is no file that a source reads"),
        ("table.csv", "is no file that a source reads"),
        ("odd.npy", "has an array of shape (5, 4)"),
        ("cut.npz", "cut.npz: is not a whole .npz file: File is not a zip file"),
        ("list.json", "it holds no entries by number"),
        ("absent.bvh", "absent.bvh: no such file"),
        (".", "is a folder; give one of its files"),
    ]:
        assert part in refused("inspect", name)


def test_every_source_is_listed_with_a_line(datagen: Any) -> None:
    status, out, _ = datagen("sources")
    assert status == 0
    listed = [line.split()[0] for line in out.splitlines()]
    assert listed == list(SOURCES)
    assert set(listed) == set(SourcesConfig.__dataclass_fields__)
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("preset", "kind", "make"),
    [
        ("amass.yaml", "amass", lambda folder: write_amass(folder / "KIT" / "3" / "a_poses.npz")),
        ("grab.yaml", "grab", lambda folder: write_grab(folder / "s1" / "cup_lift.npz")),
    ],
)
def test_a_preset_makes_samples(tmp_path: Path, preset: str, kind: str, make: Any) -> None:
    """From a file of the public layout to the arrays of a shard, upright and at 60 Hz."""
    make(tmp_path)
    overrides = [f"sources.{kind}.{kind}.folder={tmp_path}"]
    config = load_config(DatagenConfig, PRESETS / preset, overrides)
    check(config)
    (ref,) = open_sources(config.sources)[kind].list_clips()
    (sample,) = Pipeline(config, "d").samples(ref, "train", np.zeros(4, dtype=np.float32))
    assert sample.acc_NTW3.shape == (8, 120, 2, 3)
    assert np.isfinite(sample.acc_NTW3.astype(float)).all()
    assert sample.meta["source"] == kind
    assert yaml.safe_load((PRESETS / preset).read_text())["bodies"] == 8


def test_sources_of_one_name_are_refused() -> None:
    sources = SourcesConfig(amass={"a": AmassConfig(".")}, grab={"a": GrabConfig(".")})
    with pytest.raises(UserError, match=r"sources\.grab\.a: a source of amass has this name too"):
        check(DatagenConfig(sources=sources))


FUZZ = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SUFFIXES = [".bvh", ".npz", ".npy", ".pkl", ".csv", ".json", "_labels.csv"]


@FUZZ
@given(suffix=st.sampled_from(SUFFIXES), raw=st.binary(max_size=200) | st.text(max_size=80))
def test_random_bytes_give_a_report_or_a_user_error(
    tmp_path: Path, suffix: str, raw: bytes | str
) -> None:
    path = tmp_path / f"made{suffix}"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    with contextlib.suppress(UserError):
        inspect(path)


@pytest.fixture(scope="module")
def whole_bvh() -> bytes:
    """The bytes of a small valid BVH file."""
    values = smooth_values(person(), 3, np.random.default_rng(0))
    return bvh_text(person(), values).encode()


@settings(FUZZ, max_examples=60)
@given(data=st.data())
def test_damaged_bvh_files_give_a_report_or_a_user_error(
    whole_bvh: bytes, tmp_path: Path, data: st.DataObject
) -> None:
    raw = bytearray(whole_bvh)
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "made.bvh"
    path.write_bytes(raw[: data.draw(st.just(len(raw)) | st.integers(0, len(raw)))])
    with contextlib.suppress(UserError):
        inspect(path)
    source = BvhSource(BvhConfig(str(tmp_path), "mixamo"))
    (ref,) = source.list_clips()
    with contextlib.suppress(BadClipError):
        source.read_clip(ref)
