"""Memory that a process has freed serves it again."""

import ctypes
import platform

# Of malloc.h.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER = -1


def keep_freed_memory() -> None:
    """Let this process keep what it frees, for the next large array.

    By default glibc hands large arrays back to the kernel, which clears every page of the next
    one: a tenth of a training step on a CPU. Other C libraries have no such choice.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, NEVER)
