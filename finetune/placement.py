"""Whether synthetic sensors sat where a watch sits."""

from typing import Any

from cluster.errors import UserError
from finetune.targets.recording import WRISTS


def check_placement(sides: dict[str, dict[str, Any]], whose: str) -> None:
    """Raise UserError, beginning with `whose`, for sensors elsewhere than on forearm or hand."""
    for name in WRISTS:
        segment = sides[name]["segment"]
        if segment not in (f"{name}_elbow", f"{name}_wrist"):
            raise UserError(
                f"{whose}: made for a {name} sensor on the segment {segment}, but the target's is "
                "on the wrist; give one for a watch"
            )
