"""Constructors of language models' ops: embedding, experts, scans, masks, latent attention, against what they count."""

from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from costmodel.workload.attention_shapes import LatentAttention
from costmodel.workload.ops import embedding, experts, linear_attention, selective_scan
from costmodel.workload.ops.attention import kept_fraction
from costmodel.workload.ops.moe import touched_experts
from costmodel.workload.transformer.latent_attention_layer import latent_attention_layer
from costmodel.workload.transformer.span import Span

quick = settings(max_examples=100, deadline=None)
small = st.integers(1, 6)
sizes = st.integers(1, 64)


@pytest.mark.parametrize(("count", "taken", "tokens"), [(4, 2, 3), (5, 1, 4), (3, 3, 2), (6, 2, 2)])
def test_touched_experts_are_the_mean_over_every_routing(count: int, taken: int, tokens: int) -> None:
    choices = list(combinations(range(count), taken))
    reached = [len(set().union(*routing)) for routing in product(choices, repeat=tokens)]
    assert touched_experts(count, taken, tokens) == pytest.approx(np.mean(reached))


@quick
@given(count=st.integers(1, 512), share=st.floats(0, 1), tokens=st.integers(1, 10_000))
def test_touched_experts_grow_with_tokens_up_to_all(count: int, share: float, tokens: int) -> None:
    taken = max(1, round(share * count))
    reached = touched_experts(count, taken, tokens)
    assert touched_experts(count, taken, 1) == pytest.approx(taken)
    assert taken * (1 - 1e-9) <= reached <= min(count, taken * tokens) * (1 + 1e-9)
    assert reached <= touched_experts(count, taken, tokens + 1)


@quick
@given(count=st.integers(1, 64), share=st.floats(0, 1), tokens=sizes, features=sizes, width=sizes, bias=st.booleans())
def test_experts_multiply_what_is_routed_and_store_all(
    count: int, share: float, tokens: int, features: int, width: int, bias: bool
) -> None:
    taken = max(1, round(share * count))
    op = experts("e", tokens, features, width, experts=count, experts_per_token=taken, bias=bias)
    assert op.macs == pytest.approx(tokens * taken * features * width, rel=1e-12)
    assert op.params == count * width * (features + bias)
    assert op.weight_reads == pytest.approx(op.b / count)
    assert op.b * op.m == pytest.approx(tokens * taken)
    assert op.output_elements == tokens * taken * width


@pytest.mark.parametrize("taken", [0, 9, -1])
def test_a_token_takes_one_to_all_experts(taken: int) -> None:
    with pytest.raises(
        ValueError, match=rf"experts_per_token must be within 1\.\.experts, got experts_per_token={taken}"
    ):
        experts("e", 4, 8, 8, experts=8, experts_per_token=taken)


@quick
@given(tokens=sizes, entries=sizes, features=sizes)
def test_an_embedding_stores_its_table_and_reads_a_row_a_token(tokens: int, entries: int, features: int) -> None:
    op = embedding("table", tokens, entries, features)
    assert op.macs == 0
    assert op.params == entries * features
    assert op.output_elements == tokens * features
    assert op.weight_elements * op.weight_reads == pytest.approx(min(tokens, entries) * features)


@quick
@given(tokens=sizes, entries=sizes, features=sizes)
def test_a_tied_embedding_stores_nothing_and_reads_as_much(tokens: int, entries: int, features: int) -> None:
    op = embedding("table", tokens, entries, features, shares="head")
    assert op.params == 0
    assert op.input_elements == op.output_elements == tokens * features


def test_linear_attention_counts_the_products_of_its_recurrence() -> None:
    """The state of a head gains an outer product and is read once a token; the decay scales its elements."""
    batch, tokens, heads, key_dim, value_dim = 2, 5, 3, 4, 7
    products = decays = 0
    for _ in range(batch * heads):
        state = np.zeros((key_dim, value_dim))
        for _ in range(tokens):
            key, query, value = np.ones(key_dim), np.ones(key_dim), np.ones(value_dim)
            state = 0.5 * state + np.outer(key, value)
            query @ state
            products += 2 * key_dim * value_dim
            decays += state.size
    op = linear_attention("gla", batch, tokens=tokens, heads=heads, key_dim=key_dim, value_dim=value_dim)
    assert op.macs == products
    assert op.vector_flops == decays


