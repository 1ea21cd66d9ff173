from dataclasses import astuple, replace

import numpy as np
import pytest

from cluster.config import load_config
from cluster.errors import UserError
from datagen.config import DatagenConfig, SourcesConfig, check
from datagen.imu import ImuConfig
from datagen.sensor import PARTS, STANDARD_GRAVITY, SensorConfig, Triad, flicker, measured
from datagen.sources.choreography import ChoreographyConfig

RATE = 60.0
MICRO_G, DPS = 1e-6 * STANDARD_GRAVITY, np.pi / 180


def read(acc=None, gyro=None, frames=6000, bodies=1, seed=0, signal=None):
    """Both signals in float64 (bodies, frames, 2, 3), behind triads acc and gyro."""
    ideal = np.zeros((bodies, frames, 2, 3)) if signal is None else signal
    config = SensorConfig(accelerometer=acc or Triad(), gyroscope=gyro or Triad())
    return measured(ideal, ideal[:1], config, RATE, np.random.default_rng(seed))


def allan_deviation(signal_T, frames):
    """Overlapping Allan deviation at `frames` averaged samples, by its definition."""
    sums = np.concatenate([[0], np.cumsum(signal_T)])
    means = (sums[frames:] - sums[:-frames]) / frames
    return np.sqrt(np.mean((means[frames:] - means[:-frames]) ** 2) / 2)


def mean_allan(signals_NTW3, frames):
    flat = signals_NTW3.transpose(0, 2, 3, 1).reshape(-1, signals_NTW3.shape[1])
    return np.sqrt(np.mean([allan_deviation(signal, frames) ** 2 for signal in flat]))


def test_nothing_is_added_by_default():
    signal = np.random.default_rng(1).normal(size=(3, 50, 2, 3)).astype(np.float32)
    acc, gyro = measured(signal, signal[:1], SensorConfig(), RATE, np.random.default_rng(0))
    assert acc is signal
    assert gyro.shape == (1, 50, 2, 3)
    assert SensorConfig() == ImuConfig().sensor == DatagenConfig().imu.sensor


def test_white_noise_has_the_variance_of_its_density_over_half_the_rate():
    acc, gyro = read(Triad(noise_density=180), Triad(noise_density=7), frames=40_000)
    assert acc.std() == pytest.approx(180 * MICRO_G * np.sqrt(30), rel=0.01)
    assert gyro.std() == pytest.approx(7e-3 * DPS * np.sqrt(30), rel=0.01)
    assert abs(np.corrcoef(acc[0, 1:, 0, 0], acc[0, :-1, 0, 0])[0, 1]) < 0.02


def test_white_noise_falls_with_the_root_of_the_averaging_time():
    noise, _ = read(Triad(noise_density=180), frames=30_000, bodies=2)
    for frames in (1, 8, 64):
        expected = 180 * MICRO_G * np.sqrt(1 / (2 * frames / RATE))
        assert mean_allan(noise, frames) == pytest.approx(expected, rel=0.08)


def test_a_random_walk_grows_with_the_root_of_the_averaging_time():
    walk, _ = read(Triad(random_walk=50), frames=30_000, bodies=3)
    for frames in (32, 128, 512):
        expected = 50 * MICRO_G * np.sqrt(frames / RATE / 3)
        assert mean_allan(walk, frames) == pytest.approx(expected, rel=0.15)


def test_bias_instability_is_a_floor_that_averaging_does_not_lower():
    _, drift = read(gyro=Triad(bias_instability=4), frames=40_000, bodies=3)
    floor = 4e-3 * DPS * np.sqrt(2 * np.log(2) / np.pi)
    for frames in (16, 64, 256, 1024):
        assert mean_allan(drift, frames) == pytest.approx(floor, rel=0.12)


def test_flicker_noise_does_not_know_that_its_span_ends():
    noise = flicker((4000, 64), RATE, np.random.default_rng(0))
    ends = np.corrcoef(noise[:, 0], noise[:, -1])[0, 1]
    neighbours = np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]
    assert ends < 0.3 < 0.5 < neighbours


def test_offsets_are_constant_and_each_bodys_own():
    acc, gyro = read(Triad(bias=20), Triad(bias=0.5), frames=50, bodies=400)
    assert np.ptp(acc, axis=1).max() < 1e-12
    assert gyro.shape == (400, 50, 2, 3)
    assert acc[:, 0].std() == pytest.approx(20e-3 * STANDARD_GRAVITY, rel=0.05)
    assert gyro[:, 0].std() == pytest.approx(0.5 * DPS, rel=0.05)


def test_gain_and_cross_axis_errors_are_a_constant_matrix():
    signal = np.random.default_rng(3).normal(size=(500, 4, 2, 3))
    acc, _ = read(Triad(scale=2, misalignment=0.5), signal=signal)
    gains = np.linalg.lstsq(signal[7, :, 1], acc[7, :, 1], rcond=None)[0]
    np.testing.assert_allclose(signal[7, :, 1] @ gains, acc[7, :, 1], atol=1e-12)
    axes = np.zeros((500, 3, 2, 3)) + np.eye(3)[:, None]
    matrices = read(Triad(scale=2, misalignment=0.5), signal=axes)[0].transpose(0, 2, 3, 1)
    own = np.eye(3, dtype=bool)
    assert matrices[..., own].mean() == pytest.approx(1, abs=0.002)
    assert matrices[..., own].std() == pytest.approx(0.02, rel=0.05)
    assert matrices[..., ~own].std() == pytest.approx(0.005, rel=0.05)


