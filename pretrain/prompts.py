"""Sentences that stand for classes, and their embeddings by a release.

Shape letters: L classes, D embedding.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from omegaconf import OmegaConf
from torch import Tensor
from torch.nn import functional

from cluster.errors import UserError
from datagen.text import TextConfig, embed, vectors_name
from pretrain.release import Pretrained


def read_prompts(path: Path, key: str) -> dict[str, list[str]]:
    """Return the sentences of each class from YAML of class: [sentences].

    Raises UserError, naming the configuration's `key`, for a file that is not that.
    """
    try:
        read = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:  # whatever the parser raises, the file is what is wrong
        reason = str(error).splitlines()[0]
        raise UserError(f"{key}={path}: cannot be read as YAML: {reason}") from None
    if not isinstance(read, dict) or len(read) < 2:
        raise UserError(f"{key}={path}: give two actions or more, each with its sentences")
    for action, sentences in read.items():
        if not isinstance(sentences, list) or not sentences or not all(sentences):
            raise UserError(f"{key}={path}: {action!s}: give a list of sentences")
    return {str(action): [str(each) for each in listed] for action, listed in read.items()}


def embed_prompts(
    pretrained: Pretrained, prompts: Mapping[str, list[str]], text: TextConfig, key: str
) -> Tensor:
    """Return one embedding (L, D) of unit length for each class: the mean of its sentences'.

    Raises UserError, naming the configuration's `key`, for another back end than the release's.
    """
    check_backend(pretrained, text, key)
    vectors = embed([each for listed in prompts.values() for each in listed], text)
    means = []
    with torch.inference_mode():
        for listed in prompts.values():
            stacked = torch.from_numpy(np.stack([vectors[each] for each in listed]))
            means.append(functional.normalize(pretrained.text(stacked), dim=1).mean(0))
    return functional.normalize(torch.stack(means), dim=1)


def check_backend(pretrained: Pretrained, text: TextConfig, key: str) -> None:
    """Raise UserError, naming the configuration's `key`, for other vectors than a release's."""
    ours = vectors_name(text)
    if ours != pretrained.config.text_backend:
        raise UserError(
            f"{key}.backend={ours}: the release was trained on vectors of "
            f"{pretrained.config.text_backend}"
        )
