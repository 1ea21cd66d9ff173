"""`python -m finetune export`: encoder and classifier together as ONNX, compared and measured.

`classifier.onnx` stands beside the weights. Input `imu` is (batch, frames, wrists x 6): windows at
60 Hz of ax ay az gx gy gz, left before right where there are both, in m/s2 and rad/s, already
mirrored where the classifier's configuration says so; (batch, frames, wrists x 3) of ax ay az for
recordings without gyroscope. Output `probabilities` is (batch, classes). A file is for one kind of
recording: the one that the classifier was trained on, of several that with all sensors.

Shape letters: B windows, T frames, W wrists, C channels, X channels of all wrists, L tokens, M
those present, D width, K classes.
"""

import json
import logging
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cluster.errors import UserError
from cluster.runs import replace_when_whole
from finetune.classifier_release import load_classifier
from finetune.classifiers import AttentionStage, encode_windows, present_tokens
from finetune.experts import MixtureOfExperts
from finetune.recogniser import Classifier, described
from finetune.targets.recording import CHANNELS, WRISTS
from finetune.windows import RATE
from pretrain.encoders import ImuEncoder

NAME = "classifier.onnx"
LARGEST_DIFFERENCE = 1e-4
BATCHES_COMPARED = (1, 7)
ROUNDS = 30


class KnownWindows(nn.Module):
    """What `EncoderClassifier` computes of windows whose channels are known beforehand.

    ONNX has no place for tokens that are picked out by what the data hold. Those of absent channels
    are zeros to the convolution and then left out: nothing attends to them.
    """

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        network = classifier.network
        self.encoders, self.classifier = network.encoders, network.classifier
        present_1WC = torch.from_numpy(present_channels(classifier))[None]
        silence_1TWC = torch.zeros(1, classifier.windows.seconds * RATE, *present_1WC.shape[1:])
        with torch.inference_mode():
            length = encode_windows(self.encoders, silence_1TWC, present_1WC).shape[1]
        present_L = present_tokens(self.encoders, present_1WC, length)[0]
        self.present_L1: Tensor
        self.kept_M: Tensor
        self.register_buffer("present_L1", present_L[:, None].float())
        self.register_buffer("kept_M", present_L.nonzero().squeeze(1))

    def forward(self, imu_BTX: Tensor) -> Tensor:
        """Return class probabilities (B, K)."""
        parts = []
        for encoder, imu_BTC in zip(
            self.encoders.values(), imu_BTX.chunk(len(self.encoders), dim=2), strict=True
        ):
            assert isinstance(encoder, ImuEncoder)
            segments = imu_BTX.shape[1] // encoder.window if encoder.window else 1
            whole_BTC = nn.functional.pad(imu_BTC, (0, len(CHANNELS) - imu_BTC.shape[2]))
            tokens_XPD, _ = encoder(whole_BTC.unflatten(1, (segments, -1)).flatten(0, 1))
            parts.append(
                tokens_XPD.reshape(-1, segments * tokens_XPD.shape[1], tokens_XPD.shape[2])
            )
        tokens_BLD = torch.cat(parts, dim=1) * self.present_L1
        head = self.classifier
        maps_BDL = head.norm(head.convolve(tokens_BLD.transpose(1, 2)))
        hidden_BMD = torch.relu(maps_BDL).transpose(1, 2).index_select(1, self.kept_M)
        for stage in head.stages:
            assert isinstance(stage, AttentionStage)
            hidden_BMD = _stage(stage, hidden_BMD)
        if isinstance(head.head, MixtureOfExperts):
            present_BM = torch.ones(hidden_BMD.shape[:2], dtype=torch.bool)
            scores_BMK = head.head(hidden_BMD, present_BM)
        else:
            scores_BMK = head.head(hidden_BMD)
        return scores_BMK.mean(1).softmax(1)


def export(folder: Path) -> str:
    """Write the ONNX file of a classifier's folder; return what was measured.

    Raises UserError where ONNX gives other probabilities than torch, and for a classifier that no
    one file can stand for.
    """
    classifier = load_classifier(folder)
    path = folder / NAME
    write_onnx(classifier, path)
    difference = _difference(classifier, path)
    if not difference <= LARGEST_DIFFERENCE:
        path.unlink()
        raise UserError(f"{path}: differs from torch by {difference:.1e}; it is not kept")
    window = example(classifier, 1)
    run = session(path)
    onnx, ours = milliseconds(lambda: run(window)), milliseconds(lambda: _torch(classifier, window))
    return (
        f"{path}: for {described(present_channels(classifier))}; {path.stat().st_size / 1e6:.1f} "
        f"MB, differs from torch by {difference:.1e} at most; a window of "
        f"{classifier.windows.seconds} s on one core takes {onnx:.2f} ms, in torch {ours:.2f} ms; "
        f"a process that runs it holds {memory_of(path, window):.0f} MB"
    )


