"""`python -m pretrain`: what a model costs, what a release knows, and its export."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from made_shards import SENTENCES, make_shards
from made_shards import TEXT_SIZE as SHARD_TEXT_SIZE
from sklearn.metrics import f1_score

from cluster.errors import UserError
from pretrain import export, scorecard
from pretrain import prompts as prompts_of_classes
from pretrain.__main__ import main
from pretrain.describe import costs
from pretrain.model import Multi3Net
from pretrain.release import ReleaseCard, load_pretrained, save_release
from tests.pretrain.small_model import TEXT_SIZE, small_config

ACTIONS = [sentence.split()[-1] for sentence in SENTENCES]


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `python -m pretrain` in this process; returns what it printed."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["pretrain", *map(str, arguments)])
        assert main() == 0
        return capsys.readouterr().out

    return run


@pytest.fixture
def release(tmp_path):
    torch.manual_seed(0)
    model = Multi3Net(small_config(), SHARD_TEXT_SIZE)
    card = ReleaseCard("made clips", "CC0-1.0", 0, {}, "abc", "made", "watch")
    save_release(tmp_path / "release", model, small_config(), card)
    return tmp_path / "release"


@pytest.fixture
def shards(tmp_path):
    make_shards(tmp_path / "shards", validation_shards=2, samples=6)
    return tmp_path / "shards"


def test_operations_are_those_counted_by_hand():
    config = small_config()
    found = costs(Multi3Net(config, TEXT_SIZE))
    width, tokens = config.imu.width, 6
    hidden = round(width * config.imu.mlp_ratio)
    by_token = 60 * width + 3 * width**2 + width**2 + 2 * width * hidden
    attention = 2 * tokens * tokens * width
    multiplications = tokens * by_token + attention + tokens * width * config.embedding
    assert found["imu_left"].forward == 2 * multiplications
    # The backward pass multiplies twice as often (by weights and by inputs); attention anew, too.
    assert 2.9 <= found["imu_left"].training / found["imu_left"].forward <= 3.2
    assert found["imu_left"].parameters == sum(
        parameter.numel() for parameter in Multi3Net(config, TEXT_SIZE).imu_left.parameters()
    )
    assert found["imu_left"].state_bytes == 16 * found["imu_left"].parameters


def test_what_is_kept_grows_with_the_tokens():
    def kept(frames_per_token):
        config = small_config()
        config.pose.frames_per_token = frames_per_token
        return costs(Multi3Net(config, TEXT_SIZE))["pose"].kept_bytes

    assert 1.8 < kept(5) / kept(10) < 2.1


def test_describe_prints_every_part(command):
    printed = command("describe", "--config", "configs/pretrain/smoke.yaml", "model.imu.width=64")
    for part in ("text", "pose", "imu_left", "imu_right", "pose2imu", "reconstructor", "all"):
        assert f" {part} " in printed


@pytest.mark.parametrize("size", [0, -4])
def test_a_text_vector_has_a_value_or_more(command, size):
    with pytest.raises(UserError, match=f"^--text-size: must be at least 1, not {size}$"):
        command("describe", "--config", "configs/pretrain/smoke.yaml", "--text-size", size)


def test_evaluate_scores_a_release(command, release, shards):
    printed = command("evaluate", release, shards, "windows=12", "probe_windows=40")
    scores = json.loads((release / "evaluation.json").read_text())
    assert {"retrieval", "error", "probe"} < set(scores)
    for one, other in (("pose", "left"), ("text", "right"), ("left", "right")):
        for name in (f"{one}-to-{other}", f"{other}-to-{one}"):
            assert f"{name}/recall@1" in printed
            assert 0 <= scores["retrieval"][f"{name}/recall@10"] <= 1
    assert scores["probe"]["actions"] == 4
    assert scores["probe"]["linear/chance"] == 0.25
    assert "zero-shot" not in scores


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("windows=1", "windows: must be at least 2, not 1"),
        ("windows=-5", "windows: must be at least 2, not -5"),
        ("probe_windows=0", "probe_windows: must be at least 1, not 0"),
        ("neighbours=0", "neighbours: must be at least 1, not 0"),
        ("output=s3://b/x.json", "output=s3://b/x.json: must be a folder of this machine"),
        ("output=.", "output=.: is a folder; give a file such as scores.json"),
    ],
)
def test_what_cannot_be_judged_is_said_before_anything_is_read(command, tmp_path, override, says):
    with pytest.raises(UserError) as caught:
        command("evaluate", tmp_path / "no release", tmp_path / "no shards", override)
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_scores_may_be_written_elsewhere(command, release, shards, tmp_path):
    few = ("windows=12", "probe_windows=40")
    command("evaluate", release, shards, *few, f"output=file://{tmp_path}/new/scores.json")
    assert "retrieval" in json.loads((tmp_path / "new" / "scores.json").read_text())
    assert not (release / "evaluation.json").exists()


def test_scores_that_could_not_be_written_are_not_computed(command, release, shards, monkeypatch):
    monkeypatch.setattr(scorecard, "open_data", None)
    place = release / "card.md" / "scores.json"
    with pytest.raises(UserError, match=r"^output=.*card\.md is no folder that can be written to$"):
        command("evaluate", release, shards, f"output={place}")


def test_a_release_that_cannot_be_written_to_is_told_before_the_export(release, monkeypatch):
    monkeypatch.setattr(export, "write_onnx", None)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match=r"^release=.* is no folder that can be written to$"):
        export.export(release)


def test_errors_are_in_si_units_and_those_of_a_naive_loop(release, shards):
    model = load_pretrained(release).model
    pool = scorecard._pool(scorecard.open_data(shards), "validation", 10, 0)
    with torch.inference_mode():
        found = scorecard._errors(model, pool, model.embed(pool))
        predicted = model.pose2imu(model.pose(pool["pose"])).numpy()
    squares = []
    for window in range(len(pool["key"])):
        for wrist, side in enumerate(("imu_left", "imu_right")):
            for axis in range(3):
                guess = predicted[window, :, wrist, 3 + axis] * 3.0  # rad/s of one scaled unit
                squares.append(np.mean((guess - pool[side][window, :, 3 + axis].numpy()) ** 2))
    assert found["pose2imu/gyroscope"] == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-4)
    signals_VTWC = torch.stack([pool["imu_left"], pool["imu_right"]], 2)[..., :3]
    spread = signals_VTWC.var((0, 1), correction=0).mean().sqrt()
    assert found["mean of each channel/accelerometer"] == pytest.approx(float(spread), rel=1e-4)


def test_zero_shot_names_the_action_of_the_nearest_sentence(
    command, release, shards, tmp_path, monkeypatch
):
    """An IMU encoder that copies the text embedding of its window's sentence is always right."""
    vectors = {
        sentence: np.random.default_rng(1000 + number).normal(size=SHARD_TEXT_SIZE)
        for number, sentence in enumerate(SENTENCES)
    }
    monkeypatch.setattr(
        prompts_of_classes,
        "embed",
        lambda texts, _: {t: vectors[t].astype(np.float32) for t in texts},
    )
    monkeypatch.setattr(prompts_of_classes, "check_backend", lambda *_: None)

    def cheat(self, batch):
        text = self.text(batch["text"])
        return {"text": text, "pose": text, "left": text, "right": text}

    monkeypatch.setattr(Multi3Net, "embed", cheat)
    prompts = tmp_path / "prompts.yaml"
    prompts.write_text("".join(f"{a}: [{s}]\n" for a, s in zip(ACTIONS, SENTENCES, strict=True)))
    command("evaluate", release, shards, "windows=12", f"prompts={prompts}")
    scores = json.loads((release / "evaluation.json").read_text())
    assert scores["zero-shot"]["accuracy"] == 1
    assert scores["zero-shot"]["chance"] == 0.25
    assert scores["probe"]["linear/macro F1"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "two actions or more"),
        ("a: [x]\n", "two actions or more"),
        ("waves.: [x]\nwalks.: y\n", "walks.: give a list of sentences"),
        ("a: [", "cannot be read as YAML"),
        ("jumps.: [x]\nruns.: [y]\n", "no validation window has one of its actions"),
    ],
)
def test_prompts_that_cannot_be_used_are_one_line(release, shards, tmp_path, text, message):
    prompts = tmp_path / "prompts.yaml"
    prompts.write_text(text)
    config = scorecard.EvaluateConfig(windows=12, prompts=str(prompts))
    with pytest.raises(UserError, match=message) as caught:
        scorecard.evaluate(release, shards, config)
    assert "\n" not in str(caught.value)


