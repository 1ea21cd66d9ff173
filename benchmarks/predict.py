"""How many times faster than real time a recording is labelled, on one core.

A classifier of the paper's size (random weights: the time does not depend on them), 4 s windows
that overlap by half, a watch of 50 Hz and of 100 Hz. A round labels the recording whole, sample
by sample, and by the ONNX file with the same windows cut here. Resampling is part of all three.
The recording is the same in each, and the ratios are medians over the rounds.
"""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from finetune.classifier_release import (
    ClassifierReleaseConfig,
    build_network,
    load_classifier,
    save_classifier,
)
from finetune.export import NAME, memory_of, session, write_onnx
from finetune.recogniser import Classifier
from finetune.streaming import windows_of

SECONDS, ROUNDS, ONNX_BATCH = 600, 5, 16
CLASSES = [f"class {number}" for number in range(8)]


def made_classifier(folder: Path) -> Classifier:
    """Return a classifier of the default sizes that was never trained."""
    torch.manual_seed(0)
    config = ClassifierReleaseConfig(
        label_names=CLASSES, wrists=["left"], inputs=["left wrist with gyroscope"]
    )
    save_classifier(folder, build_network(config), config, "made")
    return load_classifier(folder)


def recording(rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return times (T,) and signals (T, 6) of smooth noise about gravity."""
    rng = np.random.default_rng(0)
    times_T = np.arange(SECONDS * rate) / rate
    signals_TC = np.cumsum(rng.normal(size=(len(times_T), 6)), axis=0)
    signals_TC = 3 * np.sin(signals_TC / 5)
    signals_TC[:, 2] += 9.81
    return times_T, signals_TC


def ways(
    classifier: Classifier, path: Path, times_T: np.ndarray, signals_TC: np.ndarray
) -> dict[str, Callable[[], np.ndarray]]:
    """Return the ways to label the recording, each giving probabilities of all windows."""
    run = session(path)
    samples = list(zip(times_T.tolist(), signals_TC.tolist(), strict=True))

    def whole() -> np.ndarray:
        return classifier.predict(signals_TC, times_T).probabilities_NK

    def streamed() -> np.ndarray:
        stream = classifier.stream()
        found = [each for sample in samples for each in stream.feed(*sample)] + stream.finish()
        return np.stack([each.probabilities_K for each in found])

    def onnx() -> np.ndarray:
        cut = windows_of(times_T, signals_TC, classifier.windows)
        windows_NTX = np.stack([window_TX for _, window_TX in cut]).astype(np.float32)
        parts = range(0, len(windows_NTX), ONNX_BATCH)
        return np.concatenate([run(windows_NTX[i : i + ONNX_BATCH]) for i in parts])

    return {"batch": whole, "streaming": streamed, "onnx": onnx}


def main() -> None:
    """Measure, print a table and, last, one line of JSON."""
    torch.set_num_threads(1)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        classifier = made_classifier(folder)
        path = folder / NAME
        write_onnx(classifier, path)
        windows = classifier.windows
        print(f"{SECONDS} s, windows of {windows.seconds} s, overlap {windows.overlap}, one core")
        for rate in (50, 100):
            labelled = ways(classifier, path, *recording(rate))
            answers = {way: work() for way, work in labelled.items()}
            taken: dict[str, list[float]] = {way: [] for way in labelled}
            for _ in range(ROUNDS):
                for way, work in labelled.items():
                    start = time.perf_counter()
                    work()
                    taken[way].append(time.perf_counter() - start)
            for way, seconds in taken.items():
                speed = SECONDS / statistics.median(seconds)
                apart = float(np.abs(answers[way] - answers["batch"]).max())
                figures[f"{way}_{rate}_hz"] = round(speed, 1)
                figures[f"{way}_{rate}_hz_best_round"] = round(SECONDS / min(seconds), 1)
                print(
                    f"{rate:4d} Hz  {way:10s} {speed:8,.0f} times real time (best round "
                    f"{SECONDS / min(seconds):,.0f}), {apart:.0e} from batch"
                )
        window_BTX = np.zeros((1, 60 * windows.seconds, 6), np.float32)
        figures["onnx_memory_mb"] = round(memory_of(path, window_BTX), 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
