"""A classifier is fitted, written whole, and loaded in one line."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import finetune.training
from cluster.errors import UserError
from finetune.classifier_release import load_classifier
from finetune.classifiers import ClassifierConfig
from finetune.config import FinetuneConfig
from finetune.continuation import Continuation
from finetune.final import FitConfig, hold_out
from finetune.folds import FoldsConfig
from finetune.training import TrainingConfig
from finetune.windows import WindowsConfig, cut_windows
from pretrain import release
from tests.finetune import made_target
from tests.finetune.made_classifier import SMALL, fitted


def test_it_recognises_people_it_never_saw(tiny_release: Path, tmp_path: Path) -> None:
    longer = TrainingConfig(epochs=20, batch_size=16, learning_rate=5e-3)
    target = made_target.waves(people=6)
    known = replace(target, recordings=target.recordings[:-3])
    classifier = fitted(tmp_path / "model", tiny_release, known, row="base", training=longer)
    for recording in target.recordings[-3:]:
        found = classifier.predict(recording.signals_TWC[:, 0], recording.timestamps_T)
        assert set(found.labels) == {target.label_names[recording.labels_T[0]]}


def test_fitting_again_gives_the_same_classifier_and_a_card(
    tiny_release: Path, folder: Path, tmp_path: Path
) -> None:
    classifier = load_classifier(folder)
    again = fitted(tmp_path / "model", tiny_release, made_target.waves(people=4))
    for name, value in classifier.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    card = (folder / "card.md").read_text()
    for words in ("Held out: p", "class 2", "left wrist with gyroscope", "9.81 upwards"):
        assert words in card
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_fit_takes_the_place_of_another_with_its_onnx_file(
    tiny_release: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model" / "classifier.onnx").touch()
    fitted(tmp_path / "model", tiny_release, made_target.waves(people=4, classes=2))
    assert load_classifier(tmp_path / "model").label_names == ("class 0", "class 1")
    assert not (tmp_path / "model" / "classifier.onnx").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("epochs_before", [1, 3])
def test_a_killed_fit_goes_on_with_the_same_numbers(
    tiny_release: Path, tmp_path: Path, early_stopping: bool, epochs_before: int
) -> None:
    training = TrainingConfig(
        epochs=6, batch_size=16, early_stopping=early_stopping, unfreeze_patience=1
    )
    given = {"target": made_target.waves(people=4), "training": training}
    undisturbed = fitted(tmp_path / "whole", tiny_release, **given)
    trained: list[int] = []
    real = finetune.training._train_epoch

    def dies(*arguments: Any) -> float:
        if len(trained) == epochs_before:
            raise KeyboardInterrupt
        trained.append(arguments[-1])
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune.training, "_train_epoch", dies)
        with pytest.raises(KeyboardInterrupt):
            fitted(tmp_path / "killed", tiny_release, **given)
    assert not (tmp_path / "killed").exists()

    def goes_on(*arguments: Any) -> float:
        trained.append(arguments[-1])
        return real(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune.training, "_train_epoch", goes_on)
        continued = fitted(tmp_path / "killed", tiny_release, **given)
    assert trained == list(range(len(trained)))
    for name, value in undisturbed.network.state_dict().items():
        assert torch.equal(value, continued.network.state_dict()[name]), name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "whole"]


def test_what_a_fit_with_other_settings_left_is_removed(tmp_path: Path) -> None:
    left = Continuation.beside(tmp_path / "model", ["one"])
    left.save({})
    assert Continuation.beside(tmp_path / "model", ["one"]).load() is not None
    assert Continuation.beside(tmp_path / "model", ["other"]).load() is None
    assert not list(tmp_path.iterdir())


def test_a_classifier_appears_whole_or_not_at_all(
    tiny_release: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def dies(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(release, "_put_in_place", dies)
    with pytest.raises(OSError, match="no space"):
        fitted(folder, tiny_release, made_target.waves(people=4))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_who_is_held_out_leaves_every_class_to_training() -> None:
    windows = cut_windows(made_target.waves(people=5), SMALL["windows"])
    last = windows.subjects_N == "p4"
    alone = replace(windows, labels_N=np.where(last, 2, windows.labels_N.clip(max=1)))
    for seed in range(5):
        held = hold_out(alone, 0.4, seed)
        assert len(held) == 2
        assert "p4" not in held
    assert hold_out(windows, 0.01, 0) == hold_out(windows, 0.01, 0)


def test_all_people_are_learned_from_where_nobody_is_held_out(
    tiny_release: Path, tmp_path: Path
) -> None:
    target, everybody = made_target.waves(people=3), FoldsConfig(validation_share=0)
    classifier = fitted(tmp_path / "model", tiny_release, target, folds=everybody)
    card = (tmp_path / "model" / "card.md").read_text()
    assert "Trained on 3 people (p0, p1, p2)" in card
    assert "Held out: nobody." in card
    assert "no score says how good it is" in card
    changed = tuple(replace(r, signals_TWC=2 * r.signals_TWC) for r in target.recordings)
    for person in range(3):
        own = [*target.recordings]
        own[person] = changed[person]
        one = replace(target, recordings=tuple(own))
        other = fitted(tmp_path / "other", tiny_release, one, folds=everybody).network.state_dict()
        assert not torch.equal(
            other["classifier.convolve.weight"],
            classifier.network.state_dict()["classifier.convolve.weight"],
        )
    stopping = replace(SMALL["training"], early_stopping=True)
    with pytest.raises(UserError, match=r"validation_share is 0, but training.early_stopping"):
        fitted(tmp_path / "model", tiny_release, target, folds=everybody, training=stopping)


def test_the_test_people_of_a_split_are_not_learned_from(
    tiny_release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = {"train": ["p0", "p1", "p4"], "validation": ["p2"], "test": ["p3"]}
    folds = FoldsConfig(count=1, split=split)
    target = made_target.waves(people=6)
    classifier = fitted(tmp_path / "model", tiny_release, target, folds=folds)
    card = (tmp_path / "model" / "card.md").read_text()
    assert "Trained on 3 people (p0, p1, p4)" in card
    assert "Held out: p2." in card
    known = replace(target, recordings=tuple(r for r in target.recordings if r.subject < "p5"))
    changed = replace(
        known,
        recordings=tuple(
            replace(r, signals_TWC=9 * r.signals_TWC) if r.subject == "p3" else r
            for r in known.recordings
        ),
    )
    again = fitted(tmp_path / "other", tiny_release, changed, folds=folds)
    for name, value in classifier.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    split["test"] = ["p9"]
    with pytest.raises(UserError, match=r"folds.split: p9 has no window"):
        fitted(tmp_path / "other", tiny_release, target, folds=folds)


@pytest.mark.parametrize(
    ("people", "keys", "message"),
    [
        (1, {}, "one person alone"),
        (4, {"row": "deepconvlstm"}, "row is deepconvlstm, which is no network on an IMU encoder"),
        (4, {"row": "svm"}, "row is svm, which is no network on an IMU encoder"),
        (4, {"classifier": ClassifierConfig(width=15, heads=2)}, "classifier.width is 15"),
        (2, {"windows": WindowsConfig(seconds=20)}, "no labelled window of 20 s"),
        (4, {"estimate_frame": True}, "estimate_frame: a classifier has to read recordings that"),
    ],
)
def test_what_cannot_be_fitted_is_one_line(
    tiny_release: Path, tmp_path: Path, people: int, keys: dict, message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        fitted(tmp_path / "model", tiny_release, made_target.waves(people), **keys)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model").exists()


def test_an_output_that_cannot_be_written_is_told_before_anything_is_trained(
    tiny_release: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"output=.*: .*file is no folder that can be written to"):
        fitted(tmp_path / "file" / "model", tiny_release, made_target.waves(people=3))


def test_one_class_alone_cannot_be_fitted(tiny_release: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one class alone, class 0"):
        fitted(tmp_path / "model", tiny_release, made_target.waves(people=3, classes=1))


def test_the_keys_of_run_are_those_of_fit() -> None:
    assert issubclass(FitConfig, FinetuneConfig)


@pytest.mark.parametrize("name", ["model.safetensors", "config.yaml"])
def test_an_incomplete_folder_is_one_line(folder: Path, tmp_path: Path, name: str) -> None:
    for path in folder.iterdir():
        if path.name != name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=f"not a classifier, {name} is missing"):
        load_classifier(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        load_classifier(tmp_path / "nowhere")


def test_a_classifier_is_no_release_and_a_release_no_classifier(
    folder: Path, tiny_release: Path
) -> None:
    with pytest.raises(UserError, match=r"not a classifier.* has no label_names"):
        load_classifier(tiny_release)
    with pytest.raises(UserError, match=r"not a release of encoders.* has no text_size"):
        release.load_pretrained(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate: 60", "rate: 100", "rate is 100"),
        ("format_version: 1", "format_version: 2", "format 2"),
        ("- class 2\n", "", "another architecture"),
        ("mirror: left", "mirrors: left", "unknown key windows.mirrors"),
        ("wrists:\n- left", "wrists: []", "names no wrists"),
        (
            "width: 16\n  kernel",
            "width: 15\n  kernel",
            "classifier.width is 15; it must be a mu",
        ),
        ("seconds: 2", "seconds: 0", "windows.seconds is 0; at least 1"),
    ],
)
def test_a_folder_that_does_not_fit_is_one_line(
    folder: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    text = (tmp_path / "config.yaml").read_text()
    assert old in text
    (tmp_path / "config.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=message) as error:
        load_classifier(tmp_path)
    assert "\n" not in str(error.value)
