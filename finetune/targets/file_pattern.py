"""Patterns of paths such as `{person}/{session}_{wrist}.csv`."""

import re
from pathlib import Path

from cluster.errors import UserError

PIECE = re.compile(r"\{(\w+)\}|(\*)")


class FilePattern:
    """A path in which `*` stands for anything within a folder's name, `{name}` for a named part.

    Raises UserError for one that names a part twice.
    """

    def __init__(self, pattern: str, key: str) -> None:
        self.pattern, self.key = pattern, key
        self.parts = [name for name, _ in PIECE.findall(pattern) if name]
        if len(set(self.parts)) < len(self.parts):
            raise UserError(f"{key} is {pattern}; it names a part twice")

    def find(self, folder: Path) -> dict[Path, dict[str, str]]:
        """Return the files below `folder` that fit, each with its named parts."""
        expression, end = "", 0
        for piece in PIECE.finditer(self.pattern):
            expression += re.escape(self.pattern[end : piece.start()])
            expression += f"(?P<{piece[1]}>[^/]+?)" if piece[1] else "[^/]*"
            end = piece.end()
        fits = re.compile(expression + re.escape(self.pattern[end:]))
        found = {}
        for path in folder.glob(PIECE.sub("*", self.pattern)):
            match = fits.fullmatch(path.relative_to(folder).as_posix())
            if match and path.is_file():
                found[path] = match.groupdict()
        return found

    def fill(self, parts: dict[str, str]) -> str:
        """Return the path with its named parts put in; UserError for one that is not there."""
        unknown = [name for name in self.parts if name not in parts]
        if unknown:
            raise UserError(
                f"{self.key} is {self.pattern}; {{{unknown[0]}}} is none of the parts of the "
                f"recordings' pattern: {', '.join(parts) or 'it names none'}"
            )
        return PIECE.sub(lambda piece: parts[piece[1]] if piece[1] else piece[0], self.pattern)
