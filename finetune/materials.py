"""What a sweep is made from: its targets and releases, looked at first, read whole when needed.

Shape letters: N windows.
"""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np

from cluster.errors import UserError
from cluster.runs import digest
from cluster.storage import local_path
from finetune.cells import Cell, Origin
from finetune.config import FinetuneConfig, SharedConfig, SweepConfig
from finetune.estimated_frame import estimate_frame
from finetune.folds import make_folds
from finetune.prepare import (
    CellData,
    check_fitting,
    check_people,
    encode,
    load_fitting,
    weights_digest,
    without_encoders,
    wrists_in_use,
)
from finetune.rows import find_row
from finetune.synthetic import synthetic_names, synthetic_windows
from finetune.targets.checks import rate_of
from finetune.targets.choose import read_target
from finetune.targets.notes import notes, without_windows
from finetune.targets.recording import Target
from finetune.windows import Windows, cut_windows
from finetune.zero_shot import TEXT_KEY, class_sentences
from pretrain.prompts import check_backend
from pretrain.release import load_pretrained

# The name of what is given to cells where a sweep, of rows without an encoder, has no release.
NO_RELEASE = ""


@dataclass(frozen=True)
class TargetFacts:
    """What a report says of a target; `windows_by_class` follows `classes`.

    `synthetic` are the digests of its synthetic windows, by their names; `notes` says what of its
    recordings could not be used.
    """

    name: str
    data_set: str
    about: str
    classes: list[str]
    people: list[str]
    recordings: int
    hours: float
    seconds: int
    overlap: float
    mirror: str
    wrist: str
    wrists: list[str]
    windows_by_class: list[int]
    digest: str
    synthetic: dict[str, str]
    folds: int
    notes: list[str]


@dataclass(frozen=True)
class ReleaseFacts:
    """What a report says of a release."""

    name: str
    data: str
    share: float
    tasks: str
    weights: str
    architecture: str


