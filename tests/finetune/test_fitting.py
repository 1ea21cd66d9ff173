"""The one door to all methods: what each learns from, and what it hands back.

Shape letters: N windows, M windows of a part, K classes, L tokens, D width.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from finetune.classifiers import encode_windows
from finetune.embeddings import pooled_tokens
from finetune.fitting import Problem, _frozen_tokens, _of_seed, build_model, fit_row, settings_of
from finetune.forest import signal_features
from finetune.prepare import CellData, frozen_tokens
from finetune.rocket import rocket_features
from finetune.rows import REAL_ROWS, ROWS
from finetune.windows import WindowsConfig, cut_windows
from pretrain.release import load_pretrained
from tests.finetune import made_target
from tests.finetune.test_cells import CONFIG, VARIED

TRAIN, VALIDATION, TEST = np.arange(0, 40), np.arange(60, 80), np.arange(40, 60)


@pytest.fixture(scope="module")
def data(tiny_release: Path) -> CellData:
    windows = cut_windows(made_target.waves(people=4), WindowsConfig(seconds=2))
    pretrained = load_pretrained(tiny_release)
    encoders = {"left": pretrained.imu_left}
    tokens_VNLD = frozen_tokens(windows, encoders, *VARIED)
    return CellData(windows, encoders, tokens_VNLD, pretrained.model_config, "abc")


def problem(data: CellData, seed: int = 5, encoder_seed: int = 0) -> Problem:
    return Problem(data, TRAIN, VALIDATION, 3, seed, encoder_seed)


def test_methods_without_early_stopping_learn_from_training_and_validation(data: CellData) -> None:
    windows = data.windows
    own = np.r_[TRAIN, VALIDATION]
    labels_M = windows.labels_N[own]
    features_NF = signal_features(windows.signals_NTWC, windows.present_NWC)
    trees = ExtraTreesClassifier(200, random_state=5).fit(features_NF[own], labels_M)
    forest = fit_row(ROWS["forest"], problem(data), CONFIG)
    np.testing.assert_allclose(
        forest.predict(TEST), trees.predict_proba(features_NF[TEST]), atol=1e-6
    )
    assert set(map(len, forest.history.values())) == {0}
    tokens_NF = pooled_tokens(data.tokens_VNLD[0], data.encoders)
    scaler = StandardScaler().fit(tokens_NF[own])
    regression = LogisticRegression(max_iter=1000).fit(scaler.transform(tokens_NF[own]), labels_M)
    np.testing.assert_allclose(
        fit_row(ROWS["linear_frozen"], problem(data), CONFIG).predict(TEST),
        regression.predict_proba(scaler.transform(tokens_NF[TEST])),
        atol=1e-4,
    )


@pytest.mark.parametrize("row", REAL_ROWS)
def test_every_row_gives_probabilities_and_details_that_json_holds(
    data: CellData, row: str
) -> None:
    classes_KE = np.random.default_rng(0).normal(size=(3, 16)).astype(np.float32)
    fitted = fit_row(ROWS[row], problem(replace(data, classes_KE=classes_KE)), CONFIG)
    probabilities_MK = fitted.predict(TEST)
    assert probabilities_MK.shape == (len(TEST), 3)
    np.testing.assert_allclose(probabilities_MK.sum(1), 1, atol=1e-5)
    assert ("experts" in fitted.details) == ROWS[row].mixture
    if ROWS[row].mixture:
        assert sum(fitted.details["experts"]["mean"]) == pytest.approx(1, abs=1e-5)
    json.dumps([fitted.details, fitted.history])


@pytest.mark.parametrize("row", ["forest", "svm", "rocket", "linear_frozen", "centroid"])
def test_a_class_without_a_labelled_window_is_never_the_answer(data: CellData, row: str) -> None:
    labels_N = np.where(data.windows.labels_N == 1, 2, data.windows.labels_N)
    lacking = replace(data, windows=replace(data.windows, labels_N=labels_N))
    probabilities_MK = fit_row(ROWS[row], problem(lacking), CONFIG).predict(TEST)
    assert probabilities_MK.shape == (len(TEST), 3)
    assert not probabilities_MK[:, 1].any()
    np.testing.assert_allclose(probabilities_MK.sum(1), 1, atol=1e-5)


def test_a_random_encoder_that_never_trains_is_that_of_its_seed(data: CellData) -> None:
    row = ROWS["random_frozen"]
    models = [
        build_model(row, problem(data, seed, encoder_seed), CONFIG)
        for seed, encoder_seed in ((1, 0), (2, 0), (1, 1))
    ]
    one, same, other = (model.encoders["left"].channel_token.weight for model in models)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    fitted = [fit_row(row, problem(data, 1, seed), CONFIG) for seed in (0, 1, 0)]
    first, second, again = (each.predict(TEST) for each in fitted)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, second)


def test_kernels_of_rocket_are_those_of_the_seed_and_drawn_once(
    data: CellData, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def features(signals: np.ndarray, present: np.ndarray, seed: int) -> np.ndarray:
        drawn.append(seed)
        return rocket_features(signals, present, seed)

    monkeypatch.setattr("finetune.fitting.rocket_features", features)
    _of_seed.clear()
    for seed, encoder_seed in ((1, 7), (2, 7), (1, 8)):
        fit_row(ROWS["rocket"], problem(data, seed, encoder_seed), CONFIG)
        fit_row(ROWS["linear_random"], problem(data, seed, encoder_seed), CONFIG)
    assert drawn == [7, 8]
    assert len(_of_seed) == 2


def test_a_row_with_the_mixture_s_rest_in_common_differs_in_its_head_alone(data: CellData) -> None:
    plus = build_model(ROWS["multi3net_plus"], problem(data), CONFIG).state_dict()
    plain = build_model(ROWS["multi3net"], problem(data), CONFIG).state_dict()
    heads = plus.keys() ^ plain.keys()
    assert all(name.startswith("classifier.head.") for name in heads)
    assert {"classifier.head.weight", "classifier.head.bias"} <= heads


def test_a_row_s_settings_are_those_that_it_depends_on() -> None:
    wider = replace(CONFIG, classifier=replace(CONFIG.classifier, width=32))
    longer = replace(CONFIG, training=replace(CONFIG.training, epochs=9))
    for name, row in ROWS.items():
        if name == "zero_shot":
            continue
        depends = settings_of(row, wider) != settings_of(row, CONFIG)
        assert depends == (row.method == "classifier")
        trains = row.method in ("classifier", "deepconvlstm", "resnet")
        assert (settings_of(row, longer) != settings_of(row, CONFIG)) == trains


@pytest.mark.parametrize(
    ("change", "concerns"),
    [
        ("classifier.experts=5", []),
        ("classifier.k=1", []),
        ("classifier.expert_width=5", ["multi3net_plus", "multi3net_plus_frozen", "base"]),
        ("training.patience=5", []),
        ("training.encoder_rate_factor=0.5", ["multi3net_plus", "multi3net"]),
        ("training.views=2", ["multi3net_plus", "multi3net", "multi3net_plus_frozen"]),
    ],
)
def test_a_changed_setting_concerns_the_rows_that_use_it_alone(
    data: CellData, change: str, concerns: list[str]
) -> None:
    """A cell of a row that it does not concern gives the same weights, whatever its value."""
    key, _, value = change.partition("=")
    group, name = key.split(".")
    changed = replace(
        getattr(CONFIG, group), **{name: float(value) if "." in value else int(value)}
    )
    other = replace(CONFIG, **{group: changed})
    for row in ("multi3net_plus", "multi3net", "multi3net_plus_frozen", "base", "deepconvlstm"):
        differs = settings_of(ROWS[row], other) != settings_of(ROWS[row], CONFIG)
        assert differs == (row in concerns), row
    row = next(ROWS[name] for name in ("base", "deepconvlstm") if name not in concerns)
    first, second = (
        fit_row(row, problem(data), config).predict(TEST) for config in (CONFIG, other)
    )
    np.testing.assert_array_equal(first, second)


def test_prompts_are_part_of_the_settings_of_zero_shot(tmp_path: Path) -> None:
    path = tmp_path / "prompts.yaml"
    config = replace(CONFIG, zero_shot=replace(CONFIG.zero_shot, prompts=str(path)))
    path.write_text("a: [x]\nb: [y]\n")
    before = settings_of(ROWS["zero_shot"], config)
    path.write_text("a: [x]\nb: [z]\n")
    assert settings_of(ROWS["zero_shot"], config) != before


def test_tokens_of_a_random_encoder_are_what_its_model_would_make(data: CellData) -> None:
    """The stored tokens of row `random_frozen` belong to the encoder in its model."""
    row, given = ROWS["random_frozen"], problem(data)
    model = build_model(row, given, CONFIG)
    signals, present = (
        torch.from_numpy(each) for each in (data.windows.signals_NTWC, data.windows.present_NWC)
    )
    with torch.inference_mode():
        tokens_NLD = encode_windows(model.eval().encoders, signals, present)
    np.testing.assert_allclose(_frozen_tokens(row, given, CONFIG)[0], tokens_NLD, atol=1e-5)
