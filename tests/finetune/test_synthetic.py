"""Synthetic windows beside real ones: from joint positions to training, and who they may know.

Shape letters: T frames, N windows, W wrists, C channels, M windows of a part.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster.errors import UserError
from datagen.shards import MANIFEST
from finetune import synthetic
from finetune.cells import Cell, run_cell
from finetune.classifiers import ClassifierConfig
from finetune.config import FinetuneConfig
from finetune.deepconvlstm import DeepConvLstmConfig
from finetune.folds import FoldsConfig, make_folds, windows_of
from finetune.prepare import CellData
from finetune.rows import REAL_ROWS, ROWS
from finetune.synthetic import SyntheticConfig, calibrate, synthetic_windows, with_synthetic
from finetune.training import TrainingConfig
from finetune.windows import Windows, WindowsConfig, cut_windows
from pretrain.release import load_pretrained
from tests.finetune import made_target
from tests.finetune.made_shards import CLASSES

CUTTING = WindowsConfig(seconds=2, overlap=0.5)


@pytest.fixture(scope="module")
def real() -> Windows:
    return cut_windows(made_target.waves(people=6), CUTTING)


@pytest.fixture(scope="module")
def made(shards: Path, real: Windows) -> Windows:
    return synthetic_windows(SyntheticConfig(str(shards), CLASSES, bodies=2), CUTTING, real)


def fold_of(windows: Windows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    fold = make_folds(windows.subjects_N, windows.labels_N, FoldsConfig(count=3), 0)[0]
    parts = (fold.train, fold.validation, fold.test)
    train_M, validation_M, test_M = (windows_of(windows.subjects_N, people) for people in parts)
    return train_M, validation_M, test_M


def test_clips_become_windows_of_the_classes_that_their_sentences_name(
    made: Windows, real: Windows
) -> None:
    """5 and 6 s at 20 Hz, two bodies of each; the clip of sitting is in no class."""
    assert sorted(set(made.labels_N.tolist())) == [0, 1]
    assert np.bincount(made.labels_N).tolist() == [2 * 3, 2 * 4]
    assert set(made.subjects_N) == {synthetic.NOBODY}
    assert made.signals_NTWC.shape[1:] == real.signals_NTWC.shape[1:]
    np.testing.assert_array_equal(made.present_NWC[0], real.present_NWC[0])
    assert not made.signals_NTWC[:, :, 1].any()  # the target has left wrists alone
    gravity_N = np.linalg.norm(made.signals_NTWC[:, :, 0, :3].mean(1), axis=1)
    assert np.abs(gravity_N - 9.81).max() < 6


def test_calibrated_signals_have_the_percentiles_of_training_people(
    made: Windows, real: Windows
) -> None:
    train_M, _, _ = fold_of(real)
    found = calibrate(made, real, train_M).signals_NTWC[:, :, 0].reshape(-1, 6)
    own_M = train_M[real.labels_N[train_M] < 2]
    expected = real.signals_NTWC[own_M, :, 0].reshape(-1, 6)
    shares = np.arange(5, 100, 5)
    spread = expected.std(0)
    apart = np.percentile(found, shares, axis=0) - np.percentile(expected, shares, axis=0)
    assert (np.abs(apart) < 0.1 * spread).all()
    # The order of a channel's values stays.
    before = made.signals_NTWC[:, :, 0].reshape(-1, 6)
    assert (np.diff(found[np.argsort(before[:, 0]), 0]) >= -1e-4).all()


def test_they_are_learnt_from_and_nothing_else_changes(made: Windows, real: Windows) -> None:
    train_M, validation_M, test_M = fold_of(real)
    joined, learnt_M = with_synthetic(real, made, train_M)
    assert len(joined) == len(real) + len(made)
    assert set(learnt_M) - set(train_M) == set(range(len(real), len(joined)))
    for part_M in (train_M, validation_M, test_M):
        np.testing.assert_array_equal(joined.signals_NTWC[part_M], real.signals_NTWC[part_M])
    assert not set(learnt_M) & set(np.concatenate([validation_M, test_M]))


CONFIG = FinetuneConfig(
    release="unused",
    output="unused",
    folds=FoldsConfig(count=3),
    training=TrainingConfig(epochs=2, batch_size=16),
    classifier=ClassifierConfig(width=16, heads=2, feed_forward=16, experts=2, expert_width=8),
    deepconvlstm=DeepConvLstmConfig(filters=4, width=8, recurrent_layers=1, dropout=0.0),
)


@pytest.fixture(scope="module")
def data(tiny_release: Path, real: Windows, made: Windows) -> CellData:
    """What cells share, but without a single stored token."""
    pretrained = load_pretrained(tiny_release)
    encoders = {"left": pretrained.imu_left}
    no_tokens = np.zeros((1, 0, 0, 0), np.float32)
    config = pretrained.model_config
    return CellData(real, encoders, no_tokens, config, "abc", synthetic={"imugpt": made})


@pytest.mark.parametrize("row", ["base_imugpt", "deepconvlstm_imugpt"])
def test_no_window_of_a_test_person_reaches_training_or_calibration(
    data: CellData, real: Windows, row: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell whose test people's signals and labels are others trains as before, bit for bit."""
    calibrated: list[Windows] = []

    def seen(*arguments: Any) -> Windows:
        calibrated.append(calibrate(*arguments))
        return calibrated[-1]

    monkeypatch.setattr(synthetic, "calibrate", seen)
    cell = Cell(row, fold=1, seed=0, experts=2 * (row == "base_imugpt"))
    clean = run_cell(cell, CONFIG, data)
    test_M = clean.test_M
    signals_NTWC, labels_N = real.signals_NTWC.copy(), real.labels_N.copy()
    signals_NTWC[test_M, :, 0] = 50 * np.random.default_rng(1).normal(size=(len(test_M), 120, 6))
    labels_N[test_M] = labels_N[test_M][::-1]  # folds are dealt by how many of each class there are
    poisoned = replace(real, signals_NTWC=signals_NTWC, labels_N=labels_N)
    other = run_cell(cell, CONFIG, replace(data, windows=poisoned))
    assert clean.result["people"] == other.result["people"]
    assert clean.result["windows"]["synthetic"] == len(data.synthetic["imugpt"])
    assert clean.result["history"] == other.result["history"]
    assert clean.result["details"] == other.result["details"]
    np.testing.assert_array_equal(calibrated[0].signals_NTWC, calibrated[1].signals_NTWC)
    assert not np.array_equal(clean.probabilities_MK, other.probabilities_MK)


