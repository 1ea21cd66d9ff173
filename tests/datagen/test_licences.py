"""What motion may be used for travels from the configuration into the manifest."""

from dataclasses import asdict
from pathlib import Path

import pytest

from cluster.config import load_config
from datagen.config import DatagenConfig, data_keys, licences

PRESETS = Path("configs/datagen")


@pytest.mark.parametrize(
    ("preset", "overrides", "expected"),
    [
        ("demo", [], {"choreography": "Apache-2.0"}),
        ("bandai", ["sources.bvh.bandai.folder=F"], {"bandai": "CC BY-NC 4.0"}),
        (
            "how2sign",
            ["sources.how2sign.how2sign.folder=F", "sources.how2sign.how2sign.sentences=S"],
            {"how2sign": "CC BY-NC 4.0"},
        ),
        (
            "smoke",
            ["sources.bvh.mine.folder=F", "sources.bvh.mine.skeleton=mixamo"],
            {"choreography": "Apache-2.0", "mine": "not stated"},
        ),
        (
            "smoke",
            [
                "sources.choreography=null",
                "sources.bvh.mine={folder: F, skeleton: cmu, licence: CC0-1.0}",
            ],
            {"mine": "CC0-1.0"},
        ),
    ],
)
def test_each_source_has_its_own(
    preset: str, overrides: list[str], expected: dict[str, str]
) -> None:
    config = load_config(DatagenConfig, PRESETS / f"{preset}.yaml", overrides)
    assert licences(config.sources) == expected
    assert not any("licence" in key for key in data_keys(asdict(config), {}))
