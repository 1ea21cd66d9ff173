"""The commands `predict` and `export`, as a user gives them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from cluster.errors import UserError
from finetune import export
from finetune.__main__ import main
from finetune.classifier_release import load_classifier
from finetune.recogniser import Classifier, Predictions
from finetune.streaming import windows_of
from finetune.timeline import averaged, timeline
from finetune.windows import WindowsConfig
from tests.finetune import made_target
from tests.finetune.made_classifier import fitted, moving, times_of, worn_on
from tests.finetune.made_recordings import wrist as made_wrist


@pytest.fixture(scope="module")
def classifier(folder: Path) -> Classifier:
    return load_classifier(folder)


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["finetune", *map(str, arguments)])
        assert main() == 0
        return capsys.readouterr().out

    return run


def write_recording(path: Path, **columns: object) -> Path:
    times_T = times_of("50 Hz")
    table = pd.DataFrame(moving(times_T), columns=["ax", "ay", "az", "gx", "gy", "gz"])
    table.insert(0, "time", times_T)
    for name, change in columns.items():
        table[name] = change(table[name]) if callable(change) else change
    table.to_csv(path, index=False)
    return path


def test_a_folder_of_recordings_becomes_a_classifier_that_labels_another(
    tiny_release: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    """From CSV files to labels, by commands alone."""
    columns = ["ax", "ay", "az", "gx", "gy", "gz"]
    for recording in made_target.waves(people=4, classes=2).recordings:
        table = pd.DataFrame(recording.signals_TWC[:, 0], columns=columns)
        table["az"] += 9.81
        table["activity"] = ["still", "quick"][recording.labels_T[0]]
        path = tmp_path / recording.subject / f"{table['activity'][0]}.csv"
        path.parent.mkdir(exist_ok=True)
        table.to_csv(path, index=False)
    target = tmp_path / "target.yaml"
    target.write_text(
        f"target: {{csv: {{folder: {tmp_path}, files: '{{person}}/*.csv', rate: 50, wrist: left, "
        "label: activity}}\nwindows: {seconds: 2}\ntraining: {epochs: 15, learning_rate: 0.005}\n"
        "classifier: {width: 16, heads: 2, feed_forward: 16, expert_width: 8}\nrow: base\n"
    )
    output = tmp_path / "model"
    said = command(
        "fit", "--config", target, f"release={tiny_release}", f"output={output}"
    ).splitlines()
    assert said[1].startswith("Base (no pre-training) trained on 3 people of csv ")
    assert said[-1] == str(output)
    command("predict", output, tmp_path / "p0" / "quick.csv", "rate=50")
    labels = pd.read_csv(tmp_path / "p0" / "quick.labels.csv")["label"]
    assert set(labels) == {"quick"}


def test_predict_writes_labels_over_time_and_a_picture(
    folder: Path, classifier: Classifier, tmp_path: Path, command: Callable[..., str]
) -> None:
    """The same recording in other units, another frame and with another clock."""
    path = write_recording(tmp_path / "walk.csv")
    printed = command("predict", folder, path, "time=time")
    assert "walk.csv: 10 windows of 2 s in 11.3 s, most of them class" in printed
    table = pd.read_csv(tmp_path / "walk.labels.csv")
    assert list(table) == ["start", "end", "label", "class 0", "class 1", "class 2"]
    times_T = times_of("50 Hz")
    whole = classifier.predict(moving(times_T), times_T - times_T[0])
    np.testing.assert_allclose(table["start"], whole.starts_N, atol=1e-3)
    np.testing.assert_allclose(table.iloc[:, 3:], whole.probabilities_NK, atol=1e-5)
    assert table["label"].tolist() == whole.labels
    assert (tmp_path / "walk.labels.png").read_bytes().startswith(b"\x89PNG")
    other = pd.read_csv(path)
    turned = pd.DataFrame(
        {
            "stamp": 1000 * other["time"],
            "a1": -other["ay"] / 9.81,
            "a2": other["ax"] / 9.81,
            "a3": other["az"] / 9.81,
            "g1": -np.degrees(other["gy"]),
            "g2": np.degrees(other["gx"]),
            "g3": np.degrees(other["gz"]),
        }
    )
    turned.to_csv(tmp_path / "other.csv", index=False)
    keys = tmp_path / "watch.yaml"
    keys.write_text(
        "accelerometer: [a1, a2, a3]\naccelerometer_unit: g\ngyroscope: [g1, g2, g3]\n"
        "gyroscope_unit: deg/s\ntime: stamp\ntime_unit: ms\nframe: ['y', '-x', z]\n"
    )
    output = f"output={tmp_path / 'labels'}"
    command("predict", folder, tmp_path / "other.csv", "--config", keys, output)
    again = pd.read_csv(tmp_path / "labels" / "other.labels.csv")
    np.testing.assert_allclose(again.iloc[:, 3:], table.iloc[:, 3:], atol=1e-4)


@pytest.mark.parametrize("gyroscope", [True, False])
def test_predict_takes_a_recording_of_both_wrists(
    tiny_release: Path, tmp_path: Path, command: Callable[..., str], gyroscope: bool
) -> None:
    target = worn_on(made_target.waves(people=3), (True, True), gyroscope=gyroscope)
    model = tmp_path / "model"
    classifier = fitted(model, tiny_release, target, windows=WindowsConfig(2, mirror="none"))
    times_T = times_of("50 Hz")
    signals_TWC = np.stack([moving(times_T), np.roll(moving(times_T), 200, axis=0)], axis=1)
    table = pd.DataFrame({"time": times_T})
    for wrist, side in enumerate("lr"):
        for channel, name in enumerate(["ax", "ay", "az", "gx", "gy", "gz"]):
            table[f"{side}_{name}"] = signals_TWC[:, wrist, channel]
    table.to_csv(tmp_path / "walk.csv", index=False)
    turning = "l_gx,l_gy,l_gz,r_gx,r_gy,r_gz" if gyroscope else ""
    command(
        "predict",
        model,
        tmp_path / "walk.csv",
        "time=time",
        "wrist=both",
        "accelerometer=[l_ax,l_ay,l_az,r_ax,r_ay,r_az]",
        f"gyroscope=[{turning}]",
    )
    found = pd.read_csv(tmp_path / "walk.labels.csv")
    own_TWC = signals_TWC if gyroscope else signals_TWC[..., :3]
    truth = classifier.predict(own_TWC, times_T - times_T[0], wrist="both")
    np.testing.assert_allclose(found.iloc[:, 3:], truth.probabilities_NK, atol=1e-5)


@pytest.mark.parametrize(
    ("columns", "keys", "message"),
    [
        ({}, [], "time and rate: name the column"),
        ({}, ["time=t"], "no column t"),
        ({}, ["time=time", "gyroscope=[a,b,c]"], "no column a, b, c"),
        ({}, ["time=time", "gyroscope=[]"], "trained on left wrist with gyroscope, not on left"),
        ({}, ["time=time", "gyroscope=[gx]"], "name the columns of x, y and z"),
        ({}, ["time=time", "wrist=foot"], "wrist is foot; left, right or both"),
        ({}, ["time=time", "wrist=both"], "x, y and z of the left wrist, then of the right one"),
        ({}, ["time=time", "accelerometer_unit=mg"], "accelerometer_unit is mg; one of m/s2, g"),
        ({}, ["time=time", "acelerometer_unit=g"], "the nearest known key is accelerometer_unit"),
        ({}, ["time=time", "accelerometer_unit=g"], "looks like m/s2 declared as g"),
        ({}, ["time=time", "time_unit=ms"], "1,000 times too small"),
        ({"gx": lambda x: 60 * x}, ["time=time"], "looks like degrees declared as radians"),
        ({"ay": "fast"}, ["time=time"], "column ay holds 'fast' where a number belongs"),
        ({"az": np.nan}, ["time=time"], "not one sample has all its values"),
        ({"time": 1.0}, ["time=time"], "do not rise"),
        ({}, ["rate=500"], "no window of 2 s without a gap"),
    ],
)
def test_recordings_that_cannot_be_read_are_one_line(
    folder: Path,
    tmp_path: Path,
    command: Callable[..., str],
    columns: dict,
    keys: list[str],
    message: str,
) -> None:
    path = write_recording(tmp_path / "walk.csv", **columns)
    with pytest.raises(UserError, match=message) as error:
        command("predict", folder, path, *keys)
    assert "\n" not in str(error.value)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["walk.csv"]


def test_an_empty_file_is_one_line(
    folder: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    (tmp_path / "walk.csv").touch()
    with pytest.raises(UserError, match="the file is empty"):
        command("predict", folder, tmp_path / "walk.csv", "rate=50")


def test_labels_of_somebody_else_are_not_overwritten(
    folder: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    path = write_recording(tmp_path / "walk.csv")
    labels = tmp_path / "walk.labels.csv"
    labels.write_text("start,end,label\n0,30,by hand\n")
    with pytest.raises(UserError, match=r"walk.labels.csv: was not written by predict.*output="):
        command("predict", folder, path, "time=time")
    assert "by hand" in labels.read_text()
    command("predict", folder, path, "time=time", f"output={tmp_path / 'labels'}")
    labels.unlink()
    command("predict", folder, path, "time=time")
    command("predict", folder, path, "time=time")
    with pytest.raises(UserError, match=r"output=.*: .*walk.csv is no folder that can be written"):
        command("predict", folder, path, "time=time", f"output={path}")


def test_recordings_of_one_name_do_not_overwrite_each_others_labels(
    folder: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    output = f"output={tmp_path / 'labels'}"
    for person in ("ann", "bob"):
        (tmp_path / person).mkdir()
        write_recording(tmp_path / person / "walk.csv")
    for _ in range(2):
        command("predict", folder, tmp_path / "ann" / "walk.csv", "time=time", output)
    with pytest.raises(UserError, match=r"walk.labels.csv: holds the labels of .*ann/walk.csv; gi"):
        command("predict", folder, tmp_path / "bob" / "walk.csv", "time=time", output)
    write_recording(tmp_path / "bob" / "walk.txt")
    command("predict", folder, tmp_path / "bob" / "walk.txt", "time=time", output)
    assert (tmp_path / "labels" / "walk.txt.labels.csv").exists()


def test_the_file_that_described_a_target_describes_a_recording_as_well(
    folder: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    path = write_recording(tmp_path / "walk.csv")
    plain = command("predict", folder, path, "time=time", "wrist=right")
    described = tmp_path / "target.yaml"
    described.write_text(
        "target:\n  csv:\n    time: millis\n    time_unit: ms\n    wrist: side\n"
        "    accelerometer_unit: g\n    frame_right: [x, y, z]\n    frame: [-x, -y, z]\n"
    )
    fitting = tmp_path / "fit.yaml"
    fitting.write_text("base: target.yaml\nrow: base\ntarget: {csv: {folder: ~/gone}}\n")
    alone = tmp_path / "base.yaml"
    alone.write_text("base: target.yaml\n")
    table = pd.read_csv(path)
    table[["ax", "ay", "az"]] /= 9.80665
    table.assign(millis=1000 * table.time).to_csv(path, index=False)
    keys = ("--config", described, "wrist=right")
    assert command("predict", folder, path, *keys) == plain
    for config in (fitting, alone):
        assert command("predict", folder, path, "--config", config, "wrist=right") == plain
    with pytest.raises(UserError, match="no column nothing"):
        command("predict", folder, path, *keys, "time=nothing", "time_unit=s")
    alone.write_text("base: target.yaml\ntarget: {csv: {wrist: R}}\n")
    assert command("predict", folder, path, "--config", alone) == plain
    described.write_text("target:\n  geotec: {folder: x}\n")
    with pytest.raises(UserError, match="its target is not csv"):
        command("predict", folder, path, *keys)


def test_what_is_strange_about_a_recording_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    worn = tmp_path / "worn.csv"
    times_T = np.arange(1000) / 50
    table = pd.DataFrame(made_wrist(20, 50), columns=["ax", "ay", "az", "gx", "gy", "gz"])
    table.insert(0, "time", times_T)
    table.loc[100:149, "gx"] = np.nan
    table.to_csv(worn, index=False)
    for keys, told in (
        ((), ["50 samples without a value dropped", "1 gaps in time longer"]),
        (("wrist=right",), ["it looks like the other wrist"]),
        (("gravity_sign=-1",), ["gravity_sign looks wrong"]),
    ):
        monkeypatch.setattr(
            sys, "argv", ["finetune", "predict", str(folder), str(worn), "time=time", *keys]
        )
        assert main() == 0
        warned = capsys.readouterr().err
        assert all(text in warned for text in told)
        assert ("wrong" in warned or "other wrist" in warned) == bool(keys)


def test_the_picture_shows_the_mean_of_the_windows_that_cover_a_moment() -> None:
    predictions = Predictions(
        np.array([0.0, 1.0, 5.0]),
        np.array([2.0, 3.0, 7.0]),
        np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]),
        ("a", "b"),
    )
    edges_E, mean_EK = averaged(predictions)
    np.testing.assert_allclose(edges_E, [0, 1, 2, 3, 5, 7])
    np.testing.assert_allclose(mean_EK[:, 0], [0.8, 0.6, 0.4, np.nan, 0.1])


def test_the_picture_counts_seconds_as_the_table_does() -> None:
    """Both from the recording's first sample, also where a gap keeps the first window waiting."""
    predictions = Predictions(
        np.array([5.0, 6.0]), np.array([7.0, 8.0]), np.array([[0.8, 0.2], [0.4, 0.6]]), ("a", "b")
    )
    picture = timeline(predictions, "walk").axes[0]
    np.testing.assert_allclose(picture.lines[0].get_xdata(), [5, 6, 7, 8])
    np.testing.assert_allclose(picture.collections[0].get_datalim(picture.transData).x0, 5)


