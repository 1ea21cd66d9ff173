"""The watch data with a release of random weights, since time does not depend on weights."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cluster.config import load_config
from finetune.config import FinetuneConfig
from finetune.targets.choose import read_target
from finetune.windows import Windows, cut_windows
from pretrain.config import TrainConfig
from pretrain.model import Multi3Net
from pretrain.release import ReleaseCard, save_release

PRESETS = Path("configs")
TEXT_SIZE = 384


def made_release(folder: Path, preset: str) -> Path:
    """Write a release of random weights of a preset's sizes."""
    path = PRESETS / "pretrain" / f"{preset}.yaml"
    config = load_config(TrainConfig, path, ["data=none"]).model
    torch.manual_seed(0)
    card = ReleaseCard("nothing", "none", 0, {}, "unknown", "minilm", "watch")
    save_release(folder / preset, Multi3Net(config, TEXT_SIZE), config, card)
    return folder / preset


def watch(folder: Path, preset: str, *overrides: str) -> FinetuneConfig:
    """Return preset `watch` with such a release."""
    given = [f"release={made_release(folder, preset)}", f"output={folder}/run", *overrides]
    return load_config(FinetuneConfig, PRESETS / "finetune" / "watch.yaml", given)


def cut(config: FinetuneConfig, every: int = 1) -> Windows:
    """Return the windows of the target, or each n-th of them."""
    windows = cut_windows(read_target(config.target), config.windows)
    names = ("signals_NTWC", "present_NWC", "labels_N", "subjects_N", "recordings_N", "starts_N")
    return replace(windows, **{name: getattr(windows, name)[::every] for name in names})


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return CPU seconds, and what the work gives."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found
