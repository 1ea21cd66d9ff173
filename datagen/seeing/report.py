"""`python -m datagen report SHARDS`: one HTML page about a folder of shards."""

import argparse
import re
from collections import defaultdict
from html import escape
from typing import Any

import numpy as np

from cluster.errors import UserError
from cluster.page import image, note, page, section, table
from cluster.runs import replace_when_whole
from cluster.secrets import redacted
from cluster.storage import Location, location
from datagen.placement import SIDES
from datagen.seeing import report_plots as plots
from datagen.seeing.real_watches import PERCENTILES, WATCHES, shoulder_spectra
from datagen.seeing.survey import QUANTITIES, SPECTRUM_SECONDS, Survey, survey
from datagen.shards import SPLITS, Failure, Manifest, load_manifest

MOST_ROWS = 25
NUMBER = re.compile(r"\d+(\.\d+)?")
CONFIG = "config.yaml"


def main(arguments: list[str]) -> int:
    """Write the report of a folder of shards and say where it is."""
    parser = argparse.ArgumentParser("python -m datagen report")
    parser.add_argument("shards", type=location, help="folder of shards")
    parser.add_argument(
        "--to", type=location, help="file to write; SHARDS/report.html if not given"
    )
    given = parser.parse_args(arguments)
    path = given.to or given.shards / "report.html"
    manifest = load_manifest(given.shards)
    if not manifest.samples:
        raise UserError(f"{given.shards}: holds no samples, only bad clips; its manifest says why")
    found = survey(given.shards, manifest)
    text = _page(given.shards, manifest, found)
    try:
        with replace_when_whole(path) as file:
            file.write(text)
    except UserError as error:
        raise UserError(f"{error}; or give another place as --to FILE") from None
    print(f"report         {redacted(path)}: {_read(manifest, found)}")
    return 0


def _page(folder: Location, manifest: Manifest, found: Survey) -> str:
    lead = (
        f"{manifest.seconds / 3600:.2f} hours of motion, {manifest.clips} clips, "
        f"{manifest.bodies} bodies each; {_read(manifest, found)}."
    )
    sections = [
        _hours(manifest),
        _failures(manifest),
        _cuts(manifest),
        _ranges(found),
        _spectra(found),
        _bodies(manifest, found),
        _clips(found),
        _actions(found),
        _made(manifest),
        _config(folder),
    ]
    return page(f"Shards in {redacted(folder)}", escape(lead), [each for each in sections if each])


def _read(manifest: Manifest, found: Survey) -> str:
    if found.shards == len(manifest.shards) and found.every == 1:
        return "every sample was read"
    return (
        f"read were {found.shards} of {len(manifest.shards)} shards, evenly from each source and "
        f"split, and of their signals one of {found.every} frames"
    )


def _hours(manifest: Manifest) -> str:
    rows = [
        (
            False,
            [
                source,
                *(f"{splits[split]:.2f}" for split in SPLITS),
                f"{sum(splits.values()):.2f}",
                f"{sum(shard.samples for shard in manifest.shards if shard.source == source)}",
                f"{sum(shard.windows for shard in manifest.shards if shard.source == source)}",
            ],
        )
        for source, splits in manifest.hours.items()
    ]
    heads = ["source", *(f"{split}, h" for split in SPLITS), "all, h", "samples", "windows of 1 s"]
    megabytes = sum(shard.bytes for shard in manifest.shards) / 1e6
    text = f"{len(manifest.shards)} shards, {megabytes:.0f} MB."
    return section("Hours", table(heads, rows) + note(text))


def _ranges(found: Survey) -> str:
    groups = [("all", "", "")]
    if len(found.sources) > 1:
        groups += [(source, source, "") for source in found.sources]
    groups += [(f"{side} sensor", "", side) for side in SIDES]
    measured = {
        name: [np.percentile(found.of(kind, source, side), PERCENTILES) for kind in QUANTITIES]
        for name, source, side in groups
    }
    measured |= {watch.name: [np.array(watch.acc), np.array(watch.gyro)] for watch in WATCHES}
    rows = [
        (name == "all", [name, *(f"{value:.1f}" for value in np.concatenate(values))])
        for name, values in measured.items()
    ]
    heads = [f"{percentile:g} % {unit}" for unit in ("m/s²", "rad/s") for percentile in PERCENTILES]
    text = (
        "Percentiles of the magnitudes of acceleration (with gravity, 9.81 m/s² at rest) and of "
        "angular velocity, over all bodies. Real watches sat on wrists; shoulder exercises were "
        "recorded on the exercising wrist alone."
    )
    picture = image(plots.ranges_picture(found), "share of readings above a magnitude")
    body = table(["", *heads], rows) + picture + note(text)
    return section("Signal ranges against real watches", body)


