import fcntl
import json
import shutil
from unittest.mock import MagicMock

import numpy as np
import pytest
import yaml

from datagen.shards import load_manifest
from datagen.sources.skeleton_map import PRESETS
from tests.datagen.made_smpl import write_amass
from tests.datagen.running import finish, sources, start, write_motion
from tests.datagen.test_shards import made_sample, summed, written
from tests.made_smplh import write_smplh
from tests.web import served


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["generat"], "no such command"),
        (["generate"], "sources: there are none"),
        (["generate", "--config", "absent.yaml"], "absent.yaml: no such config file"),
        (["generate", "clip_per_shard=3"], "the nearest known key is clips_per_shard"),
        (["generate", "sources.choreography.hour=3"], "hours"),
        (["generate", "bodies=many"], "bodies: Value 'many'"),
        (["generate", "bodies"], "key=value"),
        (["generate", "bodies=0", "sources.choreography.hours=1"], "bodies=0: give a value"),
        (["generate", "segment_seconds=600"], "segment_seconds=600: give a value from 1 to 60"),
        (["generate", "glitches.speed=0"], "glitches.speed=0: give a value above 0"),
        (["generate", "glitches.margin=-1"], "glitches.margin=-1: give a value"),
        (["generate", "text.backend=word2vec"], "text.backend"),
        (["generate", "sources.bvh.made.skeleton=cmu"], "sources.bvh.made.folder has no value"),
        (["generate", *sources("absent")], "absent: no such folder"),
        (["generate", *sources(".")], "holds no BVH file"),
        (["verify", "absent"], "absent: no such folder"),
        (["verify", "."], "has no manifest.json"),
    ],
)
def test_a_mistake_is_one_line(refused, tmp_path, arguments, part):
    assert part in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_a_clip_ends_before_anything_is_written(refused, tmp_path):
    shapes = tmp_path / "amass" / "CMU" / "01"
    shapes.mkdir(parents=True)
    for name in ("shape", "neutral_stagei"):
        np.savez(shapes / f"{name}.npz", betas=np.zeros(16))
    line = refused("generate", "sources.amass.amass.folder=amass", "output=shards")
    assert "amass: its npz files hold people's shapes alone (shape.npz, _stagei.npz); give" in line
    (tmp_path / "gym").mkdir()
    np.save(tmp_path / "gym" / "w00_pose_3d.npy", np.zeros((3, 9, 18)))
    (tmp_path / "gym" / "w00_labels.csv").write_text("")
    line = refused("generate", "sources.joints.gym.folder=gym", "output=shards")
    assert "sources: gym has no clip" in line
    assert not (tmp_path / "shards").exists()


