"""A store that is plugged into fsspec as s3fs is: by the entry point of a package on the path.

bucket://NAME is the folder NAME in the folder that the variable BUCKETS names, so that the
processes of a machine share it.
"""

from pathlib import Path

PACKAGE = """
import os
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem


class Bucket(DirFileSystem):
    protocol = "bucket"

    def __init__(self, **options):
        super().__init__(path=os.environ["BUCKETS"], fs=LocalFileSystem(), **options)
"""
ENTRY_POINTS = "[fsspec.specs]\nbucket = made_bucket:Bucket\n"


def install(site: Path) -> None:
    """Install the package into a folder that stands in PYTHONPATH."""
    info = site / "made_bucket-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "made_bucket.py").write_text(PACKAGE)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-bucket\nVersion: 1.0\n")
