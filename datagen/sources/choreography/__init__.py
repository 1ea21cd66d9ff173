"""The embedded motion source: a choreography of everyday human movement."""

from datagen.sources.choreography.source import ChoreographyConfig, ChoreographySource

__all__ = ["ChoreographyConfig", "ChoreographySource"]
