"""What every source that reads a folder does: find its files, name its clips."""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from cluster.errors import UserError
from cluster.storage import Location, files_in, location
from datagen.motion import ClipRef


def files_below(folder: str, pattern: str, kind: str) -> Sequence[Location]:
    """Return every file below a folder whose name fits a pattern such as *.npz, sorted.

    The folder may be a URL. Upper and lower case are the same. Raises UserError for a missing
    folder and for no such file.

    What macOS keeps beside a file x.bvh on foreign disks, ._x.bvh, is no file of that kind.
    """
    place = location(folder)
    if not place.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that holds the {kind} files")
    fits = re.compile(fnmatch.translate(pattern.lower()))
    paths = sorted(
        path
        for path in files_in(place)
        if fits.match(path.name.lower()) and not path.name.startswith("._")
    )
    if not paths:
        raise UserError(f"{folder}: holds no {kind} file ({pattern})")
    return paths


def below(folder: str, path: Location) -> Path:
    """Return the way to a file from the folder in which it was found."""
    return path.relative_to(str(location(folder)))


def clip_name(source: str, way: Path) -> str:
    """Return a clip's name from its path below the source's folder."""
    return f"{source}/" + re.sub(r"[^A-Za-z0-9_/-]", "_", way.with_suffix("").as_posix())


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
