"""How much a mixture uses its experts.

Shape letters: M windows, N experts, K classes.
"""

import torch
from torch import Tensor

from finetune.classifiers import EncoderClassifier
from finetune.training import EVALUATION_BATCH, TrainingData, tokens_of


@torch.inference_mode()
def expert_use(
    model: EncoderClassifier, data: TrainingData, windows_M: Tensor, classes: int
) -> dict[str, list]:
    """Return the mean weight of each expert over some windows, and by their true class.

    As JSON holds it: `mean` (N,) and `by_class` (K, N), None for a class without windows.
    """
    model.eval()
    gates_MN = torch.cat(
        [
            model.gates(tokens_of(model, data, batch_B), data.present_NWC[batch_B])
            for batch_B in windows_M.split(EVALUATION_BATCH)
        ]
    )
    own = [gates_MN[data.labels_N[windows_M] == label] for label in range(classes)]
    return {
        "mean": gates_MN.mean(0).tolist(),
        "by_class": [gates.mean(0).tolist() if len(gates) else None for gates in own],
    }
