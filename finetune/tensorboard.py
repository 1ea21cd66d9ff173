"""TensorBoard logs of cells: curves, test scores, and what a cell was, for the HParams page."""

import shutil
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

CURVES = {
    "loss/train": "train_loss",
    "loss/validation": "validation_loss",
    "macro_f1/validation": "validation_macro_f1",
    "learning_rate": "rate",
    "encoder_trains": "encoder_trains",
}


def write_logs(result: dict, folder: Path) -> None:
    """Write a cell's curves and test scores, replacing an earlier attempt's."""
    cell, scores, history = result["cell"], result["scores"], result["history"]
    own = folder / cell["target"] / cell["row"] / _name(cell)
    shutil.rmtree(own, ignore_errors=True)
    tested = {"macro_f1/test": scores["macro_f1"], "accuracy/test": scores["accuracy"]}
    with SummaryWriter(str(own)) as writer:
        for tag, column in CURVES.items():
            for epoch, value in enumerate(history.get(column, [])):
                if value is not None:
                    writer.add_scalar(tag, float(value), epoch)
        for summary in hparams(cell, tested):
            writer.file_writer.add_summary(summary)
        for tag, value in tested.items():
            writer.add_scalar(tag, value, len(history.get("epoch", [])))


def _name(cell: dict) -> str:
    parts = [
        cell["release"],
        f"fold{cell['fold']}-seed{cell['seed']}-experts{cell['experts']}",
        f"labels{cell['label_share']:g}",
        cell["share_by"] if cell["label_share"] < 1 else "",
    ]
    return "-".join(filter(None, parts))
