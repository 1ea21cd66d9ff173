"""One clip to its samples: read, cut out glitches, normalise, draw bodies, synthesize, segment.

Shape letters: T frames, J joints, N bodies, W wrists, E width of a text vector.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from
from cluster.secrets import redacted
from cluster.storage import Location
from datagen.body import Bodies, draw_bodies, load_body_model, reference_body
from datagen.config import DatagenConfig, open_sources
from datagen.glitches import clean_stretches
from datagen.imu import synthesize
from datagen.motion import JOINTS, BadClipError, ClipRef, Motion
from datagen.normalize import normalize, resample_pose
from datagen.placement import Mounting, as_worn, turned
from datagen.plan import Unit
from datagen.sample import RATE, SCHEMA, Half, Sample, to_half
from datagen.sensor import measured
from datagen.shards import WINDOW_FRAMES, Cut, Failure, ShardInfo, write_shard
from datagen.smoothing import Smoother
from datagen.text import Vector, vectors_name


@dataclass(frozen=True)
class Stretch:
    """A clean part of a clip, and the second of the clip at which it begins."""

    start: float
    motion: Motion


class Pipeline:
    """Makes samples and shards; a pure function of clip and configuration."""

    def __init__(self, config: DatagenConfig, config_digest: str) -> None:
        self.config, self.config_digest = config, config_digest
        self._sources = open_sources(config.sources)
        self._model = load_body_model(config.body)
        self._reference = reference_body(self._model)
        self._placement = placement(config)

    @property
    def body(self) -> str:
        """Kind of the body model."""
        return self._model.kind

    def warm_up(self) -> None:
        """Have all loops compiled and kept, before many workers would compile them at once."""
        frames = 2 * RATE
        still = Motion("still", RATE, np.zeros((frames, JOINTS, 3)), np.zeros((frames, 3)), "")
        clean_stretches(still, self._reference.offsets_NJ3[0], self.config.glitches, frames)
        text_E = np.zeros(1, dtype=np.float32)
        self._synthesize(ClipRef("still", "", ""), [Stretch(0.0, still)], "train", text_E)

    def make_shard(self, folder: Location, unit: Unit, vectors: dict[str, Vector]) -> ShardInfo:
        """Write the shard of one unit; bad clips are failures and glitches are cuts in its JSON.

        `vectors` holds the vector of every sentence in the unit.
        """
        failures: list[Failure] = []
        cuts: list[Cut] = []

        def samples() -> Iterator[Sample]:
            for clip in unit.clips:
                try:
                    stretches, found = self.stretches(clip)
                    cuts.extend(found)
                    yield from self._samples(clip, stretches, unit.split, vectors[clip.text])
                except BadClipError as error:
                    failures.append(Failure(clip.name, redacted(error)))

        return write_shard(
            folder,
            unit.index,
            samples(),
            source=unit.source,
            split=unit.split,
            config_digest=self.config_digest,
            text_backend=vectors_name(self.config.text),
            clips=len(unit.clips),
            failures=failures,
            cuts=cuts,
        )

    def samples(self, clip: ClipRef, split: str, text_E: Vector) -> list[Sample]:
        """Return the segments of one clip; raises BadClipError when it cannot be used."""
        stretches, _ = self.stretches(clip)
        return self._samples(clip, stretches, split, text_E)

    def stretches(self, clip: ClipRef) -> tuple[list["Stretch"], list[Cut]]:
        """Return what of a clip is to be used, and what was cut out of it."""
        motion = self._read(clip)
        frames = Smoother(motion.rate, RATE, self.config.imu.cutoff).target_frames(
            len(motion.rotations_TJ3)
        )
        if frames < WINDOW_FRAMES:
            raise BadClipError(
                f"shorter than one window ({frames} of {WINDOW_FRAMES} frames at {RATE} Hz)"
            )
        fewest = ceil((WINDOW_FRAMES - 1) * motion.rate / RATE) + 1
        kept, glitches = clean_stretches(
            motion, self._reference.offsets_NJ3[0], self.config.glitches, fewest
        )
        stretches = [Stretch(first / motion.rate, part) for first, part in kept]
        return stretches, [
            Cut(clip.name, glitch.first / motion.rate, glitch.end / motion.rate, glitch.reason)
            for glitch in glitches
        ]

    def _samples(
        self, clip: ClipRef, stretches: list["Stretch"], split: str, text_E: Vector
    ) -> list[Sample]:
        try:
            return self._synthesize(clip, stretches, split, text_E)
        except (BadClipError, UserError):
            raise
        except Exception as error:
            error.add_note(
                f"while making the samples of clip {clip.name} ({redacted(clip.locator)})"
            )
            raise

    def _read(self, clip: ClipRef) -> Motion:
        try:
            return self._sources[clip.source].read_clip(clip)
        except (BadClipError, UserError):
            raise
        # Files go wrong in more ways than their readers foresee, and one of them must not end
        # a run of days: it is listed with the others and counts towards max_bad_share.
        except Exception as error:
            raise BadClipError(f"cannot be read: {type(error).__name__}: {error}") from error

    def _synthesize(
        self, clip: ClipRef, stretches: list["Stretch"], split: str, text_E: Vector
    ) -> list[Sample]:
        config = self.config
        rng = np.random.default_rng(seed_from(config.seed, clip.name))
        bodies = draw_bodies(self._model, config.body, config.bodies, rng)
        worn = as_worn(config.imu.placements, bodies, config.imu.mounting, rng)
        shape_N10 = bodies.shape_N10.astype(np.float32)
        people = bodies.people.rows() if bodies.people else {}
        # A copy: Ray hands out what cannot be written to, for which loops are compiled anew.
        text = to_half(text_E.copy(), "text vector")
        length = int(config.segment_seconds * RATE)
        samples: list[Sample] = []
        for stretch in stretches:
            pose_TJ3, acc_NTW3, gyro_NTW3 = self._signals(stretch.motion, bodies, worn, rng)
            for start in range(0, len(pose_TJ3) - WINDOW_FRAMES + 1, length):
                seconds = stretch.start + start / RATE
                samples.append(
                    Sample(
                        key=f"{clip.name}-{len(samples):03d}",
                        pose_TJ3=pose_TJ3[start : start + length],
                        acc_NTW3=acc_NTW3[:, start : start + length],
                        gyro_NTW3=gyro_NTW3[:, start : start + length],
                        shape_N10=shape_N10,
                        text_E=text,
                        meta=self._meta(clip, split) | {"start": seconds, "people": people},
                    )
                )
        return samples

    def _signals(
        self, motion: Motion, bodies: Bodies, worn: Mounting, rng: np.random.Generator
    ) -> tuple[Half, Half, Half]:
        """Return pose (T, J, 3), acceleration and angular velocity (N, T, W, 3) of one stretch."""
        imu_config = self.config.imu
        normal = normalize(motion, self._reference)
        imu = synthesize(normal, bodies, imu_config, worn=worn)
        ideal = turned(imu.acc_NTW3, worn), turned(imu.gyro_1TW3, worn)
        acc, gyro = measured(*ideal, imu_config.sensor, RATE, rng)
        pose = resample_pose(normal, Smoother(motion.rate, RATE, imu_config.cutoff))
        return (
            to_half(pose, "pose"),
            to_half(acc, "acceleration"),
            to_half(gyro, "angular velocity"),
        )

    def _meta(self, clip: ClipRef, split: str) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "source": clip.source,
            "clip": clip.name,
            "subject": clip.subject,
            "split": split,
            "text": clip.text,
            "action": clip.action,
            "rate": RATE,
            "placement": self._placement,
            "body": self._model.kind,
        }


def placement(config: DatagenConfig) -> dict[str, Any]:
    """Return how the sensors are worn, as JSON."""
    left, right = config.imu.placements
    return {"left": asdict(left), "right": asdict(right)}
