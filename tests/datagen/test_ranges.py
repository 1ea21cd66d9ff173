"""The command `datagen ranges`: percentiles that numpy gives too, and those of real clips."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datagen.config import DatagenConfig, SourcesConfig
from datagen.pipeline import Pipeline
from datagen.plan import Unit
from datagen.ranges import PERCENTILES, REAL
from datagen.sources.bvh import BvhConfig
from tests.datagen.test_shards import made_sample, summed, written


def test_percentiles_are_those_of_numpy(datagen: Any, refused: Any, tmp_path: Path) -> None:
    samples = []
    for number, action in enumerate(["walk", "walk", "wave"]):
        sample = made_sample(f"made/{action}{number}-000", frames=600, seed=number)
        meta = {"clip": f"made/{action}{number}", "source": "made", "action": action}
        acc = (10 * sample.acc_NTW3).astype(np.float16)
        samples.append(replace(sample, acc_NTW3=acc, meta=sample.meta | meta))
    summed(tmp_path, [written(tmp_path, 0, samples)])
    status, out, _ = datagen("ranges", str(tmp_path))
    assert status == 0
    told = json.loads(out.splitlines()[-1])
    assert list(told) == ["made/walk", "made/wave"]
    assert told["made/walk"]["clips"] == 2
    for name, each in (("acceleration", "acc_NTW3"), ("turning", "gyro_NTW3")):
        walks = [getattr(sample, each).astype(float) for sample in samples[:2]]
        size = np.linalg.norm(np.concatenate(walks, axis=1), axis=-1)
        truth = np.percentile(size, PERCENTILES)
        np.testing.assert_allclose(told["made/walk"][name], truth, atol=0.05, rtol=0.02)
    assert "made: walk" in out
    assert "watches: walking, sitting" in out
    _, out, _ = datagen("ranges", str(tmp_path), "--clips", "*/wave*")
    assert list(json.loads(out.splitlines()[-1])) == ["made/wave"]
    status, _, err = datagen("ranges", str(tmp_path), "--clips", "x*")
    assert status == 2
    assert err.splitlines()[-1].endswith("has no clip whose name fits x*")
    assert "no such folder" in refused("ranges", "absent")


WALKS = ("walk", "walk-back", "walk-left", "walk-right", "walk-turn-left", "walk-turn-right")
WAVES = ("wave-both-hands", "wave-left-hand", "wave-right-hand", "bye", "byebye")
RAISED = ("raise-up-both-hands", "raise-up-left-hand", "raise-up-right-hand")
EVERYDAY = {
    "bandai": ("_normal_", {*WALKS, *WAVES, *RAISED}),
    "cmu": ("", {"walking", "walking_extra", "washwindow"}),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_clips_stay_in_the_range_of_real_watches(
    name: str, datagen: Any, shared_data: Path, tmp_path: Path
) -> None:
    folder, (style, actions) = shared_data / name, EVERYDAY[name]
    source = BvhConfig(str(folder / "bvh"), name, str(folder / "descriptions.csv"))
    config = DatagenConfig(bodies=3, sources=SourcesConfig(bvh={name: source}))
    pipeline = Pipeline(config, "d1")
    listed = pipeline._sources[name].list_clips()
    clips = tuple(
        clip
        for action in sorted(actions)
        for clip in [ref for ref in listed if ref.action == action and style in ref.name][:6]
    )
    vectors = {clip.text: np.zeros(8, np.float32) for clip in clips}
    info = pipeline.make_shard(tmp_path, Unit(0, name, "train", clips), vectors)
    summed(tmp_path, [info])
    _, out, _ = datagen("ranges", str(tmp_path))
    told = json.loads(out.splitlines()[-1])
    assert {key.partition("/")[2] for key in told} == actions
    most = {action: REAL["shoulder exercises"][0][-1] for action in actions}
    most |= dict.fromkeys({*WALKS, "walking"} & actions, REAL["walking, sitting"][0][-1])
    largest = {action: told[f"{name}/{action}"]["acceleration"][-1] for action in actions}
    assert all(largest[action] <= 1.5 * most[action] for action in actions), largest
