"""Methods without an encoder against numpy, scikit-learn and the papers' sizes.

Shape letters: N windows, T frames, W wrists, C channels.
"""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from cluster.runs import seed_from
from finetune.forest import forest, signal_features
from finetune.residual import Resnet, ResnetConfig
from finetune.rocket import rocket, rocket_features
from finetune.scaling import Standardize
from finetune.svm import seglearn_features, svm


def windows(count: int = 6, frames: int = 120) -> tuple[np.ndarray, np.ndarray]:
    signals_NTWC = np.random.default_rng(0).normal(size=(count, frames, 2, 6)).astype(np.float32)
    return signals_NTWC, np.ones((count, 2, 6), bool)


def test_features_of_the_forest_window_by_window() -> None:
    signals_NTWC, present_NWC = windows()
    features_NF = signal_features(signals_NTWC, present_NWC)
    for window in range(6):
        expected: list[float] = []
        for wrist in range(2):
            channels = [signals_NTWC[window, :, wrist, c].astype(float) for c in range(6)]
            expected += [x.mean() for x in channels]
            expected += [x.std() for x in channels]
            for share in (5, 25, 50, 75, 95):
                expected += [np.percentile(x, share) for x in channels]
            for one in range(6):
                for other in range(one + 1, 6):
                    expected.append(np.cov(channels[one], channels[other], bias=True)[0, 1])
            times = np.arange(120) / 120
            for turns in range(1, 15):
                wave = np.exp(-2j * np.pi * turns * times)
                expected += [abs(np.sum(x * wave)) for x in channels]
        np.testing.assert_allclose(features_NF[window], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("features", [signal_features, seglearn_features])
def test_absent_channels_leave_no_trace_in_features(features) -> None:
    signals_NTWC, present_NWC = windows()
    present_NWC[2, 1] = present_NWC[4, 0, 3:] = False
    other_NTWC = np.where(present_NWC[:, None], signals_NTWC, 1e3)
    one, other = features(signals_NTWC, present_NWC), features(other_NTWC, present_NWC)
    np.testing.assert_array_equal(one, other)
    assert np.count_nonzero(one[2]) <= one.shape[1] / 2
    assert np.isfinite(features(np.zeros_like(signals_NTWC), present_NWC)).all()


def test_the_forest_has_two_hundred_randomised_trees_on_one_thread() -> None:
    signals_NTWC, present_NWC = windows(30)
    labels_N = np.arange(30) % 3
    features_NF = signal_features(signals_NTWC, present_NWC)
    fitted = forest(3).fit(features_NF, labels_N)
    assert (len(fitted.estimators_), fitted.n_jobs, fitted.bootstrap) == (200, 1, False)
    assert all(tree.splitter == "random" for tree in fitted.estimators_)
    again = forest(3).fit(features_NF, labels_N)
    np.testing.assert_array_equal(
        fitted.predict_proba(features_NF), again.predict_proba(features_NF)
    )


def test_features_of_the_svm_are_those_of_numpy_and_scipy() -> None:
    signals_NTWC, present_NWC = windows()
    features_NXF = seglearn_features(signals_NTWC, present_NWC).reshape(6, 11, 12)
    signals_NTX = signals_NTWC.reshape(6, 120, 12).astype(float)
    for index, expected in (
        (0, signals_NTX.mean(1)),
        (1, np.median(signals_NTX, 1)),
        (3, signals_NTX.std(1)),
        (5, signals_NTX.min(1)),
        (6, signals_NTX.max(1)),
        (7, stats.skew(signals_NTX, axis=1)),
        (8, stats.kurtosis(signals_NTX, axis=1)),
    ):
        np.testing.assert_allclose(features_NXF[:, index], expected, rtol=1e-6)


def test_features_of_rocket_are_convolutions_channel_by_channel() -> None:
    """Those of acceleration in g and of angular velocity in rad/s, one window at a time."""
    from pyts.transformation import ROCKET  # compiles for seconds when it is imported

    signals_NTWC, present_NWC = windows(3)
    present_NWC[:, 1] = present_NWC[1, 0, 3:] = False  # 300 kernels for six channels
    features_NCF = rocket_features(signals_NTWC, present_NWC, seed=4).reshape(3, 6, 100)
    assert not features_NCF[1, 3:].any()
    for channel in range(6):
        series_NT = signals_NTWC[:, :, 0, channel] / (9.81 if channel < 3 else 1)
        seed = seed_from("rocket", 4, 0, channel) % 2**32
        drawn = ROCKET(50, random_state=seed).fit(series_NT)
        drawn_K = (drawn.weights_, drawn.length_, drawn.bias_, drawn.dilation_, drawn.padding_)
        kernels = zip(*drawn_K, strict=True)
        for kernel, (weights, length, bias, dilation, padding) in enumerate(kernels):
            spread = np.zeros((length - 1) * dilation + 1)
            spread[::dilation] = weights[:length]
            maps = np.correlate(np.pad(series_NT[0], padding), spread, "valid") + bias
            found = features_NCF[0, channel, 2 * kernel : 2 * kernel + 2]
            np.testing.assert_allclose(found, [maps.max(), (maps > 0).mean()], atol=1e-5)


def test_features_of_rocket_depend_on_a_window_and_the_seed_alone() -> None:
    signals_NTWC, present_NWC = windows()
    features_NF = rocket_features(signals_NTWC, present_NWC, seed=4)
    some_NF = rocket_features(signals_NTWC[2:4], present_NWC[2:4], seed=4)
    np.testing.assert_array_equal(some_NF, features_NF[2:4])
    assert not np.allclose(rocket_features(signals_NTWC, present_NWC, seed=5), features_NF)


@pytest.mark.parametrize("classes", [2, 4])
def test_rocket_s_ridge_answers_as_scikit_learns(classes: int) -> None:
    rng = np.random.default_rng(1)
    labels_N = np.arange(60) % classes
    features_NF = rng.normal(size=(60, 5)) + labels_N[:, None]
    probabilities_NK = rocket().fit(features_NF, labels_N).predict_proba(features_NF)
    scaled_NF = StandardScaler().fit_transform(features_NF)
    ridge = RidgeClassifierCV(np.logspace(-3, 3, 10)).fit(scaled_NF, labels_N)
    np.testing.assert_array_equal(probabilities_NK.argmax(1), ridge.predict(scaled_NF))
    np.testing.assert_allclose(probabilities_NK.sum(1), 1)


@pytest.mark.parametrize("classes", [2, 4])
def test_the_svm_answers_as_scikit_learns(classes: int) -> None:
    rng = np.random.default_rng(1)
    labels_N = np.arange(60) % classes
    features_NF = rng.normal(size=(60, 5)) + labels_N[:, None]
    fitted = svm().fit(features_NF, labels_N)
    probabilities_NK = fitted.predict_proba(features_NF)
    scaled_NF = StandardScaler().fit_transform(features_NF)
    expected = SVC().fit(scaled_NF, labels_N).decision_function(scaled_NF)
    if classes == 2:
        np.testing.assert_allclose(probabilities_NK[:, 1], 1 / (1 + np.exp(-expected)))
    else:
        np.testing.assert_array_equal(probabilities_NK.argmax(1), expected.argmax(1))
    np.testing.assert_allclose(probabilities_NK.sum(1), 1)


def test_the_residual_network_has_the_sizes_of_the_paper() -> None:
    signals_NTWC, present_NWC = (torch.from_numpy(each) for each in windows())
    model = Resnet(Standardize(signals_NTWC, present_NWC), 7, ResnetConfig())
    blocks = 0
    for before, width in ((12, 64), (64, 128), (128, 128)):
        convolutions = before * width * 7 + width * width * 5 + width * width * 3 + before * width
        blocks += convolutions + 4 * 2 * width
    assert sum(p.numel() for p in model.parameters()) == blocks + 7 * 129
    assert model(signals_NTWC, present_NWC).shape == (6, 7)


def test_a_residual_block_adds_its_shortcut() -> None:
    signals_NTWC, present_NWC = (torch.from_numpy(each) for each in windows())
    model = Resnet(Standardize(signals_NTWC, present_NWC), 3, ResnetConfig([4])).eval()
    maps = model.standardize(signals_NTWC, present_NWC).flatten(2).mT
    block = model.blocks[0]
    branch = maps
    for layer in block.branch:
        branch = layer(branch)
    convolution, norm = block.shortcut
    expected = torch.relu(branch + norm(convolution(maps)))
    torch.testing.assert_close(model(signals_NTWC, present_NWC), model.classify(expected.mean(2)))