def test_readings_end_at_the_range():
    signal = np.linspace(-400, 400, 801)[None, :, None, None] * np.ones((1, 801, 2, 3))
    acc, _ = read(Triad(range=16), signal=signal)
    np.testing.assert_allclose(
        acc, np.clip(signal, -16 * STANDARD_GRAVITY, 16 * STANDARD_GRAVITY), atol=1e-12
    )
    _, gyro = read(gyro=Triad(range=2000), signal=signal)
    assert gyro.max() == pytest.approx(2000 * DPS)


def test_readings_are_whole_steps():
    signal = np.random.default_rng(0).normal(scale=5, size=(1, 3000, 2, 3))
    step = 0.488e-3 * STANDARD_GRAVITY
    acc, _ = read(Triad(resolution=0.488), signal=signal)
    np.testing.assert_allclose(acc / step, np.round(acc / step), atol=1e-6)
    error = acc - signal
    assert np.abs(error).max() <= step / 2 * (1 + 1e-9)
    assert error.std() == pytest.approx(step / np.sqrt(12), rel=0.02)


@pytest.mark.parametrize("frequency", [1.0, 5.0, 10.0, 20.0])
def test_the_output_filter_has_the_transfer_function_of_a_second_order_butterworth(frequency):
    times = np.arange(1200) / RATE
    wave = np.exp(2j * np.pi * frequency * times)
    signal = np.stack([wave.real, wave.imag], axis=1)[None, :, :, None] * np.ones(3)
    acc, _ = read(Triad(bandwidth=10), signal=signal)
    answer = (acc[0, 600:, 0, 0] + 1j * acc[0, 600:, 1, 0]) / wave[600:]
    warped = np.tan(np.pi * frequency / RATE) / np.tan(np.pi * 10 / RATE)
    truth = 1 / ((1j * warped) ** 2 + np.sqrt(2) * 1j * warped + 1)
    np.testing.assert_allclose(answer, truth, atol=1e-6)


def test_the_filter_was_running_before_the_clip_began():
    signal = np.full((1, 100, 2, 3), 9.81)
    np.testing.assert_allclose(read(Triad(bandwidth=5), signal=signal)[0], signal, atol=1e-9)


def test_the_same_seed_gives_the_same_errors_and_one_triad_leaves_the_other_alone():
    everything = Triad(100, 20, 40, 10, 1, 1, 16, 0.5, 20)
    first, second, other = (read(everything, frames=90, seed=seed)[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)
    with_gyro = read(everything, replace(everything, range=2000), frames=90, seed=4)
    np.testing.assert_array_equal(with_gyro[0], first)
    assert not np.allclose(with_gyro[0] / MICRO_G, with_gyro[1] / (1e-3 * DPS))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_chosen_by_one_key_and_reads_what_its_sheet_says(part):
    config = load_config(DatagenConfig, None, [f"imu.sensor.part={part}"]).imu.sensor
    assert (config.accelerometer, config.gyroscope) == PARTS[part]
    still = np.broadcast_to([0, 0, 9.81], (200, 240, 2, 3))
    acc, gyro = measured(still, 0 * still[:1], config, RATE, np.random.default_rng(0))
    for signal, triad, unit, offset_unit in (
        (acc, config.accelerometer, MICRO_G, 1e3 * MICRO_G),
        (gyro, config.gyroscope, 1e-3 * DPS, DPS),
    ):
        white = triad.noise_density * unit * np.sqrt(30)
        step = triad.resolution * 1e3 * unit if signal is acc else triad.resolution * unit
        assert signal.std(axis=1).mean() == pytest.approx(np.hypot(white, step / 12**0.5), rel=0.1)
        offset = signal[..., 0].mean(axis=1).std()
        crossed = 9.81 * triad.misalignment / 100 if signal is acc else 0
        assert offset == pytest.approx(np.hypot(triad.bias * offset_unit, crossed), rel=0.15)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["imu.sensor.part=best"], "part=best: no such part; there are bmi270"),
        (["imu.sensor.part=bmi270", "imu.sensor.gyroscope.bias=3"], "not both"),
        (["imu.sensor.gyroscope.noise_density=-1"], "noise_density=-1"),
        (["imu.sensor.gyroscope.range=inf"], "range=inf"),
    ],
)
def test_a_wrong_sensor_is_one_clear_line(overrides, message):
    with pytest.raises(UserError, match=message) as error:
        load_config(DatagenConfig, None, overrides)
    assert "\n" not in str(error.value)


def test_a_bandwidth_that_60_hz_cannot_hold_is_refused():
    sources = SourcesConfig(choreography=ChoreographyConfig())
    imu = ImuConfig(sensor=SensorConfig(accelerometer=Triad(bandwidth=40)))
    with pytest.raises(UserError, match="bandwidth=40: give less than 30 Hz"):
        check(DatagenConfig(sources=sources, imu=imu))


def test_parts_are_not_shared_between_configurations():
    first, second = SensorConfig(part="bmi270"), SensorConfig(part="bmi270")
    first.accelerometer.bias = 99
    assert second.accelerometer.bias == PARTS["bmi270"][0].bias == 20
    assert any(astuple(second.gyroscope))
