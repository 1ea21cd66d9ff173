"""Whole clips in memory, and the windows cut out of them.

Many windows are cut from each clip, so the clips of a shard are laid end to end in a few large
float16 arrays and a batch of windows is gathered by index, without a step of Python per window.
Shards that are shuffled together stay in their own arrays, since memory is touched often enough.

Shape letters: F frames of all clips of a shard, S samples, V windows, B batch, T frames of a
window, J joints, C channels, E width of a text vector, R values of a window, H all values of a
shard but those after the last window's beginning.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.runs import seed_from
from datagen.motion import JOINTS
from datagen.sample import Sample
from datagen.shards import WINDOW_FRAMES, read_samples
from pretrain.shard import Shard, windows_in

Batch = dict[str, Any]
# Fields of Clips that are no arrays.
TUPLES = ("frames", "keys", "actions", "sentences")
Half = NDArray[np.float16]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """The frames of one shard's samples, laid end to end.

    Attributes:
        pose_FK: axis-angle of 52 joints, K = 156 values a frame.
        acc_FC, gyro_FC: left then right, three axes each. A sample's rows are its first body's
            frames, then its second's; where bodies share a gyroscope it has one body's rows.
    """

    pose_FK: Half
    acc_FC: Half
    gyro_FC: Half


@dataclass(frozen=True)
class Clips:
    """The samples of one or more shards.

    Attributes:
        frames: of each shard.
        shard_S: which of `frames` holds a sample.
        pose_row_S, acc_row_S, gyro_row_S: where it begins there.
        text_SE: text vectors.
        length_S, bodies_S, gyro_bodies_S: frames and bodies of each sample.
        caption_S, clip_S: numbers that are equal for equal sentences, for one clip's samples.
        keys: names of the samples.
        actions: labels of what they show, or "".
        sentences: what is said of them.
    """

    frames: tuple[Frames, ...]
    shard_S: Int
    pose_row_S: Int
    acc_row_S: Int
    gyro_row_S: Int
    text_SE: Half
    length_S: Int
    bodies_S: Int
    gyro_bodies_S: Int
    caption_S: Int
    clip_S: Int
    keys: tuple[str, ...]
    actions: tuple[str, ...]
    sentences: tuple[str, ...]

    def windows_S(self, window: int) -> Int:
        """Return how many windows of that many frames each sample holds without overlap."""
        return self.length_S // window


def lay_out(samples: Iterable[Sample]) -> Clips:
    """Lay samples end to end."""
    listed = list(samples)
    length_S = np.array([len(s.pose_TJ3) for s in listed])
    bodies_S = np.array([len(s.acc_NTW3) for s in listed])
    gyro_bodies_S = np.array([len(s.gyro_NTW3) for s in listed])
    frames = Frames(
        pose_FK=np.concatenate([s.pose_TJ3.reshape(-1, JOINTS * 3) for s in listed]),
        acc_FC=np.concatenate([s.acc_NTW3.reshape(-1, 6) for s in listed]),
        gyro_FC=np.concatenate([s.gyro_NTW3.reshape(-1, 6) for s in listed]),
    )
    return Clips(
        frames=(frames,),
        shard_S=np.zeros_like(length_S),
        pose_row_S=_first_rows(length_S),
        acc_row_S=_first_rows(length_S * bodies_S),
        gyro_row_S=_first_rows(length_S * gyro_bodies_S),
        text_SE=np.stack([s.text_E for s in listed]),
        length_S=length_S,
        bodies_S=bodies_S,
        gyro_bodies_S=gyro_bodies_S,
        caption_S=np.array([_number(s.meta["text"]) for s in listed]),
        clip_S=np.array([_number(s.meta["source"], s.meta["clip"]) for s in listed]),
        keys=tuple(s.key for s in listed),
        actions=tuple(s.meta["action"] for s in listed),
        sentences=tuple(s.meta["text"] for s in listed),
    )


def _first_rows(rows_S: Int) -> Int:
    return np.cumsum(rows_S) - rows_S


def _number(*names: str) -> int:
    return seed_from(*names) >> 1  # 63 bits: a non-negative int64


def join(parts: Sequence[Clips]) -> Clips:
    """Put the samples of several shards behind one another; their frames are not copied."""
    fields = {name: [getattr(part, name) for part in parts] for name in Clips.__dataclass_fields__}
    shards_before = np.cumsum([0, *(len(frames) for frames in fields["frames"])])
    fields["shard_S"] = [
        part.shard_S + before for part, before in zip(parts, shards_before, strict=False)
    ]
    joined: dict[str, Any] = {
        name: sum(values, ()) if name in TUPLES else np.concatenate(values)
        for name, values in fields.items()
    }
    return Clips(**joined)


def read_clips(shard: Shard, check: bool) -> Clips:
    """Read the chosen clips of one shard; with `check`, compare its checksum first.

    Raises UserError, naming the tar, where it is missing, damaged, or not what its JSON says.
    """
    path, info = shard.path, shard.info
    with shard.open(check) as file:
        samples = list(read_samples(file, path))
    windows = sum(windows_in(len(sample.pose_TJ3), WINDOW_FRAMES) for sample in samples)
    if (len(samples), windows) != (info.samples, info.windows):
        raise UserError(f"{path}: holds other samples than its JSON says; make the shard anew")
    for sample in samples:
        if len(sample.text_E) != info.text_size:
            raise UserError(
                f"{path}: the text vector of {sample.key} has {len(sample.text_E)} values, not "
                f"{info.text_size} as its JSON says; make the shard anew"
            )
    if shard.clips is not None:
        samples = [sample for sample in samples if sample.meta["clip"] in shard.clips]
    return lay_out(samples)


def draw_windows(clips: Clips, window: int, rng: np.random.Generator) -> Int:
    """Draw as many windows from each sample as it holds without overlap, in random order.

    Each starts at any frame with equal chance and wears a body drawn for it alone. Returns
    (V, 3): sample, first frame, body.
    """
    sample_V = np.repeat(np.arange(len(clips.keys)), clips.windows_S(window))
    start_V = rng.integers(0, clips.length_S[sample_V] - window + 1)
    body_V = rng.integers(0, clips.bodies_S[sample_V])
    return rng.permutation(np.stack([sample_V, start_V, body_V], axis=1))


def cut(clips: Clips, windows_V3: Int, window: int) -> Batch:
    """Cut windows (sample, first frame, body) of T = `window` frames out of clips.

    Returns pose (B,T,52,3) in radians, float16 as it is stored, since it is most of a batch;
    imu_left and imu_right (B,T,6) as ax ay az gx gy gz in m/s2 and rad/s, and text (B,E), both
    float32; caption and clip (B,) int64; key, action and sentence, lists of strings.
    """
    sample, start, body = windows_V3.T
    length, shard = clips.length_S[sample], clips.shard_S[sample]
    gyro_body = np.minimum(body, clips.gyro_bodies_S[sample] - 1)
    pose_row = clips.pose_row_S[sample] + start
    acc_row = clips.acc_row_S[sample] + body * length + start
    gyro_row = clips.gyro_row_S[sample] + gyro_body * length + start
    pose_BTK = _gather([frames.pose_FK for frames in clips.frames], shard, pose_row, window)
    acc_BTC = _gather([frames.acc_FC for frames in clips.frames], shard, acc_row, window).float()
    gyro_BTC = _gather([frames.gyro_FC for frames in clips.frames], shard, gyro_row, window).float()
    return {
        "pose": pose_BTK.unflatten(-1, (JOINTS, 3)),
        "imu_left": torch.cat([acc_BTC[..., :3], gyro_BTC[..., :3]], dim=-1),
        "imu_right": torch.cat([acc_BTC[..., 3:], gyro_BTC[..., 3:]], dim=-1),
        "text": torch.from_numpy(clips.text_SE[sample]).float(),
        "caption": torch.from_numpy(clips.caption_S[sample]),
        "clip": torch.from_numpy(clips.clip_S[sample]),
        "key": [clips.keys[index] for index in sample],
        "action": [clips.actions[index] for index in sample],
        "sentence": [clips.sentences[index] for index in sample],
    }


def _gather(values_FC: Sequence[Half], shard_B: Int, row_B: Int, window: int) -> torch.Tensor:
    """Return (B, T, C), float16: the T rows from `row_B` on of the array that `shard_B` numbers."""
    channels = values_FC[0].shape[1]
    window_BR = np.empty((len(row_B), window * channels), np.float16)
    for shard in np.unique(shard_B):
        here = np.flatnonzero(shard_B == shard)
        # A window's rows follow one another, so each is one run of memory.
        run_HR = sliding_window_view(values_FC[shard].reshape(-1), window_BR.shape[1])
        window_BR[here] = run_HR[row_B[here] * channels]
    return torch.from_numpy(window_BR).unflatten(1, (window, channels))


def concatenate(parts: Sequence[Batch]) -> Batch:
    """Join batches into one."""
    if len(parts) == 1:
        return parts[0]
    return {
        name: torch.cat([part[name] for part in parts])
        if isinstance(value, torch.Tensor)
        else [key for part in parts for key in part[name]]
        for name, value in parts[0].items()
    }
