"""A cell depends on its arguments alone, and never on test people before its weights are chosen.

Shape letters: N windows, T frames, W wrists, C channels.
"""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from finetune.cells import Cell, Origin, cell_digest, run_cell
from finetune.classifiers import ClassifierConfig
from finetune.config import FinetuneConfig
from finetune.deepconvlstm import DeepConvLstmConfig
from finetune.execution import Failure, attempt
from finetune.fitting import Problem, build_model, fit_row
from finetune.folds import Fold, FoldsConfig, make_folds, windows_of
from finetune.prepare import CellData, encode, frozen_tokens, wrists_in_use
from finetune.residual import ResnetConfig
from finetune.rows import REAL_ROWS, ROWS
from finetune.training import TrainingConfig
from finetune.windows import Windows, WindowsConfig, cut_windows
from pretrain.release import load_pretrained
from tests.finetune import made_target

CONFIG = FinetuneConfig(
    release="unused",
    output="unused",
    folds=FoldsConfig(count=3),
    training=TrainingConfig(epochs=3, batch_size=16, unfreeze_patience=1, learning_rate=5e-3),
    classifier=ClassifierConfig(width=16, heads=2, feed_forward=16, experts=2, expert_width=8),
    resnet=ResnetConfig(filters=[4, 8]),
    deepconvlstm=DeepConvLstmConfig(filters=4, width=8, recurrent_layers=1, dropout=0.0),
)
VARIED = CONFIG.training.augment, CONFIG.training.views
STOPPING = replace(CONFIG, training=replace(CONFIG.training, early_stopping=True))
NETWORKS = [
    name for name in REAL_ROWS if ROWS[name].method in ("classifier", "deepconvlstm", "resnet")
]


def with_windows(data: CellData, windows: Windows) -> CellData:
    tokens_VNLD = frozen_tokens(windows, data.encoders, *VARIED)
    return replace(data, windows=windows, tokens_VNLD=tokens_VNLD)


@pytest.fixture(scope="module")
def data(tiny_release: Path) -> CellData:
    windows = cut_windows(made_target.waves(people=6), WindowsConfig(seconds=2))
    pretrained = load_pretrained(tiny_release)
    encoders = {"left": pretrained.imu_left}
    tokens_VNLD = frozen_tokens(windows, encoders, *VARIED)
    classes_KE = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    config = pretrained.model_config
    return CellData(windows, encoders, tokens_VNLD, config, "abc", classes_KE)


def result(cell: Cell, config: FinetuneConfig, data: CellData) -> dict:
    """What a cell yields, but for the time it takes."""
    computed = run_cell(cell, config, data)
    predicted = computed.probabilities_MK.argmax(1).tolist()
    return {**computed.result, "seconds": 0, "predicted": predicted}


def fold_of(data: CellData, cell: Cell) -> Fold:
    windows = data.windows
    return make_folds(windows.subjects_N, windows.labels_N, CONFIG.folds, cell.seed)[cell.fold]


def untrained(row: str, data: CellData, train_M: np.ndarray, experts: int = 2) -> nn.Module:
    return build_model(ROWS[row], Problem(data, train_M, train_M, experts, seed=0), CONFIG)


def poisoned(data: CellData, people: tuple[str, ...]) -> CellData:
    """Other signals and other labels for the windows of some people."""
    windows = data.windows
    own = windows_of(windows.subjects_N, people)
    signals_NTWC, labels_N = windows.signals_NTWC.copy(), windows.labels_N.copy()
    signals_NTWC[own, :, 0] = 50 * np.random.default_rng(1).normal(size=(len(own), 120, 6))
    labels_N[own] = labels_N[own][::-1]
    return with_windows(data, replace(windows, signals_NTWC=signals_NTWC, labels_N=labels_N))


