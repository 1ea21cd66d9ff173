"""`python -m datagen show CLIP`: a clip as a picture, an animation and a BVH file."""

import argparse
from pathlib import Path

from cluster.config import load_config
from cluster.errors import UserError
from cluster.storage import local_folder, location
from datagen.config import DatagenConfig
from datagen.sample import RATE
from datagen.seeing.bvh_write import write_bvh
from datagen.seeing.clips import clip_of_shards, clip_of_sources
from datagen.seeing.picture import Window, write_animation, write_picture
from datagen.seeing.scene import Scene, make_scene

LONGEST_SECONDS = 60.0


def main(arguments: list[str]) -> int:
    """Write the files of one clip and say where they are."""
    parser = argparse.ArgumentParser("python -m datagen show")
    parser.add_argument("words", nargs="*", metavar="CLIP [key=value ...]", help="name of a clip")
    parser.add_argument("--shards", type=location, help="folder of shards that holds it")
    parser.add_argument("--config", type=Path, help="or preset whose sources have it")
    parser.add_argument("--body", type=int, default=1, help="which body, from 1, the 1.70 m one")
    parser.add_argument("--start", type=float, default=0.0, help="seconds from the clip's start")
    parser.add_argument("--seconds", type=float, default=6.0, help="how much of it is shown")
    parser.add_argument("--to", default="runs/show", help="folder for the files")
    given = parser.parse_intermixed_args(arguments)
    folder = local_folder(given.to, "--to")
    scene = _scene(given)
    window = _window(scene, given.start, given.seconds)
    stem = folder / f"{scene.clip.replace('/', '-')}-body{scene.number}"
    paths = {ending: stem.with_name(f"{stem.name}.{ending}") for ending in ("png", "gif", "bvh")}
    pose = scene.offsets_J3, scene.rotations_TJ3, scene.translation_T3
    try:
        write_bvh(paths["bvh"], *pose, RATE)
        write_picture(paths["png"], scene, window)
        write_animation(paths["gif"], scene, window)
    except OSError as error:
        raise UserError(f"--to {folder}: cannot be written to: {error.strerror}") from None
    _print(scene, window, paths)
    return 0


def _scene(given: argparse.Namespace) -> Scene:
    overrides = [word for word in given.words if "=" in word]
    names = [word for word in given.words if "=" not in word]
    if len(names) > 1:
        raise UserError(f"show: {' and '.join(names)} are {len(names)} clips; give one")
    name = names[0] if names else ""
    if given.shards is None:
        found = clip_of_sources(load_config(DatagenConfig, given.config, overrides), name)
    elif given.config or overrides:
        raise UserError("show: give --shards, or --config and its key=value, not both")
    else:
        found = clip_of_shards(given.shards, name)
    return make_scene(found, given.body)


def _window(scene: Scene, start: float, seconds: float) -> Window:
    """Return the frames to show; UserError where there are none."""
    if not 0 <= start < scene.seconds - 1 / RATE:
        raise UserError(
            f"--start {start:g}: {scene.clip} is {scene.seconds:.2f} s long; start within it"
        )
    if not 0 < seconds <= LONGEST_SECONDS:
        raise UserError(f"--seconds {seconds:g}: give more than 0, and {LONGEST_SECONDS:g} at most")
    first = round(start * RATE)
    return Window(first, min(max(first + round(seconds * RATE), first + 2), scene.frames))


def _print(scene: Scene, window: Window, paths: dict[str, Path]) -> None:
    span = f"{window.first / RATE:.2f} to {window.last / RATE:.2f} s"
    print(f"clip           {scene.clip}, {scene.seconds:.2f} s: {scene.text}")
    print(f"wearer         {scene.wearer}")
    if scene.bodies.kind != scene.made_with:
        print(
            f"figure         {scene.bodies.kind} of this stature and these proportions; the "
            f"signals are of {scene.made_with}"
        )
    for place, seconds in scene.cuts:
        print(
            f"cut out        {seconds:.2f} s after {place:.2f} s; times count without them, and "
            "motion leaps there"
        )
    print(f"path           {scene.path}")
    print(f"picture        {paths['png']}, {span}")
    print(f"animation      {paths['gif']}, {span}")
    print(f"skeleton       {paths['bvh']}, all of it, centimetres, y up, {RATE} frames a second")
