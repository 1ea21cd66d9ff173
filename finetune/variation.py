"""Windows as other people, straps and days might have given them, for training alone.

Shape letters: V views, N all windows, B batch, T frames, W wrists, C channels, L tokens, D width.
"""

import numpy as np
import torch
from torch import Tensor

from cluster.errors import UserError
from finetune.classifiers import Encoders, encode_windows
from pretrain.augment import AugmentConfig, augment

ENCODING_BATCH = 128
# What pre-training may vary but labelled windows settle: their side, and which sensors there are.
SETTLED = ("mirror", "heading", "drop_wrist")


def check_variation(config: AugmentConfig) -> None:
    """Raise UserError, naming the key, for what cannot be varied here."""
    try:
        config.check()
    except UserError as error:
        raise UserError(f"training.{error}") from None
    for key in SETTLED:
        if getattr(config, key):
            raise UserError(f"training.augment.{key}: labelled windows settle this; leave it at 0")


def varied(signals_BTWC: Tensor, present_BWC: Tensor, config: AugmentConfig) -> Tensor:
    """Return other signals for the windows of a batch; draws from torch's global random state."""
    if config.is_off:
        return signals_BTWC
    rng = np.random.default_rng(int(torch.randint(2**62, ()).item()))
    left, right = signals_BTWC.unbind(2)
    seen = augment({"imu_left": left, "imu_right": right}, config, rng)
    both_BTWC = torch.stack([seen["imu_left"], seen["imu_right"]], dim=2)
    return both_BTWC * present_BWC[:, None]


@torch.inference_mode()
def encoded(encoders: Encoders, signals_NTWC: Tensor, present_NWC: Tensor) -> Tensor:
    """Return tokens (N, L, D) of all windows by encoders in evaluation mode."""
    for encoder in encoders.values():
        encoder.eval()
    parts = zip(signals_NTWC.split(ENCODING_BATCH), present_NWC.split(ENCODING_BATCH), strict=True)
    return torch.cat([encode_windows(encoders, *part) for part in parts])


def views_of(
    signals_NTWC: Tensor, present_NWC: Tensor, config: AugmentConfig, views: int
) -> list[Tensor]:
    """Return the windows as they are, and V variations of all of them; the same at every call."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        seen = [varied(signals_NTWC, present_NWC, config) for _ in range(views)]
    return [signals_NTWC, *seen]


def encoded_views(
    encoders: Encoders,
    signals_NTWC: Tensor,
    present_NWC: Tensor,
    config: AugmentConfig,
    views: int,
) -> Tensor:
    """Return tokens (1 + V, N, L, D): of the windows as they are, and of V variations of each."""
    seen = views_of(signals_NTWC, present_NWC, config, views)
    return torch.stack([encoded(encoders, signals, present_NWC) for signals in seen])
