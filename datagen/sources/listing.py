"""What every source that reads a folder does: find its files, name its clips."""

import re
from collections.abc import Iterable
from pathlib import Path

from cluster.errors import UserError
from datagen.motion import ClipRef


def files_below(folder: str, suffix: str, kind: str) -> list[Path]:
    """Return every file with a suffix below a folder, sorted; raises UserError for none."""
    place = Path(folder)
    if not place.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds the {kind} files")
    paths = sorted(path for path in place.rglob("*") if path.suffix.lower() == suffix)
    if not paths:
        raise UserError(f"{folder}: holds no {kind} file (*{suffix})")
    return paths


def clip_name(source: str, below: Path) -> str:
    """Return a clip's name from its path below the source's folder."""
    return f"{source}/" + re.sub(r"[^A-Za-z0-9_/-]", "_", below.with_suffix("").as_posix())


def unique(refs: Iterable[ClipRef]) -> list[ClipRef]:
    """Return the clips; raises UserError where two have one name."""
    clips: dict[str, ClipRef] = {}
    for ref in refs:
        if ref.name in clips:
            raise UserError(
                f"{ref.locator}: its clip would be named {ref.name}, as that of "
                f"{clips[ref.name].locator}; rename one"
            )
        clips[ref.name] = ref
    return list(clips.values())