def test_synthetic_windows_change_what_is_learnt(data: CellData) -> None:
    cells = (Cell(f"deepconvlstm{part}", 0, 0, 0) for part in ("", "_imugpt"))
    alone, beside = (run_cell(cell, CONFIG, data) for cell in cells)
    assert alone.result["windows"] == {**beside.result["windows"], "synthetic": 0}
    assert alone.test_M.tolist() == beside.test_M.tolist()
    assert alone.result["history"] != beside.result["history"]


def test_rows_with_synthetic_windows_read_no_stored_tokens() -> None:
    for row in ROWS.values():
        if row.synthetic:
            assert (row.weights, row.schedule) in (("random", "start"), ("none", "start"))
            assert row.name not in REAL_ROWS


def test_training_people_do_reach_the_calibration(made: Windows, real: Windows) -> None:
    train_M, _, _ = fold_of(real)
    louder = replace(real, signals_NTWC=2 * real.signals_NTWC)
    once, twice = (calibrate(made, each, train_M).signals_NTWC for each in (real, louder))
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"classes": {}}, "synthetic.classes is empty"),
        ({"classes": {"walk": "running"}}, "running is not a class of the target; they are class"),
        ({"classes": {"wa(lk": "class 0"}}, r"wa\(lk is no expression"),
        (
            {"classes": {"swims": "class 0"}},
            "no clip of 2 s has an action or text with one of swims",
        ),
        ({"bodies": 0}, "synthetic.bodies is 0"),
    ],
)
def test_what_cannot_be_is_one_line(shards: Path, real: Windows, keys: dict, message: str) -> None:
    config = SyntheticConfig(**{"shards": str(shards), "classes": CLASSES, **keys})
    with pytest.raises(UserError, match=message) as error:
        synthetic_windows(config, CUTTING, real)
    assert "\n" not in str(error.value)


def test_a_folder_without_shards_is_one_line(tmp_path: Path, real: Windows) -> None:
    with pytest.raises(UserError, match=r"synthetic.shards: .* has no manifest.json; datagen has"):
        synthetic_windows(SyntheticConfig(str(tmp_path), CLASSES), CUTTING, real)
    with pytest.raises(UserError, match=r"synthetic.shards: .*gone: no such folder; make shards"):
        synthetic_windows(SyntheticConfig(str(tmp_path / "gone"), CLASSES), CUTTING, real)


def test_shards_of_another_part_of_the_body_are_refused(
    shards: Path, tmp_path: Path, real: Windows
) -> None:
    shutil.copytree(shards, tmp_path / "ankles")
    path = tmp_path / "ankles" / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["placement"]["left"]["segment"] = "left_knee"
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=r"ankles: made for a left sensor on the segment left_knee"):
        synthetic_windows(SyntheticConfig(str(path.parent), CLASSES), CUTTING, real)


def test_without_training_windows_of_its_classes_nothing_is_calibrated(
    made: Windows, real: Windows
) -> None:
    third_M = np.flatnonzero(real.labels_N == 2)
    with pytest.raises(UserError, match="no training window is of a class"):
        calibrate(made, real, third_M)