@pytest.mark.parametrize(
    ("row", "config"),
    [*((row, CONFIG) for row in REAL_ROWS), *((row, STOPPING) for row in NETWORKS)],
    ids=[*REAL_ROWS, *(f"{row} stopping early" for row in NETWORKS)],
)
def test_test_people_do_not_touch_training(
    data: CellData, row: str, config: FinetuneConfig
) -> None:
    fold = fold_of(data, Cell(row, fold=1, seed=0, experts=2))
    fitted = []
    for given in (data, poisoned(data, fold.test)):
        parts = (
            windows_of(given.windows.subjects_N, part) for part in (fold.train, fold.validation)
        )
        problem = Problem(given, *parts, experts=2, seed=0)
        fitted.append(fit_row(ROWS[row], problem, config))
    clean, other = fitted
    assert clean.history == other.history
    assert clean.details == other.details
    known_M = windows_of(data.windows.subjects_N, fold.train + fold.validation)
    np.testing.assert_array_equal(clean.predict(known_M), other.predict(known_M))
    test_M = windows_of(data.windows.subjects_N, fold.test)
    assert not np.allclose(clean.predict(test_M), other.predict(test_M))


def test_validation_people_do_not_touch_the_weights_or_the_scaling(data: CellData) -> None:
    cell = Cell("deepconvlstm", fold=0, seed=0, experts=0)
    fold = fold_of(data, cell)
    other_data = poisoned(data, fold.validation + fold.test)
    config = replace(STOPPING, training=replace(STOPPING.training, patience=100))
    clean, other = result(cell, config, data), result(cell, config, other_data)
    assert clean["history"]["train_loss"] == other["history"]["train_loss"]
    assert clean["history"]["validation_loss"] != other["history"]["validation_loss"]
    train_M = windows_of(data.windows.subjects_N, fold.train)
    own_NTC = data.windows.signals_NTWC[train_M, :, 0]
    for given in (data, other_data):
        standardize = untrained("deepconvlstm", given, train_M).standardize
        np.testing.assert_allclose(standardize.mean_WC[0], own_NTC.mean((0, 1)), atol=1e-4)
        np.testing.assert_allclose(standardize.spread_WC[0], own_NTC.std((0, 1)), rtol=1e-4)


def test_a_cell_travels_and_repeats(data: CellData) -> None:
    cell = Cell("multi3net_plus", fold=2, seed=1, experts=2)
    state = torch.get_rng_state()
    first = result(cell, CONFIG, data)
    assert torch.equal(state, torch.get_rng_state())
    second = result(*pickle.loads(pickle.dumps((cell, CONFIG, data))))
    assert first == second


def test_pretrained_encoders_are_handed_on_unchanged(data: CellData) -> None:
    before = {k: v.clone() for k, v in data.encoders["left"].state_dict().items()}
    found = result(Cell("multi3net_plus", 0, 0, 2), CONFIG, data)
    assert len(found["history"]["epoch"]) == 3
    for name, value in data.encoders["left"].state_dict().items():
        assert torch.equal(value, before[name])


def test_rows_start_from_the_weights_that_they_name(data: CellData) -> None:
    train_M = np.arange(20)
    released = data.encoders["left"].channel_token.weight
    for row in ("multi3net_plus_frozen", "multi3net_plus"):
        model = untrained(row, data, train_M)
        assert torch.equal(model.encoders["left"].channel_token.weight, released)
        assert model.frozen
    base = untrained("base", data, train_M)
    assert base.encoders["left"].channel_token.weight.shape == released.shape
    assert not torch.equal(base.encoders["left"].channel_token.weight, released)
    assert not base.frozen
    assert untrained("base", data, train_M, experts=5).classifier.head.experts == 5
    assert isinstance(untrained("multi3net", data, train_M, experts=5).classifier.head, nn.Linear)


