"""What frozen encoders make of windows, as one vector for each window.

Shape letters: N windows, W wrists in use, C channels, S segments of a window, P tokens of a
segment, L tokens of a window, D width, E embedding, F features.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from finetune.targets.recording import WRISTS
from pretrain.encoders import ImuEncoder

CHANNELS = 6


def pooled_tokens(tokens_NLD: np.ndarray, encoders: Mapping[str, ImuEncoder]) -> np.ndarray:
    """Return features (N, F): mean and spread of the tokens over the time of a window.

    Where a token stands for a channel of a segment this is over segments, for each channel;
    where it stands for a time, over all tokens. Wrists stand side by side; tokens of an absent
    wrist are zero.
    """
    columns = []
    for encoder, tokens_NSPD in _by_wrist(tokens_NLD, encoders):
        if encoder.tokens_are_times:
            tokens_NSPD = tokens_NSPD.flatten(1, 2)[:, :, None]
        spread_NPD = tokens_NSPD.std(1, correction=0)
        columns += [tokens_NSPD.mean(1).flatten(1), spread_NPD.flatten(1)]
    return torch.cat(columns, dim=1).numpy()


@torch.inference_mode()
def window_embeddings(
    tokens_NLD: np.ndarray, present_NWC: np.ndarray, encoders: Mapping[str, ImuEncoder]
) -> np.ndarray:
    """Return embeddings (N, W, E) of unit length: the mean of those of a window's segments.

    Absent wrists are zero.
    """
    columns = []
    for encoder, tokens_NSPD in _by_wrist(tokens_NLD, encoders):
        embedded_NSE = encoder.embed(tokens_NSPD.flatten(0, 1)).unflatten(0, tokens_NSPD.shape[:2])
        mean_NE = functional.normalize(embedded_NSE, dim=2).mean(1)
        columns.append(functional.normalize(mean_NE, dim=1).numpy())
    worn_NW = np.stack([present_NWC[:, WRISTS.index(name)].any(1) for name in encoders], axis=1)
    return np.stack(columns, axis=1) * worn_NW[..., None]


def _by_wrist(
    tokens_NLD: np.ndarray, encoders: Mapping[str, ImuEncoder]
) -> Iterator[tuple[ImuEncoder, Tensor]]:
    """Yield each wrist's encoder with its tokens (N, S, P, D)."""
    everything = torch.ones(1, CHANNELS, dtype=torch.bool)
    parts = torch.from_numpy(tokens_NLD).chunk(len(encoders), dim=1)
    for encoder, own_NLD in zip(encoders.values(), parts, strict=True):
        yield encoder, own_NLD.unflatten(1, (-1, encoder.present_tokens(everything).shape[1]))
