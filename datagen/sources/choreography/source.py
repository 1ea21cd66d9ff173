"""The embedded motion source: unlimited, seeded hours of everyday human movement."""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cluster.errors import UserError
from cluster.runs import seed_from
from datagen.motion import ClipRef, Motion
from datagen.sources.choreography import skeleton, stage
from datagen.sources.choreography.casting import Casting, cast

SECONDS_PER_HOUR = 3600.0
LONGEST_HOURS = 20_000.0
LONGEST_CLIP = 600.0
NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class ChoreographyConfig:
    """What to perform.

    Attributes:
        hours: total length of the clips.
        seed: clip i of a seed is always the same, however many hours are asked for.
        name: first part of the clips' names, and their source.
        clip_seconds_min, clip_seconds_max: a clip's length is drawn between these.
        rate: frames per second.
        performers: how many virtual people there are.
        manner: how far arms and pace of a clip stray from the authored action, as other people's
            ways of doing the same would: 0 not at all, 1 by about 35 degrees of the forearm's
            turn, 10 of other angles and a third of the pace.
    """

    hours: float = 1.0
    seed: int = 0
    name: str = "choreography"
    clip_seconds_min: float = 6.0
    clip_seconds_max: float = 20.0
    rate: float = 60.0
    performers: int = 40
    manner: float = 0.0


class ChoreographySource:
    """Performs parametrised actions; see docs/choreography.md."""

    def __init__(self, config: ChoreographyConfig) -> None:
        _check(config)
        self._config = config

    def list_clips(self) -> list[ClipRef]:
        """List clips until their lengths sum to the hours asked for."""
        refs: list[ClipRef] = []
        left = self._config.hours * SECONDS_PER_HOUR
        while left > 0:
            casting = self._cast(len(refs))
            refs.append(self._ref(len(refs), casting))
            left -= casting.seconds
        return refs

    def read_clip(self, ref: ClipRef) -> Motion:
        """Perform one clip."""
        index = int(ref.locator)
        casting = self._cast(index)
        seed = seed_from("choreography motion", self._config.seed, index)
        rotations_TJ3, translation_T3 = stage.perform(
            casting, np.random.default_rng(seed), self._config.rate
        )
        return Motion(
            name=ref.name,
            rate=self._config.rate,
            rotations_TJ3=rotations_TJ3,
            translation_T3=translation_T3,
            text=ref.text,
            action=ref.action,
            subject=ref.subject,
            source=ref.source,
            offsets_J3=skeleton.offsets_J3(),
        )

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        return self._config.clip_seconds_min, self._config.clip_seconds_max

    def _cast(self, index: int) -> Casting:
        config = self._config
        return cast(config.seed, index, self._bounds, config.performers, config.manner)

    def _ref(self, index: int, casting: Casting) -> ClipRef:
        config = self._config
        return ClipRef(
            name=f"{config.name}/{config.seed}-{index:05d}-{casting.action.replace('_', '-')}",
            locator=str(index),
            text=casting.text,
            action=casting.action.replace("_", " "),
            subject=f"performer-{casting.performer:03d}",
            source=config.name,
        )


def _check(config: ChoreographyConfig) -> None:
    shortest, longest = config.clip_seconds_min, config.clip_seconds_max
    wrong = (
        (not 0 < config.hours <= LONGEST_HOURS, "hours", f"above 0, at most {LONGEST_HOURS:g}"),
        (config.seed < 0, "seed", "a whole number from 0"),
        (not NAME.fullmatch(config.name), "name", "letters, digits, _ and - alone"),
        (not 1 <= shortest <= longest, "clip_seconds_min", "from 1 to clip_seconds_max"),
        (not longest <= LONGEST_CLIP, "clip_seconds_max", f"at most {LONGEST_CLIP:g}"),
        (not 20 <= config.rate <= 1000, "rate", "from 20 to 1000 frames per second"),
        (not 1 <= config.performers <= 999, "performers", "from 1 to 999"),
        (not 0 <= config.manner <= 2, "manner", "from 0 to 2"),
    )
    for is_wrong, key, rule in wrong:
        if is_wrong:
            raise UserError(f"choreography.{key} is {getattr(config, key)!r}; it must be {rule}")
