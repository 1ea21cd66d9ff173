import math

import numpy as np
import pytest
import torch
from small_model import TEXT_SIZE, made_batch, small_config

from pretrain.describe import costs, operations_of_window
from pretrain.gauges import flat, geometry, gradient_norms, peak_flops, peak_memory
from pretrain.model import Multi3Net
from pretrain.pictures import signals_figure


def test_geometry_is_that_of_naive_loops() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = {name: torch.randn(7, 5, generator=draw) for name in ("text", "pose", "left", "right")}
    found = geometry(rows)
    unit = {
        name: value.numpy() / np.linalg.norm(value.numpy(), axis=1)[:, None]
        for name, value in rows.items()
    }
    apart = [np.sum((unit["pose"][i] - unit["left"][i]) ** 2) for i in range(7)]
    assert found["alignment/pose-left"] == pytest.approx(np.mean(apart), rel=1e-5)
    pairs = [
        math.exp(-2 * np.sum((unit["text"][i] - unit["text"][j]) ** 2))
        for i in range(7)
        for j in range(i)
    ]
    assert found["uniformity/text"] == pytest.approx(math.log(np.mean(pairs)), rel=1e-5)


def test_geometry_of_one_point_and_of_the_sphere() -> None:
    same = dict.fromkeys(("text", "pose", "left", "right"), torch.ones(9, 4))
    assert geometry(same)["alignment/text-left"] == pytest.approx(0, abs=1e-6)
    assert geometry(same)["uniformity/pose"] == pytest.approx(0, abs=1e-6)
    spread = {name: torch.randn(800, 256) for name in same}
    assert geometry(spread)["uniformity/pose"] == pytest.approx(-4, abs=0.05)
    assert geometry(spread)["alignment/pose-left"] == pytest.approx(2, abs=0.05)


def test_gradients_of_the_parts_make_up_the_whole() -> None:
    model = Multi3Net(small_config(), TEXT_SIZE)
    model(made_batch()).losses["total"].backward()
    parts = gradient_norms(model, zero=0)
    assert set(parts) == {name for name, _ in model.named_children()}
    whole = torch.nn.utils.clip_grad_norm_(model.parameters(), math.inf)
    assert math.hypot(*parts.values()) == pytest.approx(float(whole), rel=1e-5)


def test_operations_counted_on_shapes_are_those_of_the_parts() -> None:
    config = small_config()
    counted = sum(cost.training for cost in costs(Multi3Net(config, TEXT_SIZE)).values())
    assert operations_of_window(config, TEXT_SIZE) == counted


def test_the_peak_is_one_that_a_product_reaches_and_memory_is_in_bytes() -> None:
    device = torch.device("cpu")
    assert 1e8 < peak_flops(device, torch.float32) < 1e14
    assert 1e8 < peak_memory(device) < 1e12


def test_settings_are_flat_for_hparams() -> None:
    assert flat({"a": {"b": 1, "c": [1, 2]}, "d": None}) == {"a.b": 1, "a.c": "[1, 2]", "d": "None"}


def test_the_picture_shows_both_signals_of_each_window() -> None:
    figure = signals_figure(torch.zeros(5, 60, 2, 6), torch.ones(5, 60, 2, 6), ["walks"] * 5)
    assert len(figure.axes) == 3 * 4
    lines = figure.axes[0].get_lines()
    assert [float(line.get_ydata()[0]) for line in lines] == [0, 1] * 3
    of_one = signals_figure(torch.zeros(3, 60, 2, 6), torch.ones(1, 60, 2, 6), ["walks"] * 3)
    assert len(of_one.axes) == 4