def test_scores_belong_to_the_test_people(data: CellData) -> None:
    cell = Cell("base", fold=0, seed=0, experts=2)
    computed = run_cell(cell, CONFIG, data)
    test = fold_of(data, cell).test
    assert set(computed.result["scores_by_person"]) == set(test)
    own = windows_of(data.windows.subjects_N, test)
    assert computed.test_M.tolist() == own.tolist()
    assert computed.result["windows"]["test"] == len(own)
    np.testing.assert_allclose(computed.probabilities_MK.sum(1), 1, rtol=1e-5)
    hits = np.mean(computed.probabilities_MK.argmax(1) == data.windows.labels_N[own])
    assert computed.result["scores"]["accuracy"] == pytest.approx(hits)
    assert sum(computed.result["windows"].values()) == len(data.windows)


def test_a_share_of_the_labels_limits_validation_as_well_as_training(data: CellData) -> None:
    whole = result(Cell("base", 0, 0, 2), CONFIG, data)["windows"]
    tenth = result(Cell("base", 0, 0, 2, label_share=0.1), CONFIG, data)["windows"]
    assert tenth["train"] == pytest.approx(0.1 * whole["train"], abs=2)
    assert tenth["validation"] == pytest.approx(0.1 * whole["validation"], abs=2)
    assert tenth["test"] == whole["test"]


def test_classes_without_a_label_are_said(data: CellData) -> None:
    """Nobody but one person does the third class; of a share of the people they may be none."""
    labels_N = data.windows.labels_N.copy()
    labels_N[(labels_N == 2) & (data.windows.subjects_N != "p0")] = 1
    rare = replace(data, windows=replace(data.windows, labels_N=labels_N))
    said = []
    for fold in range(CONFIG.folds.count):
        cell = Cell("base", fold, 0, 2, label_share=0.01, share_by="people")
        found = result(cell, CONFIG, rare)
        assert found["windows"]["train"] in (18, 33)
        said.append(found["unseen_classes"])
    assert ["class 2"] in said


def test_the_digest_names_what_decides_a_cell_and_nothing_else() -> None:
    cell, neural = Cell("base", 0, 0, 2), Cell("deepconvlstm", 0, 0, 0)
    frozen = Cell("multi3net_plus_frozen", 0, 0, 2)
    origin = Origin(windows="w", weights="r", architecture="a")
    released = replace(origin, weights="other")
    name = cell_digest(cell, CONFIG, origin)
    longer = replace(CONFIG, training=replace(CONFIG.training, epochs=4))
    wider = replace(CONFIG, classifier=replace(CONFIG.classifier, width=32))
    alone = replace(CONFIG, folds=FoldsConfig("leave_one_out"))
    others = {
        cell_digest(replace(cell, fold=1), CONFIG, origin),
        cell_digest(replace(cell, seed=1), CONFIG, origin),
        cell_digest(replace(cell, experts=3), CONFIG, origin),
        cell_digest(replace(cell, label_share=0.5), CONFIG, origin),
        cell_digest(replace(cell, label_share=0.5, share_by="people"), CONFIG, origin),
        cell_digest(cell, longer, origin),
        cell_digest(cell, wider, origin),
        cell_digest(cell, alone, origin),
        cell_digest(cell, CONFIG, replace(origin, windows="turned")),
        cell_digest(cell, CONFIG, replace(origin, architecture="wider")),
        cell_digest(cell, CONFIG, replace(origin, synthetic="s")),
        cell_digest(replace(cell, row="base_imugpt"), CONFIG, origin),
    }
    assert len(others | {name}) == 13
    assert cell_digest(cell, replace(CONFIG, output="elsewhere"), origin) == name
    assert cell_digest(replace(cell, target="other", release="x"), CONFIG, origin) == name
    assert cell_digest(cell, CONFIG, released) == name
    assert cell_digest(frozen, CONFIG, released) != cell_digest(frozen, CONFIG, origin)
    reshaped = replace(origin, architecture="same weights, other heads")
    assert cell_digest(frozen, CONFIG, reshaped) != cell_digest(frozen, CONFIG, origin)
    assert cell_digest(neural, wider, origin) == cell_digest(neural, CONFIG, origin)


