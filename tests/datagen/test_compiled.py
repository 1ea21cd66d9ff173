"""Loops are compiled also where nothing can be kept on disk."""

import subprocess
import sys

# As numba finds it where neither the code nor the home folder can be written to.
NOWHERE = "import numba.core.caching as caching; caching.CacheImpl._locator_classes = []\n"
MODULES = ("kernels", "pose_kernels", "glitches", "sources.decimals", "seeing.raster")


def test_where_nothing_can_be_kept_each_process_compiles_for_itself():
    script = NOWHERE + "".join(f"import datagen.{name}\n" for name in MODULES)
    script += (
        "from datagen.sources.decimals import read_decimals\n"
        "assert read_decimals(b'1.5 2', 0, 9)[0].tolist() == [1.5, 2.0]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
