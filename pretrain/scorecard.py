"""`python -m pretrain evaluate`: what a release knows of clips that it never learned from.

Retrieval in all directions, the error of the predicted signals, probes for the clips' actions on
frozen embeddings, and zero-shot classification from sentences alone.

Shape letters: V windows, D embedding, L labels.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional

from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import write_json
from cluster.storage import Location, check_writable, local_folder, local_path
from datagen.text import TextConfig
from pretrain.clips import Batch, cut
from pretrain.data import Data, open_data
from pretrain.evaluate import draw_pool, retrieval, rows
from pretrain.losses import MODALITIES
from pretrain.model import Multi3Net
from pretrain.prompts import embed_prompts, read_prompts
from pretrain.release import Pretrained, load_pretrained

WINDOWS_AT_ONCE = 256
SIGNALS = {"accelerometer": slice(0, 3), "gyroscope": slice(3, 6)}
Scores = dict[str, float]
Embeddings = dict[str, Tensor]


@dataclass
class EvaluateConfig:
    """What `evaluate` can be told.

    Attributes:
        windows: validation windows among which each has to find its own counterpart.
        probe_windows: most windows of a split for regression, probes and zero-shot.
        neighbours: k of the nearest-neighbour probe.
        prompts: YAML of action: [sentences] for zero-shot; without it there is none.
        text: the back end for these sentences; it must be that of the shards.
        seed: decides the windows.
        output: JSON of all scores; without it, `evaluation.json` in the release.
    """

    windows: int = 256
    probe_windows: int = 4096
    neighbours: int = 5
    prompts: str = ""
    text: TextConfig = field(default_factory=TextConfig)
    seed: int = 0
    output: str = ""

    def check(self) -> None:
        """Raise UserError, naming the key, for a value with which nothing can be judged."""
        for key, value, least in (
            ("windows", self.windows, 2),
            ("probe_windows", self.probe_windows, 1),
            ("neighbours", self.neighbours, 1),
        ):
            if value < least:
                raise UserError(f"{key}: must be at least {least}, not {value}")


def evaluate(release: Path, shards: Location, config: EvaluateConfig) -> str:
    """Judge a release on a folder of shards; writes the JSON and returns a table.

    Raises UserError where release and shards do not fit, for prompts that cannot be used, and
    where the JSON cannot be written.
    """
    config.check()
    path = _output(release, config)
    pretrained = load_pretrained(release)
    check_writable(path.parent, "output")
    data = open_data(shards, window=pretrained.config.window)
    _check_text(pretrained, data)
    prompts = read_prompts(local_path(config.prompts), "prompts") if config.prompts else None
    model = pretrained.model
    pools = {
        "retrieval": _pool(data, "validation", config.windows, config.seed),
        "train": _pool(data, "train", config.probe_windows, config.seed),
        "validation": _pool(data, "validation", config.probe_windows, config.seed),
    }
    total = sum(len(pool["key"]) for pool in pools.values())
    with Progress("evaluate", total, "windows") as progress:
        embedded = {name: _embed(model, pool, progress) for name, pool in pools.items()}
    scores: dict[str, Scores] = {
        "retrieval": retrieval(embedded["retrieval"], pools["retrieval"]["caption"]),
        "error": _errors(model, pools["validation"], embedded["validation"]),
        "probe": _probes(pools, embedded, config),
    }
    if prompts is not None:
        scores["zero-shot"] = _zero_shot(pretrained, pools, embedded, prompts, config)
    write_json(path, {"shards": data.identity, **scores})
    return f"{_table(scores)}\n{path} holds these numbers"


def _output(release: Path, config: EvaluateConfig) -> Path:
    if not config.output:
        return release / "evaluation.json"
    path = local_folder(config.output, "output")
    if path.is_dir():
        raise UserError(f"output={path}: is a folder; give a file such as {path / 'scores.json'}")
    return path


def _check_text(pretrained: Pretrained, data: Data) -> None:
    ours = f"{pretrained.config.text_backend} with {pretrained.config.text_size} values"
    theirs = f"{data.text_backend} with {data.text_size} values"
    if ours != theirs:
        raise UserError(
            f"{data.place}: text vectors of {theirs}, but the release was trained on {ours}"
        )


def _pool(data: Data, split: str, count: int, seed: int) -> Batch:
    shards = data.train if split == "train" else data.validation
    return cut(*draw_pool(shards, count, seed, data.window), data.window)


@torch.inference_mode()
def _embed(model: Multi3Net, pool: Batch, progress: Progress) -> Embeddings:
    parts = []
    for first in range(0, len(pool["key"]), WINDOWS_AT_ONCE):
        part = rows(pool, first, first + WINDOWS_AT_ONCE)
        parts.append(model.embed(part))
        progress.advance(len(part["key"]))
    return {name: torch.cat([part[name] for part in parts]) for name in MODALITIES}


@torch.inference_mode()
def _errors(model: Multi3Net, pool: Batch, embedded: Embeddings) -> Scores:
    """Return root mean square errors in m/s2 and rad/s, and those of guessing the mean."""
    scale = model.imu_left.scale.to_si
    true_VTWC = scale(model.true_imu(pool))
    guesses = {"mean of each channel": true_VTWC.mean((0, 1), keepdim=True)}
    guesses |= {name: scale(signals) for name, signals in model.predict(embedded).items()}
    return {
        f"{name}/{signal}": float((guess - true_VTWC)[..., channels].square().mean().sqrt())
        for name, guess in guesses.items()
        for signal, channels in SIGNALS.items()
    }


def _probes(
    pools: dict[str, Batch], embedded: dict[str, Embeddings], config: EvaluateConfig
) -> Scores:
    """Return the scores of classifiers of the actions on frozen IMU embeddings of both wrists."""
    actions = {split: np.array(pools[split]["action"]) for split in ("train", "validation")}
    shared = sorted(set(actions["train"]) & set(actions["validation"]) - {""})
    if len(shared) < 2:
        return {}
    chosen = {split: np.isin(names, shared) for split, names in actions.items()}
    features = {split: _both_wrists(embedded[split])[keep] for split, keep in chosen.items()}
    labels = {split: actions[split][keep] for split, keep in chosen.items()}
    probes = {
        "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        f"{config.neighbours} nearest": KNeighborsClassifier(
            min(config.neighbours, len(labels["train"])), metric="cosine"
        ),
    }
    scores: Scores = {"actions": len(shared), "windows": len(labels["validation"])}
    for name, probe in probes.items():
        probe.fit(features["train"], labels["train"])
        found = probe.predict(features["validation"])
        scores |= _named(name, _classification(labels["validation"], found, len(shared)))
    most = max(shared, key=lambda action: int(np.sum(labels["train"] == action)))
    commonest = np.full(len(labels["validation"]), most)
    return scores | _named(
        "commonest action", _classification(labels["validation"], commonest, len(shared))
    )


def _both_wrists(embedded: Embeddings) -> NDArray[np.float32]:
    unit = [functional.normalize(embedded[side].float(), dim=1) for side in ("left", "right")]
    return torch.cat(unit, dim=1).numpy()


def _zero_shot(
    pretrained: Pretrained,
    pools: dict[str, Batch],
    embedded: dict[str, Embeddings],
    prompts: dict[str, list[str]],
    config: EvaluateConfig,
) -> Scores:
    """Return the scores of naming the action by the nearest sentence; nothing is trained."""
    names = np.array(pools["validation"]["action"])
    keep = np.isin(names, list(prompts))
    if not keep.any():
        known = ", ".join(sorted(set(names) - {""})) or "none"
        raise UserError(
            f"prompts={config.prompts}: no validation window has one of its actions; "
            f"there are {known}"
        )
    labels_LD = embed_prompts(pretrained, prompts, config.text, "text")
    similarity_VL = sum(
        functional.normalize(embedded["validation"][side].float(), dim=1) @ labels_LD.T
        for side in ("left", "right")
    )
    assert isinstance(similarity_VL, Tensor)
    found = np.array(list(prompts))[similarity_VL.argmax(1).numpy()]
    scores: Scores = {"actions": len(prompts), "windows": int(keep.sum())}
    return scores | _classification(names[keep], found[keep], len(prompts))


def _classification(true: NDArray[Any], found: NDArray[Any], actions: int) -> Scores:
    present = sorted(set(true))
    return {
        "accuracy": float(accuracy_score(true, found)),
        "balanced accuracy": float(
            recall_score(true, found, labels=present, average="macro", zero_division=0)
        ),
        "macro F1": float(f1_score(true, found, labels=present, average="macro", zero_division=0)),
        "chance": 1 / actions,
    }


def _named(name: str, scores: Scores) -> Scores:
    return {f"{name}/{score}": value for score, value in scores.items()}


def _table(scores: dict[str, Scores]) -> str:
    lines = []
    for part, found in scores.items():
        lines.append(part if found else f"{part}: no two actions stand in both splits")
        lines += [f"  {name:<40}{_number(value):>10}" for name, value in found.items()]
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) and value > 1 else f"{value:.3f}"
