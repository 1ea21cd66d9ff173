"""What a report's tables hold: nothing that was computed stays out of all of them unsaid."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from finetune.calibration import reliability
from finetune.cells import Cell
from finetune.materials import ReleaseFacts, TargetFacts
from finetune.result_tables import all_tables, label_lines, pretraining_curves
from finetune.rows import ROWS
from finetune.scores import score
from finetune.study import Study
from finetune.summary import summarize

FROZEN, LINEAR = "multi3net_plus_frozen", "linear_frozen"


def result(row: str, release: str = "", share: float = 1.0, **cell: Any) -> dict:
    """A cell's result as JSON holds it: two people, guessed at random."""
    rng = np.random.default_rng(0)
    true_M, probabilities_MK = rng.integers(0, 2, 50), rng.dirichlet([1, 1], 50)
    scores = asdict(score(true_M, probabilities_MK.argmax(1), 2))
    named = {"target": "one", "fold": 0, "seed": 0, "experts": 0, **cell}
    return {
        "cell": asdict(Cell(row=row, release=release, label_share=share, **named)),
        "people": {"train": ["c"], "validation": ["b"], "test": ["a"]},
        "scores": scores,
        "scores_by_person": {"a": scores, "b": scores},
        "reliability": asdict(reliability(true_M, probabilities_MK)),
        "history": {},
        "details": {},
        "windows": {},
        "unseen_classes": [],
        "parameters": 0,
        "seconds": 1.0,
    }


def study_of(*results: dict) -> Study:
    def facts(name: str) -> TargetFacts:
        return TargetFacts(
            name=name, data_set=name, about="", classes=["x", "y"], people=["a", "b"],
            recordings=1, hours=1.0, seconds=4, overlap=0.5, mirror="left", wrist="as_recorded",
            wrists=["left"], windows_by_class=[5, 5], digest="", synthetic={}, folds=1, notes=[],
        )  # fmt: skip

    return Study(
        targets=[facts("one"), facts("two")],
        releases=[ReleaseFacts(n, "data", s, "", "", "") for n, s in (("full", 1), ("half", 0.5))],
        lines=summarize(results, "base", 8),
        failures=[],
        baseline="base",
        experts=8,
        settings="",
        commit="",
        versions={},
    )


def rows_of(study: Study, name: str) -> list[str]:
    return [row[0] for table in all_tables(study) if table.name == name for row in table.rows]


@pytest.mark.parametrize("share_by", ["windows", "people"])
def test_a_row_with_few_labels_alone_stands_beside_others_with_all(share_by: str) -> None:
    study = study_of(
        result(LINEAR, "full"),
        result("centroid", "full", 0.1, share_by=share_by),
        result("svm", "", 0.1, share_by=share_by),
    )
    names = rows_of(study, f"labels_{share_by}_one")
    assert names == [ROWS[row].title for row in ("centroid", "svm")]
    assert len(rows_of(study, "scores_one")) == 1


def test_the_fullest_release_is_that_of_the_row_and_the_target() -> None:
    study = study_of(
        result(LINEAR, "full"),
        result(LINEAR, "half"),
        result("centroid", "half"),
        result(LINEAR, "half", target="two"),
    )
    shown = {(line.row, line.release) for line in study.headline("one")}
    assert shown == {(LINEAR, "full"), ("centroid", "half")}
    assert [line.release for line in study.headline("two")] == ["half"]
    title = ROWS[LINEAR].title
    assert rows_of(study, "rows") == [f"{title}, full", ROWS["centroid"].title, f"{title}, half"]


def test_labels_and_pre_training_are_told_of_the_default_number_of_experts_alone() -> None:
    results = [
        result(FROZEN, release, share, experts=experts)
        for release in ("full", "half")
        for share in (0.1, 1.0)
        for experts in (2, 8)
    ]
    study = study_of(*results, result(FROZEN, "full", experts=2, target="two"))
    lines = label_lines(study, "one", "windows")
    assert [(line.release, line.experts, line.label_share) for line in lines] == [
        ("full", 8, 1.0),
        ("full", 8, 0.1),
    ]
    curves = pretraining_curves(study, "one")
    assert {line.experts for curve in curves.values() for line in curve.values()} == {8}
    assert [sorted(curve) for curve in curves.values()] == [[0.5, 1], [0.5, 1]]
    assert [line.experts for line in study.headline("two")] == [2]
