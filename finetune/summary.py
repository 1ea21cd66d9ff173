"""Cells to lines: the scores of each row over its folds and seeds.

Shape letters: K classes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from finetune.bootstrap import (
    Estimate,
    PeopleCounts,
    count_people,
    estimate_difference,
    estimate_macro_f1,
    macro_f1_by_seed,
)
from finetune.calibration import Reliability, pooled
from finetune.cells import Cell
from finetune.rows import ROWS
from finetune.scores import f1_by_class, macro_f1_of_present, mean_and_spread

Key = tuple[str, str, str, int, float, str]


@dataclass(frozen=True)
class Line:
    """A line of the tables: one row on one target, with a release, experts and a label share.

    With each seed the folds together test every person once; scores are of all those windows.
    `macro_f1` is their mean over seeds with a 95 % interval over people, `spread` the sample
    standard deviation over seeds (0 for one), `difference` macro F1 minus that of the baseline on
    the same people. `people` holds each person's macro F1 over the classes that the person did,
    averaged over seeds. `unseen_classes` had no labelled window in the training of some cell.
    `expert_use` is the mean weight of a mixture's most used expert, its second and so on, averaged
    over cells; empty for rows that do not report it.
    """

    target: str
    row: str
    title: str
    about: str
    release: str
    experts: int
    label_share: float
    share_by: str
    cells: int
    seeds: int
    macro_f1: Estimate
    spread: float
    difference: Estimate | None
    accuracy: tuple[float, float]
    class_f1: list[float]
    confusion: list[list[int]]
    reliability: Reliability
    calibration_error: float
    people: dict[str, float]
    unseen_classes: list[str]
    expert_use: list[float]
    parameters: int
    seconds: float
    by_cell: list[dict]


def summarize(results: Sequence[dict], baseline: str, experts: int) -> list[Line]:
    """Group cells' results into lines: targets as they come, then rows, then shares of labels.

    Lines are compared with the row `baseline` on the same target and labels: with the same
    release and number of experts where there is such a line, else with `experts`.
    """
    groups: dict[Key, list[dict]] = {}
    for result in results:
        groups.setdefault(_key(Cell(**result["cell"])), []).append(result)
    keys = _in_order(groups)
    counts = {key: _count(groups[key]) for key in keys}
    lines = []
    for key in keys:
        other = _baseline_of(key, keys, baseline, experts)
        difference = estimate_difference(counts[key], counts[other]) if other else None
        lines.append(replace(_summarize(groups[key], counts[key]), difference=difference))
    return lines


def from_json(fields: dict) -> Line:
    """Return a line from what `dataclasses.asdict` and JSON made of it."""
    difference = fields["difference"]
    return Line(
        **{
            **fields,
            "macro_f1": Estimate(**fields["macro_f1"]),
            "difference": Estimate(**difference) if difference else None,
            "accuracy": tuple(fields["accuracy"]),
            "reliability": Reliability(**fields["reliability"]),
        }
    )


def _key(cell: Cell) -> Key:
    return cell.target, cell.row, cell.release, cell.experts, cell.label_share, cell.share_by


def _in_order(keys: Iterable[Key]) -> list[Key]:
    targets = list(dict.fromkeys(key[0] for key in keys))
    releases = list(dict.fromkeys(key[2] for key in keys))
    rows = list(ROWS)

    def place(key: Key) -> tuple:
        target, row, release, experts, share, share_by = key
        where = targets.index(target), rows.index(row), -share, share_by, releases.index(release)
        return *where, experts

    return sorted(keys, key=place)


def _baseline_of(key: Key, keys: Sequence[Key], baseline: str, experts: int) -> Key | None:
    """Return the line that a line is compared with; None for the baseline itself."""
    target, row, release, own_experts, *labels = key
    alike = [k for k in keys if (k[0], k[1], *k[4:]) == (target, baseline, *labels)]
    if row == baseline or not alike:
        return None
    return min(alike, key=lambda k: (k[2] != release, k[3] != own_experts, k[3] != experts))


def _count(results: Sequence[dict]) -> PeopleCounts:
    return count_people(
        {
            (result["cell"]["seed"], person): np.array(own["confusion"])
            for result in results
            for person, own in result["scores_by_person"].items()
        }
    )


def _summarize(results: list[dict], counts: PeopleCounts) -> Line:
    cell = Cell(**results[0]["cell"])
    confusions = {
        seed: np.sum([r["scores"]["confusion"] for r in own], axis=0)
        for seed in counts.seeds
        for own in [[r for r in results if r["cell"]["seed"] == seed]]
    }
    reliabilities = [Reliability(**result["reliability"]) for result in results]
    accuracies = [float(np.trace(own) / own.sum()) for own in confusions.values()]
    return Line(
        **{name: value for name, value in asdict(cell).items() if name not in ("fold", "seed")},
        title=ROWS[cell.row].title,
        about=ROWS[cell.row].about,
        cells=len(results),
        seeds=len(counts.seeds),
        macro_f1=estimate_macro_f1(counts),
        spread=mean_and_spread(macro_f1_by_seed(counts).tolist())[1],
        difference=None,
        accuracy=mean_and_spread(accuracies),
        class_f1=np.mean([f1_by_class(own) for own in confusions.values()], axis=0).tolist(),
        confusion=np.sum(list(confusions.values()), axis=0).tolist(),
        reliability=pooled(reliabilities),
        calibration_error=_calibration_error(results),
        people=_people(results),
        unseen_classes=sorted({name for r in results for name in r["unseen_classes"]}),
        expert_use=_expert_use(results),
        parameters=results[0]["parameters"],
        seconds=float(np.mean([result["seconds"] for result in results])),
        by_cell=[
            _by_cell(result)
            for result in sorted(results, key=lambda r: (r["cell"]["seed"], r["cell"]["fold"]))
        ],
    )


def _calibration_error(results: Sequence[dict]) -> float:
    """Return the mean over seeds of the error over the windows of all folds."""
    by_seed: dict[int, list[Reliability]] = {}
    for result in results:
        by_seed.setdefault(result["cell"]["seed"], []).append(Reliability(**result["reliability"]))
    return float(np.mean([pooled(parts).error for parts in by_seed.values()]))


def _people(results: Sequence[dict]) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for result in results:
        for person, own in result["scores_by_person"].items():
            scores.setdefault(person, []).append(macro_f1_of_present(np.array(own["confusion"])))
    return {person: float(np.mean(scores[person])) for person in sorted(scores)}


def _expert_use(results: Sequence[dict]) -> list[float]:
    """Experts have no common order over cells, so they are sorted by their weight in each."""
    uses = [r["details"]["experts"]["mean"] for r in results if "experts" in r["details"]]
    return np.mean([sorted(use, reverse=True) for use in uses], axis=0).tolist() if uses else []


def _by_cell(result: dict) -> dict:
    return {
        "fold": result["cell"]["fold"],
        "seed": result["cell"]["seed"],
        "macro_f1": result["scores"]["macro_f1"],
        "accuracy": result["scores"]["accuracy"],
        "test_people": result["people"]["test"],
        "windows": result["windows"],
        "seconds": result["seconds"],
    }
