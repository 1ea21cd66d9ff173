"""What each part of a model costs: parameters, arithmetic and memory.

Arithmetic is counted while the parts run on a few random windows (multiply and add are two
operations, as torch counts them); what a part keeps for the backward pass is weighed the same way.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from datagen.motion import JOINTS
from pretrain.encoders import CHANNELS
from pretrain.model import ModelConfig, Multi3Net

WINDOWS = 4
# A weight, its gradient and AdamW's two moments, four bytes each.
BYTES_OF_PARAMETER = 16


@dataclass(frozen=True)
class Cost:
    """What one part costs.

    Attributes:
        parameters: how many it has.
        forward, training: floating-point operations for one window: forward alone, and forward
            and backward together.
        state_bytes: weights, gradients and AdamW's moments in float32, without ZeRO.
        kept_bytes: what one window keeps for the backward pass.
    """

    parameters: int
    forward: float
    training: float
    state_bytes: int
    kept_bytes: float


def costs(model: Multi3Net) -> dict[str, Cost]:
    """Return the cost of each encoder and decoder by its name."""
    return {name: _cost(getattr(model, name), given) for name, given in _inputs(model).items()}


def _inputs(model: Multi3Net) -> dict[str, list[Tensor]]:
    """Return random input for every part; it has gradients, as what comes from other parts has."""
    window, embedding = model.config.window, model.config.embedding
    imu = torch.randn(WINDOWS, window, CHANNELS, requires_grad=True)
    vector = torch.randn(WINDOWS, embedding, requires_grad=True)
    return {
        "text": [torch.randn(WINDOWS, model.text_size, requires_grad=True)],
        "pose": [torch.randn(WINDOWS, window, JOINTS, 3, requires_grad=True)],
        "imu_left": [imu],
        "imu_right": [imu],
        "pose2imu": [vector],
        "reconstructor": [vector, vector],
    }


def operations_of_window(config: ModelConfig, text_size: int) -> float:
    """Return the floating-point operations of one window's forward and backward pass.

    They are counted on shapes alone, so nothing is computed and no model is touched. Call it
    before ranks meet, since BatchNorm would ask them for their statistics.
    """
    with torch.device("meta"):
        model = Multi3Net(config, text_size)
        inputs = _inputs(model)
        return (
            sum(_operations(getattr(model, name), given)[1] for name, given in inputs.items())
            / WINDOWS
        )


def _cost(part: nn.Module, given: list[Tensor]) -> Cost:
    parameters = sum(parameter.numel() for parameter in part.parameters())
    forward, training = _operations(part, given)
    return Cost(
        parameters=parameters,
        forward=forward / WINDOWS,
        training=training / WINDOWS,
        state_bytes=BYTES_OF_PARAMETER * parameters,
        kept_bytes=_kept_bytes(part, given) / WINDOWS,
    )


def _operations(part: nn.Module, inputs: list[Tensor]) -> tuple[int, int]:
    # Written out, attention is products of matrices, which the counter knows on every device.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss = _summed(part, inputs)
        forward = counter.get_total_flops()
        loss.backward()
        return forward, counter.get_total_flops()


def _kept_bytes(part: nn.Module, inputs: list[Tensor]) -> int:
    kept: dict[int, int] = {}

    def weigh(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(weigh, lambda tensor: tensor):
        loss = _summed(part, inputs)  # holds what is kept, so that no two share a place
    for parameter in part.parameters():
        kept.pop(parameter.untyped_storage().data_ptr(), None)
    del loss
    return sum(kept.values())


def _summed(part: nn.Module, inputs: list[Tensor]) -> Tensor:
    out = part(*inputs)
    return (out[-1] if isinstance(out, tuple) else out).sum()


def table(found: dict[str, Cost]) -> str:
    """Return the costs and their sums as lines to print."""
    names = Cost.__dataclass_fields__
    head = ("", "parameters", "MFLOP forward", "MFLOP training", "state MB", "kept kB")
    total = Cost(*(sum(getattr(cost, name) for cost in found.values()) for name in names))
    lines = ["".join(f"{title:>16}" for title in head)]
    for name, cost in {**found, "all": total}.items():
        numbers = (
            f"{cost.parameters:,}",
            f"{cost.forward / 1e6:,.2f}",
            f"{cost.training / 1e6:,.2f}",
            f"{cost.state_bytes / 1e6:,.1f}",
            f"{cost.kept_bytes / 1e3:,.0f}",
        )
        lines.append(f"{name:>16}" + "".join(f"{number:>16}" for number in numbers))
    return "\n".join(lines)
