import os
import re
import signal
from pathlib import Path

import pytest
import torch
from made_shards import make_shards
from training import TINY, TRAINER, arguments, records, results, run, start, wait_for_step

from cluster.errors import UserError
from pretrain import step, train
from pretrain.clips import Batch
from pretrain.data import open_data
from pretrain.evaluate import Verdict
from pretrain.release import load_pretrained
from pretrain.stream import StreamConfig


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    make_shards(folder)
    return folder


class InterruptionError(Exception):
    """What breaks a run off in the middle."""


def train_until_broken_off(
    arguments: list[str], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_step = train.take_step

    def stop(run: train.Run) -> tuple[dict[str, float], bool]:
        if run.state.step == steps:
            raise InterruptionError
        return take_step(run)

    with monkeypatch.context() as patch:
        patch.setattr(train, "take_step", stop)
        with pytest.raises(InterruptionError):
            train.main(arguments)


@pytest.mark.parametrize(
    "overrides",
    [
        ["zero=0"],
        ["zero=1", "precision=bf16"],
        ["zero=2", "accumulate=2", "optimizer.schedule=plateau", "optimizer.patience=1"],
        ["zero=3", "offload=parameters", "activation_checkpointing=true"],
        ["zero=0", "precision=bf16", "optimizer.schedule=constant", "optimizer.clip=0"],
        ["zero=1", "accumulate=2", "contrast_over=step", "model.losses.learned_temperature=true"],
    ],
    ids=lambda overrides: " ".join(overrides),
)
def test_a_run_that_was_broken_off_continues_exactly(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str]
) -> None:
    train.main(arguments(data, tmp_path / "whole", *overrides))
    train_until_broken_off(arguments(data, tmp_path / "broken", *overrides), 7, monkeypatch)
    assert [record["step"] for record in records(tmp_path / "broken")] == list(range(1, 8))
    # Neither threads nor what is kept on disk have a say in the results.
    train.main(arguments(data, tmp_path / "broken", *overrides, "stream.readers=1", "save.every=3"))
    whole = results(tmp_path / "whole")
    assert [record["step"] for record in whole] == [*range(1, 13), 4, 8, 12]
    assert results(tmp_path / "broken") == whole
    assert whole[11]["loss/total"] < whole[0]["loss/total"]


def test_zero_stages_take_the_same_steps(data: Path, tmp_path: Path) -> None:
    losses = []
    for zero in (0, 1, 2, 3):
        train.main(arguments(data, tmp_path / str(zero), f"zero={zero}", "steps=4"))
        losses.append([record["loss/total"] for record in records(tmp_path / str(zero))])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] == pytest.approx(losses[0], rel=1e-5)
    assert losses[3] == pytest.approx(losses[0], rel=1e-5)


def test_blocks_computed_twice_take_the_same_steps(data: Path, tmp_path: Path) -> None:
    """Dropout falls the same way the second time."""
    for name in ("false", "true"):
        train.main(
            arguments(
                data,
                tmp_path / name,
                f"activation_checkpointing={name}",
                "steps=3",
                "model.imu.dropout=0.3",
                "model.pose.drop_path=0.2",
            )
        )
    assert results(tmp_path / "true") == results(tmp_path / "false")


def test_a_killed_run_continues_by_the_same_command(data: Path, tmp_path: Path) -> None:
    plain = run("python", TRAINER, *arguments(data, tmp_path / "whole", "steps=60"))
    assert plain[0] == 0, plain[1]
    command = ("deepspeed", TRAINER, *arguments(data, tmp_path / "killed", "steps=60"))
    process = start(*command)
    wait_for_step(tmp_path / "killed", 10)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert 10 <= records(tmp_path / "killed")[-1]["step"] < 60
    status, said = run(*command)
    assert status == 0, said
    assert "continuing from" in said
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    assert f"release={tmp_path / 'killed' / 'release'}" in said


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train.main(arguments(data, folder, "steps=8"))
    return folder


