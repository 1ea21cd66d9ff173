"""The data goes one way through the rooms, and so do the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "cluster": set(),
    "datagen": {"cluster"},
    # What a shard holds: its files, its samples, the names of the joints, vectors of sentences.
    "pretrain": {
        "cluster",
        "datagen.shards",
        "datagen.sample",
        "datagen.motion",
        "datagen.text",
        # Whether the sensors were worn as watches, whose mirror image is known.
        "datagen.placement",
    },
    "finetune": {
        "cluster",
        "pretrain.release",
        "pretrain.encoders",
        "pretrain.model",
        # Labelled windows are varied as those of pre-training are.
        "pretrain.augment",
        # Shards whose windows stand beside real ones, and their calibration.
        "datagen.shards",
        "datagen.sample",
        "datagen.calibration",
        # Zero-shot: sentences of classes, and the text model that embeds them.
        "pretrain.prompts",
        "datagen.text",
    },
}


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in MAY_IMPORT}


def is_allowed(name: str, room: str) -> bool:
    allowed = {room, *MAY_IMPORT[room]}
    return any(
        name == each or name.startswith(f"{each}.") or each.startswith(f"{name}.")
        for each in allowed
    )


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_upstream(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in sorted(imported_modules(path))
        if not is_allowed(name, room)
    ]
    assert not wrong


def test_nothing_outside_the_project_is_needed_to_run():
    for room in MAY_IMPORT:
        for path in (ROOT / room).rglob("*.py"):
            assert "../shared" not in path.read_text(), path
