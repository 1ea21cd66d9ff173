"""Windows as vectors of frozen encoders, and the methods that need nothing else.

Shape letters: N windows, W wrists, C channels, S segments, P tokens, D width, E embedding.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from cluster.errors import UserError
from finetune.centroid import NearestClassMean
from finetune.classifiers import encode_windows, present_tokens
from finetune.embeddings import pooled_tokens, window_embeddings
from finetune.zero_shot import ZeroShotConfig, class_embeddings, zero_shot_probabilities
from pretrain.convolution import ConvolutionConfig
from pretrain.encoders import ChannelEncoder, ImuEncoder, ImuEncoderConfig, TimeEncoder
from pretrain.model import ModelConfig, Multi3Net
from pretrain.release import ReleaseCard, load_pretrained, save_release


def by_channel() -> ImuEncoder:
    """Six tokens for each of the four segments of a window."""
    config = ImuEncoderConfig(width=8, blocks=1, heads=2, mlp_ratio=1.0)
    return ChannelEncoder(config, window=60, embedding=7).eval()


def by_time() -> ImuEncoder:
    """Eight tokens for a window, which is read at once."""
    config = ImuEncoderConfig(convolution=ConvolutionConfig(channels=[4, 5], strides=[4, 8]))
    return TimeEncoder(config, embedding=7).eval()


def windows(count: int = 5, seconds: int = 4) -> tuple[Tensor, Tensor]:
    present_BWC = torch.ones(count, 2, 6, dtype=torch.bool)
    present_BWC[1, 0] = False
    present_BWC[2, 1, 3:] = False
    return torch.randn(count, 60 * seconds, 2, 6), present_BWC


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("make", [by_channel, by_time])
def test_presence_follows_the_order_of_the_tokens(make: Callable) -> None:
    """A token is present exactly where a change of the present channels can reach it."""
    encoders = {"left": make(), "right": make()}
    signals_BTWC, present_BWC = windows()
    tokens_BLD = encode_windows(encoders, signals_BTWC, present_BWC)
    present_BL = present_tokens(encoders, present_BWC, tokens_BLD.shape[1])
    tokens, segments = (6, 4) if make is by_channel else (8, 1)
    assert tokens_BLD.shape[:2] == present_BL.shape == (5, 2 * segments * tokens)
    present_BWSP = present_BL.view(5, 2, segments, tokens)
    for b, w, s, p in np.ndindex(*present_BWSP.shape):
        worn = present_BWC[b, w, p] if make is by_channel else present_BWC[b, w].any()
        assert present_BWSP[b, w, s, p] == worn


def test_pooled_tokens_are_mean_and_spread_over_time() -> None:
    signals_BTWC, present_BWC = windows()
    one, other = {"left": by_channel()}, {"left": by_time()}
    with torch.inference_mode():
        channels = encode_windows(one, signals_BTWC, present_BWC).numpy()
        times = encode_windows(other, signals_BTWC, present_BWC).numpy()
    found_C, found_T = pooled_tokens(channels, one), pooled_tokens(times, other)
    assert found_C.shape == (5, 2 * 6 * 8)
    assert found_T.shape == (5, 2 * 5)
    for b in range(5):
        own = channels[b].reshape(4, 6, 8)
        expected = np.concatenate([own.mean(0).ravel(), own.std(0).ravel()])
        np.testing.assert_allclose(found_C[b], expected, atol=1e-6)
        expected = np.concatenate([times[b].mean(0), times[b].std(0)])
        np.testing.assert_allclose(found_T[b], expected, atol=1e-6)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("make", [by_channel, by_time])
def test_a_window_s_embedding_is_the_mean_of_its_segments(make: Callable) -> None:
    encoders = {"left": make(), "right": make()}
    signals_BTWC, present_BWC = windows()
    with torch.inference_mode():
        tokens_BLD = encode_windows(encoders, signals_BTWC, present_BWC)
        found_BWE = window_embeddings(tokens_BLD.numpy(), present_BWC.numpy(), encoders)
        for b, w in np.ndindex(5, 2):
            if not present_BWC[b, w].any():
                assert not found_BWE[b, w].any()
                continue
            own = encoders[("left", "right")[w]]
            segments = signals_BTWC[b, :, w].split(own.window or 240)
            parts = [unit(own(segment[None])[1][0].numpy()) for segment in segments]
            np.testing.assert_allclose(found_BWE[b, w], unit(np.mean(parts, 0)), atol=1e-5)


def test_the_nearest_class_mean_is_found_by_hand() -> None:
    rng = np.random.default_rng(0)
    labels_N = np.array([0, 2, 2, 5] * 6)
    embeddings_NF = rng.normal(size=(24, 4)) + labels_N[:, None] * np.array([1, -1, 0, 0.5])
    fitted = NearestClassMean(0.07).fit(embeddings_NF, labels_N)
    assert fitted.classes_.tolist() == [0, 2, 5]
    probabilities_NK = fitted.predict_proba(embeddings_NF)
    for n in range(24):
        cosines = []
        for label in (0, 2, 5):
            own = [unit(embeddings_NF[m]) for m in range(24) if labels_N[m] == label]
            cosines.append(float(unit(embeddings_NF[n]) @ unit(np.mean(own, 0))))
        expected = np.exp(np.array(cosines) / 0.07)
        np.testing.assert_allclose(probabilities_NK[n], expected / expected.sum(), rtol=1e-6)


def test_zero_shot_takes_the_mean_cosine_of_the_wrists_that_are_worn() -> None:
    rng = np.random.default_rng(0)
    embeddings_NWE, classes_KE = rng.normal(size=(4, 2, 6)), rng.normal(size=(3, 6))
    embeddings_NWE[1, 1] = 0
    found_NK = zero_shot_probabilities(embeddings_NWE, classes_KE, 0.5)
    for n in range(4):
        worn = [0] if n == 1 else [0, 1]
        cosine = [np.mean([embeddings_NWE[n, w] @ c for w in worn]) for c in classes_KE]
        expected = np.exp(np.array(cosine) / 0.5)
        np.testing.assert_allclose(found_NK[n], expected / expected.sum())


NAMES = ("swing", "raise", "row")
PROMPTS = """
row: [a person rows]
swing: [an arm swings, a swinging arm]
raise: [an arm is raised]
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    config = ModelConfig(embedding=12, imu=ImuEncoderConfig(width=8, blocks=1, heads=2))
    card = ReleaseCard("nothing", "none", 0, {}, "unknown", "minilm", "watch")
    save_release(tmp_path / "release", Multi3Net(config, 384), config, card)
    return tmp_path / "release"


