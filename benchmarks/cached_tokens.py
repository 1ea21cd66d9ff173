"""A frozen row on stored tokens against one that runs its encoder whenever a window is seen.

Both draw the same views, so that they end with the same scores. The time of encoding once for a
target and a release is left out, and then counted in, spread over a table of one row.

Shape letters: V views, N windows, T frames, W wrists, C channels, L tokens, D width, B batch.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from benchmarks.made_release import cut, seconds, watch
from finetune.classifiers import (
    ClassifierConfig,
    EncoderClassifier,
    MixtureClassifier,
    encode_windows,
)
from finetune.prepare import load_fitting
from finetune.training import TrainingConfig, TrainingData, fit, predict
from finetune.variation import encoded_views, views_of
from pretrain.encoders import ImuEncoder

EVERY, EPOCHS, ROUNDS = 6, 2, 3
FOLDS_SEEDS_SHARES = 5 * 5 * 2
HEADS = {
    "default": ClassifierConfig(),
    "twice as wide": ClassifierConfig(width=128, feed_forward=256, expert_width=64),
}
Encoders = dict[str, ImuEncoder]


class TokensAsSeen:
    """Stands in for stored tokens (V, N, L, D): encodes the windows that are asked for."""

    def __init__(self, encoders: Encoders, views_VNTWC: Tensor, present_NWC: Tensor) -> None:
        self.encoders, self.views_VNTWC, self.present_NWC = encoders, views_VNTWC, present_NWC

    def __len__(self) -> int:
        return len(self.views_VNTWC)

    @torch.no_grad()
    def __getitem__(self, seen: tuple[Any, Tensor]) -> Tensor:
        view, windows_B = seen
        signals_BTWC = self.views_VNTWC[view, windows_B]
        return encode_windows(self.encoders, signals_BTWC, self.present_NWC[windows_B])


@dataclass(frozen=True)
class Compared:
    """CPU seconds of an epoch both ways and of encoding once, and how far the answers differ."""

    stored: float
    as_seen: float
    once: float
    apart: float

    def speedup(self, epochs: float = 0) -> float:
        """Return the ratio, with the encoding spread over so many epochs (0: left out)."""
        return self.as_seen / (self.stored + (self.once / epochs if epochs else 0))


def trained(
    encoders: Encoders, head: ClassifierConfig, training: TrainingConfig, data: TrainingData
) -> Tensor:
    """Fit a frozen row and return its probabilities of windows that it did not learn from."""
    windows = torch.arange(len(data.labels_N))
    learned, validation, rest = windows[::2], windows[1::4], windows[3::4]
    torch.manual_seed(0)
    width = next(iter(encoders.values())).width
    classifier = MixtureClassifier(width, int(data.labels_N.max()) + 1, head)
    model = EncoderClassifier(encoders, classifier, frozen=True)
    fit(model, data, learned, validation, training, thaws=False)
    return predict(model, data, rest).softmax(1)


def compare(folder: Path, preset: str) -> dict[str, Compared]:
    """Return the comparison for the encoder of a preset and each size of head."""
    config = watch(folder, preset)
    training = replace(config.training, epochs=EPOCHS, least_batches=1)
    windows = cut(config, EVERY)
    encoders = {"left": load_fitting(config).imu_left}
    signals, present, labels = map(
        torch.from_numpy, (windows.signals_NTWC, windows.present_NWC, windows.labels_N)
    )
    vary = signals, present, training.augment, training.views
    once, tokens_VNLD = seconds(partial(encoded_views, encoders, *vary))
    stored = TrainingData(signals, present, labels, tokens_VNLD)
    as_seen = TokensAsSeen(encoders, torch.stack(views_of(*vary)), present)
    encoding = replace(stored, tokens_VNLD=cast(Tensor, as_seen))
    found = {}
    for name, head in HEADS.items():
        trained(encoders, head, replace(training, epochs=1), stored)  # loads what is loaded then
        rounds = []
        for _ in range(ROUNDS):
            fast, answers = seconds(partial(trained, encoders, head, training, stored))
            slow, same = seconds(partial(trained, encoders, head, training, encoding))
            apart = float((answers - same).abs().max())
            rounds.append(Compared(fast / EPOCHS, slow / EPOCHS, once, apart))
        found[name] = sorted(rounds, key=Compared.speedup)[ROUNDS // 2]
        assert found[name].apart < 1e-3, "both ways must end with the same scores"
    return found


def cache_figures(folder: Path) -> dict[str, float]:
    """Compare, print, and return the ratios; `cache_speedup` is of the paper's encoder."""
    figures = {}
    for preset in ("paper", "plus"):
        epochs = watch(folder, preset).training.epochs * FOLDS_SEEDS_SHARES
        for name, each in compare(folder, preset).items():
            print(
                f"  {preset:5s} encoder, classifier {name}: {each.stored:5.2f} s an epoch on "
                f"stored tokens, {each.as_seen:5.2f} s encoding: {each.speedup():.1f} times "
                f"({each.speedup(epochs):.1f} with {each.once:.1f} s of encoding once), "
                f"probabilities {each.apart:.0e} apart",
                flush=True,
            )
            figures[f"cache_speedup_{preset}_{name.split()[-1]}"] = each.speedup()
    return {"cache_speedup": figures["cache_speedup_paper_default"], **figures}
