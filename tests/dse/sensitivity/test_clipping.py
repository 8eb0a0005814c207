"""Limits of layers' inputs."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch import nn

from costmodel.formats import get, largest, quantize
from costmodel.precision import precision
from dse.sensitivity import apply, measure, observe
from dse.sensitivity.clipping import clip, least_squares, min_max, percentile

TABLES = arrays.arrays(np.float64, (3, 40), elements=st.floats(-100, 100, width=32))


def change(values, fmt, limit):
    scale = np.where(limit > 0, limit, 1.0)[:, None] / largest(fmt)
    return ((quantize(values, fmt, scale=scale) - values) ** 2).sum(axis=1)


@given(TABLES, st.sampled_from(["int3", "int8", "uint4", "fp4_e2m1"]))
def test_least_squares_is_never_worse_than_min_max(values, name):
    fmt = get(name)
    best, top = least_squares(values, fmt), min_max(values, fmt)
    assert (change(values, fmt, best) <= change(values, fmt, top) * (1 + 1e-12)).all()
    assert (best <= top).all()


@given(TABLES)
def test_all_of_the_values_are_the_percentile_100(values):
    for name in ("int4", "uint4"):
        np.testing.assert_array_equal(percentile(100)(values, get(name)), min_max(values, get(name)))
        assert (percentile(50)(values, get(name)) <= min_max(values, get(name))).all()


def test_normal_values_are_cut_off_where_the_literature_cuts_them():
    values = np.random.default_rng(0).normal(size=(1, 200_000))
    assert least_squares(values, get("int4"))[0] == pytest.approx(2.55, abs=0.25)  # 1810.05723, Gaussian at 4 bits
    assert percentile(99.73)(values, get("int4"))[0] == pytest.approx(3.0, abs=0.05)


def network():
    module = nn.Sequential(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(24, 3))
    x = torch.randn(50, 4, 4, 4, generator=torch.Generator().manual_seed(0))
    return module, x * torch.tensor([0.1, 1.0, 5.0, 20.0])[:, None, None]


def test_a_limit_a_channel_follows_each_channel():
    module, x = network()
    found = clip(module, observe(module, ["0", "3"], x), x, ["int8"], min_max, channels=1)
    limits = found["0"].limits["int8"]
    assert limits.shape == (4, 1, 1)
    np.testing.assert_allclose(limits[:, 0, 0], x.abs().amax((0, 2, 3)).numpy())
    assert found["3"].limits["int8"].shape == (24,)
    grouped = clip(module, observe(module, ["0"], x), x, ["int8"], min_max, channels=3)["0"].limits["int8"]
    assert grouped[0] == grouped[2] == x[:, :3].abs().max()
    assert grouped[3] == x[:, 3].abs().max()


def test_finer_limits_lose_less_and_whole_tensors_equal_the_default():
    module, x = network()
    ranges, choice = observe(module, ["0"], x), {"0": precision("fp32/int4")}
    with torch.no_grad():
        exact = module(x)
        errors = [
            (apply(module, choice, clip(module, ranges, x, ["int4"], least_squares, channels=n))(x) - exact)
            .square()
            .sum()
            for n in (None, 2, 1)
        ]
        assert errors[0] > errors[1] > errors[2]
        whole = apply(module, choice, clip(module, ranges, x, ["int4"], min_max))(x)
        assert torch.equal(whole, apply(module, choice, ranges)(x))


def test_nonnegative_inputs_are_kept_unsigned_and_formats_with_own_scales_left_out():
    module, x = network()
    found = clip(module, observe(module, ["3"], x), x, ["int3", "bf16", "mxfp4"], min_max)["3"]
    assert list(found.limits) == ["int3"]
    assert found.nonnegative
    assert found.limits["int3"] == pytest.approx(found.high)


def test_limits_of_several_formats_accumulate_and_serve_measure(trained, data):
    x, y = (part[:64] for part in data["calibration"])
    names = ["block2.conv1", "head"]
    ranges = observe(trained, names, x)
    both = clip(trained, clip(trained, ranges, x, ["int8"], percentile(99.9)), x, ["int3"], least_squares)
    assert set(both["head"].limits) == {"int8", "int3"}
    assert both["head"].limits["int3"] < ranges["head"].high
    clipped, plain = (measure(trained, (x, y), ["fp32/int3"], layers=names, ranges=r) for r in (both, ranges))
    assert clipped.ranges["head"].limits
    assert (clipped.loss != plain.loss).any()


def test_indices_have_no_limits():
    module = nn.Embedding(5, 3)
    ids = torch.arange(5)
    assert clip(module, observe(module, [""], ids), ids, ["int8"], min_max)[""].limits == {}


@pytest.mark.parametrize("bad", [0, -1])
def test_channels_below_one(bad):
    with pytest.raises(ValueError, match=f"channels must be at least 1, or None for one limit a tensor, got {bad}"):
        clip(nn.Linear(1, 1), {}, torch.ones(1, 1), ["int8"], min_max, channels=bad)


@pytest.mark.parametrize("bad", [0, 101, float("nan")])
def test_percent_outside_its_range(bad):
    with pytest.raises(ValueError, match="percent must be above 0"):
        percentile(bad)
