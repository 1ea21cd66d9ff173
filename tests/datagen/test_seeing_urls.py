"""Looking at shards at a URL: what is said and drawn is the same as of those on a disk."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster.storage import Url, files_in
from tests.datagen.made_shards import made_shards
from tests.web import served

CLIP = "choreography/0-00000-upright-row"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_shards(tmp_path_factory.mktemp("shards"))


def test_ranges_and_clips_are_read_from_urls(datagen: Any, shards: Path, tmp_path: Path) -> None:
    clip = ("show", CLIP, "--seconds", 0.1, "--shards")
    _, expected, _ = datagen("ranges", shards)
    assert datagen(*clip, shards)[0] == 0
    shutil.move("runs/show", "here")
    with served(shards) as web:
        for place in (web.url, f"file://{shards}"):
            assert datagen("ranges", place)[:2] == (0, expected)
            assert datagen(*clip, place, "--to", f"file://{tmp_path}/seen")[0] == 0
            for path in files_in(tmp_path / "here"):
                assert (tmp_path / "seen" / path.name).read_bytes() == path.read_bytes()
            shutil.rmtree("seen")


def test_a_report_is_written_where_the_shards_lie(
    datagen: Any, shards: Path, memory: Url, tmp_path: Path
) -> None:
    for path in files_in(shards):
        (memory / path.name).put(path)
    status, out, _ = datagen("report", memory)
    assert (status, f"{memory}/report.html: every sample was read" in out) == (0, True)
    assert datagen("report", f"file://{shards}", "--to", "page.html")[0] == 0
    there = (memory / "report.html").read_text().replace(str(memory), str(shards))
    assert there == (tmp_path / "page.html").read_text()
    with served(shards) as web:
        status, _, err = datagen("report", web.url)
        assert status == 2
        line = err.splitlines()[-1]
        assert "can be read, but not written to; or give another place as --to FILE" in line
        assert datagen("report", web.url, "--to", "web.html")[0] == 0
    assert (tmp_path / "web.html").read_text().replace(web.url, str(shards)) == there


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("show", CLIP, "--shards", "absent", "--to", "s3://box/x"), "--to"),
        (("generate", "sources.choreography.hours=1", "text.cache=s3://box/x"), "text.cache"),
    ],
)
def test_what_must_be_a_folder_of_this_machine(
    refused: Any, tmp_path: Path, arguments: tuple[str, ...], key: str
) -> None:
    assert f"{key}=s3://box/x: must be a folder of this machine, not a URL" in refused(*arguments)
    assert list(tmp_path.iterdir()) == []
