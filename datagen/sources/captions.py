"""HumanML3D's captions: lines of caption#tokens#start#end, in seconds."""

import math
from dataclasses import dataclass

from cluster.storage import Location
from datagen.motion import BadClipError

LONGEST_TEXT = 2000


@dataclass(frozen=True)
class Caption:
    """A sentence about a clip, or about its part from start to end in seconds; end 0 is all."""

    text: str
    start: float = 0.0
    end: float = 0.0


def read_captions(path: Location) -> list[Caption]:
    """Return one caption for each part of the clip that the file describes, the first of each.

    Lines of plain text describe the whole clip. Raises BadClipError with one reason.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise BadClipError(f"has no caption: {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadClipError(f"has no caption: {path} is not UTF-8 text") from None
    parts: dict[tuple[float, float], Caption] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            caption = _parse(line, f"{path}, line {number}")
            parts.setdefault((caption.start, caption.end), caption)
    if not parts:
        raise BadClipError(f"has no caption: {path} is empty")
    return list(parts.values())


def _parse(line: str, place: str) -> Caption:
    text, *rest = line.strip().split("#")
    if len(rest) not in (0, 3):
        raise BadClipError(f"has a bad caption: {place}: is not caption#tokens#start#end")
    try:
        # HumanML3D writes nan where a caption has no part of its own.
        start, end = (0.0 if math.isnan(float(time)) else float(time) for time in rest[1:] or "00")
    except ValueError:
        raise BadClipError(f"has a bad caption: {place}: start and end are no numbers") from None
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise BadClipError(f"has a bad caption: {place}: {len(text)} letters")
    if (start, end) != (0.0, 0.0) and not 0 <= start < end < math.inf:
        raise BadClipError(f"has a bad caption: {place}: goes from {start:g} s to {end:g} s")
    return Caption(text.strip(), start, end)
