"""Grids of rows, targets, releases, experts and label shares to cells; a run is a sweep of one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import product

from cluster.errors import UserError
from finetune.cells import Cell
from finetune.config import (
    FinetuneConfig,
    GridConfig,
    ReleaseChoice,
    SharedConfig,
    SweepConfig,
    TargetChoice,
    check_shared,
)
from finetune.materials import NO_RELEASE, Materials
from finetune.rows import Row, find_row
from finetune.shares import check_share
from finetune.synthetic import synthetic_names
from finetune.zero_shot import check_prompts

NAME = re.compile(r"[\w.-]+")


def as_sweep(config: FinetuneConfig) -> SweepConfig:
    """Return a run as a sweep of one target and one release, named as its data set says."""
    shared = {each.name: getattr(config, each.name) for each in fields(SharedConfig)}
    named = [each.name for each in fields(config.target) if getattr(config.target, each.name)]
    return SweepConfig(
        **shared,
        targets={
            named[0] if named else "target": TargetChoice(
                config.target,
                config.windows,
                config.zero_shot,
                config.synthetic,
                config.estimate_frame,
            )
        },
        releases={"release": ReleaseChoice(config.release)} if config.release else {},
        grids=[GridConfig(rows=config.rows)],
    )


def check_sweep(sweep: SweepConfig) -> None:
    """Raise UserError for names and numbers that cannot be meant, before anything is read."""
    check_shared(sweep)
    for key in ("targets", "grids"):
        if not getattr(sweep, key):
            raise UserError(f"{key} is empty; name at least one")
    for name in (*sweep.targets, *sweep.releases):
        # They are parts of the names of files, of links and of LaTeX labels.
        if not NAME.fullmatch(name):
            raise UserError(
                f"targets and releases: {name!r} cannot be a name; give letters, digits, - and _"
            )
    _check_releases(sweep)
    for grid in sweep.grids:
        for key in ("targets", "releases"):
            if getattr(grid, key) == []:
                raise UserError(f"grids: {key} is empty; name at least one, or null for all")
        _check_names("targets", grid.targets, list(sweep.targets))
        _check_names("releases", grid.releases, list(sweep.releases))
        _check_values("rows", grid.rows)
        _check_seeds(grid, sweep)
        _check_values("experts", _experts(grid, sweep))
        _check_values("label_shares", grid.label_shares)
        for target in grid.targets or sweep.targets:
            synthetic_names(grid.rows, sweep.targets[target].synthetic, target)
            if "zero_shot" in grid.rows:
                check_prompts(target, sweep.targets[target].zero_shot)
        if min(_experts(grid, sweep)) < 1:
            raise UserError(f"experts is {grid.experts}; every number must be at least 1")
        for share in grid.label_shares:
            check_share(share, grid.share_by)


def plan_cells(sweep: SweepConfig, materials: Materials) -> list[Cell]:
    """Return every cell of the grids once.

    Cells of the same target and release follow each other, so that their data is held only as
    long; within them rows alternate, so that the time left can be told.
    """
    cells = dict.fromkeys(cell for grid in sweep.grids for cell in _cells(grid, sweep, materials))
    targets, releases = list(sweep.targets), [NO_RELEASE, *sweep.releases]
    return sorted(
        cells,
        key=lambda cell: (
            targets.index(cell.target),
            releases.index(materials.release_of(cell)),
            cell.seed,
        ),
    )


def _cells(grid: GridConfig, sweep: SweepConfig, materials: Materials) -> Iterator[Cell]:
    for target, release, seed, share, experts in product(
        grid.targets or sweep.targets,
        grid.releases or list(sweep.releases) or [NO_RELEASE],
        sweep.seeds if grid.seeds is None else grid.seeds,
        grid.label_shares,
        _experts(grid, sweep),
    ):
        for fold in range(materials.targets[target].folds):
            for row in map(find_row, grid.rows):
                yield Cell(
                    row=row.name,
                    fold=fold,
                    seed=seed,
                    experts=experts if row.mixture else 0,
                    label_share=share,
                    share_by=grid.share_by if share < 1 else "windows",
                    target=target,
                    release=_release(row, target, release, materials),
                )


def _release(row: Row, target: str, release: str, materials: Materials) -> str:
    """Return the release that a row depends on: random weights do on its architecture alone."""
    if row.weights == "none":
        return ""
    return release if row.weights == "pretrained" else materials.twin(target, release)


def _experts(grid: GridConfig, sweep: SweepConfig) -> list[int]:
    return [sweep.classifier.experts] if grid.experts is None else grid.experts


def _check_releases(sweep: SweepConfig) -> None:
    """Raise UserError for none where a row needs one, and for two with one place in a curve."""
    rows = [find_row(name) for grid in sweep.grids for name in grid.rows]
    needing = next((row.name for row in rows if row.weights != "none"), None)
    if not sweep.releases and needing:
        raise UserError(
            f"row {needing} needs a pre-trained release; give release=FOLDER, or releases in a "
            "sweep"
        )
    seen: dict[tuple[str, str, float], str] = {}
    for name, release in sweep.releases.items():
        place = release.data or name, release.tasks, release.share
        if seen.setdefault(place, name) != name:
            raise UserError(
                f"releases: {seen[place]} and {name} are of the same data, tasks and share; say "
                f"in releases.{name}.data what differs"
            )


def _check_names(key: str, wanted: Sequence[str] | None, known: Sequence[str]) -> None:
    for name in wanted or ():
        if name not in known:
            raise UserError(f"grids: {name} is not one of the {key}; they are {', '.join(known)}")


def _check_seeds(grid: GridConfig, sweep: SweepConfig) -> None:
    if grid.seeds is None:
        return
    _check_values("seeds", grid.seeds)
    for seed in grid.seeds:
        if seed not in sweep.seeds:
            known = ", ".join(map(str, sweep.seeds))
            raise UserError(f"grids: {seed} is not one of the seeds; they are {known}")


def _check_values(key: str, values: Sequence) -> None:
    if not values:
        raise UserError(f"{key} is empty; name at least one")
