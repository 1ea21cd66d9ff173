"""`python -m datagen fidelity`: synthetic signals against real watches."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cluster.config import load_config
from cluster.errors import UserError
from cluster.progress import Progress
from cluster.runs import digest, write_json, write_run_record
from cluster.storage import local_folder
from datagen.alignment import AlignmentConfig
from datagen.body import BodyConfig
from datagen.comparison import Comparison, compare, grouped, load_comparison, save_comparison
from datagen.config import DatagenConfig, SourcesConfig, check, file_contents, open_sources
from datagen.fidelity import Measures
from datagen.fidelity_plot import magnitude_picture
from datagen.imu import ImuConfig
from datagen.motion import BadClipError
from datagen.pairs import Job, MmfitConfig, PairConfig, mmfit_jobs, named_jobs
from datagen.recording_files import ColumnsConfig
from datagen.recordings import KINDS
from datagen.simulator import Simulator
from datagen.unpaired import UnpairedConfig, compare_unpaired

RESULT, PICTURE = "fidelity.json", "fidelity.png"
WIDTH = 28


@dataclass
class FidelityConfig:
    """What to compare: exactly one of mmfit, pairs and unpaired.

    Attributes:
        output: folder for table, picture and the aligned signals.
        sources: where motion comes from, as in datagen.
        body, imu: how it is synthesized, as in datagen.
        mmfit: MM-Fit's watches beside its poses.
        pairs: clips and the recordings that belong to them, each under a name.
        columns: of the recordings' CSV files.
        alignment: of the clocks.
        unpaired: recordings of which no motion is known; distributions are compared.
    """

    output: str = "runs/fidelity"
    sources: SourcesConfig = field(default_factory=SourcesConfig)
    body: BodyConfig = field(default_factory=BodyConfig)
    imu: ImuConfig = field(default_factory=ImuConfig)
    mmfit: MmfitConfig | None = None
    pairs: dict[str, PairConfig] = field(default_factory=dict)
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    alignment: AlignmentConfig = field(default_factory=AlignmentConfig)
    unpaired: UnpairedConfig | None = None


def main(arguments: list[str]) -> int:
    """Compare, print the table, write fidelity.json and fidelity.png."""
    parser = argparse.ArgumentParser("python -m datagen fidelity")
    parser.add_argument("--config", type=Path, help="preset in configs/datagen")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    given = parser.parse_intermixed_args(arguments)
    config = load_config(FidelityConfig, given.config, given.overrides)
    _check(config)
    folder = local_folder(config.output, "output")
    try:
        write_run_record(folder, config, seed=0)
    except OSError as error:
        raise UserError(f"output={folder}: cannot be written to: {error.strerror}") from None
    if config.unpaired is not None:
        sources = open_sources(config.sources)
        simulator = Simulator(config.body, config.imu)
        outcome = compare_unpaired(config.unpaired, config.columns, sources, simulator)
        lines, result, figure = outcome.lines(), outcome.as_json(), outcome.picture()
    else:
        comparisons, left_out = _comparisons(config, folder / "recordings")
        lines = list(_report(comparisons, left_out))
        result, figure = _as_json(comparisons, left_out), magnitude_picture(comparisons)
    print("\n".join(lines))
    write_json(folder / RESULT, result)
    figure.savefig(folder / PICTURE, dpi=110)
    print(f"\nwritten        {folder / RESULT}, {folder / PICTURE}")
    return 0


def _check(config: FidelityConfig) -> None:
    check(_synthesis(config))
    chosen = [key for key in ("mmfit", "pairs", "unpaired") if getattr(config, key)]
    if len(chosen) != 1:
        raise UserError(
            f"config: {' and '.join(chosen) or 'nothing'} is to be compared; give one of mmfit, "
            "pairs and unpaired, as the presets configs/datagen/fidelity_*.yaml do"
        )
    for name in config.pairs:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise UserError(f"pairs.{name}: a name is made of letters, digits, _ and - alone")


def _synthesis(config: FidelityConfig) -> DatagenConfig:
    return DatagenConfig(sources=config.sources, body=config.body, imu=config.imu)


def _comparisons(config: FidelityConfig, kept: Path) -> tuple[list[Comparison], dict[str, str]]:
    """Return what was compared, and the recordings left out with their reasons.

    What an interrupted run has compared is taken from the folder `kept`, while recording and
    motion are the same.
    """
    contents = file_contents(_synthesis(config))
    keys = {key: value for key, value in asdict(config).items() if key != "output"}
    jobs = _jobs(config)
    comparisons, left_out = [], {}
    with Progress("fidelity", len(jobs), "recordings") as progress:
        for job in jobs:
            key = digest([keys, contents, job.state()])
            path = kept / f"{job.name}.npz"
            try:
                comparison = load_comparison(path, key)
                if comparison is None:
                    comparison = compare(job, config.alignment)
                    save_comparison(path, comparison, key)
                comparisons.append(comparison)
            except (UserError, BadClipError) as error:
                left_out[job.name] = str(error)
            progress.advance()
    if not comparisons:
        name, reason = next(iter(left_out.items()))
        more = f" (and {len(left_out) - 1} more)" if len(left_out) > 1 else ""
        raise UserError(f"nothing could be compared{more}: {name}: {reason}")
    return comparisons, left_out


def _jobs(config: FidelityConfig) -> list[Job]:
    sources = open_sources(config.sources)
    simulator = Simulator(config.body, config.imu)
    if config.mmfit is not None:
        return mmfit_jobs(config.mmfit, sources, simulator)
    return list(named_jobs(config.pairs, config.columns, sources, simulator))


def _report(comparisons: list[Comparison], left_out: dict[str, str]) -> Iterator[str]:
    yield f"{'recording':<{WIDTH}}{'offset s':>10}{'drift ppm':>11}{'r':>7}{'chance':>8}"
    for each in comparisons:
        found = each.alignment
        yield (
            f"{each.name:<{WIDTH}}{found.offset:>10.3f}{found.drift:>11.0f}"
            f"{found.correlation:>7.2f}{found.chance:>8.2f}  {found.verdict}"
        )
        if each.left_out:
            yield f"{'':<{WIDTH}}  {each.left_out} samples that are NaN are left out"
        for clip, reason in each.bad.items():
            yield f"{'':<{WIDTH}}  {clip}: {reason}"
    for name, reason in left_out.items():
        yield f"{name:<{WIDTH}}  left out: {reason}"
    yield ""
    yield f"{'':<{WIDTH}}{'accelerometer':>36}{'gyroscope':>36}"
    head = f"{'s':>7}{'mse':>9}{'of var.':>8}{'r':>6}{'dB':>6}"
    yield f"{'':<{WIDTH}}{head}{head}"
    for by in ("activity", "person", "all"):
        for name, measures in grouped(comparisons, by).items():
            yield f"{name[: WIDTH - 1]:<{WIDTH}}" + "".join(_cells(measures[k]) for k in KINDS)
        yield ""
    strangers = [each for each in comparisons if not each.alignment.matches]
    yield "mse in (m/s2)^2 and (rad/s)^2, of var.: over the variance of the watch's magnitude"
    if strangers:
        yield (
            f"{len(strangers)} of {len(comparisons)} recordings do not match their motion for "
            "certain; the figures hold them nevertheless"
        )


def _cells(measures: Measures) -> str:
    relative = "-" if measures.relative is None else f"{measures.relative:.2f}"
    spectral = "-" if measures.spectral is None else f"{measures.spectral:.1f}"
    return (
        f"{measures.seconds:>7.1f}{measures.mse:>9.3g}{relative:>8}"
        f"{measures.correlation:>6.2f}{spectral:>6}"
    )


def _as_json(comparisons: list[Comparison], left_out: dict[str, str]) -> dict[str, Any]:
    recordings = {}
    for each in comparisons:
        alignment = asdict(each.alignment) | {"verdict": each.alignment.verdict}
        recordings[each.name] = {
            "person": each.person,
            "wrist": each.wrist,
            "alignment": alignment,
            "matches": each.alignment.matches,
            "samples_left_out": each.left_out,
            "bad_clips": each.bad,
            "measures": _plain(grouped([each], "recording")).get(each.name),
        }
    return {
        "recordings": recordings,
        "left_out": left_out,
        "activities": _plain(grouped(comparisons, "activity")),
        "people": _plain(grouped(comparisons, "person")),
        "all": _plain(grouped(comparisons, "all")).get("all"),
    }


def _plain(groups: dict[str, dict[str, Measures]]) -> dict[str, Any]:
    return {
        name: {kind: asdict(part) for kind, part in measures.items()}
        for name, measures in groups.items()
    }
