"""Releases: exact, whole or absent, and refused in one line where they do not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cluster.errors import UserError
from pretrain import release
from pretrain.model import Multi3Net
from pretrain.release import ReleaseCard, load_pretrained, save_release
from tests.pretrain.small_model import TEXT_SIZE, made_batch, small_config

CARD = ReleaseCard(
    data="three made clips",
    data_licence="CC0-1.0",
    steps=7,
    scores={"retrieval/pose-left/recall@1": 0.25},
    commit="abc1234",
    text_backend="minilm",
    placement="watch",
)


def trained_model(seed: int = 0) -> Multi3Net:
    torch.manual_seed(seed)
    model = Multi3Net(small_config(), TEXT_SIZE)
    model(made_batch())  # moves the running statistics
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_release(tmp_path / "release", trained_model(), small_config(), CARD)
    return tmp_path / "release"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_round_trip_is_exact(folder: Path) -> None:
    model, batch = trained_model().eval(), made_batch(seed=5)
    loaded = load_pretrained(folder)
    assert not any(part.training for part in loaded.model.modules())
    torch.testing.assert_close(loaded.model.embed(batch), model.embed(batch), rtol=0, atol=0)
    tokens_BCD, embedding_BD = loaded.imu_right(batch["imu_right"])
    torch.testing.assert_close(tokens_BCD, model.imu_right(batch["imu_right"])[0], rtol=0, atol=0)
    torch.testing.assert_close(embedding_BD, model.embed(batch)["right"], rtol=0, atol=0)
    assert loaded.imu_left is loaded.model.imu_left
    assert loaded.pose(batch["pose"]).shape == loaded.text(batch["text"]).shape == (12, 24)
    assert loaded.model_config == small_config()
    assert (loaded.config.rate, loaded.config.window) == (60, 60)
    assert (loaded.config.placement, loaded.config.text_backend) == ("watch", "minilm")
    assert loaded.config.text_size == TEXT_SIZE


def test_the_folder_holds_three_files_and_a_card_that_says_where_it_comes_from(
    folder: Path,
) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["card.md", "config.yaml", "model.safetensors"]
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["release"]
    card = (folder / "card.md").read_text()
    for words in ("three made clips", "CC0-1.0", "7 steps", "abc1234", "recall@1 | 0.25", "watch"):
        assert words in card


def test_a_new_release_takes_the_place_of_the_old_one(folder: Path) -> None:
    save_release(folder, trained_model(seed=1), small_config(), CARD)
    loaded, batch = load_pretrained(folder), made_batch()
    expected = trained_model(seed=1).eval().embed(batch)
    torch.testing.assert_close(loaded.model.embed(batch), expected, rtol=0, atol=0)
    assert [path.name for path in folder.parent.iterdir()] == ["release"]


@pytest.mark.parametrize("step", ["save", "save_config", "_card_text", "_put_in_place"])
def test_a_half_written_release_is_never_seen(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(release, step, dies)
        with pytest.raises(OSError, match="no space"):
            save_release(folder, trained_model(seed=1), small_config(), CARD)
        with pytest.raises(OSError, match="no space"):
            save_release(folder.with_name("other"), trained_model(), small_config(), CARD)
    assert not folder.with_name("other").exists()
    batch = made_batch()
    old = trained_model().eval().embed(batch)
    torch.testing.assert_close(load_pretrained(folder).model.embed(batch), old, rtol=0, atol=0)
    assert [path.name for path in folder.parent.iterdir()] == ["release"]


def test_bfloat16_weights_are_released_in_float32(tmp_path: Path) -> None:
    save_release(tmp_path / "release", trained_model().bfloat16(), small_config(), CARD)
    weights = load_file(tmp_path / "release" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32, torch.int64}
    load_pretrained(tmp_path / "release")


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as error:
        load_pretrained(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


def test_a_folder_that_is_missing_or_empty(tmp_path: Path) -> None:
    assert "no such release folder" in refusal(tmp_path / "nowhere")
    assert "model.safetensors is missing" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml"])
def test_a_file_that_is_missing(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{name} is missing" in refusal(folder)


def test_another_format_version(folder: Path) -> None:
    edit(folder / "config.yaml", "format_version: 1", "format_version: 2\nnewer_key: 1")
    assert "release format 2" in refusal(folder)
    (folder / "config.yaml").write_text("- a list\n")
    assert "release format None" in refusal(folder)
    (folder / "config.yaml").write_text("a: [b\n")
    assert "cannot be read as YAML" in refusal(folder)


def test_a_key_that_nobody_knows(folder: Path) -> None:
    edit(folder / "config.yaml", "placement", "placements")
    assert "unknown key placements" in refusal(folder)


def test_a_configuration_that_contradicts_itself(folder: Path) -> None:
    edit(folder / "config.yaml", "temporal_heads: 2", "temporal_heads: 3")
    assert "model.pose.temporal_heads: must divide" in refusal(folder)


def test_tensors_of_another_architecture_are_named(folder: Path) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["imu_left.out.bias"] = torch.zeros(25)
    weights["imu_left.stem.weight"] = weights.pop("imu_left.out.weight")
    save_file(weights, path)
    message = refusal(folder)
    assert "missing: imu_left.out.weight;" in message
    assert "unexpected: imu_left.stem.weight;" in message
    assert "of another shape: imu_left.out.bias [25] instead of [24]" in message


def test_another_width_in_the_configuration_is_noticed(folder: Path) -> None:
    edit(folder / "config.yaml", "embedding: 24", "embedding: 48")
    message = refusal(folder)
    assert "another architecture" in message
    assert "more" in message


def test_truncated_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert "model.safetensors: cannot be read" in refusal(folder)


def test_a_pickle_in_the_place_of_the_weights_is_not_opened(folder: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, folder / "model.safetensors")
    assert "model.safetensors: cannot be read" in refusal(folder)
