"""One clip to its samples: read, normalise, draw bodies, synthesize, cut into segments.

Shape letters: T frames, J joints, N bodies, W wrists, E width of a text vector.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from
from datagen.body import draw_bodies, load_body_model, reference_body
from datagen.config import DatagenConfig, open_sources
from datagen.imu import synthesize
from datagen.motion import JOINTS, BadClipError, ClipRef, Motion
from datagen.normalize import normalize, resample_pose
from datagen.placement import as_worn, turned
from datagen.plan import Unit
from datagen.sample import RATE, SCHEMA, Sample, to_half
from datagen.sensor import measured
from datagen.shards import WINDOW_FRAMES, Failure, ShardInfo, write_shard
from datagen.smoothing import Smoother
from datagen.text import Vector


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
        smoother = Smoother(RATE, RATE, self.config.imu.cutoff)
        text_E = np.zeros(1, dtype=np.float32)
        self._synthesize(ClipRef("still", "", ""), still, smoother, "train", text_E)

    def make_shard(self, folder: Path, unit: Unit, vectors: dict[str, Vector]) -> ShardInfo:
        """Write the shard of one unit; a bad clip is a failure in its JSON.

        `vectors` holds the vector of every sentence in the unit.
        """
        failures: list[Failure] = []

        def samples() -> Iterator[Sample]:
            for clip in unit.clips:
                try:
                    yield from self.samples(clip, unit.split, vectors[clip.text])
                except BadClipError as error:
                    failures.append(Failure(clip.name, str(error)))

        return write_shard(
            folder,
            unit.index,
            samples(),
            source=unit.source,
            split=unit.split,
            config_digest=self.config_digest,
            text_backend=self.config.text.backend,
            clips=len(unit.clips),
            failures=failures,
        )

    def samples(self, clip: ClipRef, split: str, text_E: Vector) -> list[Sample]:
        """Return the segments of one clip; raises BadClipError when it cannot be used."""
        motion = self._read(clip)
        smoother = Smoother(motion.rate, RATE, self.config.imu.cutoff)
        frames = smoother.target_frames(len(motion.rotations_TJ3))
        if frames < WINDOW_FRAMES:
            raise BadClipError(
                f"shorter than one window ({frames} of {WINDOW_FRAMES} frames at {RATE} Hz)"
            )
        try:
            return self._synthesize(clip, motion, smoother, split, text_E)
        except (BadClipError, UserError):
            raise
        except Exception as error:
            error.add_note(f"while making the samples of clip {clip.name} ({clip.locator})")
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
        self, clip: ClipRef, motion: Motion, smoother: Smoother, split: str, text_E: Vector
    ) -> list[Sample]:
        config = self.config
        rng = np.random.default_rng(seed_from(config.seed, clip.name))
        bodies = draw_bodies(self._model, config.body, config.bodies, rng)
        normal = normalize(motion, self._reference)
        worn = as_worn(config.imu.placements, bodies, config.imu.mounting, rng)
        imu = synthesize(normal, bodies, config.imu, worn=worn)
        ideal = turned(imu.acc_NTW3, worn), turned(imu.gyro_1TW3, worn)
        acc, gyro = measured(*ideal, config.imu.sensor, RATE, rng)
        pose_TJ3 = to_half(resample_pose(normal, smoother), "pose")
        acc_NTW3 = to_half(acc, "acceleration")
        gyro_NTW3 = to_half(gyro, "angular velocity")
        shape_N10 = bodies.shape_N10.astype(np.float32)
        people = bodies.people.rows() if bodies.people else {}
        # A copy: Ray hands out what cannot be written to, for which loops are compiled anew.
        text = to_half(text_E.copy(), "text vector")
        length = int(config.segment_seconds * RATE)
        return [
            Sample(
                key=f"{clip.name}-{number:03d}",
                pose_TJ3=pose_TJ3[start : start + length],
                acc_NTW3=acc_NTW3[:, start : start + length],
                gyro_NTW3=gyro_NTW3[:, start : start + length],
                shape_N10=shape_N10,
                text_E=text,
                meta=self._meta(clip, split) | {"start": start / RATE, "people": people},
            )
            for number, start in enumerate(range(0, len(pose_TJ3), length))
            if len(pose_TJ3) - start >= WINDOW_FRAMES
        ]

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