def test_names_with_dollars_are_no_formulas() -> None:
    names = ("$a$_$b$", "b")
    predictions = Predictions(np.zeros(1), np.ones(1), np.array([[0.8, 0.2]]), names)
    timeline(predictions, "walk $1 $2 _").canvas.draw()


def test_the_onnx_file_answers_as_torch_for_any_batch(
    folder: Path, classifier: Classifier, command: Callable[..., str]
) -> None:
    printed = command("export", folder)
    assert "on one core takes" in printed
    assert "MB" in printed
    session = onnxruntime.InferenceSession(str(folder / export.NAME))
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == list(classifier.label_names)
    assert said["mirror"].startswith("left: the other wrist's windows come with ax, gy and gz neg")
    times_T = times_of("50 Hz")
    found = windows_of(times_T, moving(times_T), classifier.windows)
    windows_NTX = np.stack([window_TX for _, window_TX in found])
    for count in (1, 2, len(windows_NTX)):
        (onnx_NK,) = session.run(None, {"imu": windows_NTX[:count].astype(np.float32)})
        np.testing.assert_allclose(
            onnx_NK, classifier.probabilities(windows_NTX[:count]), atol=1e-4
        )
    (folder / export.NAME).unlink()


@pytest.mark.parametrize("worn", ["left", "both"])
def test_without_gyroscope_the_onnx_file_takes_accelerations_alone(
    tiny_release: Path, tmp_path: Path, command: Callable[..., str], worn: str
) -> None:
    target = worn_on(made_target.waves(people=3), (True, worn == "both"), gyroscope=False)
    classifier = fitted(tmp_path, tiny_release, target, row="base")
    assert "onnx: for left wrist without gyroscope" in command("export", tmp_path)
    times_T = times_of("50 Hz")
    signals_TX = moving(times_T, 6 if worn == "both" else 3)
    truth = classifier.predict(signals_TX, times_T, worn)
    found = windows_of(times_T, signals_TX, classifier.windows)
    windows_NTX = np.stack([window_TX for _, window_TX in found]).astype(np.float32)
    session = onnxruntime.InferenceSession(str(tmp_path / export.NAME))
    for count in (1, len(windows_NTX)):
        (onnx_NK,) = session.run(None, {"imu": windows_NTX[:count]})
        np.testing.assert_allclose(onnx_NK, truth.probabilities_NK[:count], atol=1e-5)