def test_the_best_in_validation_is_released_not_the_last(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validate = train.validate
    shortfalls = iter([0.3, 0.1, 0.2])
    weights = []

    def pretend(*given: object) -> Verdict:
        weights.append(train_engine_weights(given[0]))
        found = validate(*given)  # type: ignore[arg-type]
        return found._replace(shortfall=next(shortfalls))

    monkeypatch.setattr(train, "validate", pretend)
    train.main(arguments(data, tmp_path))
    released = load_pretrained(tmp_path / "release").model.state_dict()
    assert all(torch.equal(released[name], weights[1][name]) for name in released)
    assert not all(torch.equal(released[name], weights[2][name]) for name in released)
    card = (tmp_path / "release" / "card.md").read_text()
    assert "for 8 steps" in card
    assert "Licence of the data: made: CC0-1.0\n" in card


def train_engine_weights(engine: object) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in engine.module.state_dict().items()}  # type: ignore[attr-defined]


def test_everything_is_recorded_and_shown_in_tensorboard(finished: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(finished / "tensorboard"), {"images": 10}).Reload()
    tags = set(board.Tags()["scalars"])
    pairs = ("text-left", "text-right", "text-pose", "pose-left", "pose-right", "left-right")
    for pair in pairs:
        assert f"train/loss/contrastive/{pair}" in tags
        assert f"train/temperature/{pair}" in tags
        assert f"validation/loss/contrastive/{pair}" in tags
        first, second = pair.split("-")
        for k in (1, 5, 10):
            assert f"validation/retrieval/{first}-to-{second}/recall@{k}" in tags
            assert f"validation/retrieval/{second}-to-{first}/recall@{k}" in tags
    for name in (
        "learning_rate",
        "gradient_norm",
        "samples_per_second",
        "data_wait",
        "loss/total",
        "loss/regression/pose2imu",
        "loss/regression/reconstruction",
    ):
        shown = board.Scalars(f"train/{name}")
        recorded = records(finished)
        assert [event.step for event in shown] == list(range(1, 9))
        assert [event.value for event in shown] == pytest.approx([line[name] for line in recorded])
    for part in ("text", "pose", "imu_left", "imu_right", "pose2imu", "reconstructor"):
        assert f"train/gradient_norm/{part}" in tags
    assert {"train/mfu", "train/flops", "train/memory_bytes"} <= tags
    assert {"validation/alignment/pose-left", "validation/uniformity/text"} <= tags
    assert {"validation/pose2imu", "validation/reconstruction"} <= set(board.Tags()["images"])
    assert list((finished / "tensorboard").rglob("metadata.tsv"))
    assert "_hparams_/session_start_info" in (board.summary_metadata or {})
    assert (finished / "config.yaml").exists()
    assert (finished / "run.json").exists()
    assert "step 8: validation loss" in (finished / "log.txt").read_text()


