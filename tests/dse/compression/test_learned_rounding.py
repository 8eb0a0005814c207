"""AdaRound and AdaQuant: never worse than rounding to nearest, clearly better where it matters."""

import pytest
import torch
from torch import nn

from costmodel.formats import get, largest, values
from costmodel.precision import precision
from dse.compression import adaquant, adaround, quantise
from dse.compression.adaround import outputs
from dse.sensitivity import accuracy, apply, observe, quantisable
from dse.sensitivity.round_trip import round_weight


def problem(kind):
    torch.manual_seed(0)
    mix = torch.randn(16, 16)
    x = torch.randn(200, 16) @ mix
    if kind == "linear":
        return nn.Linear(16, 8), x
    return nn.Conv2d(1, 4, 3, padding=1), x.reshape(200, 1, 4, 4)


def lost(layer, weight, x, reference):
    with torch.no_grad():
        return float((outputs(layer, weight, x) - reference).square().mean())


@pytest.mark.parametrize(("kind", "share"), [("linear", 0.8), ("conv", 1.0)])
@pytest.mark.parametrize("fmt", ["int2", "int3"])
@pytest.mark.parametrize("method", [adaround, adaquant])
def test_outputs_change_less_than_by_rounding_to_nearest(kind, share, fmt, method):
    layer, x = problem(kind)
    reference, plain = layer(x).detach(), round_weight(layer, get(fmt))
    before = lost(layer, plain, x, reference)
    weight = method(steps=100)(layer, get(fmt), x)
    assert lost(layer, weight, x, reference) <= share * before
    assert weight.shape == layer.weight.shape


@pytest.mark.parametrize("method", [adaround, adaquant])
def test_a_single_step_does_no_harm_and_the_same_seed_gives_the_same_bits(method):
    layer, x = problem("linear")
    reference, before = layer(x).detach(), layer.weight.detach().clone()
    weight = method(steps=1, rate=10.0)(layer, get("int4"), x)
    plain = round_weight(layer, get("int4"))
    assert lost(layer, weight, x, reference) <= lost(layer, plain, x, reference)
    assert torch.equal(layer.weight, before)
    first, second = (method(steps=5, seed=2)(problem("linear")[0], get("int3"), x) for _ in range(2))
    assert torch.equal(first, second)


def test_adarounds_codes_are_neighbours_of_the_exact_ones():
    layer, x = problem("linear")
    weight = adaround(steps=60)(layer, get("int3"), x).double()
    scale = layer.weight.detach().double().abs().amax(1, keepdim=True) / 3
    codes = weight / scale
    torch.testing.assert_close(codes, codes.round(), atol=1e-5, rtol=0)
    assert ((codes - layer.weight.double() / scale).abs() <= 1 + 1e-5).all()


def test_what_they_do_not_cover_is_rounded_to_nearest():
    table, linear = nn.Embedding(6, 4), nn.Linear(40, 2)
    for repair in (adaround(steps=1), adaquant(steps=1)):
        assert torch.equal(repair(table, get("int4"), torch.arange(6)), round_weight(table, get("int4")))
        x = torch.randn(9, 40)
        assert torch.equal(repair(linear, get("int4_g32"), x), round_weight(linear, get("int4_g32")))
    assert torch.equal(adaround(steps=1)(linear, get("bf16"), x), round_weight(linear, get("bf16")))


@pytest.mark.parametrize("fmt", ["fp4_e2m1", "e3m2", "e2m3"])
def test_a_minifloats_learned_values_are_neighbours_on_its_grid_and_lose_less(fmt):
    layer, x = problem("linear")
    reference = layer(x).detach()
    weight = adaround(steps=60)(layer, get(fmt), x)
    assert lost(layer, weight, x, reference) < lost(layer, round_weight(layer, get(fmt)), x, reference)
    scale = layer.weight.detach().double().abs().amax(1, keepdim=True) / largest(fmt)
    grid = torch.from_numpy(values(fmt))
    codes, exact = (w.double() / scale for w in (weight, layer.weight.detach()))
    assert (codes[..., None] - grid).abs().amin(-1).max() < 1e-5
    below, above = (torch.bucketize(exact, grid, right=True) - 1).clamp(0), torch.bucketize(exact, grid)
    assert ((codes - grid[below]).abs().minimum((codes - grid[above.clamp(max=len(grid) - 1)]).abs()) < 1e-5).all()


@pytest.mark.long
def test_a_network_repaired_by_adaquant_is_right_more_often(trained, data):
    names = quantisable(trained)
    choice, x = dict.fromkeys(names, precision("w3a8")), data["calibration"][0]
    ranges = observe(trained, names, x)
    repaired = quantise(trained, choice, ranges, x, adaquant(steps=30, examples=64))
    assert accuracy(repaired, data["test"]) > accuracy(apply(trained, choice, ranges), data["test"]) + 0.02


@pytest.mark.parametrize("method", [adaround, adaquant])
@pytest.mark.parametrize("bad", [{"steps": 0}, {"examples": 0}])
def test_bad_numbers(method, bad):
    with pytest.raises(ValueError, match="steps and examples must be at least 1"):
        method(**bad)
