"""Loops that numba compiles once for a machine's processor and keeps on disk."""

import sys
from collections.abc import Callable
from math import factorial
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., Any])
# cos(a / 2) and sin(a / 2) / a as series in a^2, to the last bit for angles a of up to pi.
TERMS = 13
COSINE = np.array([(-0.25) ** k / factorial(2 * k) for k in range(TERMS)])
SINE = np.array([0.5 * (-0.25) ** k / factorial(2 * k + 1) for k in range(TERMS)])


def compiled(function: Function) -> Function:
    """Compile on first use as `kept` does; products and sums may fuse, but nothing is reordered."""
    return kept(function, fastmath={"contract"}, error_model="numpy")


def kept(function: Function, **options: Any) -> Function:
    """Compile on first use, with numba's options.

    What was compiled is kept beside the code, or in the home folder where that is read-only.
    """
    try:
        return cast(Function, njit(cache=True, **options)(function))
    # numba finds no folder that it may write to: each process compiles for itself.
    except RuntimeError:
        return cast(Function, njit(cache=False, **options)(function))


class _SaysOnce(event.Listener):
    """Says on stderr why the first clip on a machine takes its time."""

    said = False

    def on_start(self, _: event.Event) -> None:
        if not self.said:
            print("compiling for this processor, once: about 10 s", file=sys.stderr, flush=True)
        self.said = True

    def on_end(self, _: event.Event) -> None:
        pass


event.register("numba:compile", _SaysOnce())
