"""`python -m datagen fidelity` typed again: what is kept, and what is compared anew."""

import shutil
from typing import Any

import numpy as np
import pytest

from datagen import fidelity_command
from datagen.config import SourcesConfig
from datagen.sources.amass import AmassConfig
from datagen.sources.bvh import BvhConfig
from datagen.sources.skeleton_map import PRESETS as SKELETONS
from tests.datagen.made_smpl import babel_entry, label, swaying, write_amass, write_babel
from tests.datagen.made_watch import write_csv
from tests.datagen.running import write_motion
from tests.datagen.test_fidelity_command import FIRST, PRESETS, performed, recording, result


@pytest.fixture
def fidelity(datagen: Any) -> Any:
    """Run the command in an empty folder: status, output, complaints."""
    return lambda *given: datagen("fidelity", "--config", PRESETS / "fidelity_pair.yaml", *given)


def test_continued_run_takes_what_was_compared(fidelity, tmp_path, monkeypatch) -> None:
    write_motion(tmp_path / "mocap", "walk_p1", seconds=20)
    source = BvhConfig(str(tmp_path / "mocap"), "mixamo")
    (made,) = performed(SourcesConfig(bvh={"lab": source})).values()
    write_csv(tmp_path / "watch.csv", *recording(made))
    assert fidelity(*FIRST)[0] == 0
    monkeypatch.setattr(fidelity_command, "compare", None)
    before = (tmp_path / "runs/fidelity/pair/fidelity.json").read_text()
    assert fidelity(*FIRST)[0] == 0
    assert (tmp_path / "runs/fidelity/pair/fidelity.json").read_text() == before
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    # Another configuration or a recording that has changed is another comparison.
    assert fidelity(*FIRST, "imu.cutoff=8")[0] == 0
    assert (tmp_path / "runs/fidelity/pair/fidelity.json").read_text() != before
    mine = shutil.copy(SKELETONS / "mixamo.yaml", tmp_path / "mine.yaml")
    given = (*FIRST, "sources.bvh.lab.skeleton=mine.yaml")
    assert fidelity(*given)[0] == 0
    assert (tmp_path / "runs/fidelity/pair/fidelity.json").read_text() == before
    mine.write_text(mine.read_text() + "turns:\n  left_elbow: LeftHand\n")
    assert fidelity(*given)[0] == 0
    assert (tmp_path / "runs/fidelity/pair/fidelity.json").read_text() != before
    (tmp_path / "watch.csv").unlink()
    status, _, err = fidelity(*FIRST)
    assert (status, "watch.csv: no such file" in err) == (2, True)


@pytest.mark.parametrize("place", ["amass", "file://{here}/amass"])
def test_motion_that_is_part_of_a_file_is_compared_anew_when_it_changes(
    fidelity, tmp_path, monkeypatch, place
) -> None:
    poses = swaying(2400, 156) + 0.2 * np.sin(np.arange(2400)[:, None] / 30 + np.arange(156))
    path = write_amass(tmp_path / "amass" / "CMU" / "01" / "a_poses.npz", frames=2400, poses=poses)

    def labelled(words: str) -> None:
        stretch = label(words, start_t=0.5, end_t=19.5)
        entry = babel_entry(7, "CMU/CMU/01/a_poses.npz", None, [stretch])
        write_babel(tmp_path / "babel.json", entry)

    labelled("reach")
    source = AmassConfig(str(tmp_path / "amass"), babel=str(tmp_path / "babel.json"))
    ((name, made),) = performed(SourcesConfig(amass={"lab": source})).items()
    write_csv(tmp_path / "watch.csv", *recording(made))
    given = (
        f"sources.amass.lab.folder={place.format(here=tmp_path)}",
        "sources.amass.lab.babel=babel.json",
        f"pairs.first.clip={name}",
        f"pairs.first.file={place.format(here=tmp_path).replace('amass', 'watch.csv')}",
    )
    assert fidelity(*given)[0] == 0
    with monkeypatch.context() as kept:
        kept.setattr(fidelity_command, "compare", None)
        assert fidelity(*given)[0] == 0
    before = result("runs/fidelity/pair")
    assert before["all"]["accelerometer"]["correlation"] > 0.99
    labelled("stretch")
    assert fidelity(*given)[0] == 0
    assert list(result("runs/fidelity/pair")["activities"]) == ["stretch"]
    write_amass(path, frames=2400, poses=np.roll(poses, 7, axis=1))
    assert fidelity(*given)[0] == 0
    assert result("runs/fidelity/pair")["all"] != before["all"]
