"""`python -m datagen inspect FILE` and `sources`: what a file holds, and what can be read."""

from collections.abc import Callable

from cluster.errors import UserError
from cluster.storage import Location
from datagen.body import Mannequin, reference_body
from datagen.glitches import GlitchConfig, find_glitches
from datagen.motion import BadClipError, Motion
from datagen.sources import amass, bvh, grab, how2sign_contents, joints_contents
from datagen.sources.contents import Contents

# In the order in which they are asked whether a file is theirs.
INSPECTORS: tuple[Callable[[Location], Contents | None], ...] = (
    bvh.inspect,
    amass.inspect,
    grab.inspect,
    how2sign_contents.inspect,
    joints_contents.inspect,
)
SOURCES = {
    "choreography": "everyday movements composed on the spot; needs no data",
    "bvh": "folders of BVH files (*.bvh) with a skeleton map: Bandai-Namco, CMU, Mixamo, your own",
    "amass": "AMASS, SMPL-H poses (*.npz), with BABEL's or HumanML3D's sentences if given",
    "grab": "GRAB, people grasping objects, SMPL-X poses (*.npz), sentences from intent and object",
    "how2sign": "How2Sign, poses fitted to videos in three layouts (*.npz, *.pkl), with sentences",
    "joints": "positions of 22 joints (text-to-motion) or 17 (video poses) alone (*.npy)",
}


def inspect(path: Location) -> str:
    """Return what a file holds, a line each; raises UserError for one that no source reads."""
    if not path.is_file():
        kind = "is a folder; give one of its files" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {kind}")
    try:
        found = (inspector(path) for inspector in INSPECTORS)
        contents = next((each for each in found if each is not None), None)
    except BadClipError as error:
        raise UserError(f"{path}: {error}") from None
    if contents is None:
        raise UserError(
            f"{path}: is no file that a source reads; `python -m datagen sources` lists them"
        )
    return "\n".join(_lines(contents))


def list_sources() -> str:
    """Return the sources, a line each."""
    return "\n".join(f"{name:<15}{says}" for name, says in SOURCES.items())


def _lines(contents: Contents) -> list[str]:
    frames = rate = duration = ""
    if contents.frames is not None:
        frames, rate = f"{contents.frames}", "not in the file"
        if contents.motion is not None:
            rate += f"; {contents.motion.rate:g} a second taken for it below"
        if contents.rate is not None:
            rate = f"{contents.rate:g} a second"
            duration = f"{(contents.frames - 1) / contents.rate:.2f} s"
    rows = {
        "format": contents.format,
        "source": contents.source,
        "clips": str(contents.clips),
        "joints": "" if contents.joints is None else str(contents.joints),
        "frames": frames,
        "rate": rate,
        "duration": duration,
        "units": contents.units,
        "skeleton": contents.skeleton,
        "people": contents.people,
        "text": contents.text,
    }
    lines = [f"{label:<15}{value}" for label, value in rows.items() if value]
    problems = [*contents.problems, *_glitches(contents.motion)] or ["none"]
    return lines + [f"{'problem':<15}{problem}" for problem in problems]


def _glitches(motion: Motion | None) -> list[str]:
    """Say what a run with the limits as they come would cut out of a clip."""
    if motion is None:
        return []
    offsets_J3 = reference_body(Mannequin()).offsets_NJ3[0]
    return [
        f"a glitch from {glitch.first / motion.rate:.2f} to {glitch.end / motion.rate:.2f} s "
        f"({glitch.reason}), which a run cuts out"
        for glitch in find_glitches(motion, offsets_J3, GlitchConfig(), fewest=1)
    ]
