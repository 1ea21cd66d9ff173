"""Which files below a folder are clips."""

import pytest

from datagen.sources.bvh import BvhConfig, BvhSource
from tests.datagen.running import write_motion
from tests.web import served


@pytest.fixture
def folder(tmp_path):
    """A clip, and what macOS writes beside it on a disk that is not its own."""
    clip = write_motion(tmp_path / "here" / "day", "walk")
    (clip.parent / "._walk.bvh").write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
    return tmp_path / "here"


def clips(folder):
    source = BvhSource(BvhConfig(folder=str(folder), skeleton="mixamo", name="lab"))
    return [ref.name for ref in source.list_clips()]


def test_what_macos_writes_beside_a_clip_is_none(folder):
    assert clips(folder) == ["lab/day/walk"]
    with served(folder) as web:
        assert clips(web.url) == ["lab/day/walk"]


def test_clips_in_linked_folders_are_read(folder, tmp_path):
    elsewhere = write_motion(tmp_path / "disk", "wave").parent
    (folder / "more").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    assert clips(folder) == ["lab/day/walk", "lab/more/wave"]
