"""The catalogue: importing this package enters every action into ACTIONS."""

from datagen.sources.choreography.action import ACTIONS
from datagen.sources.choreography.actions import exercise, rehabilitation, walking, work

__all__ = ["ACTIONS", "exercise", "rehabilitation", "walking", "work"]