def test_an_output_that_cannot_be_written_is_named(refused, tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("generate", "sources.choreography.hours=0.01", "output=file/shards")
    assert "output=file/shards: cannot be written to" in line


def test_the_next_command_can_be_pasted(monkeypatch, datagen):
    for name in ("generate", "_print_manifest", "_print_run", "check_bad_share"):
        monkeypatch.setattr(f"datagen.__main__.{name}", MagicMock())
    _, out, _ = datagen("generate", "output=shards #2")
    assert out.endswith(" 'data=shards #2' output=RUN\n")


@pytest.fixture
def begun(tmp_path, monkeypatch, datagen):
    """A folder of motion, and shards of it that were begun; nothing is made with Ray here."""
    for name in ("walk", "run", "jump"):
        write_motion(tmp_path / "motion", name)
    monkeypatch.setattr("datagen.generate._make", lambda *_: iter(()))
    arguments = ["generate", *sources("motion"), "output=shards"]
    with pytest.raises(KeyError):  # of the first shard, which nobody has made
        datagen(*arguments)
    return arguments


def test_another_configuration_is_refused_by_the_keys_that_differ(refused, begun, tmp_path):
    before = (tmp_path / "shards" / "config.yaml").read_text()
    line = refused(*begun, "seed=7", "text.backend=instructor")
    assert "seed is 0 there and 7 here, text.backend is minilm there and instructor here" in line
    line = refused(*begun, "bodies=1", "imu.cutoff=3", "imu.left.share=0", "clips_per_shard=1")
    assert "and 1 more keys differ" in line
    assert (tmp_path / "shards" / "config.yaml").read_text() == before


def test_what_does_not_change_the_data_may_differ(datagen, begun):
    with pytest.raises(KeyError):  # goes on to make the shards
        datagen(*begun, "cluster.workers=1", "max_bad_share=1", "text.cache=elsewhere")


def test_what_a_named_file_holds_counts_and_not_where_it_lies(datagen, refused, begun, tmp_path):
    mended = tmp_path / "mine.yaml"
    shutil.copy(PRESETS / "mixamo.yaml", mended)
    write_smplh(tmp_path / "a.npz")
    given = [*begun, "sources.bvh.made.skeleton=mine.yaml"]
    with pytest.raises(KeyError):  # goes on: this map is the built-in one under another name
        datagen(*given)
    mended.write_text(mended.read_text().replace("unit: 0.01", "unit: 0.0254"))
    line = refused(*given)
    assert "the file of sources.bvh.made.skeleton holds something else there and here" in line
    assert "body.model is mannequin there and a.npz here" in refused(*begun, "body.model=a.npz")


def test_a_body_model_may_lie_elsewhere_and_may_not_change(datagen, refused, tmp_path, monkeypatch):
    monkeypatch.setattr("datagen.generate._make", lambda *_: iter(()))
    write_amass(tmp_path / "amass" / "CMU" / "01" / "a_poses.npz")
    (tmp_path / "a").mkdir()
    write_smplh(tmp_path / "a" / "FEMALE.npz")
    given = ["generate", "sources.amass.amass.folder=amass", "output=shards"]
    body = "sources.amass.amass.body={}/{{gender}}.npz".format
    assert f"{body('none')}: no such file" in refused(*given, body("none"))
    assert not (tmp_path / "shards").exists()
    with pytest.raises(KeyError):
        datagen(*given, body("a"))
    write_smplh(tmp_path / "a" / "MALE.npz", seed=1)  # for want of which a run may have ended
    with pytest.raises(KeyError):
        datagen(*given, body("a"))
    (tmp_path / "a").rename(tmp_path / "b")
    with served(tmp_path) as web:
        for place in ("b", web.url + "/b"):
            with pytest.raises(KeyError):
                datagen(*given, body(place))
        write_smplh(tmp_path / "b" / "MALE.npz", seed=2)
        line = refused(*given, body(web.url + "/b"))
    assert "the file of sources.amass.amass.body.MALE holds something else" in line


def test_other_clips_are_refused(refused, begun, tmp_path):
    write_motion(tmp_path / "motion", "fall")
    assert "1 clips are new, such as made/fall" in refused(*begun)


def test_shards_of_unknown_origin_are_not_touched(refused, begun, tmp_path):
    (tmp_path / "shards" / "plan.json").unlink()
    written(tmp_path / "shards", 0, [made_sample()])
    assert "holds shards but no plan.json" in refused(*begun)


def test_two_runs_do_not_write_to_one_folder(refused, begun, tmp_path):
    with open(tmp_path / "shards" / ".lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another run is writing there" in refused(*begun)


def test_verify_tells_good_shards_from_damaged_ones(datagen, tmp_path):
    summed(tmp_path, [written(tmp_path, 0, [made_sample()])])
    status, out, _ = datagen("verify", ".")
    assert status == 0
    assert "every checksum matches" in out
    with open(tmp_path / "shard-000000.tar", "r+b") as file:
        file.seek(600)
        file.write(b"x")
    status, _, err = datagen("verify", ".")
    assert status == 2
    assert "shard-000000.tar (its bytes do not match" in err.splitlines()[-1]


def test_bad_clips_are_listed_and_end_a_run_only_in_numbers(tmp_path):
    folder = tmp_path / "motion"
    for number in range(4):
        write_motion(folder, f"walk_{number}", seed=number)
    write_motion(folder, "short", seconds=0.5)
    thrown = write_motion(folder, "thrown", seconds=4.0)
    lines = thrown.read_text().splitlines()
    lines[-60] = " ".join(["300.0", *lines[-60].split()[1:]])  # three metres aside in one frame
    thrown.write_text("\n".join(lines))
    text = write_motion(folder, "broken").read_text()
    (folder / "broken.bvh").write_text(text[: len(text) // 2])
    (folder / "nan.bvh").write_text(text.replace(text.split()[-1], "nan"))
    (folder / "unknown.bvh").write_text(text.replace("mixamorig:LeftForeArm", "tail"))
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump(
            {
                "output": "shards",
                "clips_per_shard": 4,
                "bodies": 2,
                "max_bad_share": 0.1,
                "sources": {"bvh": {"made": {"folder": "motion", "skeleton": "mixamo"}}},
            }
        )
    )
    command = ("generate", "--config", "config.yaml")
    out, err = finish(start(tmp_path, *command), status=2)
    assert "4 of 9 clips are bad (44%; max_bad_share is 10%)" in err.splitlines()[-1]
    assert "Traceback" not in err
    manifest = load_manifest(tmp_path / "shards")
    reasons = {failure.clip: failure.reason for failure in manifest.failures}
    assert set(reasons) == {"made/short", "made/broken", "made/nan", "made/unknown"}
    assert "shorter than one window" in reasons["made/short"]
    assert "NaN" in reasons["made/nan"]
    assert "LeftForeArm" in reasons["made/unknown"]
    assert manifest.samples == 6
    assert [(cut.clip, cut.reason[:10]) for cut in manifest.cuts] == [("made/thrown", "pelvis acc")]

    out, _ = finish(start(tmp_path, *command, "max_bad_share=0.5"))
    assert "9, of which 4 are bad" in out
    assert "cut out        1 glitches of 1 clips, 0." in out
    assert "made/thrown: 1." in out
    assert "nothing left to do" in out
    assert json.loads((tmp_path / "shards" / "run.json").read_text())["seed"] == 0
