"""Strategies of architecture one after another: orders that should not matter, and builders that must come first."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import NMSparsity, compose
from costmodel.strategies.compound_scaling import CompoundScaling
from costmodel.strategies.kv_prediction import KVPrediction
from costmodel.strategies.lazy_llm import LazyLLM
from costmodel.strategies.null_experts import NullExperts
from costmodel.strategies.padded_batches import PaddedBatches
from costmodel.strategies.shallow_decoder import ShallowDecoder
from costmodel.strategies.visual_tokens import VisualTokens
from costmodel.workload import Op
from costmodel.workload.op import NAMES, TEXTS

PREFILL = cm.zoo.build("llama-3.2-1b", phase="prefill", batch=2, context=300)
EXPERTS = cm.zoo.build("mixtral-8x7b", phase="decode", batch=4, context=300)
NUMBERS = [f.name for f in fields(Op) if f.name not in (*NAMES, *TEXTS, "window", "heads", "again")]

SPARSE = st.sampled_from([NMSparsity(2, 4), NMSparsity(1, 8), NMSparsity(2, 4, ("*.q_proj",))])
PADDED = st.builds(PaddedBatches, st.floats(0, 1), st.integers(1, 20))
FEWER = st.one_of(
    st.builds(VisualTokens, st.just(256), st.integers(1, 256)),
    st.builds(LazyLLM, st.floats(0.5, 1.0), st.floats(0.05, 0.5)),
)
NULLS = st.builds(NullExperts, st.integers(0, 16), st.integers(1, 8))


def assert_alike(first: cm.Workload, second: cm.Workload) -> None:
    assert [(op.name, op.kind, op.inputs) for op in first.ops] == [(op.name, op.kind, op.inputs) for op in second.ops]
    np.testing.assert_allclose(numbers(first), numbers(second), rtol=1e-9)


def numbers(workload: cm.Workload) -> np.ndarray:
    return np.array([[float(getattr(op, name)) for name in NUMBERS] for op in workload.ops])


@given(SPARSE, FEWER, PADDED)
@settings(max_examples=10)
def test_weights_tokens_and_padding_are_edited_in_any_order(sparse, fewer, padded) -> None:
    """Tokens that are left are whole, before they are padded and after it: those of both differ by two at most."""
    assert_alike(compose(sparse, fewer, padded)(PREFILL), compose(fewer, padded, sparse)(PREFILL))
    if isinstance(fewer, LazyLLM):
        found = compose(fewer, padded)(PREFILL), compose(padded, fewer)(PREFILL)
        rows = [np.array([op.m / 2 for op in each.ops if op.kind == "linear"]) for each in found]
        assert np.abs(rows[0] - rows[1]).max() <= 2


@given(SPARSE, NULLS, PADDED)
@settings(max_examples=10)
def test_experts_and_weights_are_edited_in_any_order(sparse, nulls, padded) -> None:
    assert_alike(compose(sparse, padded, nulls)(EXPERTS), compose(nulls, sparse, padded)(EXPERTS))


@given(FEWER)
@settings(max_examples=10)
def test_fewer_tokens_never_cost_more(fewer) -> None:
    found = fewer(PREFILL)
    for quantity in ("macs", "kv_elements", "params"):
        assert sum(getattr(op, quantity) for op in found.ops) <= sum(getattr(op, quantity) for op in PREFILL.ops) + 1e-6


@pytest.mark.parametrize(
    ("builder", "workload"),
    [(KVPrediction(keep_layers=0.5), PREFILL), (CompoundScaling("d", 2.0), PREFILL),
     (ShallowDecoder(2, 2), cm.zoo.build("whisper-tiny", phase="encode", batch=2))],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_builders_come_first_and_others_edit_what_they_build(builder, workload) -> None:
    sparse = NMSparsity(2, 4)
    found = compose(builder, sparse)(workload)
    assert {op.weight_density for op in found.ops if op.kind == "linear" and op.weight_elements} >= {0.5}
    with pytest.raises(ValueError, match="must be the first strategy"):
        compose(sparse, builder)(workload)
