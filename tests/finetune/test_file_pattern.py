from pathlib import Path

import pytest

from cluster.errors import UserError
from finetune.targets.file_pattern import FilePattern


@pytest.mark.parametrize("pattern", ["./{person}/*.csv", "{person}//*.csv", "././{person}/./*.csv"])
def test_a_way_through_the_folder_itself_fits_as_without_it(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "left.csv").touch()
    assert FilePattern(pattern, "files").find(tmp_path) == {
        tmp_path / "a" / "left.csv": {"person": "a"}
    }


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("{1}/{wrist}.csv", r"\{1\} names no part: a name begins with a letter"),
        ("**/{wrist}.csv", r"\*\* is not known: write \*/ for each folder on the way"),
        ("a***.csv", r"\*\* is not known"),
        ("", "give a path below the target's folder"),
        ("./", "give a path below the target's folder"),
        ("/a/*.csv", "give a path below the target's folder"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_one_line(pattern: str, problem: str) -> None:
    with pytest.raises(UserError, match=rf"^files is .*; {problem}") as refused:
        FilePattern(pattern, "files")
    assert "\n" not in str(refused.value)
