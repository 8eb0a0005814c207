"""Calls that training makes: each computes what autograd does, is drawn with its op's counts, priced as its kind."""

import numpy as np
import pytest
import torch
from torch.nn import functional

import costmodel as cm
from costmodel import hardware, zoo
from costmodel.estimators import operation_kind, operation_model, profiled_calls
from costmodel.estimators.operation_kind import GRADIENTS
from costmodel.record import stack
from costmodel.workload.ops import conv
from profilers.operations import build_gradients as build
from profilers.operations.draw import DRAWS, draw

FP32 = torch.float32
TORCH = hardware.gpu("h100_sxm:torch")
SHAPES = [(2, 8, 12, 9, 3, 2, 1, 1), (2, 8, 8, 9, 3, 1, 1, 8), (1, 16, 16, 7, 3, 1, 1, 4), (2, 6, 4, 5, 1, 1, 0, 1)]


def kinds(ops, spelling="bf16"):
    return operation_kind.math(stack(ops), stack([cm.precision(spelling)] * len(ops))).tolist()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_convolutions_gradients_are_autograds(shape):
    *sizes, groups = shape
    _, _, _, _, _, stride, pad, _ = shape
    for mask, place in ((build.BY_INPUT, 0), (build.BY_WEIGHT, 1)):
        (work,) = build.conv(*sizes, groups=groups, mask=mask)(FP32, "cpu", 1)
        y, x, weight = work.args[:3]
        found = work()
        x, weight = (t.detach().requires_grad_() for t in (x, weight))
        made = functional.conv2d(x, weight, None, stride, pad, 1, groups)
        wanted = torch.autograd.grad(made, (x, weight)[place], y)[0]
        torch.testing.assert_close(found[place], wanted, rtol=1e-4, atol=1e-4)
        assert [part is None for part in found] == [not flag for flag in mask]


@pytest.mark.parametrize("function", ["relu", "silu", "gelu"])
def test_an_activations_gradient_is_autograds(function):
    (work,) = build.activation(50, function)(FP32, "cpu", 1)
    by_name = dict(zip(work.__code__.co_freevars, (c.cell_contents for c in work.__closure__), strict=True))
    x, y = by_name["x"].detach().requires_grad_(), by_name["y"]
    wanted = torch.autograd.grad(getattr(functional, function)(x), x, y)[0]
    torch.testing.assert_close(work(), wanted)


def test_norms_attention_and_pooling_give_as_many_gradients_as_they_have_operands():
    (layer,) = build.layer_norm(6, 16)(FP32, "cpu", 1)
    assert [part.shape for part in layer()] == [(6, 16), (16,), (16,)]
    (batch,) = build.batch_norm(2, 8, 5, backward=True)(FP32, "cpu", 1)
    assert [part.shape for part in batch()] == [(2, 8, 5, 5), (8,), (8,)]
    (forward,) = build.batch_norm(2, 8, 5, backward=False)(FP32, "cpu", 1)
    assert forward()[0].shape == (2, 8, 5, 5)
    (attention,) = build.attention(2, 6, 3, 8)(FP32, "cpu", 1)
    assert [part.shape for part in attention()] == [(2, 3, 6, 8)] * 3
    (pool,) = build.max_pool(2, 8, 9)(FP32, "cpu", 1)
    assert pool().shape == (2, 8, 9, 9)


@pytest.mark.parametrize("family", [name for name in DRAWS if name != "linear"])
def test_what_is_drawn_of_a_kind_is_of_that_kind_by_its_counts(family):
    rng = np.random.default_rng(3)
    ops = [draw(family, rng)[0] for _ in range(5)]
    if family == "norm_training":  # a forward op alone: that it trains is said by the pass
        ops = [cm.record.changed(op, role="forward") for op in ops]
    assert set(kinds(ops)) == {f"{family}_bf16"}


@pytest.mark.parametrize("name", ["resnet18", "regnetx_002", "mobilenetv2_035", "vit_tiny_patch16_224"])
def test_gradients_of_a_training_pass_are_their_own_kinds(name):
    found = kinds(zoo.build(name, phase="training").ops)
    own = {kind.removesuffix("_bf16") for kind in found} & set(GRADIENTS)
    assert {"conv_grad_weight"} <= own
    assert ("conv_wide_groups_grad_weight" in own) == name.startswith("regnet")
    assert ("conv_grouped_grad_weight" in own) == name.startswith("mobilenet")
    assert ("norm_grad" in own) == (name != "vit_tiny_patch16_224")
    forward = kinds(zoo.build(name).ops)
    assert not {kind.removesuffix("_bf16") for kind in forward} & set(GRADIENTS)


def test_kinds_that_a_device_did_not_measure_are_those_of_a_forward_pass():
    ops, used = zoo.build("regnetx_002", phase="training").ops, cm.precision("bf16")
    batch, precisions = stack(ops), stack([used] * len(ops))
    has = {f"{family}_bf16" for family in ("conv", "conv_grouped", "norm", "norm_statistics")}
    found = set(operation_kind.math(batch, precisions, has).tolist())
    assert {"conv_bf16", "conv_grouped_bf16", "norm_bf16"} <= found
    assert not any("grad" in kind or "wide" in kind for kind in found if kind.startswith(("conv", "norm")))


def test_sums_over_a_norms_gradients_take_nothing_of_their_own():
    found = cm.estimate(zoo.build("resnet18", phase="training"), "bf16", TORCH)
    joined = profiled_calls.joined(stack(found.workload.ops), TORCH)
    assert joined.sum() == 20
    assert (found.latency_s[joined] == 0).all()
    assert (found.latency_s[~joined] > 0).all()
    assert set(found.source[joined]) == {"fused (in the gradient by input)"}


def test_a_device_without_gradients_of_its_own_takes_those_of_another():
    ops = zoo.build("resnet18", phase="training", batch=8)
    here, there = (cm.estimate(ops, "bf16", cm.device(f"{name}:torch")) for name in ("h100_sxm", "h200_sxm"))
    lent = [source for op, source in zip(ops.ops, there.source, strict=True) if op.name.endswith("conv1.grad_weight")]
    assert set(lent) == {"transferred (from h100_sxm)"}
    assert 0.5 < there.totals["latency_s"] / here.totals["latency_s"] < 1.2


def test_groups_lie_side_by_side_in_tiles():
    """Those of 4 to 32 channels take alike in as many channels, those of 24 as more of 32."""
    constants = operation_model.OperationConstants(
        compute_efficiency=0.5, memory_efficiency=1e6, cache_rate=1e6, cache_fraction=0.6, overlap=2.0,
        calls_per_s=1e12, step_cycles=1.0, start_cycles=1.0, wave_rounding=0.01, layout_cycles=1e-9, layout_rate=1e9,
        filter_rate=1e9, unaligned=1.0,
    )  # fmt: skip
    kind, gpu = operation_kind.named("conv_wide_groups_bf16"), hardware.gpu("h100_sxm")

    def compute_s(width, groups):
        sides = {"input_size": (28, 28), "kernel": (3, 3), "padding": (1, 1)}
        op = conv("c", 64, width * groups, width * groups, groups=groups, **sides)
        return float(operation_model.terms(*operation_model.sizes(op), kind, gpu, constants).compute_s)

    narrow = [compute_s(width, 768 // width) for width in (4, 8, 16, 32)]
    assert np.ptp(narrow) < 1e-9 * narrow[0]
    assert compute_s(24, 24) == pytest.approx(narrow[0])
