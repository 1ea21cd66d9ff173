"""The command `python -m datagen`: make shards, check them, measure the retargeting."""

import argparse
import shlex
from pathlib import Path

from cluster.commands import Command, run_command
from cluster.config import load_config
from cluster.errors import exit_with
from cluster.secrets import redacted
from cluster.storage import Location, location
from datagen.config import DatagenConfig
from datagen.generate import Outcome, check_bad_share, generate
from datagen.inspect import inspect, list_sources
from datagen.shards import MANIFEST, Manifest, verify

ROWS_SHOWN = 5


def main() -> int:
    """Run one of the commands; returns the exit status."""
    return run_command("datagen", COMMANDS)


def _generate(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m datagen generate")
    parser.add_argument("--config", type=Path, help="preset in configs/datagen")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(DatagenConfig, given.config, given.overrides)
    outcome = generate(config)
    folder = location(config.output)
    _print_manifest(folder, outcome.manifest)
    _print_run(outcome)
    check_bad_share(outcome.manifest, config)
    print(
        "next           deepspeed pretrain/train.py --config configs/pretrain/small.yaml "
        f"{shlex.quote(f'data={redacted(folder)}')} output=RUN"
    )
    return 0


def _verify(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m datagen verify")
    parser.add_argument("folder", type=location)
    folder = parser.parse_args(arguments).folder
    _print_manifest(folder, verify(folder))
    print("verified       every checksum matches and every sample can be read")
    return 0


def _inspect(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("python -m datagen inspect")
    parser.add_argument("file", type=location)
    print(inspect(parser.parse_args(arguments).file))
    return 0


def _sources(arguments: list[str]) -> int:
    argparse.ArgumentParser("python -m datagen sources").parse_args(arguments)
    print(list_sources())
    return 0


def _retarget_error(arguments: list[str]) -> int:
    from datagen import retarget_error  # brings what only this command needs

    return retarget_error.main(arguments)


def _fidelity(arguments: list[str]) -> int:
    from datagen import fidelity_command  # brings what only this command needs

    return fidelity_command.main(arguments)


def _show(arguments: list[str]) -> int:
    from datagen.seeing import show  # brings a renderer

    return show.main(arguments)


def _report(arguments: list[str]) -> int:
    from datagen.seeing import report

    return report.main(arguments)


def _ranges(arguments: list[str]) -> int:
    from datagen import ranges

    return ranges.main(arguments)


def _print_manifest(folder: Location, manifest: Manifest) -> None:
    print(f"shards         {len(manifest.shards)} in {redacted(folder)}, {_megabytes(manifest)}")
    print(f"clips          {manifest.clips}, of which {len(manifest.failures)} are bad")
    _print_some([f"{failure.clip}: {failure.reason}" for failure in manifest.failures], folder)
    if manifest.cuts:
        clips = len({cut.clip for cut in manifest.cuts})
        seconds = sum(cut.end - cut.start for cut in manifest.cuts)
        print(
            f"cut out        {len(manifest.cuts)} glitches of {clips} clips, {seconds:.1f} s in all"
        )
        _print_some(
            [
                f"{cut.clip}: {cut.start:.2f} to {cut.end:.2f} s, {cut.reason}"
                for cut in manifest.cuts
            ],
            folder,
        )
    print(f"motion         {manifest.seconds / 3600:.2f} h, {manifest.windows} windows of 1 s")
    for source, splits in manifest.hours.items():
        parts = ", ".join(f"{split} {hours:.2f} h" for split, hours in splits.items())
        print(f"               {source}: {parts}")
    print(f"bodies         {manifest.bodies} for each clip ({manifest.body})")
    print(f"text           {manifest.text_backend}, {manifest.text_size} values")


def _print_some(rows: list[str], folder: Location) -> None:
    for row in rows[:ROWS_SHOWN]:
        print(f"               {row}")
    if len(rows) > ROWS_SHOWN:
        print(f"               and more: all stand in {redacted(folder / MANIFEST)}")


def _megabytes(manifest: Manifest) -> str:
    return f"{sum(shard.bytes for shard in manifest.shards) / 1e6:.0f} MB"


def _print_run(outcome: Outcome) -> None:
    if not outcome.shards_made:
        print("this run       had nothing left to do")
        return
    rate = outcome.body_frames_made / outcome.seconds
    print(
        f"this run       {outcome.shards_made} shards, {outcome.body_frames_made:,} body-frames "
        f"in {outcome.seconds:.0f} s ({rate:,.0f} a second, start of Ray and text included)"
    )


COMMANDS = (
    Command(
        "generate --config FILE [key=value ...]",
        "make shards from motion, or go on where it stopped",
        _generate,
    ),
    Command("verify FOLDER", "check every shard's checksum and samples", _verify),
    Command("inspect FILE", "what a file of motion or text holds, and its problems", _inspect),
    Command("sources", "what motion can be read from", _sources),
    Command("report FOLDER", "an HTML page about a folder of shards", _report),
    Command("show CLIP --shards FOLDER", "a clip as picture, animation and BVH file", _show),
    Command(
        "ranges FOLDER [--clips PATTERN]",
        "how large the signals are by activity, beside real watches'",
        _ranges,
    ),
    Command(
        "retarget-error --config FILE ...",
        "retargeted motion against the recordings' own skeleton",
        _retarget_error,
    ),
    Command(
        "fidelity --config FILE [key=value ...]",
        "synthetic signals against real watches",
        _fidelity,
    ),
)


if __name__ == "__main__":
    exit_with(main)