@quick
@given(batch=small, tokens=sizes, channels=sizes, states=small, directions=st.integers(1, 4))
def test_selective_scans_cost_the_published_formula(
    batch: int, tokens: int, channels: int, states: int, directions: int
) -> None:
    op = selective_scan("ssm", batch, tokens=tokens, channels=channels, states=states, directions=directions)
    assert op.macs == 0
    assert op.vector_flops == directions * batch * tokens * channels * (9 * states + 1)
    assert op.params == directions * channels * (states + 1)


@quick
@given(queries=st.integers(1, 20), past=st.integers(0, 20), window=st.integers(0, 25), causal=st.booleans())
def test_masks_keep_what_their_definition_keeps(queries: int, past: int, window: int, causal: bool) -> None:
    keys = queries + past
    row, column = np.arange(past, keys)[:, None], np.arange(keys)[None, :]
    kept = np.ones((queries, keys), dtype=bool)
    if causal:
        kept &= column <= row
    if window:
        kept &= abs(row - column) < window
    assert kept_fraction(queries, keys, causal=causal, window=window) == pytest.approx(kept.mean())


def test_masks_need_their_queries_among_the_keys() -> None:
    with pytest.raises(ValueError, match="the queries must be among the keys, got queries=5, keys=4"):
        kept_fraction(5, 4, causal=True)


SHAPES = st.builds(
    LatentAttention, heads=small, q_lora_rank=st.just(0), kv_lora_rank=small, nope_dim=small, rope_dim=small,
    value_dim=small,
)  # fmt: skip


@quick
@given(shape=SHAPES, past=st.integers(1, 9))
def test_latent_attention_s_two_forms_are_the_same_function_at_their_own_cost(
    shape: LatentAttention, past: int
) -> None:
    """The absorbed form of a decode against the expanded form of a prefill, computed and counted by torch."""
    torch.manual_seed(0)
    keys = past + 1
    latents, rotary_keys = torch.randn(keys, shape.kv_lora_rank), torch.randn(keys, shape.rope_dim)
    queries = torch.randn(shape.heads, 1, shape.nope_dim)
    rotary_queries = torch.randn(shape.heads, 1, shape.rope_dim)
    to_key = torch.randn(shape.heads, shape.nope_dim, shape.kv_lora_rank)
    to_value = torch.randn(shape.heads, shape.kv_lora_rank, shape.value_dim)
    shared = rotary_keys.T.expand(shape.heads, -1, -1)

    with FlopCounterMode(display=False) as counted:
        projected = torch.bmm(queries, to_key)
        latent_keys = latents.T.expand(shape.heads, -1, -1)
        scores = torch.bmm(projected, latent_keys) + torch.bmm(rotary_queries, shared)
        mixed = torch.bmm(scores.softmax(-1), latents.expand(shape.heads, -1, -1))
        absorbed = torch.bmm(mixed, to_value)
    every_key = torch.bmm(to_key, latents.T.expand(shape.heads, -1, -1))
    every_value = torch.bmm(latents.expand(shape.heads, -1, -1), to_value)
    weights = (torch.bmm(queries, every_key) + torch.bmm(rotary_queries, shared)).softmax(-1)
    torch.testing.assert_close(absorbed, torch.bmm(weights, every_value), rtol=1e-3, atol=1e-4)

    span = Span(1, queries=1, keys=keys, causal=True)
    layer = latent_attention_layer("l", shape, span, d_model=8, source="x")
    core = [op for op in layer if "kv_b_proj" in op.name or op.kind == "attention"]
    assert sum(op.flops for op in core) == counted.get_total_flops()


@quick
@given(shape=SHAPES, batch=small, tokens=st.integers(2, 9))
def test_latent_attention_stores_the_same_weights_in_both_forms(
    shape: LatentAttention, batch: int, tokens: int
) -> None:
    prefill, decode = (
        latent_attention_layer("l", shape, Span(batch, queries=q, keys=tokens, causal=True), d_model=8, source="x")
        for q in (tokens, 1)
    )
    assert sum(op.params for op in prefill) == sum(op.params for op in decode)
    scores = next(op for op in decode if op.kind == "attention")
    assert scores.kv_elements == batch * tokens * shape.cache_elements
    assert next(op for op in prefill if op.kind == "attention").kv_elements == 0
