"""Constructors against torch: sizes, parameters and FLOPs of the same layer on the meta device, for any shapes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from costmodel.workload import Op, Window
from costmodel.workload.ops import activation, attention, conv, elementwise, linear, norm, pooling, softmax
from costmodel.workload.ops.activation import FLOPS as ACTIVATION_FLOPS
from costmodel.workload.ops.attention import kept_fraction, latent_attention
from costmodel.workload.ops.conv import output_size

quick = settings(max_examples=100, deadline=None)
sizes = st.integers(1, 24)
small = st.integers(1, 4)
pairs = st.tuples(small, small)


def run(compute: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, int]:
    """The result of a computation on the meta device, and the FLOPs that torch counts in it."""
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        result = compute()
    return result, counter.get_total_flops()


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@quick
@given(
    batch=small, per_group=pairs, groups=small, size=st.tuples(sizes, sizes), kernel=pairs, stride=pairs,
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)), dilation=pairs, bias=st.booleans(),
)  # fmt: skip
def test_conv_equals_torch(
    batch: int, per_group: tuple[int, int], groups: int, size: tuple[int, int], kernel: tuple[int, int],
    stride: tuple[int, int], padding: tuple[int, int], dilation: tuple[int, int], bias: bool,
) -> None:  # fmt: skip
    channels_in, channels_out = (groups * channels for channels in per_group)
    layer = nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, groups, bias, device="meta")

    def ours() -> Op:
        return conv(
            "c", batch, channels_in, channels_out, input_size=size, kernel=kernel, stride=stride, padding=padding,
            dilation=dilation, groups=groups, bias=bias,
        )  # fmt: skip

    try:
        out, flops = run(lambda: layer(torch.empty(batch, channels_in, *size)))
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            ours()
        return
    op = ours()
    assert (op.flops, op.params, op.output_elements) == (flops, parameters(layer), out.numel())
    assert op.input_elements == batch * channels_in * size[0] * size[1]
    assert op.weight_elements == layer.weight.numel()
    assert op.window == Window(*kernel, *stride, *size, *dilation, *padding, *padding)
    assert (op.window.output_height, op.window.output_width) == tuple(out.shape[2:])


@pytest.mark.parametrize("groups", [0, -2, 3])
def test_conv_refuses_groups_that_do_not_divide(groups: int) -> None:
    with pytest.raises(ValueError, match=f"groups must divide the channels, got groups={groups}"):
        conv("c", 1, 8, 8, input_size=(4, 4), kernel=(1, 1), groups=groups)


@pytest.mark.parametrize("wrong", ["size", "kernel", "stride", "dilation", "padding"])
def test_output_size_refuses_what_is_no_window(wrong: str) -> None:
    sides = {"size": 8, "kernel": 3, "stride": 1, "padding": 1, "dilation": 1} | {
        wrong: 0 if wrong != "padding" else -1
    }
    with pytest.raises(ValueError, match=f"positive.*{wrong}={sides[wrong]}"):
        output_size(**sides)


@quick
@given(batch=small, tokens=sizes, features_in=sizes, features_out=sizes, bias=st.booleans())
def test_linear_equals_torch(batch: int, tokens: int, features_in: int, features_out: int, bias: bool) -> None:
    layer = nn.Linear(features_in, features_out, bias, device="meta")
    out, flops = run(lambda: layer(torch.empty(batch, tokens, features_in)))
    op = linear("l", batch * tokens, features_in, features_out, bias=bias)
    assert (op.flops, op.params, op.output_elements) == (flops, parameters(layer), out.numel())
    assert op.input_elements == batch * tokens * features_in


@quick
@given(kernel=small, stride=small, padding=st.integers(0, 2), size=sizes, channels=small)
def test_pooling_sizes_equal_torch(kernel: int, stride: int, padding: int, size: int, channels: int) -> None:
    x = torch.empty(2, channels, size, size, device="meta")
    padding = min(padding, kernel // 2)  # more is an error in torch
    try:
        out = functional.max_pool2d(x, kernel, stride, padding)
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            output_size(size, kernel, stride, padding)
        return
    assert output_size(size, kernel, stride, padding) == out.shape[-1]
    op = pooling("p", x.numel(), out.numel(), window=Window(kernel, kernel, stride, stride, size, size))
    assert op.vector_flops == kernel * kernel * out.numel()
    assert op.params == op.macs == 0


@given(size=sizes, channels=small)
def test_global_pooling_reads_every_input_once(size: int, channels: int) -> None:
    op = pooling("p", channels * size * size, channels)
    assert op.vector_flops == pytest.approx(op.input_elements)


def test_pooling_up_reads_one_input_an_output() -> None:
    assert pooling("p", 4, 49).vector_flops == 49


@pytest.mark.parametrize(
    ("style", "layer", "bias"),
    [
        ("batch", nn.BatchNorm2d(12), True),
        ("layer", nn.LayerNorm(12), True),
        ("layer", nn.LayerNorm(12, bias=False), False),
        ("group", nn.GroupNorm(3, 12), True),
        ("rms", nn.RMSNorm(12), False),
    ],
)
def test_norm_parameters_equal_torch(style: str, layer: nn.Module, bias: bool) -> None:
    op = norm("n", 12 * 49, 12, style=style, bias=bias)
    assert op.params == op.vector_elements == parameters(layer)
    assert op.weight_elements == op.macs == 0
    assert op.output_elements == op.input_elements == 12 * 49 < op.vector_flops


def test_norm_without_affine_has_no_parameters() -> None:
    assert norm("n", 48, 12, style="layer", affine=False).params == 0


def test_unknown_styles_and_functions_list_the_known() -> None:
    with pytest.raises(ValueError, match=r"style must be one of .*batch.*, got 'bach'"):
        norm("n", 48, 12, style="bach")
    with pytest.raises(ValueError, match=r"function must be one of .*relu.*, got 'relo'"):
        activation("a", 48, function="relo")


@pytest.mark.parametrize("function", ACTIVATION_FLOPS)
def test_activation_is_pointwise(function: str) -> None:
    op = activation("a", 48, function=function)
    assert (op.input_elements, op.output_elements, op.params, op.macs) == (48, 48, 0, 0)
    assert op.vector_flops == 48 * ACTIVATION_FLOPS[function] >= 48


def test_elementwise_reads_each_operand() -> None:
    op = elementwise("e", 48, operands=3, flops=2, parameters=4)
    assert (op.input_elements, op.output_elements, op.vector_flops, op.params) == (144, 48, 96, 4)


def test_softmax_costs_what_it_costs_within_attention() -> None:
    within = attention("a", 2, queries=3, keys=5, heads=7, kv_heads=7, head_dim=4)
    assert softmax("s", 2 * 3 * 5 * 7).vector_flops == within.vector_flops


def mask(queries: int, keys: int, *, causal: bool, window: int) -> np.ndarray:
    """Which scores stay, written as its definition: query i stands at position keys - queries + i."""
    at = np.arange(keys - queries, keys)[:, None]
    key = np.arange(keys)[None, :]
    kept = key <= at if causal else np.ones((queries, keys), bool)
    return kept & (abs(at - key) < window) if window else kept


spans = st.integers(1, 40).flatmap(lambda keys: st.tuples(st.integers(1, keys), st.just(keys)))


@settings(max_examples=400, deadline=None)
@given(span=spans, causal=st.booleans(), window=st.integers(0, 50))
def test_kept_fraction_equals_the_mask(span: tuple[int, int], causal: bool, window: int) -> None:
    kept = kept_fraction(*span, causal=causal, window=window)
    assert kept == pytest.approx(mask(*span, causal=causal, window=window).mean(), rel=1e-15)


def test_kept_fraction_of_a_long_prompt_is_exact() -> None:
    n = 1 << 20
    assert kept_fraction(n, n, causal=True) == (n + 1) / (2 * n)


def test_more_queries_than_keys_cannot_be_masked() -> None:
    with pytest.raises(ValueError, match="queries=5, keys=4"):
        kept_fraction(5, 4, causal=True)


@quick
@given(batch=small, span=spans, kv_heads=small, share=small, head_dim=sizes, value_dim=sizes)
def test_attention_equals_torch(
    batch: int, span: tuple[int, int], kv_heads: int, share: int, head_dim: int, value_dim: int
) -> None:
    """torch counts a causal attention's two products in full, as `macs` does; `executed_macs` has the kept scores."""
    queries, keys = span
    heads = kv_heads * share
    out, flops = run(
        lambda: functional.scaled_dot_product_attention(
            torch.empty(batch, heads, queries, head_dim),
            torch.empty(batch, kv_heads, keys, head_dim),
            torch.empty(batch, kv_heads, keys, value_dim),
            is_causal=True,
            enable_gqa=True,
        )
    )
    op = attention(
        "a", batch, queries=queries, keys=keys, heads=heads, kv_heads=kv_heads, head_dim=head_dim, value_dim=value_dim,
        causal=True,
    )  # fmt: skip
    assert (op.flops, op.output_elements, op.params) == (flops, out.numel(), 0)
    assert op.input_elements == batch * (queries * heads * head_dim + keys * kv_heads * (head_dim + value_dim))
    kept = mask(queries, keys, causal=True, window=0).sum()
    assert op.executed_macs == pytest.approx(batch * heads * kept * (head_dim + value_dim))


