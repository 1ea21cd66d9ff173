"""DeepSpeed's engine: how the configuration becomes its own, and what it hides from us."""

import math
from typing import Any

import torch
from torch import Tensor

from pretrain.config import Offload, Precision, TrainConfig
from pretrain.model import Multi3Net
from pretrain.schedule import make_optimizer


def start_engine(model: Multi3Net, config: TrainConfig, universal: bool = False) -> Any:
    """Return DeepSpeed's engine around the model; `universal` if it will load such a checkpoint."""
    import deepspeed

    engine, *_ = deepspeed.initialize(
        model=model,
        optimizer=make_optimizer(model, config.optimizer),
        config={
            "train_micro_batch_size_per_gpu": config.batch_size,
            "gradient_accumulation_steps": config.accumulate,
            # Without ZeRO, DeepSpeed clips but does not tell the norm: `clip` does both.
            "gradient_clipping": config.optimizer.clip if config.zero else 0.0,
            "zero_optimization": {"stage": config.zero, **_offload(config.offload)},
            # torch's AdamW serves on every device, so nothing is compiled at the start.
            "zero_force_ds_cpu_optimizer": False,
            "zero_allow_untested_optimizer": True,
            "checkpoint": {"load_universal": universal},
            "torch_autocast": {
                "enabled": config.precision is Precision.bf16,
                "dtype": "bfloat16",
            },
        },
    )
    if config.zero == 0 and engine.world_size == 1:
        # One rank has nobody to take the mean with; DeepSpeed would copy every gradient twice.
        engine.enable_backward_allreduce = False
    if config.zero == 3:
        # The losses read the temperatures of a module that is never called itself.
        for scale in model.contrastive.temperatures.log_scale.values():
            for reader in (model, model.contrastive):
                deepspeed.zero.register_external_parameter(reader, scale)
    return engine


def _offload(offload: Offload) -> dict[str, dict[str, str]]:
    cpu = {"device": "cpu"}
    if offload is Offload.none:
        return {}
    if offload is Offload.optimizer:
        return {"offload_optimizer": cpu}
    return {"offload_optimizer": cpu, "offload_param": cpu}


def step_and_measure(engine: Any, config: TrainConfig) -> float:
    """Clip the gradient, take the step, return the norm that the gradient had before clipping."""
    if config.zero:
        engine.step()
        return float(engine.get_global_grad_norm())
    bound = config.optimizer.clip or math.inf
    norm = float(torch.nn.utils.clip_grad_norm_(engine.module.parameters(), bound))
    if math.isfinite(norm):
        engine.step()
    return norm


def whole_weights(engine: Any, config: TrainConfig) -> dict[str, Tensor]:
    """Return all weights on the leading rank; with ZeRO 3 every rank must call this."""
    if config.zero < 3:
        return engine.module.state_dict()
    import deepspeed

    with deepspeed.zero.GatheredParameters(list(engine.module.parameters())):
        return {
            name: tensor.detach().clone() for name, tensor in engine.module.state_dict().items()
        }
