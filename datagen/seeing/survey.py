"""What a folder of shards holds, in numbers: one pass over its samples with bounded memory.

Of a large folder some shards are read, evenly from each source and split, and of these every
so-many-th frame.

Shape letters: T frames, N bodies, W sensors, F frequencies.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import welch

from cluster.progress import Progress
from cluster.storage import Location
from datagen.motion import Array
from datagen.placement import SIDES
from datagen.sample import RATE, Sample
from datagen.shards import SPLITS, Manifest, ShardInfo, read_shard

MOST_FRAMES = 2_000_000
MOST_BODY_FRAMES = 4_000_000
QUANTITIES = ("acc", "gyro")
SPECTRUM_SECONDS = 4.0


@dataclass
class Survey:
    """What was counted and measured.

    Attributes:
        shards, frames, body_frames: how much was read.
        every: of how many frames one was measured.
        seconds: by source and split.
        clips: length of each clip read, seconds, by name.
        actions: label of the activity -> seconds.
        sentences: sentence -> clips.
        sentence_of: action -> one of its sentences.
        people: measure -> one value for each body of each clip, the first body of a clip left out.
        magnitudes: source, side and quantity -> magnitudes of readings of all bodies.
        spectra: source and quantity -> density of the power of all axes, of the first body.
    """

    shards: int = 0
    frames: int = 0
    body_frames: int = 0
    every: int = 1
    seconds: dict[str, dict[str, float]] = field(default_factory=dict)
    clips: dict[str, float] = field(default_factory=dict)
    actions: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    sentences: Counter[str] = field(default_factory=Counter)
    sentence_of: dict[str, str] = field(default_factory=dict)
    people: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    magnitudes: dict[tuple[str, str, str], list[NDArray[np.float32]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    spectra: dict[tuple[str, str], "Spectrum"] = field(default_factory=dict)

    def of(self, quantity: str, source: str = "", side: str = "") -> NDArray[np.float32]:
        """Return all magnitudes of `acc` or `gyro`, or those of one source, or of one side."""
        parts = [
            part
            for (own_source, own_side, own), values in self.magnitudes.items()
            if own == quantity and source in ("", own_source) and side in ("", own_side)
            for part in values
        ]
        return np.concatenate(parts)

    @property
    def sources(self) -> list[str]:
        """The sources read, in order."""
        return list(self.seconds)


@dataclass
class Spectrum:
    """A mean of spectra: weighted by the length of what each was made of.

    Attributes:
        frequencies_F: Hz.
        density_F: power of all three axes for each Hz, times the weight.
        weight: frames.
    """

    frequencies_F: Array
    density_F: Array
    weight: int

    @property
    def mean_F(self) -> Array:
        """Mean density."""
        return self.density_F / self.weight

    def add(self, other: "Spectrum") -> None:
        """Take up another one of the same frequencies."""
        self.density_F = self.density_F + other.density_F
        self.weight += other.weight


def spectrum(signal_TC: NDArray[np.floating], rate: float) -> Spectrum:
    """Return the power density of all channels together, by Welch's method (4 s windows).

    `signal_TC` has at least as many frames as a window.
    """
    length = round(SPECTRUM_SECONDS * rate)
    frequencies, density = welch(
        signal_TC.astype(np.float64), rate, nperseg=length, detrend="constant", axis=0
    )
    return Spectrum(frequencies, len(signal_TC) * density.sum(axis=1), len(signal_TC))


def survey(folder: Location, manifest: Manifest) -> Survey:
    """Read shards of a folder and sum up what they hold."""
    chosen = _choose(manifest.shards)
    frames = sum(shard.frames for shard in chosen)
    found = Survey(every=-(-frames * manifest.bodies // MOST_BODY_FRAMES))
    with Progress("report", len(chosen), "shards") as progress:
        for shard in chosen:
            for sample in read_shard(shard.path(folder)):
                _take(found, sample, shard)
            found.shards += 1
            progress.advance()
    return found


def _choose(shards: tuple[ShardInfo, ...]) -> list[ShardInfo]:
    """Return all shards, or of each source and split every so-many-th one."""
    step = -(-sum(shard.frames for shard in shards) // MOST_FRAMES)
    groups = defaultdict(list)
    for shard in shards:
        groups[shard.source, shard.split].append(shard)
    return [shard for group in groups.values() for shard in group[:: max(step, 1)]]


def _take(found: Survey, sample: Sample, shard: ShardInfo) -> None:
    meta, frames = sample.meta, len(sample.pose_TJ3)
    splits = found.seconds.setdefault(shard.source, dict.fromkeys(SPLITS, 0.0))
    splits[shard.split] += frames / RATE
    found.frames += frames
    found.body_frames += frames * len(sample.acc_NTW3)
    if meta["clip"] not in found.clips:
        found.clips[meta["clip"]] = 0.0
        found.sentences[meta["text"]] += 1
        for name, values in meta.get("people", {}).items():
            found.people[name].extend(values[1:])
    found.clips[meta["clip"]] += frames / RATE
    action = meta["action"] or "(none given)"
    found.actions[action] += frames / RATE
    found.sentence_of.setdefault(action, meta["text"])
    for quantity, signal_NTW3 in zip(QUANTITIES, (sample.acc_NTW3, sample.gyro_NTW3), strict=True):
        _measure(found, shard.source, quantity, signal_NTW3)


def _measure(found: Survey, source: str, quantity: str, signal_NTW3: NDArray[np.float16]) -> None:
    signal_NTW3 = signal_NTW3.astype(np.float32)
    size_NTW = np.linalg.norm(signal_NTW3[:, :: found.every], axis=-1)
    for sensor, side in enumerate(SIDES):
        found.magnitudes[source, side, quantity].append(size_NTW[..., sensor].ravel())
    if signal_NTW3.shape[1] >= SPECTRUM_SECONDS * RATE:
        for sensor in range(len(SIDES)):
            own = spectrum(signal_NTW3[0, :, sensor], RATE)
            if (source, quantity) in found.spectra:
                found.spectra[source, quantity].add(own)
            else:
                found.spectra[source, quantity] = own
