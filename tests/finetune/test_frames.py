"""Axes and the sign of gravity, found again on made arms and on real watches.

Shape letters: N windows, T frames, C channels, P people, K candidates.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from cluster.config import load_config
from cluster.errors import UserError
from finetune import frame_command
from finetune.__main__ import main
from finetune.agreements import conclusion
from finetune.frame_command import FrameConfig
from finetune.frames import by_lever, by_posture, candidates, judge, lever_fit
from finetune.targets.choose import read_unchecked
from finetune.targets.recording import Target
from finetune.windows import MIRROR_SIGNS_C
from tests.finetune import made_target
from tests.finetune.made_arms import ARMS, PLACE, undo


def test_the_candidates_are_all_right_handed_axes_with_both_signs() -> None:
    every = candidates(every_axis=True)
    assert len({(option.frame, option.sign) for option in every}) == 48
    assert len(candidates(every_axis=False)) == 8
    for options in (every, candidates(every_axis=False)):
        assert (options[0].frame, options[0].sign) == ("[x, y, z]", 1)
        assert all(np.linalg.det(option.rotation) == pytest.approx(1) for option in options)
    option = next(each for each in every if each.frame == "[-y, x, z]" and each.sign == -1)
    assert option.turn(np.arange(1.0, 7.0)).tolist() == [2, -1, -3, -5, 4, 6]


def test_the_place_of_the_watch_is_found() -> None:
    for signals_NTC in ARMS:
        np.testing.assert_allclose(lever_fit(signals_NTC), PLACE, atol=0.03)


@pytest.mark.parametrize("number", range(0, 48, 5))
@pytest.mark.parametrize("right", [False, True])
def test_every_frame_is_found_again_by_physics(number: int, right: bool) -> None:
    options = candidates(every_axis=True)
    arms = [undo(number, a * MIRROR_SIGNS_C if right else a) for a in ARMS]
    agreements = {
        "lever": np.stack([by_lever(a, options, right) for a in arms]),
        "posture": np.stack([by_posture(a, options, right) for a in arms]),
    }
    verdict = judge(agreements)
    assert verdict.best == number
    assert verdict.certainty == 1


def test_a_right_watch_with_the_other_sign_is_a_left_one_turned_about_x() -> None:
    turned = next(o for o in candidates(False) if (o.frame, o.sign) == ("[x, -y, -z]", -1))
    right = ARMS[0] * MIRROR_SIGNS_C
    np.testing.assert_allclose(turned.turn(right), ARMS[0], atol=1e-12)


WATCH = Path("configs/finetune/watch.yaml")


def arms(gyroscope: bool) -> Target:
    """Three people's left watches, in the watch frame."""
    recordings = []
    for person, signals_NTC in enumerate(ARMS[:3]):
        signals_TWC = np.zeros((signals_NTC.shape[0] * 240, 2, 6))
        channels = 6 if gyroscope else 3
        signals_TWC[:, 0, :channels] = signals_NTC.reshape(-1, 6)[:, :channels]
        times_T = np.arange(len(signals_TWC)) / 60
        recordings.append(
            made_target.recording(
                signals_TWC, times_T, subject=f"p{person}", has_gyroscope=gyroscope
            )
        )
    return made_target.target(*recordings)


def run(monkeypatch: pytest.MonkeyPatch, *changes: str, preset: Path = WATCH) -> int:
    arguments = ["frame", "--config", str(preset), *changes]
    monkeypatch.setattr(sys, "argv", ["finetune", *arguments])
    return main()


