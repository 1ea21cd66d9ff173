"""Patterns of paths such as `{person}/{session}_{wrist}.csv`; large and small letters are equal."""

import glob
import re
from pathlib import Path, PurePath

from cluster.errors import UserError

PIECE = re.compile(r"\{(\w+)\}|(\*)")
ANY_NAME = "[^/]+?"
WRIST_NAME = "left|right|l|r"


class FilePattern:
    """A path in which `*` stands for anything within a folder's name, `{name}` for a named part.

    Raises UserError for one that names a part twice or by no name, that has two stars beside each
    other, or that is no path below a folder.
    """

    def __init__(self, pattern: str, key: str) -> None:
        # As the paths are that are compared with it, without ./ and //.
        self.pattern, self.key = PurePath(pattern).as_posix(), key
        self.parts = [name for name, _ in PIECE.findall(pattern) if name]
        if nameless := [name for name in self.parts if not name.isidentifier()]:
            raise UserError(
                f"{key} is {pattern}; {{{nameless[0]}}} names no part: a name begins with a letter"
            )
        if len(set(self.parts)) < len(self.parts):
            raise UserError(f"{key} is {pattern}; it names a part twice")
        if "**" in pattern:
            raise UserError(
                f"{key} is {pattern}; ** is not known: write */ for each folder on the way"
            )
        if self.pattern == "." or PurePath(pattern).is_absolute():
            raise UserError(f"{key} is {pattern!r}; give a path below the target's folder")

    def find(self, folder: Path) -> dict[Path, dict[str, str]]:
        """Return the files below `folder` that fit, each with its named parts.

        The part `wrist` is the name of one where the path allows it, so that the session of
        morning_walk_left is morning_walk. Names that begin with a point are hidden: editors and
        systems keep copies under such names.
        """
        fits = [self._expression(wrist) for wrist in (WRIST_NAME, ANY_NAME)]
        found = {}
        for path in folder.glob(self._wildcards()):
            name = path.relative_to(folder).as_posix()
            match = fits[0].fullmatch(name) or fits[1].fullmatch(name)
            if match and path.is_file() and not self._is_hidden(name):
                found[path] = match.groupdict()
        return found

    def _is_hidden(self, name: str) -> bool:
        pairs = zip(PurePath(name).parts, PurePath(self.pattern).parts, strict=True)
        return any(own.startswith(".") and not wanted.startswith(".") for own, wanted in pairs)

    def _wildcards(self) -> str:
        letters = (
            f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else glob.escape(letter)
            for letter in PIECE.sub("*", self.pattern)
        )
        # Two stars beside each other would mean any depth.
        return re.sub(r"\*+", "*", "".join(letters).replace("[*]", "*"))

    def _expression(self, wrist: str) -> re.Pattern[str]:
        expression, end = "", 0
        for piece in PIECE.finditer(self.pattern):
            name = wrist if piece[1] == "wrist" else ANY_NAME
            expression += re.escape(self.pattern[end : piece.start()])
            expression += f"(?P<{piece[1]}>{name})" if piece[1] else "[^/]*"
            end = piece.end()
        return re.compile(expression + re.escape(self.pattern[end:]), re.IGNORECASE)

    def fill(self, parts: dict[str, str]) -> str:
        """Return the path with its named parts put in; UserError for one that is not there."""
        unknown = [name for name in self.parts if name not in parts]
        if unknown:
            raise UserError(
                f"{self.key} is {self.pattern}; {{{unknown[0]}}} is none of the parts of the "
                f"recordings' pattern: {', '.join(parts) or 'it names none'}"
            )
        return PIECE.sub(lambda piece: parts[piece[1]] if piece[1] else piece[0], self.pattern)
