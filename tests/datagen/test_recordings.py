"""Readers of watches on damaged files, and the checks of units on signals that are known."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cluster.errors import UserError
from datagen.recording_files import ColumnsConfig, read_mmfit_watch, read_watch_csv
from datagen.recordings import Stream, make_stream
from tests.datagen.made_watch import COLUMNS, write_csv

HEADER = ",".join(COLUMNS)


def swinging(seconds: float = 10.0, rate: float = 100.0, size: float = 6.0):
    """An arm that never rests: times, accelerometer in m/s2, gyroscope in rad/s."""
    times = np.arange(int(seconds * rate)) / rate
    swing = np.sin(2 * np.pi * times)[:, None] * [size, 0.3 * size, 0]
    return times, swing + np.array([0, 0, 9.81]), 0.5 * swing


@given(st.text(max_size=200) | st.lists(st.text("0123456789.,-naif", max_size=30)).map("\n".join))
@example("")
@example("1,2,3,4,5,6,7\n" * 30)
@example("99999999999999999999999,2,3,4,5,6,7\n" * 30)
@example("nan,nan,nan,nan,nan,nan,nan\n" * 30)
@example('"\n')
@settings(max_examples=40, deadline=None)
def test_any_text_is_a_watch_or_one_line(body: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "watch.csv"
        for text in (body, f"{HEADER}\n{body}"):
            path.write_text(text, errors="replace")
            with pytest.raises(UserError) as error:
                read_watch_csv(path, ColumnsConfig())
            assert "\n" not in str(error.value)


@given(st.binary(max_size=400), st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_any_bytes_are_a_watch_of_mmfit_or_one_line(noise: bytes, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        poses = Path(folder) / "w00_pose_3d.npy"
        times, acc, gyro = swinging(1)
        for name, values in (("acc", acc), ("gyr", gyro)):
            stored = np.column_stack([np.floor(30 * times), 1000 * times, values])
            np.save(Path(folder) / f"w00_sw_l_{name}.npy", stored)
        whole = (Path(folder) / "w00_sw_l_acc.npy").read_bytes()
        for damaged in (noise, whole[:cut], whole[:cut] + noise + whole[cut + len(noise) :]):
            (Path(folder) / "w00_sw_l_acc.npy").write_bytes(damaged)
            with contextlib.suppress(UserError):
                read_mmfit_watch(poses, "w00", "left")


def test_what_was_written_is_read_in_the_projects_units(tmp_path: Path) -> None:
    times, acc, gyro = swinging()
    scaled = np.hstack([acc / 9.81e-3, np.degrees(gyro)])
    path = write_csv(tmp_path / "watch.csv", 1e9 * times, scaled)
    columns = ColumnsConfig(time_unit="ns", accelerometer_unit="mg", gyroscope_unit="dps")
    watch = read_watch_csv(path, columns)
    assert watch.span == pytest.approx((0, 9.99))
    np.testing.assert_allclose(watch.streams["accelerometer"].values_S3, acc, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(watch.streams["gyroscope"].values_S3, gyro, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("size", [0.0, 1.0, 6.0, 12.0])
def test_unit_is_found_to_be_right_or_wrong_at_rest_and_in_motion(size: float) -> None:
    times, acc, _ = swinging(size=size)
    make_stream("watch.csv", "accelerometer", times, acc, "m/s2", "s")
    make_stream("watch.csv", "accelerometer", times, acc / 9.81, "g", "s")
    for values, unit in ((acc, "g"), (acc / 9.81, "m/s2"), (acc, "mg"), (1e3 * acc, "m/s2")):
        with pytest.raises(UserError, match=r"watch\.csv: the quiet accelerometer reads"):
            make_stream("watch.csv", "accelerometer", times, values, unit, "s")


def test_nothing_is_interpolated_over_a_gap() -> None:
    times = np.r_[0:1:0.01, 1.5:2.5:0.01]
    stream = Stream(times, np.ones((len(times), 3)))
    asked = np.array([-0.1, 0.0, 0.555, 0.995, 1.2, 1.5, 2.0, 3.0])
    known = np.isfinite(stream.magnitude_at(asked))
    assert known.tolist() == [False, True, True, False, False, True, True, False]
    assert stream.magnitude_at(np.array([0.5]))[0] == pytest.approx(np.sqrt(3))


def test_repeated_time_stamps_count_once() -> None:
    times, acc, _ = swinging()
    twice = np.repeat(times[::2], 2)
    stream = make_stream("watch.csv", "accelerometer", twice, acc, "m/s2", "s")
    np.testing.assert_allclose(stream.times_S, times[::2])
    np.testing.assert_array_equal(stream.values_S3, acc[::2])
