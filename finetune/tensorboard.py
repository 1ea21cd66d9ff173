"""TensorBoard logs of cells."""

import shutil
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from finetune.cells import Cell
from finetune.plots import confusion_picture
from finetune.rows import ROWS

CURVES = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "macro_f1/validation": "validation_macro_f1",
    "learning_rate": "rate",
    "encoder_trains": "encoder_trains",
}


def write_logs(result: dict, label_names: tuple[str, ...], folder: Path) -> None:
    """Write a cell's curves, test scores and confusion matrix, replacing an earlier attempt's."""
    cell = Cell(**result["cell"])
    name = f"fold{cell.fold}-seed{cell.seed}-experts{cell.experts}-labels{cell.label_share:g}"
    scores, history = result["scores"], result["history"]
    own = folder / cell.row / name
    shutil.rmtree(own, ignore_errors=True)
    with SummaryWriter(str(own)) as writer:
        for tag, column in CURVES.items():
            for epoch, value in zip(history["epoch"], history[column], strict=True):
                writer.add_scalar(tag, float(value), epoch)
        last = max(len(history["epoch"]) - 1, 0)
        writer.add_scalar("macro_f1/test", scores["macro_f1"], last)
        writer.add_scalar("accuracy/test", scores["accuracy"], last)
        picture = confusion_picture(
            np.array(scores["confusion"]), label_names, f"{ROWS[cell.row].title}, fold {cell.fold}"
        )
        writer.add_figure("confusion/test", picture, last)