def _spectra(found: Survey) -> str:
    if not found.spectra:
        return ""
    picture = image(plots.spectra_picture(found, shoulder_spectra()), "power densities")
    text = (
        f"Welch's method, windows of {SPECTRUM_SECONDS:g} s, the three axes of a sensor together, "
        "both sensors, the 1.70 m body, samples of at least one window. The real recordings are "
        "at 50 Hz and end at 25 Hz."
    )
    return section("Spectra", picture + note(text))


def _bodies(manifest: Manifest, found: Survey) -> str:
    if not any(found.people.values()):
        return section("Bodies", note("Each clip has the 1.70 m body alone."))
    rows = []
    for name, label in plots.MEASURES.items():
        low, middle, high = np.percentile(found.people[name], (5, 50, 95))
        digits = 0 if name == "mass" else 2
        values = [f"{value:.{digits}f}" for value in (middle, low, high)]
        rows.append((False, [label, *values]))
    count = len(found.people["stature"])
    text = (
        f"{count} bodies drawn, {manifest.bodies - 1} for each clip; the first body of a clip, "
        "always 1.70 m, is left out. Lengths are relative to what goes with the stature. Lines: "
        "median, 5th and 95th percentile."
    )
    picture = image(plots.people_picture(found.people), "histograms of the bodies' measures")
    return section("Bodies", picture + table(["", "median", "5 %", "95 %"], rows) + note(text))


def _actions(found: Survey) -> str:
    rows = [
        (False, [action, found.sentence_of[action], f"{seconds / 60:.1f}"])
        for action, seconds in sorted(found.actions.items(), key=lambda item: -item[1])[:MOST_ROWS]
    ]
    text = f"{len(found.actions)} actions, {len(found.sentences)} distinct sentences."
    if len(found.actions) > MOST_ROWS:
        text += f" Shown are the {MOST_ROWS} actions with most minutes."
    return section(
        "Actions and sentences",
        table(["action", "one of its sentences", "minutes"], rows, words=2) + note(text),
    )


def _clips(found: Survey) -> str:
    lengths = list(found.clips.values())
    low, middle, high = np.percentile(lengths, (5, 50, 95))
    text = (
        f"{len(lengths)} clips read: median {middle:.1f} s, 5 % below {low:.1f} s and 5 % above "
        f"{high:.1f} s."
    )
    return section("Clips", image(plots.lengths_picture(lengths), "lengths of clips") + note(text))


def _failures(manifest: Manifest) -> str:
    if not manifest.failures:
        return section("Bad clips", note("None."))
    kinds: dict[str, list[Failure]] = defaultdict(list)
    for failure in manifest.failures:
        kinds[NUMBER.sub("…", failure.reason)].append(failure)
    listed = sorted(kinds.values(), key=len, reverse=True)
    rows = [
        (False, [failures[0].reason, failures[0].clip, str(len(failures))])
        for failures in listed[:MOST_ROWS]
    ]
    text = f"{len(manifest.failures)} of {manifest.clips} clips; all stand in manifest.json."
    body = table(["reason", "such as", "clips"], rows, words=2)
    return section("Bad clips", body + note(text), alarming=True)


def _cuts(manifest: Manifest) -> str:
    """Return the glitches that were cut out, the longest first; nothing where there are none."""
    if not manifest.cuts:
        return ""
    longest = sorted(manifest.cuts, key=lambda cut: cut.start - cut.end)
    rows = [
        (False, [cut.clip, f"{cut.start:.2f} to {cut.end:.2f}", cut.reason])
        for cut in longest[:MOST_ROWS]
    ]
    seconds = sum(cut.end - cut.start for cut in manifest.cuts)
    text = f"{len(manifest.cuts)} stretches, {seconds:.1f} s in all; all stand in manifest.json."
    body = table(["clip", "seconds", "what moves as no person can"], rows, words=3)
    return section("Glitches cut out", body + note(text))


def _made(manifest: Manifest) -> str:
    rows = [
        (False, ["body model", manifest.body]),
        (False, ["text", f"{manifest.text_backend}, {manifest.text_size} values"]),
        (False, ["seed", str(manifest.seed)]),
        (False, ["rate", f"{manifest.rate} Hz"]),
        (False, ["configuration", manifest.config_digest]),
    ]
    for side, placement in manifest.placement.items():
        rows.append((False, [f"{side} sensor", _placement(placement)]))
    return section("How they were made", table(["", ""], rows, words=2))


def _placement(placement: dict[str, Any]) -> str:
    where = f"on the segment of {placement['segment']}"
    if placement["towards"]:
        where += f", {100 * placement['share']:g} % of the way to {placement['towards']}"
    lever = ", ".join(f"{100 * value:g}" for value in placement["lever_arm"])
    return f"{where}, moved by ({lever}) cm; axes in the rest pose {placement['axes']}"


def _config(folder: Location) -> str:
    path = folder / CONFIG
    if not path.is_file():
        return ""
    return section("Configuration", f"<pre>{escape(path.read_text())}</pre>")
