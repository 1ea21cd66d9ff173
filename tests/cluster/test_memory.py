"""What the kernel counts: new pages that a process had to be given."""

import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, sys
import numpy as np
from cluster.memory import keep_freed_memory

if "keep" in sys.argv:
    keep_freed_memory()
for _ in range(2):
    np.ones(12_500_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    np.ones(12_500_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*arguments: str) -> int:
    """New pages for five times 100 MB, after the first two times."""
    run = [sys.executable, "-c", COUNT_FAULTS, *arguments]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_a_large_array_lies_where_one_was_freed() -> None:
    assert faults("keep") < faults() / 20