def test_a_classifier_of_either_wrist_has_no_one_onnx_file(
    tiny_release: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    target = worn_on(made_target.waves(people=4), (True, False), (False, True))
    fitted(tmp_path, tiny_release, target, windows=WindowsConfig(2, mirror="none"))
    with pytest.raises(UserError, match=r"trained on left wrist .* and on right wrist") as error:
        command("export", tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / export.NAME).exists()


def test_of_several_kinds_of_recording_the_onnx_file_is_for_that_with_all_sensors(
    tiny_release: Path, tmp_path: Path, command: Callable[..., str]
) -> None:
    target = worn_on(made_target.waves(people=4), (True, True), (True, False))
    fitted(tmp_path, tiny_release, target, windows=WindowsConfig(2, mirror="none"))
    said = command("export", tmp_path)
    assert "onnx: for left wrist with gyroscope, right wrist with gyroscope; " in said


def test_the_onnx_file_of_both_wrists_wants_neither_mirrored(
    tiny_release: Path, tmp_path: Path
) -> None:
    target = worn_on(made_target.waves(people=3), (True, True))
    classifier = fitted(tmp_path, tiny_release, target, windows=WindowsConfig(2, mirror="left"))
    assert export.contract(classifier)["mirror"] == "none"


def test_an_onnx_file_that_differs_is_not_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "write_onnx", lambda _, path: path.touch())
    monkeypatch.setattr(export, "_difference", lambda *_: 2e-4)
    with pytest.raises(UserError, match=r"differs from torch by 2\.0e-04"):
        export.export(folder)
    assert not (folder / export.NAME).exists()
