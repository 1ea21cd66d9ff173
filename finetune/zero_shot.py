"""Classes by their sentences: the release's text and IMU encoders alone, no labelled window.

Shape letters: N windows, W wrists in use, E embedding, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cluster.errors import UserError
from cluster.storage import local_path
from datagen.text import TextConfig
from finetune.centroid import cosine_probabilities
from pretrain.prompts import embed_prompts, read_prompts
from pretrain.release import Pretrained

PROMPTS_KEY = "zero_shot.prompts"
TEXT_KEY = "zero_shot.text"


@dataclass
class ZeroShotConfig:
    """What row `zero_shot` needs to know.

    Attributes:
        prompts: YAML of class: [sentences], every class of the target.
        text: the back end for these sentences; it must be that of the release.
    """

    prompts: str = ""
    text: TextConfig = field(default_factory=TextConfig)


def class_embeddings(
    pretrained: Pretrained, names: Sequence[str], config: ZeroShotConfig
) -> np.ndarray:
    """Return one embedding (K, E) of unit length for each class; UserError for unfit prompts."""
    in_order = class_sentences(names, config)
    return embed_prompts(pretrained, in_order, config.text, TEXT_KEY).numpy()


def class_sentences(names: Sequence[str], config: ZeroShotConfig) -> dict[str, list[str]]:
    """Return the sentences of the classes of these names, in their order.

    Raises UserError where a class has none or sentences have no class.
    """
    path = local_path(config.prompts)
    prompts = read_prompts(path, PROMPTS_KEY)
    for where, missing in (
        ("no sentences for", set(names) - set(prompts)),
        ("the target has no class", set(prompts) - set(names)),
    ):
        if missing:
            raise UserError(f"{PROMPTS_KEY}={path}: {where} {', '.join(sorted(missing))}")
    return {name: prompts[name] for name in names}


def check_prompts(target: str, config: ZeroShotConfig) -> None:
    """Raise UserError where row `zero_shot` is wanted and no file of sentences is named."""
    if not config.prompts:
        raise UserError(
            f"target {target}: row zero_shot needs zero_shot.prompts=FILE, "
            "YAML of class: [sentences]"
        )


def zero_shot_probabilities(
    embeddings_NWE: np.ndarray, classes_KE: np.ndarray, temperature: float
) -> np.ndarray:
    """Return probabilities (N, K): the softmax of the mean cosine of the wrists that are present,
    by the temperature of pre-training; ordered, but not calibrated.
    """
    cosine_NWK = embeddings_NWE @ classes_KE.T
    worn_N1 = embeddings_NWE.any(-1).sum(1, keepdims=True)
    return cosine_probabilities(cosine_NWK.sum(1) / np.maximum(worn_N1, 1), temperature)
