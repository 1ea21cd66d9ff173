"""Several data sets: at once, and one after another."""

from itertools import islice
from pathlib import Path

import pytest
from made_shards import make_shards
from test_train import train_until_broken_off
from training import TINY, records, results

from cluster.config import load_config
from cluster.errors import UserError
from datagen.shards import load_manifest
from pretrain import train
from pretrain.checkpoint import Found, State
from pretrain.config import TrainConfig
from pretrain.data import open_data
from pretrain.evaluate import shortfall_of, validation_pool
from pretrain.losses import PAIRS
from pretrain.schedule import learning_rate
from pretrain.stages import begin, describe_stage, open_stages
from pretrain.stream import Position, Stream, StreamConfig


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data sets; the clips of the second have more frames."""
    one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
    make_shards(one)
    make_shards(other, train_shards=3, samples=5, length=400)
    return one, other


def command(output: Path, *overrides: str) -> list[str]:
    return ["--config", str(TINY), f"output={output}", *overrides]


def staged(folders: tuple[Path, Path], output: Path, *overrides: str) -> list[str]:
    one, other = folders
    stages = f"stages=[{{data: {one}, steps: 6}}, {{data: [{other}], epochs: 1}}]"
    return command(output, "steps=null", stages, *overrides)


def test_folders_at_once_are_one_stream_over_all(folders: tuple[Path, Path]) -> None:
    data = open_data(*folders)
    stream = Stream(data, 1, 0, 0, 1, StreamConfig(open_shards=8))
    manifests = [load_manifest(folder) for folder in folders]
    assert stream.windows == sum(
        shard.windows for manifest in manifests for shard in manifest.of_split("train")
    )
    lengths = sorted(shard.windows for manifest in manifests for shard in manifest.shards)
    assert sorted(each.windows for each in (*data.train, *data.validation)) == lengths
    # The clips of both come mixed, and each window once.
    seen = [batch["key"][0] for batch, _ in islice(stream.batches(), stream.batches_per_epoch)]
    alone = [
        batch["key"][0]
        for folder in folders
        for part in [Stream(open_data(folder), 1, 0, 0, 1, StreamConfig())]
        for batch, _ in islice(part.batches(), part.batches_per_epoch)
    ]
    assert sorted(seen) == sorted(alone)
    pool = validation_pool(data, 1000, seed=0)
    assert len(pool["key"]) == sum(
        shard.windows for manifest in manifests for shard in manifest.of_split("validation")
    )


def test_the_command_takes_one_folder_or_several(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = folders
    train.main(command(tmp_path / "plain", f"data={one}", "steps=2"))
    train.main(command(tmp_path / "listed", f"data=[{one}]", "steps=2"))
    assert results(tmp_path / "plain") == results(tmp_path / "listed")
    train.main(command(tmp_path / "both", f"data=[{one},{other}]", "steps=2"))
    assert results(tmp_path / "both") != results(tmp_path / "plain")
    assert f"{one} and {other}; " in (tmp_path / "both" / "log.txt").read_text()


@pytest.fixture(scope="module")
def whole(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole")
    train.main(staged(folders, output))
    return output


def test_a_stage_is_to_the_weights_what_a_run_is(
    folders: tuple[Path, Path], whole: Path, tmp_path: Path
) -> None:
    one, other = folders
    train.main(command(tmp_path, f"data={one}", "steps=6"))
    first = records(tmp_path)
    both = records(whole)
    assert [row["loss/total"] for row in both[:6]] == [row["loss/total"] for row in first]
    steps = Stream(open_data(other), 8, 0, 0, 1, StreamConfig()).batches_per_epoch
    assert [row["step"] for row in both] == list(range(1, 6 + steps + 1))
    # A schedule of its own: the rate begins anew and falls to its end with each stage.
    optimizer = load_config(TrainConfig, TINY, [f"output={tmp_path}"]).optimizer
    assert [row["learning_rate"] for row in both] == [
        learning_rate(optimizer, step, length, 0) for length in (6, steps) for step in range(length)
    ]
    judged = [row["step"] for row in records(whole, "validation")]
    assert judged == sorted({4, 6, *range(8, 6 + steps, 4), 6 + steps})


def test_the_best_is_that_of_the_last_stage(whole: Path) -> None:
    after = [row for row in records(whole, "validation") if row["step"] > 6]
    best = min(after, key=lambda row: shortfall_of(row, PAIRS))
    card = (whole / "release" / "card.md").read_text()
    assert f"for {best['step']} steps" in card
    assert "h of made, then 0." in card
    log = (whole / "log.txt").read_text()
    assert "stage 1 of 2, to step 6: " in log


@pytest.mark.parametrize("steps", [3, 6, 7])
def test_a_run_broken_off_in_any_stage_continues_exactly(
    folders: tuple[Path, Path],
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    arguments = staged(folders, tmp_path, "save.every=1")
    train_until_broken_off(arguments, steps, monkeypatch)
    train.main(arguments)
    assert results(tmp_path) == results(whole)


def test_steps_that_end_within_the_warm_up_are_told(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    config = load_config(TrainConfig, TINY, [f"data={folders[0]}", f"output={tmp_path}"])
    streams = open_stages(config, 0, 1)
    short = "; its 8 steps end within the warm-up of 9 (optimizer.warmup)"
    for warmup, told in ((9, True), (8, False)):
        assert (short in describe_stage(streams, 0, State(ends=[8]), warmup)) == told
    both = describe_stage([*streams, *streams], 1, State(ends=[4, 12]), 9)
    assert short in both


def test_epochs_that_do_not_fill_one_step_are_refused(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    batches = Stream(open_data(folders[0]), 8, 0, 0, 1, StreamConfig()).batches_per_epoch
    line = command(tmp_path, f"data={folders[0]}", "steps=null", "epochs=2")
    config = train.read_config([*line, f"accumulate={2 * batches}"])
    state, _ = begin(config, open_stages(config, 0, 1), None)
    assert state.ends == [1]
    config = train.read_config([*line, f"accumulate={2 * batches + 1}"])
    says = f"^accumulate: a step takes {2 * batches + 1} batches, but epochs=2 .* {2 * batches};"
    with pytest.raises(UserError, match=says):
        open_stages(config, 0, 1)


def test_stages_of_another_length_or_order_are_not_continued(
    folders: tuple[Path, Path], whole: Path
) -> None:
    one, other = folders
    for stages, says in (
        (f"[{{data: {one}, steps: 5}}, {{data: {other}, epochs: 1}}]", "stages: is"),
        (f"[{{data: {other}, steps: 6}}, {{data: {one}, epochs: 1}}]", "data: not the shards"),
    ):
        with pytest.raises(UserError, match=says):
            train.main(command(whole, "steps=null", f"stages={stages}"))


@pytest.mark.parametrize(
    ("step", "position", "ends", "goes_on_at"),
    [
        # Within a stage of steps: its end stays, the next stage's epoch has half as many steps.
        (3, Position(0, 3), [6, 6 + 12], Position(1, 0)),
        # Between the two nothing is left out.
        (6, Position(0, 0), [6, 6 + 12], Position(0, 0)),
        # Within a stage of epochs: those that are left follow.
        (8, Position(0, 2), [6, 8 + 1], Position(1, 0)),
        # A finished run stays finished.
        (30, Position(1, 0), [6, 30], Position(1, 0)),
    ],
)
def test_another_number_of_ranks_goes_on_in_any_stage(
    folders: tuple[Path, Path],
    tmp_path: Path,
    step: int,
    position: Position,
    ends: list[int],
    goes_on_at: Position,
) -> None:
    # The second data set has 99 windows: 24 batches of 4 for one rank, 12 for each of two.
    config = train.read_config(staged(folders, tmp_path, "batch_size=4"))
    streams = open_stages(config, 0, 2)
    one_rank = State(step=step, position=position, ends=[6, 30])
    state, left_out = begin(config, streams, Found(tmp_path, one_rank, 1))
    assert (state.ends, state.position) == (ends, goes_on_at)
    assert ("is left out" in left_out) == (position != goes_on_at)


@pytest.mark.parametrize("form", ["data=[{0},{1}]", "stages=[{{data: {0}}}, {{data: {1}}}]"])
def test_text_vectors_of_several_kinds_are_refused(tmp_path: Path, form: str) -> None:
    for name in ("minilm", "instructor"):
        make_shards(tmp_path / name, text_backends=(name,), samples=1)
    given = form.format(tmp_path / "minilm", tmp_path / "instructor")
    given = given.replace("}", ", steps: 2}")
    overrides = [given, "steps=2"] if form.startswith("data") else [given, "steps=null"]
    with pytest.raises(UserError, match=r"several kinds .*minilm .*instructor") as caught:
        train.main(command(tmp_path / "run", *overrides))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([], "config: data has no value"),
        (["data=[]"], "config: data has no value"),
        (["data=[a,a]"], "config: data names a folder twice"),
        (["data=[a,./b/../a]"], "config: data names a folder twice"),
        (["stages=[{data: a, steps: 1}]"], "steps: the stages have their own; give steps=null"),
        (["steps=null", "stages=[{data: a}]"], r"stages\[0\]: give either steps or epochs"),
        (["steps=null", "stages=[{data: a, steps: 0}]"], r"stages\[0\]: steps must be at least 1"),
        (["steps=null", "stages=[{steps: 1}]"], r"stages\[0\]: data has no value"),
        (["steps=null", "stages=[{data: a, stps: 1}]"], "stps"),
        (["steps=null", "stages=[{data: a, steps: 1}]", "data=b"], "give data=null beside stages"),
        (["data={a: 1}"], "config: data has no value"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, overrides: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        train.main(command(tmp_path, *overrides))
    assert "\n" not in str(caught.value)
