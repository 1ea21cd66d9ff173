"""What tells how a run is doing, beside its losses: the geometry of embeddings, speed, memory.

Shape letters: V windows, D embedding.
"""

import resource
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pretrain.losses import PAIRS

SIZE_OF_TRIAL = 1024
SECONDS_OF_TRIAL = 0.3


def geometry(embeddings_VD: dict[str, Tensor]) -> dict[str, float]:
    """Return alignment of every pair and uniformity of every modality (Wang and Isola 2020).

    Alignment is the mean squared distance of the two embeddings of a window, both of unit length:
    0 where they coincide, 2 where they have nothing to do with each other. Uniformity is
    log mean exp(-2 d^2) over all pairs of windows: 0 where all lie on one point, about -4 where
    they are spread evenly over the sphere.
    """
    unit = {name: functional.normalize(rows.float(), dim=1) for name, rows in embeddings_VD.items()}
    scores = {}
    for pair in PAIRS:
        first, second = pair.split("-")
        scores[f"alignment/{pair}"] = float((unit[first] - unit[second]).square().sum(1).mean())
    for name, rows in unit.items():
        scores[f"uniformity/{name}"] = float(torch.pdist(rows).square().mul(-2).exp().mean().log())
    return scores


def gradient_norms(model: nn.Module, zero: int) -> dict[str, float]:
    """Return the norm of the gradient of each part, before clipping.

    Call it between the backward pass and the step. With ZeRO every rank must call it, since the
    ranks gather what is spread over them.
    """
    norms = {}
    for name, part in model.named_children():
        gradients = [_gradient(parameter, zero) for parameter in part.parameters()]
        squares = [
            gradient.float().square().sum() for gradient in gradients if gradient is not None
        ]
        if squares:
            norms[name] = float(torch.stack(squares).sum().sqrt())
    return norms


def _gradient(parameter: nn.Parameter, zero: int) -> Tensor | None:
    if zero == 0:
        return parameter.grad
    from deepspeed.utils import safe_get_full_grad

    return safe_get_full_grad(parameter)


def peak_flops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the floating-point operations a second that a large product of matrices reaches."""
    left, right = torch.randn(2, SIZE_OF_TRIAL, SIZE_OF_TRIAL, device=device, dtype=dtype).unbind(0)
    best, until = 0.0, time.perf_counter() + SECONDS_OF_TRIAL
    while time.perf_counter() < until:
        began = time.perf_counter()
        product = left @ right
        float(product[0, 0])  # waits for the device
        best = max(best, 2 * SIZE_OF_TRIAL**3 / (time.perf_counter() - began))
    return best


def peak_memory(device: torch.device) -> float:
    """Return the most memory that this rank has used so far, bytes: its GPU's, or its process's."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def flat(config: Any, key: str = "") -> dict[str, Any]:
    """Return a nested mapping with dotted keys, as TensorBoard's HParams takes it."""
    if not isinstance(config, dict):
        return {key: config if isinstance(config, bool | int | float | str) else str(config)}
    return {
        name: value
        for part, inner in config.items()
        for name, value in flat(inner, f"{key}.{part}" if key else str(part)).items()
    }