def test_a_real_watch_as_configured_and_with_the_other_sign(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "people=['01','02','03','04']"
    assert run(monkeypatch, people) == 0
    said = capsys.readouterr().out
    assert said.count("as configured: ahead of") == 2
    assert "training people only" not in said
    assert run(monkeypatch, people, "target.seglearn_watch.gravity_sign=1") == 0
    said = capsys.readouterr().out
    assert said.count("not as configured: [x, y, z], gravity -1 is ahead of") == 2
    keys = "so write target.seglearn_watch.frame=[x,y,z] target.seglearn_watch.gravity_sign=-1\n"
    assert said.count(keys) == 2


@pytest.mark.parametrize("frame", ["[-y,x,z]", "[x,-z,y]"])
def test_axes_in_another_order_are_found_and_told_as_keys(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_release: Path,
    frame: str,
) -> None:
    turned = f"target.seglearn_watch.frame={frame}"
    assert run(monkeypatch, turned, "target.seglearn_watch.gravity_sign=1") == 0
    keys = "so write target.seglearn_watch.frame=[x,y,z] target.seglearn_watch.gravity_sign=-1\n"
    said = capsys.readouterr().out
    assert said.count(keys) == 2
    assert run(monkeypatch, turned, f"release={tiny_release}") == 0
    said = capsys.readouterr().out
    assert said.count(keys) == said.count("the release is not asked: by physics the axes are") == 2


@pytest.mark.parametrize("number", range(0, 48, 7))
@pytest.mark.parametrize("stated", ["[x,y,z]", "[-z,x,-y]"])
def test_the_keys_told_undo_any_turn_of_the_sensor(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    number: int,
    stated: str,
) -> None:
    """What is read with the keys is what a watch in the watch frame would have read."""
    truth_PTC = [signals_NTC.reshape(-1, 6) for signals_NTC in ARMS[:3]]
    for person, true_TC in enumerate(truth_PTC):
        table = pd.DataFrame(undo(number, true_TC), columns=["ax", "ay", "az", "gx", "gy", "gz"])
        table.assign(t=np.arange(len(table)) / 60, activity="swing").to_csv(
            tmp_path / f"p{person}_left.csv", index=False
        )
    described = tmp_path / "own.yaml"
    described.write_text(
        "target: {csv: {files: '{person}_{wrist}.csv', time: t, label: activity}}\n"
    )
    folder = f"target.csv.folder={tmp_path}"
    assert run(monkeypatch, folder, f"target.csv.frame={stated}", preset=described) == 0
    keys = r"so write (target.csv.frame=\S+) (target.csv.gravity_sign=\S+)"
    told = re.search(keys, capsys.readouterr().out)
    right = told.groups() if told else (f"target.csv.frame={stated}",)
    config = load_config(FrameConfig, described, [folder, *right])
    for part, true_TC in zip(read_unchecked(config.target).recordings, truth_PTC, strict=True):
        np.testing.assert_allclose(part.signals_TWC[:, 0], true_TC, atol=1e-9)


def test_labels_are_never_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_release: Path
) -> None:
    target = arms(gyroscope=True)
    rng = np.random.default_rng(0)
    noise = [rng.integers(-1, 3, len(each.labels_T)) for each in target.recordings]
    noisy = tuple(
        replace(each, labels_T=labels_T)
        for each, labels_T in zip(target.recordings, noise, strict=True)
    )
    said = []
    for version in (target, replace(target, recordings=noisy)):
        monkeypatch.setattr(frame_command, "read_unchecked", lambda _, found=version: found)
        assert run(monkeypatch, f"release={tiny_release}") == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert "release" in said[0]
    assert "training people only" in said[0]


def test_without_gyroscope_posture_remains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(frame_command, "read_unchecked", lambda _: arms(gyroscope=False))
    run(monkeypatch)
    said = capsys.readouterr().out
    assert "posture" in said
    assert "lever" not in said
    assert "cannot be told: " in said
    assert "\nwhere the order of the axes is known, half_turns=true leaves fewer" in said
    run(monkeypatch, "half_turns=true")
    assert "as configured: ahead of" in capsys.readouterr().out
    run(monkeypatch, "people=[p0,p1]")
    assert "cannot be told from 2 people; at least 3 are needed" in capsys.readouterr().out


def test_noise_cannot_be_told() -> None:
    rng = np.random.default_rng(0)
    verdict = judge({"lever": rng.normal(size=(6, 8)), "posture": rng.normal(size=(6, 8))})
    said = conclusion(verdict, candidates(every_axis=False))
    assert said.startswith("cannot be told: ")


def test_geotec_is_a_left_watch_of_specific_force(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shared_data: Path,
    tmp_path: Path,
) -> None:
    for person in ("s01", "s02", "s03", "s04"):
        (tmp_path / person).symlink_to(shared_data / "geotec" / person)
    preset = Path("configs/finetune/targets/geotec.yaml")
    assert run(monkeypatch, f"target.geotec.folder={tmp_path}", preset=preset) == 0
    assert "as configured: ahead of" in capsys.readouterr().out


def test_mistakes(monkeypatch: pytest.MonkeyPatch, tiny_release: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"people: nobody is nobody; there are 01, 02"):
        run(monkeypatch, "people=[nobody]")
    with pytest.raises(UserError, match="no such release folder"):
        run(monkeypatch, f"release={tmp_path / 'none'}")
    other = tmp_path / "other"
    other.mkdir()
    config = OmegaConf.load(tiny_release / "config.yaml")
    config.model.losses.regressions = ["pose2imu"]
    OmegaConf.save(config, other / "config.yaml")
    (other / "model.safetensors").symlink_to(tiny_release / "model.safetensors")
    with pytest.raises(UserError, match="was not trained to reconstruct"):
        run(monkeypatch, f"release={other}")


def test_a_test_without_an_answer_is_left_out() -> None:
    rng = np.random.default_rng(0)
    posture = rng.normal(size=(4, 8))
    unknown = np.full((4, 8), np.nan)
    verdict = judge({"lever": unknown, "posture": posture})
    assert verdict.tests == ("posture",)
    assert verdict.best == posture.mean(0).argmax()
    with pytest.raises(UserError, match="the signals are the same all the time"):
        judge({"lever": unknown})


def test_a_gyroscope_of_zeros_says_nothing_of_the_lever() -> None:
    still_NTC = np.tile([-9.81, 0, 0, 0, 0, 0], (3, 240, 1))
    assert np.isnan(by_lever(still_NTC, candidates(False), right=False)).all()
