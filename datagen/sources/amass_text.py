"""Sentences for AMASS: the stretches of its files that BABEL or HumanML3D describes.

BABEL counts seconds. HumanML3D counts frames of motion thinned out to 20 per second, after a
few seconds that it leaves out at the beginning of some data sets.
"""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.storage import Location
from datagen.motion import BadClipError
from datagen.sources.captions import read_captions

HUMANML3D_RATE = 20
# Seconds that HumanML3D leaves out at the beginning of the files of some data sets.
LEFT_OUT = {
    "Eyes_Japan_Dataset": 3.0,
    "MPI_HDM05": 3.0,
    "TotalCapture": 1.0,
    "MPI_Limits": 1.0,
    "Transitions_mocap": 0.5,
}
# A window is one second; a shorter stretch would only be listed as bad.
SHORTEST_SECONDS = 1.1
MOST_FRAMES = 1_000_000
# Between two actions; says nothing of what is done.
TRANSITION = "transition"


@dataclass(frozen=True)
class Stretch:
    """A described part of a file.

    Attributes:
        name: unique among the stretches of the file.
        text, action: as in ClipRef.
        place: `START:END` in seconds, or in HumanML3D's frames with an `f` behind; "" is all of it.
    """

    name: str
    text: str
    action: str
    place: str


Stretches = dict[str, list[Stretch]]


def file_key(path: str) -> str:
    """Return what a file is known by in every release: data set, subject and name."""
    return "/".join(path.rpartition(".")[0].split("/")[-3:])


def frames_of(place: str, frames: int, rate: float) -> slice:
    """Return the frames of a stretch's place; raises BadClipError where the file has none there."""
    if not place:
        return slice(0, frames)
    step = rate
    if place.endswith("f"):
        # HumanML3D takes every n-th frame, whether or not that makes exactly 20 a second.
        step = int(rate / HUMANML3D_RATE)
    start, end = (round(float(each) * step) for each in place.rstrip("f").split(":"))
    if not 0 <= start < min(end, frames) - 1:
        raise BadClipError(f"has {frames} frames and none from frame {start + 1} to {end}")
    return slice(start, end)


def read_babel(path: Location) -> Stretches:
    """Return the labelled stretches of BABEL by file; raises UserError.

    Args:
        path: one of BABEL's JSON files, or the folder of all of them.

    A file with labels for its frames gives a stretch for each of them but for transitions and
    those shorter than a window; another one is a stretch as a whole.
    """
    stretches: Stretches = {}
    for part in _parts(path):
        for sid, entry in _read_json(part).items():
            try:
                found = list(_babel_stretches(entry))
                key = file_key(entry["feat_p"])
            except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise UserError(
                    f"{part}: is not BABEL's: entry {sid}: {type(error).__name__}: {error}"
                ) from None
            stretches.setdefault(key, []).extend(found)
    if not stretches:
        raise UserError(f"{path}: holds no entry of BABEL (*.json)")
    return stretches


def _parts(path: Location) -> Sequence[Location]:
    if not path.is_dir():
        return [path]
    parts = (each for each in path.iterdir() if each.suffix.lower() == ".json")
    return sorted(each for each in parts if not each.name.startswith("._"))


def _read_json(path: Location) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: BABEL cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: BABEL cannot be read: it is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: is not BABEL's: it holds no entries by number")
    return content


def _babel_stretches(entry: dict[str, Any]) -> Iterator[Stretch]:
    """Yield an entry's stretches; one that is not BABEL's raises whatever it runs into."""
    sid = int(entry["babel_sid"])
    of_frames, of_whole = (_labels(entry, kind) for kind in ("frame_ann", "seq_ann"))
    for number, label in enumerate(of_frames):
        start, end = float(label["start_t"]), float(label["end_t"])
        text = label["raw_label"].strip()
        long_enough = math.isfinite(end) and 0 <= start <= end - SHORTEST_SECONDS
        if text and label["proc_label"] != TRANSITION and long_enough:
            yield Stretch(f"{sid}-{number}", text, _action(label), f"{start:.4f}:{end:.4f}")
    texts = [label["raw_label"].strip() for label in of_whole]
    if not of_frames and any(texts):
        text = " and ".join(text for text in texts if text)
        yield Stretch(str(sid), text, _action(of_whole[0]), "")


def _labels(entry: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Return the labels of `seq_ann` or `frame_ann`, of the first annotator of `seq_anns`."""
    annotation = entry.get(kind) or (entry.get(f"{kind}s") or [None])[0]
    return list(annotation["labels"]) if annotation else []


def _action(label: dict[str, Any]) -> str:
    categories = label.get("act_cat") or []
    return str(categories[0]) if categories else ""


def read_humanml3d(folder: Location) -> Stretches:
    """Return the described stretches of HumanML3D by file; raises UserError.

    Args:
        folder: holds index.csv, and texts/ or HumanML3D/texts/.

    Of several sentences for the same stretch the first one is taken.
    """
    index = folder / "index.csv"
    texts = next(
        (t for t in (folder / "texts", folder / "HumanML3D" / "texts") if t.is_dir()), None
    )
    if texts is None:
        raise UserError(f"{folder}: has no folder texts; unpack HumanML3D's texts.zip there")
    stretches: Stretches = {}
    for number, row in enumerate(_read_index(index), start=2):
        try:
            start, end = int(row["start_frame"]), int(row["end_frame"])
            name, source = Path(row["new_name"]).stem, row["source_path"]
            if not 0 <= start < MOST_FRAMES or end > MOST_FRAMES:
                raise ValueError
        except (TypeError, ValueError):
            raise UserError(f"{index}: line {number} is not HumanML3D's") from None
        if end < 0:  # of HumanAct12, which is no part of AMASS
            continue
        parts = source.split("/")
        left_out = max((LEFT_OUT.get(part, 0.0) for part in parts), default=0.0)
        first = round(left_out * HUMANML3D_RATE)
        found = _captions(texts / f"{name}.txt", name, first + start, first + end)
        stretches.setdefault(file_key(source), []).extend(found)
    return stretches


def _read_index(path: Location) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"source_path", "start_frame", "end_frame", "new_name"} - set(
                rows.fieldnames or []
            )
            if missing:
                raise UserError(f"{path}: has no column {' or '.join(sorted(missing))}")
            return list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path}: HumanML3D's index cannot be read: {reason}") from None


def _captions(path: Location, name: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield one stretch for each part of a clip that has a sentence of its own."""
    try:
        captions = read_captions(path)
    except BadClipError as error:
        raise UserError(f"{path.parent}: clip {name} {error}") from None
    for number, caption in enumerate(captions):
        first, last = float(start), float(end)
        if caption.end > 0:
            last = min(last, start + caption.end * HUMANML3D_RATE)
            first += caption.start * HUMANML3D_RATE
        if last - first >= SHORTEST_SECONDS * HUMANML3D_RATE:
            suffix = f"-{number}" if number else ""
            yield Stretch(name + suffix, caption.text, "", f"{first:.2f}:{last:.2f}f")
