"""The catalogue: importing this package enters every action into ACTIONS."""

from datagen.sources.choreography.action import ACTIONS
from datagen.sources.choreography.actions import (
    desk,
    gestures,
    gymnastics,
    household,
    logistics,
    music,
    personal,
    posture,
    rehabilitation,
    signing,
    sport,
    walking,
    weights,
    work,
)

__all__ = [
    "ACTIONS",
    "desk",
    "gestures",
    "gymnastics",
    "household",
    "logistics",
    "music",
    "personal",
    "posture",
    "rehabilitation",
    "signing",
    "sport",
    "walking",
    "weights",
    "work",
]
