"""Laws of what leaves something out: it touches what it names, in any order where order is none, however often run."""

import importlib
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel import strategies
from costmodel.strategies import (
    BlockSparsity,
    DynamicFilters,
    NMSparsity,
    SparseAttention,
    TokenMerging,
    TokenPruning,
    UnstructuredSparsity,
)

NETS = {
    "resnet18": cm.zoo.build("resnet18"),
    "deit": cm.zoo.build("deit_tiny_patch16_224", batch=2),
    "llama-prefill": cm.zoo.build("llama-3.2-1b", phase="prefill", context=64),
}
LEAVES_OUT = (
    "nm_sparsity", "decaying_mask", "sparse_ift", "unstructured_sparsity", "block_sparsity", "filter_pruning",
    "dynamic_filters", "sparse_attention", "token_merging", "token_pruning",
)  # fmt: skip
EXAMPLES = [
    pytest.param(example, id=f"{name}-{i}")
    for name in LEAVES_OUT
    for i, example in enumerate(importlib.import_module(f"costmodel.strategies.{name}").EXAMPLES)
]


def _costs(net):
    """What each op costs, whatever its inputs are called."""
    return {op.name: replace(op, inputs=()) for op in net.ops}


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_a_strategy_that_names_no_layer_touches_none(strategy):
    if "layers" not in {field.name for field in fields(strategy)}:
        return
    for net in NETS.values():
        assert replace(strategy, layers=())(net).ops == net.ops


@pytest.mark.parametrize("strategy", EXAMPLES)
def test_what_runs_three_times_costs_three_times_as_much_after_it_too(strategy):
    for net in NETS.values():
        try:
            once = strategy(net)
        except ValueError:
            continue
        assert strategy(net.map(lambda op: op.times(3))).ops == once.map(lambda op: op.times(3)).ops


WEIGHTS = (NMSparsity(2, 4), UnstructuredSparsity(0.3), BlockSparsity(0.5, layers=("*.fc1", "*.up_proj", "fc")))
TOKENS = (TokenMerging(4), TokenPruning(0.6), SparseAttention(0.25))
OTHERS = [("resnet18", DynamicFilters(0.5)), *((name, s) for name in ("deit", "llama-prefill") for s in TOKENS)]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(WEIGHTS), st.sampled_from(OTHERS))
def test_weights_and_what_they_meet_go_in_any_order(weights, named):
    """Layers that one of them adds aside: the other sees them or not."""
    name, other = named
    net = NETS[name]
    first, second = _costs(strategies.compose(weights, other)(net)), _costs(strategies.compose(other, weights)(net))
    for op in net.ops:
        one, two = first[op.name], second[op.name]
        assert (one.macs, one.params) == pytest.approx((two.macs, two.params)), op.name


def test_pairs_and_tokens_do_not_commute_and_both_count():
    """A predictor sees the tokens that are left; tokens do not leave attention that it made sparse."""
    net = NETS["deit"]
    after = strategies.compose(TokenPruning(0.5), SparseAttention(0.25))(net)
    assert next(op for op in after.ops if op.name.endswith("11.attn.attention.basis")).n < 50
    with pytest.raises(ValueError, match="every layer attends to all"):
        strategies.compose(SparseAttention(0.25), TokenPruning(0.5))(net)