class Materials:
    """Targets and releases by their names in the sweep.

    All are looked at once, so that what is amiss is said before anything is computed. The windows
    of one target at a time stay in memory.
    """

    def __init__(self, sweep: SweepConfig) -> None:
        """Raise UserError for whatever cannot be read or does not fit."""
        self._sweep = sweep
        self._held: tuple[str, Windows, dict[str, Windows]] | None = None
        self.releases = {name: self._look_at_release(name) for name in sweep.releases}
        self.targets = {name: self._look_at_target(name) for name in sweep.targets}

    def config(self, target: str, release: str) -> FinetuneConfig:
        """Return the settings of one target with one release."""
        shared = {each.name: getattr(self._sweep, each.name) for each in fields(SharedConfig)}
        choice = self._sweep.targets[target]
        return FinetuneConfig(
            **shared,
            release="" if release == NO_RELEASE else self._sweep.releases[release].folder,
            target=choice.target,
            windows=choice.windows,
            zero_shot=choice.zero_shot,
            synthetic=choice.synthetic,
            estimate_frame=choice.estimate_frame,
            rows=self._rows(target, release),
        )

    def _rows(self, target: str, release: str | None = None) -> list[str]:
        """Return the rows that are wanted of a target, with one release or with any."""
        return sorted(
            {
                row
                for grid in self._sweep.grids
                if target in (grid.targets or [target])
                if release is None or release in (grid.releases or [release])
                for row in grid.rows
            }
        )

    def data(self, target: str, release: str) -> CellData:
        """Read and encode what the cells of one target and one release share."""
        config = self.config(target, release)
        _, windows, synthetic = self._cut(target)
        if release == NO_RELEASE:
            return replace(without_encoders(windows), synthetic=synthetic)
        return replace(encode(config, load_fitting(config), windows), synthetic=synthetic)

    def release_of(self, cell: Cell) -> str:
        """Return the release whose data a cell is given, also where its row looks at none."""
        return cell.release or next(iter(self._releases_of(cell.target)), NO_RELEASE)

    def origin(self, cell: Cell) -> Origin:
        """Return the digests of what a cell is computed from."""
        release, target = self.releases.get(self.release_of(cell)), self.targets[cell.target]
        synthetic = target.synthetic.get(find_row(cell.row).synthetic, "")
        weights, architecture = (release.weights, release.architecture) if release else ("", "")
        return Origin(target.digest, weights, architecture, synthetic)

    def twin(self, target: str, release: str) -> str:
        """Return the first release that is tried on a target and has the same architecture."""
        wanted = self.releases[release].architecture
        return next(
            name for name in self._releases_of(target) if self.releases[name].architecture == wanted
        )

    def _releases_of(self, target: str) -> list[str]:
        """Return the releases that any grid tries on a target."""
        return [name for name in self._sweep.releases if self._rows(target, name)]

    def _cut(self, name: str) -> tuple[str, Windows, dict[str, Windows]]:
        """Return a target's name, its windows, and the synthetic ones that its rows want."""
        if self._held is None or self._held[0] != name:
            self._held = None
            _, windows = self._read(name)
            self._held = name, windows, self._make_synthetic(name, windows)
        return self._held

    def _read(self, name: str) -> tuple[Target, Windows]:
        choice, shared = self._sweep.targets[name], self._sweep
        target = read_target(choice.target)
        windows = cut_windows(target, choice.windows)
        if not choice.estimate_frame:
            return target, windows
        people, labels = windows.subjects_N, windows.labels_N
        deals = (make_folds(people, labels, shared.folds, seed) for seed in shared.seeds)
        target = estimate_frame(target, [fold for folds in deals for fold in folds])
        return target, cut_windows(target, choice.windows)

    def _make_synthetic(self, name: str, windows: Windows) -> dict[str, Windows]:
        choice = self._sweep.targets[name]
        return {
            each: synthetic_windows(
                choice.synthetic[each], choice.windows, windows, f"synthetic.{each}"
            )
            for each in synthetic_names(self._rows(name), choice.synthetic, name)
        }

    def _look_at_release(self, name: str) -> ReleaseFacts:
        choice = self._sweep.releases[name]
        if not 0 < choice.share <= 1:
            raise UserError(f"releases.{name}.share is {choice.share:g}; above 0 up to 1")
        pretrained = load_pretrained(local_path(choice.folder))
        for config in (self.config(target, name) for target in self._sweep.targets):
            if config.rows:
                check_fitting(pretrained, config)
            if "zero_shot" in config.rows:
                check_backend(pretrained, config.zero_shot.text, f"{choice.folder}: {TEXT_KEY}")
        return ReleaseFacts(
            name=name,
            data=choice.data or name,
            share=choice.share,
            tasks=choice.tasks,
            weights=weights_digest(local_path(choice.folder)),
            architecture=digest(asdict(pretrained.model_config)),
        )

    def _look_at_target(self, name: str) -> TargetFacts:
        choice = self._sweep.targets[name]
        config = self.config(name, next(iter(self._sweep.releases), NO_RELEASE))
        try:
            target, windows = self._read(name)
            check_people(windows, config)
            synthetic = self._make_synthetic(name, windows)
            if "zero_shot" in self._rows(name):
                class_sentences(windows.label_names, choice.zero_shot)
        except UserError as error:
            raise UserError(f"target {name}: {error}") from None
        self._held = name, windows, synthetic
        folds = make_folds(windows.subjects_N, windows.labels_N, config.folds, config.seeds[0])
        return TargetFacts(
            name=name,
            data_set=target.name,
            about=target.about,
            classes=list(target.label_names),
            people=sorted(set(windows.subjects_N.tolist())),
            recordings=len(target.recordings),
            hours=sum(len(part.labels_T) / rate_of(part) for part in target.recordings) / 3600,
            seconds=choice.windows.seconds,
            overlap=choice.windows.overlap,
            mirror=choice.windows.mirror,
            wrist=choice.windows.wrist,
            wrists=wrists_in_use(windows),
            windows_by_class=np.bincount(
                windows.labels_N, minlength=len(target.label_names)
            ).tolist(),
            digest=windows.digest,
            synthetic={each: made.digest for each, made in synthetic.items()},
            folds=len(folds),
            notes=[
                *notes(target.recordings),
                *without_windows(target, windows, choice.windows.seconds),
            ],
        )