def write_onnx(classifier: Classifier, path: Path) -> None:
    """Write the file for batches of any size, whole or not at all."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own calls to what torch has renamed
        program = torch.onnx.export(
            KnownWindows(classifier).eval(),
            (torch.from_numpy(example(classifier, 2)),),
            dynamo=True,
            input_names=["imu"],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for key, value in contract(classifier).items():
        model.metadata_props.add(key=key, value=value)
    with replace_when_whole(path, "wb") as file:
        file.write(model.SerializeToString())


def contract(classifier: Classifier) -> dict[str, str]:
    """Return what whoever runs the file has to know; it stands in the file's metadata."""
    windows = classifier.windows
    present_WC = present_channels(classifier)
    mirror = "none"
    if windows.mirror != "none" and present_WC.any(1).sum() == 1:
        mirror = f"{windows.mirror}: the other wrist's windows come with ax, gy and gz negated"
    return {
        "classes": json.dumps(classifier.label_names, ensure_ascii=False),
        "recordings": described(present_WC),
        "window": f"{windows.seconds} s at {RATE} Hz, m/s2 and rad/s",
        "mirror": mirror,
    }


def present_channels(classifier: Classifier) -> np.ndarray:
    """Return which channels (W, C) the recordings have that a file is for.

    Raises UserError where the classifier was trained on several kinds of recordings, of which none
    has all sensors.
    """
    worn = [name in classifier.network.encoders for name in WRISTS]
    whole_WC = np.zeros((len(WRISTS), len(CHANNELS)), dtype=bool)
    whole_WC[worn] = True
    turnless_WC = whole_WC & (np.arange(len(CHANNELS)) < 3)
    if described(whole_WC) in classifier.inputs:
        return whole_WC
    if classifier.inputs == (described(turnless_WC),):
        return turnless_WC
    raise UserError(
        f"a file is for one kind of recording, but the classifier was trained on "
        f"{' and on '.join(classifier.inputs)}; fit one on recordings of the same sensors"
    )


def example(classifier: Classifier, batch: int) -> np.ndarray:
    """Return windows of noise, the same each time, of the shape that the file takes."""
    shape = (batch, classifier.windows.seconds * RATE, int(present_channels(classifier).sum()))
    return np.random.default_rng(0).normal(0, 5, shape).astype(np.float32)


def session(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that runs the file on one core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda imu_BTX: np.asarray(made.run(None, {"imu": imu_BTX})[0])


def milliseconds(work: Callable[[], object]) -> float:
    """Return the median time of `work`, torch on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    taken = []
    try:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 1000 * statistics.median(taken)


def memory_of(path: Path, window_BTX: np.ndarray) -> float:
    """Return the peak memory in MB of a process that does nothing but run the file."""
    program = f"""
import re, numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
run = onnxruntime.InferenceSession({str(path)!r}, options, providers=["CPUExecutionProvider"]).run
run(None, {{"imu": numpy.zeros({window_BTX.shape}, numpy.float32)}})
status = open("/proc/self/status").read()
print(re.search("VmHWM: *(.*) kB", status.replace(chr(9), ""))[1])
"""
    line = [sys.executable, "-c", program]
    return int(subprocess.run(line, capture_output=True, text=True, check=True).stdout) / 1024


def _stage(stage: AttentionStage, tokens_BLD: Tensor) -> Tensor:
    attended_BLD, _ = stage.attend(tokens_BLD, tokens_BLD, tokens_BLD, need_weights=False)
    tokens_BLD = stage.norm_attended(tokens_BLD + attended_BLD)
    return stage.norm_fed(tokens_BLD + stage.feed_forward(tokens_BLD))


def _difference(classifier: Classifier, path: Path) -> float:
    run = session(path)
    worst = 0.0
    for batch in BATCHES_COMPARED:
        imu_BTX = example(classifier, batch)
        worst = max(worst, float(np.abs(run(imu_BTX) - _torch(classifier, imu_BTX)).max()))
    return worst


@torch.inference_mode()
def _torch(classifier: Classifier, imu_BTX: np.ndarray) -> np.ndarray:
    """Return what the classifier itself makes of such windows."""
    present_WC = torch.from_numpy(present_channels(classifier))
    signals_BTWC = torch.zeros(*imu_BTX.shape[:2], *present_WC.shape)
    signals_BTWC[:, :, present_WC] = torch.from_numpy(imu_BTX)
    present_BWC = present_WC.expand(len(imu_BTX), -1, -1)
    return classifier.network(signals_BTWC, present_BWC).softmax(1).numpy()