def test_classes_are_embedded_in_the_order_of_the_target(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrained = load_pretrained(release)
    (tmp_path / "prompts.yaml").write_text(PROMPTS)
    sentences = ["a person rows", "an arm swings", "a swinging arm", "an arm is raised"]
    vectors = {text: torch.randn(384).numpy() for text in sentences}
    monkeypatch.setattr("pretrain.prompts.embed", lambda texts, _: {t: vectors[t] for t in texts})
    config = ZeroShotConfig(str(tmp_path / "prompts.yaml"))
    found_KE = class_embeddings(pretrained, NAMES, config)
    with torch.inference_mode():
        units = [
            unit(pretrained.text(torch.from_numpy(vectors[text])[None])[0].numpy())
            for text in sentences
        ]
    expected = [unit(units[1] + units[2]), units[3], units[0]]
    np.testing.assert_allclose(found_KE, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "backend", "message"),
    [
        ("swing: [a]\nrow: [b]\n", "minilm", "no sentences for raise"),
        (PROMPTS + "jump: [c]\n", "minilm", "the target has no class jump"),
        (PROMPTS, "instructor", "zero_shot.text.backend=instructor: the release was trained on"),
    ],
)
def test_prompts_that_do_not_fit_are_one_line(
    release: Path, tmp_path: Path, text: str, backend: str, message: str
) -> None:
    path = tmp_path / "prompts.yaml"
    path.write_text(text)
    config = ZeroShotConfig(str(path))
    config.text.backend = backend  # type: ignore[assignment]
    with pytest.raises(UserError, match=message):
        class_embeddings(load_pretrained(release), NAMES, config)