@quick
@given(span=spans, causal=st.booleans(), window=st.integers(1, 50))
def test_windowed_attention_computes_the_scores_in_reach(span: tuple[int, int], causal: bool, window: int) -> None:
    queries, keys = span
    op = attention(
        "a", 1, queries=queries, keys=keys, heads=1, kv_heads=1, head_dim=8, causal=causal, window=window, cached=True
    )
    kept = mask(queries, keys, causal=causal, window=window)
    assert op.executed_macs == pytest.approx(kept.sum() * 16)
    assert op.kv_elements == kept.any(axis=0).sum() * 16
    assert op.input_elements == queries * 8


@pytest.mark.parametrize("kv_heads", [0, 3])
def test_attention_refuses_heads_that_do_not_share(kv_heads: int) -> None:
    with pytest.raises(ValueError, match=f"kv_heads must divide heads, got heads=8, kv_heads={kv_heads}"):
        attention("a", 1, queries=1, keys=1, heads=8, kv_heads=kv_heads, head_dim=8)


def test_latent_attention_is_attention_over_one_shared_key() -> None:
    """Absorbed: every head meets latent and rotary keys and reads latent values; both are cached once a token."""
    latent = latent_attention("a", 2, queries=3, keys=9, heads=4, latent_dim=16, rope_dim=8)
    shared = attention(
        "a", 2, queries=3, keys=9, heads=4, kv_heads=1, head_dim=24, value_dim=16, causal=True, cached=True
    )
    assert (latent.macs, latent.executed_macs, latent.output_elements, latent.input_elements, latent.vector_flops) == (
        shared.macs, shared.executed_macs, shared.output_elements, shared.input_elements, shared.vector_flops,
    )  # fmt: skip
    assert latent.kv_elements == 2 * 9 * 24
