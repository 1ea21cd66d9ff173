"""`python -m pretrain export`: the IMU encoders as ONNX, compared with torch and timed.

Two files stand beside the weights: `imu_left.onnx` and `imu_right.onnx`. Input `imu` is
(batch, window, 6) as the release's card says; outputs are `tokens` (batch, tokens, width) and
`embedding` (batch, D).
"""

import logging
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cluster.errors import UserError
from cluster.runs import replace_when_whole
from cluster.storage import check_writable
from pretrain.encoders import CHANNELS
from pretrain.release import load_pretrained

SIDES = ("imu_left", "imu_right")
LARGEST_DIFFERENCE = 1e-4
BATCHES_COMPARED = (1, 7)
ROUNDS = 50


def export(release: Path) -> str:
    """Write both encoders of a release; returns what was measured, a line for each.

    Raises UserError where ONNX gives other numbers than torch, and for a release that cannot be
    written to.
    """
    pretrained = load_pretrained(release)
    check_writable(release, "release")
    lines = []
    for side in SIDES:
        encoder, path = getattr(pretrained, side), release / f"{side}.onnx"
        write_onnx(encoder, pretrained.config.window, path)
        difference = _difference(encoder, path, pretrained.config.window)
        if not difference <= LARGEST_DIFFERENCE:
            path.unlink()
            raise UserError(f"{path}: differs from torch by {difference:.1e}; it is not kept")
        speeds = _milliseconds(encoder, path, pretrained.config.window)
        lines.append(
            f"{path}: differs from torch by {difference:.1e} at most; one window on one core takes "
            f"{speeds['onnx']:.2f} ms, in torch {speeds['torch']:.2f} ms"
        )
    return "\n".join(lines)


def write_onnx(encoder: nn.Module, window: int, path: Path) -> None:
    """Write an encoder for batches of any size, whole or not at all."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own calls to what torch has renamed
        program = torch.onnx.export(
            encoder,
            (torch.zeros(2, window, CHANNELS),),
            dynamo=True,
            input_names=["imu"],
            output_names=["tokens", "embedding"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    with replace_when_whole(path, "wb") as file:
        file.write(program.model_proto.SerializeToString())


def _difference(encoder: nn.Module, path: Path, window: int) -> float:
    run = _session(path)
    rng = np.random.default_rng(0)
    worst = 0.0
    for batch in BATCHES_COMPARED:
        imu = rng.normal(0, 5, (batch, window, CHANNELS)).astype(np.float32)
        with torch.inference_mode():
            expected = [out.numpy() for out in encoder(torch.from_numpy(imu))]
        found = run(imu)
        worst = max(
            worst, *(float(np.abs(a - b).max()) for a, b in zip(expected, found, strict=True))
        )
    return worst


def _milliseconds(encoder: nn.Module, path: Path, window: int) -> dict[str, float]:
    run, imu = _session(path), np.zeros((1, window, CHANNELS), np.float32)
    tensor = torch.from_numpy(imu)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            works = {"onnx": lambda: run(imu), "torch": lambda: encoder(tensor)}
            return {name: _median_milliseconds(work) for name, work in works.items()}
    finally:
        torch.set_num_threads(threads)


def _median_milliseconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def _session(path: Path) -> Callable[[np.ndarray], list[np.ndarray]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda imu: session.run(None, {"imu": imu})
