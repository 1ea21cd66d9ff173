"""Sentences for clips: a table with one for each file, or words for the parts of files' names."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.config import load_config
from cluster.errors import UserError
from cluster.secrets import redacted
from cluster.storage import location

PART = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Described:
    """What is said of a clip: a sentence, and the label of its activity or ""."""

    sentence: str
    content: str


@dataclass
class NamingConfig:
    """Sentences by the parts of files' names, as they stand in YAML.

    Attributes:
        files: a file's name, in which `{part}` is one of the words of that part and `*` anything;
            large and small letters are equal.
        words: what each word of a part means in a sentence; it may mean nothing ("").
        sentence, content: the sentence and the activity's label. In the former `{part}` is what
            its word means, in the latter the word itself, as `words` writes it.
    """

    files: str
    words: dict[str, dict[str, str]]
    sentence: str
    content: str = ""


def read_descriptions(path: str) -> Callable[[Path], Described | None]:
    """Return what says of a file, by its path below the folder, what is described of it.

    Raises UserError, naming file and line or key, for descriptions that cannot be read.
    """
    if location(path).suffix.lower() in (".yaml", ".yml"):
        return _by_name(path)
    table = read_table(path)
    return lambda below: table.get(below.as_posix())


def read_table(path: str) -> dict[str, Described]:
    """Return what a CSV with the columns `file`, `description` and perhaps `content` says."""
    described: dict[str, Described] = {}
    try:
        with location(path).open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = {"file", "description"} - set(rows.fieldnames or [])
            if missing:
                raise UserError(f"{redacted(path)}: has no column {' or '.join(sorted(missing))}")
            for row in rows:
                place, name = f"{redacted(path)}, line {rows.line_num}", row["file"]
                if None in row:  # cells beyond the header's
                    raise UserError(
                        f"{place}: has more cells than the header; put a sentence with commas "
                        "between quotation marks"
                    )
                said = Described(
                    (row["description"] or "").strip(), (row.get("content") or "").strip()
                )
                if described.setdefault(name, said) != said:
                    raise UserError(f"{place}: {name} is described twice; leave one row")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{redacted(path)}: the descriptions cannot be read: {reason}") from None
    return described


def _by_name(path: str) -> Callable[[Path], Described | None]:
    naming = load_config(NamingConfig, location(path), [])
    _check(naming, redacted(path))
    expression = _expression(naming)
    # Each word as `words` writes it, by its small letters.
    written = {part: {word.lower(): word for word in words} for part, words in naming.words.items()}

    def describe(below: Path) -> Described | None:
        found = expression.fullmatch(below.name)
        if not found:
            return None
        words = {part: written[part][word.lower()] for part, word in found.groupdict().items()}
        sentence = PART.sub(lambda part: naming.words[part[1]][words[part[1]]], naming.sentence)
        content = PART.sub(lambda part: words[part[1]], naming.content)
        return Described(" ".join(sentence.split()), content)

    return describe


def _check(naming: NamingConfig, path: str) -> None:
    parts = PART.findall(naming.files)
    for part in parts:
        if not part.isidentifier():
            raise UserError(f"{path}: files has {{{part}}}; a part's name begins with a letter")
        if parts.count(part) > 1:
            raise UserError(f"{path}: files names {{{part}}} twice")
        if part not in naming.words:
            raise UserError(
                f"{path}: files has {{{part}}}, but words has no such part: "
                f"{', '.join(naming.words) or 'none'}"
            )
        words = [word.lower() for word in naming.words[part]]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise UserError(
                f"{path}: words.{part} has {twice[0]} twice; large and small letters are equal"
            )
    for key in ("sentence", "content"):
        for part in PART.findall(getattr(naming, key)):
            if part not in parts:
                raise UserError(f"{path}: {key} has {{{part}}}, which is no part of files")


def _expression(naming: NamingConfig) -> re.Pattern[str]:
    expression = ""
    for piece in re.split(r"(\{\w+\}|\*)", naming.files):
        if part := PART.fullmatch(piece):
            # Of two words one of which begins the other, the longer one is tried first.
            words = sorted(naming.words[part[1]], key=len, reverse=True)
            expression += f"(?P<{part[1]}>{'|'.join(map(re.escape, words))})"
        else:
            expression += ".*" if piece == "*" else re.escape(piece)
    return re.compile(expression, re.IGNORECASE)