def test_both_wrists_are_used_where_windows_have_them(data: CellData) -> None:
    present_NWC = data.windows.present_NWC.copy()
    assert wrists_in_use(data.windows) == ["left"]
    present_NWC[3, 1] = True
    assert wrists_in_use(replace(data.windows, present_NWC=present_NWC)) == ["left", "right"]


@pytest.mark.parametrize("config", [CONFIG, STOPPING], ids=["learns from all", "stops early"])
def test_a_cell_that_fails_comes_back_as_data(data: CellData, config: FinetuneConfig) -> None:
    signals_NTWC = data.windows.signals_NTWC.copy()
    signals_NTWC[0] = np.inf
    broken = replace(data, windows=replace(data.windows, signals_NTWC=signals_NTWC))
    people = data.windows.subjects_N[0]
    folds = range(config.folds.count)
    outcomes = [attempt(Cell("base", fold, 0, 2), config, broken) for fold in folds]
    failed = [o for o in outcomes if isinstance(o, Failure)]
    dealt = [fold_of(data, Cell("base", fold, 0, 2)) for fold in folds]
    learned = [d.train if config.training.early_stopping else d.train + d.validation for d in dealt]
    trained = [fold for fold in folds if people in learned[fold]]
    assert [o.cell.fold for o in failed if "training loss is nan" in o.reason] == trained
    assert all(o.reason.startswith("DivergedError") for o in failed)


def test_stored_tokens_are_those_of_the_code_that_made_them(
    tiny_release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows = cut_windows(made_target.waves(people=6), WindowsConfig(seconds=2))
    config = replace(CONFIG, release=str(tiny_release), output=str(tmp_path))
    pretrained = load_pretrained(tiny_release)
    before = encode(config, pretrained, windows).tokens_VNLD
    (stored,) = (tmp_path / "tokens").iterdir()
    encode(config, pretrained, windows)
    assert [stored] == list((tmp_path / "tokens").iterdir())
    # Other code of the encoder, of which its digest is all that another process sees.
    monkeypatch.setattr("finetune.prepare.code_version", lambda _: "another")
    pretrained.imu_left.scale.scale_C /= 2
    after = encode(config, pretrained, windows).tokens_VNLD
    assert not np.allclose(before, after)


def test_variations_are_encoded_for_rows_that_learn_from_them(
    tiny_release: Path, tmp_path: Path
) -> None:
    windows = cut_windows(made_target.waves(people=3), WindowsConfig(seconds=2))
    config = replace(CONFIG, release=str(tiny_release), output=str(tmp_path))
    plain, varied = (
        encode(replace(config, rows=[row]), load_pretrained(tiny_release), windows).tokens_VNLD
        for row in ("linear_frozen", "multi3net_plus")
    )
    assert (len(plain), len(varied)) == (1, 1 + CONFIG.training.views)
    np.testing.assert_array_equal(plain[0], varied[0])


def test_a_class_of_validation_people_alone_is_unseen_only_by_what_stops_by_them(
    data: CellData,
) -> None:
    windows = data.windows
    own = windows_of(windows.subjects_N, ("p0",))
    labels_N = np.where(windows.labels_N == 2, 0, windows.labels_N)
    labels_N[own[:5]] = 2
    dealt = FoldsConfig(count=3, validation_share=0.6)
    changed = with_windows(data, replace(windows, labels_N=labels_N))
    cell = next(
        Cell("base", number, seed, experts=2)
        for seed in range(20)
        for number, fold in enumerate(make_folds(windows.subjects_N, labels_N, dealt, seed))
        if "p0" in fold.validation
    )
    unseen = [
        run_cell(replace(cell, row=row), replace(config, folds=dealt), changed).result[
            "unseen_classes"
        ]
        for row, config in (("base", CONFIG), ("forest", STOPPING), ("base", STOPPING))
    ]
    assert unseen == [[], [], ["class 2"]]
