"""Presets of `datagen generate` and of pre-training can be meant."""

from pathlib import Path

import pytest

from cluster.config import load_config
from cluster.errors import UserError
from datagen.config import DatagenConfig
from pretrain.config import TrainConfig

CONFIGS = Path(__file__).parent.parent / "configs"
OF_OTHER_COMMANDS = ("fidelity_", "prompts_")
PRESETS = [
    (schema, path)
    for room, schema in (("datagen", DatagenConfig), ("pretrain", TrainConfig))
    for path in sorted((CONFIGS / room).glob("*.yaml"))
    if not path.name.startswith(OF_OTHER_COMMANDS)
]


def complaint(schema: type, preset: Path) -> str:
    """Return what is wrong with a preset, empty where nothing is."""
    try:
        load_config(schema, preset, [])
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("schema", "preset"), PRESETS, ids=[path.stem for _, path in PRESETS])
def test_a_preset_lacks_nothing_but_where_data_are(schema: type, preset: Path) -> None:
    said = complaint(schema, preset)
    assert not said or "has no value; give it as" in said


def test_a_day_of_choreography_is_of_people_with_manners() -> None:
    made = load_config(DatagenConfig, CONFIGS / "datagen" / "choreography.yaml", [])
    source = made.sources.choreography
    assert source is not None
    assert (source.hours, source.manner) == (24.0, 1.0)
