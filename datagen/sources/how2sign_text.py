"""How2Sign's sentences: how2sign_realigned_{train,val,test}.csv, separated by tabs."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cluster.errors import UserError
from cluster.storage import Location

COLUMNS = (
    "VIDEO_ID VIDEO_NAME SENTENCE_ID SENTENCE_NAME START_REALIGNED END_REALIGNED SENTENCE"
).split()
FILES = tuple(f"how2sign_realigned_{split}.csv" for split in ("train", "val", "test"))
# A video's name is YouTube's name of the talk, then who signs it, then the camera.
SIGNER = re.compile(r".+-(\d+)-rgb_front")
SENTENCE_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Sentence:
    """One sentence.

    Attributes:
        name: SENTENCE_NAME.
        video: VIDEO_NAME, the whole video that it is a part of.
        start, end: its realigned times in that video, seconds.
        text: what is said.
        signer: who signs, or the video where its name does not tell; so that neither one person
            nor one video stands in both splits.
        rate: frames per second of the video.
    """

    name: str
    video: str
    start: float
    end: float
    text: str
    signer: str
    rate: float

    @property
    def frames(self) -> tuple[int, int]:
        """First and last frame in the whole video."""
        return math.ceil(self.start * self.rate), math.floor(self.end * self.rate)


def read_sentences(place: Location, rate: float) -> dict[str, Sentence]:
    """Return every sentence by its name, from one file or a folder of the three.

    Args:
        place: a file or folder.
        rate: frames per second where a file has no column `fps`.

    Raises UserError, naming file and line, for a table that is not How2Sign's.
    """
    files = [place / name for name in FILES if (place / name).is_file()] if place.is_dir() else []
    if not place.is_file() and not files:
        raise UserError(f"{place}: holds none of {', '.join(FILES)}")
    sentences: dict[str, Sentence] = {}
    for path in files or [place]:
        for line, sentence in _read(path, rate):
            if sentences.setdefault(sentence.name, sentence) != sentence:
                raise UserError(f"{path}, line {line}: {sentence.name} stands there twice")
    return sentences


def _read(path: Location, rate: float) -> Iterator[tuple[int, Sentence]]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline().rstrip("\n").split("\t")
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise UserError(f"{path}: has no column {missing[0]}; columns are tab-separated")
            for number, line in enumerate(file, 2):
                if not line.strip():
                    continue
                values = [_unquoted(value) for value in line.rstrip("\n").split("\t")]
                if len(values) != len(header):
                    raise UserError(
                        f"{path}, line {number}: has {len(values)} columns, not {len(header)}"
                    )
                row = dict(zip(header, values, strict=True))
                yield number, _sentence(row, rate, f"{path}, line {number}")
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read: {error}") from None


def _unquoted(value: str) -> str:
    """Return a value without the quotation marks that a CSV writer puts around it.

    One that a sentence merely begins with must not swallow the lines that follow, as it does for
    a CSV reader.
    """
    quoted = len(value) > 1 and value[0] == value[-1] == '"'
    return value[1:-1].replace('""', '"') if quoted else value


def _sentence(row: dict[str, str], rate: float, place: str) -> Sentence:
    name, video = row["SENTENCE_NAME"], row["VIDEO_NAME"]
    if not SENTENCE_NAME.fullmatch(name):
        raise UserError(f"{place}: SENTENCE_NAME {name[:60]!r} is not of letters, digits, _ and -")
    try:
        start, end = float(row["START_REALIGNED"]), float(row["END_REALIGNED"])
        rate = float(row.get("fps") or rate)
    except ValueError:
        raise UserError(f"{place}: START_REALIGNED, END_REALIGNED or fps is no number") from None
    if not (0 <= start < math.inf and 0 <= end < math.inf and 1 <= rate <= 2000):
        raise UserError(f"{place}: {start:g} s to {end:g} s at {rate:g} frames a second")
    found = SIGNER.fullmatch(video)
    signer = f"signer-{found[1]}" if found else f"video-{row['VIDEO_ID'] or video}"
    return Sentence(name, video, start, end, row["SENTENCE"].strip(), signer, rate)
