"""GPTQ against its own objective and rounding to nearest."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from costmodel.formats import get
from dse.compression import gptq
from dse.compression.rows import as_weight, patches, rows
from dse.sensitivity.round_trip import round_weight


def correlated(examples, width, seed):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=generator)
    return torch.randn(examples, width, generator=generator) @ mix


torch.manual_seed(0)
LAYERS = {
    "linear": (nn.Linear(20, 6), correlated(50, 20, 1)),
    "conv": (nn.Conv2d(4, 6, 3, padding=1), correlated(8, 100, 2).reshape(8, 4, 5, 5)),
    "strided groups": (nn.Conv2d(4, 6, 3, stride=2, groups=2), correlated(8, 100, 3).reshape(8, 4, 5, 5)),
    "conv1d": (nn.Conv1d(4, 6, 3, dilation=2), correlated(8, 40, 4).reshape(8, 4, 10)),
}


def error(layer, weight, x):
    """The squared error of the layer's own outputs, computed by the layer itself."""
    changed = torch.func.functional_call(layer, {"weight": weight}, x)
    return (changed - layer(x)).double().square().sum()


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("fmt", ["int2", "int3", "int4", "fp4_e2m1"])
@torch.no_grad()
def test_never_worse_than_rounding_to_nearest(name, fmt):
    layer, x = LAYERS[name]
    done = gptq(layer, get(fmt), x)
    assert error(layer, done, x) <= error(layer, round_weight(layer, get(fmt)), x) * (1 + 1e-6)
    assert done.shape == layer.weight.shape
    assert done.dtype == layer.weight.dtype


@torch.no_grad()
def test_clearly_better_on_correlated_inputs():
    layer, x = LAYERS["linear"]
    assert error(layer, gptq(layer, get("int3"), x), x) < 0.7 * error(layer, round_weight(layer, get("int3")), x)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 140), st.integers(1, 60), st.sampled_from(["int2", "int4", "int8"]))
@torch.no_grad()
def test_codes_are_on_the_grid_of_one_scale_a_row(seed, width, examples, fmt):
    torch.manual_seed(seed)
    layer = nn.Linear(width, 3)
    done = gptq(layer, get(fmt), torch.randn(examples, width)).double()
    assert done.isfinite().all()
    for values in done:
        assert len(values.abs().unique()) <= 2 ** (int(fmt[3:]) - 1)


@pytest.mark.parametrize("name", LAYERS)
@torch.no_grad()
def test_patches_times_rows_are_the_outputs(name):
    layer, x = LAYERS[name]
    matrix, seen = rows(layer), patches(layer, x)
    products = torch.cat([s @ m.T for s, m in zip(seen, matrix.unflatten(0, (len(seen), -1)), strict=True)], 1)
    plain = torch.func.functional_call(layer, {"bias": torch.zeros(len(matrix))}, x)
    outputs = plain if name == "linear" else plain.flatten(2).transpose(1, 2).flatten(0, 1)
    torch.testing.assert_close(products, outputs.double(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(as_weight(layer, matrix), layer.weight)


@torch.no_grad()
def test_what_it_does_not_cover_is_rounded_to_nearest():
    transposed, linear = nn.ConvTranspose2d(4, 4, 3), nn.Linear(40, 3)
    image = torch.randn(2, 4, 5, 5)
    assert torch.equal(gptq(transposed, get("int4"), image), round_weight(transposed, get("int4")))
    for fmt in ("int4_g32", "bf16", "mxfp4"):
        assert torch.equal(gptq(linear, get(fmt), torch.randn(9, 40)), round_weight(linear, get(fmt)))


@torch.no_grad()
def test_embeddings_get_scales_of_least_error():
    table = nn.Embedding(30, 64)
    done, plain = gptq(table, get("int2"), torch.arange(5)), round_weight(table, get("int2"))
    lost = [(w - table.weight).square().sum(1) for w in (done, plain)]
    assert (lost[0] <= lost[1] + 1e-6).all()
    assert lost[0].sum() < 0.8 * lost[1].sum()


@torch.no_grad()
def test_inputs_that_are_always_zero_do_no_harm():
    layer, x = nn.Linear(5, 2), torch.zeros(7, 5)
    assert gptq(layer, get("int4"), x).isfinite().all()