def test_a_release_of_other_text_is_refused(release, tmp_path):
    make_shards(tmp_path / "other", text_backends=("another",))
    with pytest.raises(UserError, match=r"of another with 8 values, but the release .* made"):
        scorecard.evaluate(release, tmp_path / "other", scorecard.EvaluateConfig())


def test_scores_of_classes_are_those_of_scikit_learn():
    true, found = np.array(list("aabbbc")), np.array(list("abbbdc"))
    scores = scorecard._classification(true, found, 4)
    assert scores["accuracy"] == pytest.approx(4 / 6)
    assert scores["balanced accuracy"] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert scores["macro F1"] == pytest.approx(
        f1_score(true, found, labels=["a", "b", "c"], average="macro")
    )


def test_onnx_gives_torch_s_numbers_for_any_batch(command, release):
    printed = command("export", release)
    assert printed.count("differs from torch by") == 2
    encoder = load_pretrained(release).imu_right
    session = onnxruntime.InferenceSession(str(release / "imu_right.onnx"))
    for batch in (1, 3, 64):
        imu = np.random.default_rng(batch).normal(0, 8, (batch, 60, 6)).astype(np.float32)
        tokens, embedding = session.run(["tokens", "embedding"], {"imu": imu})
        with torch.inference_mode():
            expected = encoder(torch.from_numpy(imu))
        assert np.abs(tokens - expected[0].numpy()).max() < 1e-4
        assert np.abs(embedding - expected[1].numpy()).max() < 1e-4


def test_an_export_that_differs_is_refused(release, monkeypatch):
    monkeypatch.setattr(export, "LARGEST_DIFFERENCE", -1.0)
    with pytest.raises(UserError, match="differs from torch"):
        export.export(release)
    assert not (release / "imu_left.onnx").exists()


def test_unknown_commands_are_named(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pretrain", "judge"])
    with pytest.raises(UserError, match="there are describe, evaluate, export"):
        main()


def test_the_prompts_in_the_repository_can_be_read():
    path = Path("configs/pretrain/prompts_bandai.yaml")
    assert len(prompts_of_classes.read_prompts(path, "prompts")) == 18