def test_a_finished_run_is_left_as_it_is(data: Path, finished: Path) -> None:
    before = results(finished)
    train.main(arguments(data, finished, "steps=8"))
    assert results(finished) == before


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["optimizer.learning_rate=0.5"], r"optimizer\.learning_rate: is 0\.5, but .* with 0\.01"),
        (["seed=7"], "seed: is 7"),
        (["model.embedding=32"], r"model\.embedding: is 32"),
        (["steps=9"], "steps: is 9"),
        (["zero=1"], "zero: is 1"),
    ],
)
def test_another_configuration_is_not_continued(
    data: Path, finished: Path, overrides: list[str], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        train.main(arguments(data, finished, "steps=8", *overrides))


def test_other_shards_are_not_continued(finished: Path, tmp_path: Path) -> None:
    make_shards(tmp_path, samples=5)
    with pytest.raises(UserError, match="data: not the shards"):
        train.main(arguments(tmp_path, finished, "steps=8"))


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["epochs=1"], "either steps or epochs"),
        (["batch_size=0"], "batch_size: must be at least 2"),
        (["zero=4"], "zero: must be from 0 to 3"),
        (["zero=2", "offload=parameters"], "offload=parameters: ZeRO does this from stage 3 on"),
        (["offload=optimizer"], "offload=optimizer: ZeRO does this from stage 1 on"),
        (["timeout=0"], "timeout: must be from 1 to 1000000, not 0"),
        (["timeout=inf"], "timeout: must be from 1 to 1000000, not inf"),
        (["timeout=nan"], "timeout: must be from 1 to 1000000, not nan"),
        (["seed=-1"], "seed: must be from 0 to 18446744073709551615, not -1"),
        (["seed=18446744073709551616"], "seed: must be from 0 to 18446744073709551615"),
        (["stream.kept_gigabytes=-1"], "stream.kept_gigabytes: must be 0 or more"),
        (["stream.cache_gigabytes=inf"], "stream.cache_gigabytes: must be finite and more than 0"),
        (["precision=fp8"], "precision"),
        (["model.imu.heads=3"], "heads"),
        (["model.window=30"], "model.decoder.unpooling"),
        (["model.pose.joints=22"], r"model\.pose\.joints: must be 52, .* not 22"),
        (["optimizer.beta1=1.5"], r"optimizer\.beta1: must lie"),
        (["optimizer.learning_rate=inf"], r"optimizer\.learning_rate: must be finite .* not inf"),
        (["optimizer.learning_rate=nan"], r"optimizer\.learning_rate: must be finite .* not nan"),
        (["optimizer.patience=0"], r"optimizer\.patience: must be at least 1, not 0"),
        (["resume=nowhere"], "nowhere: no such folder"),
        (["contrast_over=epoch"], "contrast_over"),
        (["contrast_over=step", "model.losses.pairs=[]"], "contrast_over: step needs a pair"),
        (["batch_size=5000"], "do not fill one batch"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(
    data: Path, tmp_path: Path, overrides: list[str], says: str
) -> None:
    with pytest.raises(UserError, match=says) as error:
        train.main(arguments(data, tmp_path, *overrides))
    assert "\n" not in str(error.value)


def test_keys_may_stand_on_both_sides_of_the_preset() -> None:
    config = train.read_config(["steps=3", "data=here", "--config", str(TINY), "output=there"])
    assert (config.steps, config.output) == (3, "there")


def test_missing_shards_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing-here: no such folder"):
        train.main(arguments(tmp_path / "nothing-here", tmp_path))


def test_epochs_are_turned_into_steps(data: Path, tmp_path: Path) -> None:
    train.main(arguments(data, tmp_path, "steps=null", "epochs=2", "accumulate=2"))
    stream = train.Stream(open_data(data), 8, 0, 0, 1, StreamConfig())
    assert records(tmp_path)[-1]["step"] == 2 * stream.batches_per_epoch // 2


def test_a_loss_that_is_not_finite_stops_the_run(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"step \d+: .* is (nan|inf)") as error:
        train.main(arguments(data, tmp_path, "optimizer.learning_rate=1e30", "optimizer.warmup=0"))
    said = str(error.value)
    assert re.search(r"embeddings that are not finite: text of clip\d+, .* and \d more", said)
    assert "smaller optimizer.learning_rate" in said


@pytest.mark.parametrize("contrast_over", ["batch", "step"])
def test_samples_that_are_not_finite_are_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contrast_over: str
) -> None:
    to_device, keys = step.to_device, []

    def spoil(batch: Batch, device: torch.device) -> Batch:
        batch["pose"][3, 7, 5] = torch.inf
        keys.append(batch["key"][3])
        return to_device(batch, device)

    monkeypatch.setattr(step, "to_device", spoil)
    overrides = ("accumulate=2", f"contrast_over={contrast_over}")
    with pytest.raises(UserError) as error:
        train.main(arguments(data, tmp_path, *overrides))
    named = ", ".join(dict.fromkeys(keys))
    assert str(error.value) == (
        "step 1: loss/contrastive/text-pose is nan; the shards hold values that are not finite: "
        f"pose of {named} (rank 0); make them without these"
    )
    assert not (tmp_path / "checkpoints").exists()
