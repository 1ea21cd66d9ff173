"""The total loss sample by sample, from its definition alone, in float64 and with a graph."""

import torch
from torch import Tensor

from pretrain.model import Batch

PAIRS = ("text-left", "text-right", "text-pose", "pose-left", "pose-right", "left-right")


def naive_contrast(
    embeddings_BD: dict[str, Tensor], batch: Batch, temperatures: dict[str, Tensor]
) -> Tensor:
    """Sum over all six pairs of InfoNCE, both directions averaged."""
    rows = {name: embeddings.double() for name, embeddings in embeddings_BD.items()}
    unit = {name: [row / row.norm() for row in each] for name, each in rows.items()}
    costs = []
    for pair in PAIRS:
        first, second = pair.split("-")
        for query, key in ((first, second), (second, first)):
            for i in range(len(batch["key"])):
                like = [torch.exp(unit[query][i] @ k / temperatures[pair]) for k in unit[key]]
                costs.append(_of_query(i, like, first == "text", batch))
    return torch.stack(costs).sum() / 2 / len(batch["key"])


def _of_query(i: int, like: list[Tensor], text: bool, batch: Batch) -> Tensor:
    caption, clip = batch["caption"].tolist(), batch["clip"].tolist()
    others = range(len(like))
    positives = [j for j in others if (caption[j] == caption[i] if text else j == i)]
    negatives = [j for j in others if j not in positives and clip[j] != clip[i]]
    against = torch.stack([like[n] for n in negatives]).sum()
    return torch.stack([-torch.log(like[p] / (like[p] + against)) for p in positives]).mean()


def naive_regression(predicted: dict[str, Tensor], batch: Batch) -> Tensor:
    """Sum of the mean squared errors of both decoders, in units of 9.81 m/s2 and 3 rad/s."""
    unit = torch.tensor([9.81] * 3 + [3.0] * 3, dtype=torch.float64)
    true = torch.stack([batch["imu_left"] / unit, batch["imu_right"] / unit], dim=2)
    return sum((imu.double() - true).square().mean() for imu in predicted.values())
