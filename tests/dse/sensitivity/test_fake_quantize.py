"""Modules with quantised weights and inputs, against torch's own fake quantisation."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from costmodel.catalog import UnknownNameError
from costmodel.formats import get, largest, quantize
from costmodel.precision import precision
from dse.sensitivity import Range, apply, observe
from dse.sensitivity.round_trip import calibrated, round_input, round_weight

W8A8 = precision("w8a8")
UNIT = {"": Range(-1.0, 1.0)}


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def eye(channels):
    """A 1 x 1 convolution that returns its input, so that its output shows the rounded input."""
    layer = nn.Conv2d(channels, channels, 1, bias=False)
    nn.init.dirac_(layer.weight)
    return layer


# weights


@pytest.mark.parametrize(
    ("layer", "axis"),
    [
        (nn.Linear(30, 7), 0),
        (nn.Conv2d(6, 8, 3), 0),
        (nn.Conv2d(6, 6, 3, groups=6), 0),
        (nn.Conv1d(5, 4, 3), 0),
        (nn.ConvTranspose2d(6, 8, 3), 1),
        (nn.Embedding(11, 16), 0),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, nn.Module) else "",
)
@pytest.mark.parametrize("bits", [4, 8])
def test_integer_weights_equal_torchs_per_channel_fake_quantisation(layer, axis, bits):
    weight = randn(*layer.weight.shape, seed=bits)
    layer.weight.data = weight.clone()
    top = 2 ** (bits - 1) - 1
    others = [i for i in range(weight.ndim) if i != axis]
    scale = weight.abs().amax(others) / top
    zeros = torch.zeros(len(scale), dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(weight, scale, zeros, axis, -top, top)
    done = apply(layer, {"": precision(f"int{bits}/fp32")}, {}).weight
    torch.testing.assert_close(done.data, expected, rtol=1e-6, atol=0)
    assert len(done.select(axis, 0).unique()) <= 2 * top + 1


def test_transformers_conv1d_has_output_channels_last():
    from transformers.pytorch_utils import Conv1D

    layer = Conv1D(6, 40)
    layer.weight.data = randn(40, 6) * 10.0 ** torch.arange(6)
    expected = quantize(layer.weight.detach().numpy(), "int4", axis=1)
    np.testing.assert_array_equal(round_weight(layer, get("int4")).numpy(), expected.astype(np.float32))


@pytest.mark.parametrize("fmt", ["int4_g32", "mxfp4", "nvfp4", "nf4", "mxint8"])
def test_group_formats_run_along_a_channels_weights(fmt):
    layer = nn.Conv2d(10, 4, 3)
    rows = layer.weight.detach().numpy().reshape(4, 90)
    expected = quantize(rows, fmt, axis=1).reshape(4, 10, 3, 3).astype(np.float32)
    np.testing.assert_array_equal(apply(layer, {"": precision(f"{fmt}/fp32")}, {}).weight.detach().numpy(), expected)


def test_weights_on_the_grid_do_not_change():
    codes = torch.arange(-7, 8).repeat(3, 1).float()
    layer = nn.Linear(15, 3)
    layer.weight.data = codes * torch.tensor([[0.25], [1.0], [8.0]])
    x = torch.arange(-7, 8).float()[None] / 4
    twin = apply(layer, {"": precision("w4a4")}, {"": Range(-1.75, 1.75)})
    assert torch.equal(twin.weight, layer.weight)
    assert torch.equal(twin(x), layer(x))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_modules_dtype_stays_and_a_format_as_wide_changes_nothing(dtype):
    layer = nn.Linear(8, 4).to(dtype)
    x = randn(3, 8).to(dtype)
    assert apply(layer, {"": W8A8}, UNIT)(x).dtype == dtype
    same = {torch.float16: "fp16", torch.bfloat16: "bf16", torch.float32: "fp32"}.get(dtype)
    if same:
        twin = apply(layer, {"": precision(f"{same}/{same}")}, {})
        assert torch.equal(twin(x), layer(x))
    narrower = apply(layer, {"": precision("e8m1/e8m1")}, UNIT)
    assert not torch.equal(narrower.weight, layer.weight)


def test_sixteen_bit_floats_are_a_plain_cast():
    layer, x = nn.Linear(8, 4), randn(5, 8) * 100
    twin = apply(layer, {"": precision("w16a16")}, {})
    weight, rounded = layer.weight.bfloat16().float(), x.bfloat16().float()
    assert torch.equal(twin(x), nn.functional.linear(rounded, weight, layer.bias))


# inputs


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_signed_inputs_equal_torchs_per_tensor_fake_quantisation(bits):
    x = randn(4, 3, 5, 5, seed=bits)
    top = 2 ** (bits - 1) - 1
    seen = Range(-3.0, 1.0)
    expected = torch.fake_quantize_per_tensor_affine(x, seen.absmax / top, 0, -top - 1, top)
    done = apply(eye(3), {"": precision(f"fp32/int{bits}")}, {"": seen})(x)
    torch.testing.assert_close(done, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_inputs_that_were_never_negative_take_the_unsigned_integer(bits):
    x = randn(4, 3, 5, 5, seed=bits).relu()
    top = 2**bits - 1
    expected = torch.fake_quantize_per_tensor_affine(x, 2.5 / top, 0, 0, top)
    done = apply(eye(3), {"": precision(f"fp32/int{bits}")}, {"": Range(0.0, 2.5)})(x)
    torch.testing.assert_close(done, expected, rtol=1e-6, atol=0)


def test_narrow_floats_put_the_calibrated_absmax_on_the_largest_value():
    x = torch.tensor([-6.0, 3.0, 0.1, 50.0]).reshape(1, 1, 2, 2)
    done = apply(eye(1), {"": precision("fp32/fp8_e4m3")}, {"": Range(-6.0, 6.0)})(x).detach()
    scale = np.float32(6.0 / 448.0)
    expected = quantize(x.numpy(), "fp8_e4m3", scale=scale)
    np.testing.assert_array_equal(done.numpy(), expected.astype(np.float32))
    assert done.flatten()[0] == -6.0
    assert done.flatten()[3] == 6.0  # beyond calibration: saturated


@pytest.mark.parametrize("fmt", ["mxfp4", "nvfp4", "int8_g32"])
def test_group_formats_scale_inputs_at_each_call_along_channels(fmt):
    x = randn(2, 40, 3, 3) * 10.0 ** torch.arange(3)
    image = apply(eye(40), {"": precision(f"fp32/{fmt}")}, {})(x).detach()
    np.testing.assert_array_equal(image.numpy(), quantize(x.numpy(), fmt, axis=1).astype(np.float32))
    linear = nn.Linear(40, 40, bias=False)
    nn.init.eye_(linear.weight)
    rows = apply(linear, {"": precision(f"fp32/{fmt}")}, {})(x[..., 0].mT).detach()
    np.testing.assert_array_equal(rows.numpy(), quantize(x[..., 0].mT.numpy(), fmt, axis=-1).astype(np.float32))


@given(
    st.floats(-100, 100), st.floats(0, 100), st.sampled_from(["int2", "int5", "int8", "uint4"]), st.integers(0, 2**20)
)
def test_within_the_range_the_error_is_at_most_half_a_step(low, width, fmt, seed):
    low = abs(low) if fmt == "uint4" else low
    seen = Range(low, low + width)
    x = torch.from_numpy(np.random.default_rng(seed).uniform(seen.low, seen.high, (1, 16)))
    kept, scale = calibrated(get(fmt), seen)
    done = round_input(x, nn.Linear(16, 1), kept, scale)
    step = seen.absmax / largest(kept)
    assert ((done - x).abs() <= step / 2 * (1 + 1e-6) + 1e-35).all()  # steps that float32 lacks round to 0


def test_scales_are_float32_and_ties_are_those_of_its_division():
    kept, scale = calibrated(get("int8"), Range(0.0, 1.0))
    assert (kept.name, scale) == ("uint8", float(np.float32(1 / 255)))
    x = torch.arange(0, 17).float()[None] / 16  # 8 / 16 is 127.5 steps of 1 / 255, of its float32 below that
    done = round_input(x, nn.Linear(17, 1), kept, scale).numpy()
    step = np.float32(scale)
    np.testing.assert_array_equal(done, np.rint(x.numpy() / step) * step)
    assert done[0, 8] == 127 * step
    halves = np.float32([[0.5, 1.5, 2.5, 126.5]]) * step  # ties in float32, not in float64
    done = round_input(torch.from_numpy(halves), nn.Linear(4, 1), kept, scale).numpy()
    np.testing.assert_array_equal(done, np.rint(halves / step) * step)


@pytest.mark.parametrize("seen", [Range(0.0, 0.0), Range(-3.0, -1.0), Range(0.0, 5e-324)])
@pytest.mark.parametrize("fmt", ["int8", "uint8", "fp8_e4m3"])
def test_degenerate_ranges_have_a_scale(seen, fmt):
    twin = apply(eye(1), {"": precision(f"fp32/{fmt}")}, {"": seen})
    assert twin(torch.zeros(1, 1, 2, 2)).abs().sum() == 0


def test_indices_pass():
    twin = apply(nn.Embedding(5, 4), {"": W8A8}, {"": Range(0.0, 4.0)})
    assert twin(torch.tensor([4, 0])).shape == (2, 4)


# the whole module


def test_the_original_stays_as_it_is_and_shares_nothing():
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).train()
    before = copy.deepcopy(module.state_dict())
    twin = apply(module, {"0": W8A8, "4": W8A8}, {"0": Range(-1, 1), "4": Range(0, 1)})
    twin(randn(2, 1, 4, 4))
    assert module.training
    assert not any(part.training for part in twin.modules())
    assert not any(part._forward_pre_hooks for part in module.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())
    addresses = {p.data_ptr() for p in module.parameters()}
    assert addresses.isdisjoint(p.data_ptr() for p in twin.parameters())
    changed = {n for n, tensor in twin.state_dict().items() if not torch.equal(tensor, before[n])}
    assert changed == {"0.weight", "4.weight"}


def test_the_layer_sees_what_its_own_hooks_leave():
    module = nn.Sequential(eye(1))
    module[0].register_forward_pre_hook(lambda _, args: (args[0] * 10,))
    x = torch.tensor([0.11, 0.29]).reshape(1, 1, 1, 2)
    ranges = observe(module, ["0"], x)
    assert ranges["0"].high == pytest.approx(2.9)
    done = apply(module, {"0": precision("fp32/uint2")}, {"0": Range(0.0, 3.0)})(x)
    assert done.flatten().tolist() == [1.0, 3.0]


def test_a_reused_layer_is_rounded_at_every_call():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.layer.weight, 0.5)

        def forward(self, x):
            return self.layer(input=self.layer(x))

    twin = apply(Twice(), {"layer": precision("fp32/uint4")}, {"layer": Range(0.0, 15.0)})
    assert twin(torch.tensor([[7.2]])).item() == 2.0  # 7.2 -> 7, 3.5 -> 4 (ties to even), 4 * 0.5


def test_a_shared_weight_is_stored_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(6, 4)
            self.head = nn.Linear(4, 6, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x):
            return self.head(self.embedding(x))

    w4 = precision("int4/bf16")
    for names in (["embedding"], ["head"], ["embedding", "head"]):
        twin = apply(Tied(), dict.fromkeys(names, w4), {})
        assert twin.head.weight is twin.embedding.weight
        assert all(len(row.unique()) <= 15 for row in twin.head.weight)
    with pytest.raises(ValueError, match="layers 'embedding' and 'head' share a weight: int4 and int8 differ"):
        apply(Tied(), {"embedding": w4, "head": precision("int8/bf16")}, {})


def test_layer_names_and_ranges_are_checked():
    module = nn.Sequential()
    module.add_module("conv1", nn.Conv2d(1, 1, 1))
    module.add_module("norm", nn.BatchNorm2d(1))
    with pytest.raises(UnknownNameError, match="did you mean conv1"):
        apply(module, {"conv": W8A8}, {})
    with pytest.raises(ValueError, match=r"layer 'norm' must own a `weight` parameter of 2 or more .*; BatchNorm2d"):
        apply(module, {"norm": W8A8}, {})
    with pytest.raises(ValueError, match="layer 'conv1' needs a calibrated range of its input for int8"):
        apply(module, {"conv1": W8A8}, {})
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="layer '0' must own"):
        apply(normed, {"0": W8A8}, {})
