"""Additive codebooks: what they store is what a file of them holds."""

import pytest

import costmodel as cm
from costmodel.strategies import strategy
from costmodel.strategies.aqlm import AdditiveCodebooks
from costmodel.workload.ops import linear

LLAMA = cm.zoo.build("llama-3.2-1b", phase="decode", context=128)


def test_bits_of_a_layer_by_hand():
    op = linear("q", 1, 4096, 1024, bias=False)
    codes, books, scales = 4096 * 1024 / 8 * 2 * 8, 2 * 256 * 8 * 16, 1024 * 16
    assert AdditiveCodebooks(2, 8, 8).bits_per_weight(op) == pytest.approx(
        (codes + books + scales) / op.weight_elements
    )


def test_stored_bytes_of_an_estimate_are_codes_codebooks_and_scales():
    coded = AdditiveCodebooks(2, 8, 8)
    found = cm.estimate(coded(LLAMA), "int2/bf16", cm.gpu("l40s"))
    layer = LLAMA.op("model.layers.0.mlp.up_proj")
    stored = {op.name: column for op, column in zip(found.workload.ops, found.columns["weight_bytes"], strict=True)}
    total = stored[layer.name] + stored[f"{layer.name}.codebooks"]
    assert total * 8 == pytest.approx(coded.bits_per_weight(layer) * layer.weight_elements, rel=1e-12)


def test_the_head_and_odd_layers_stay():
    coded = AdditiveCodebooks(1, 16, 8)(LLAMA)
    assert coded.op("lm_head") == LLAMA.op("lm_head")
    assert AdditiveCodebooks(1, 16, 7)(LLAMA).ops == LLAMA.ops


def test_decoding_adds_vectors_and_scales_outputs():
    books, op = AdditiveCodebooks(3, 8, 8).code(linear("q", 2, 64, 32, bias=False))
    assert books.vector_flops == 2 * 64 * 32
    assert op.vector_flops == 2 * 32


def test_codebooks_and_additions_take_time():
    gpu = cm.gpu("l40s")
    plain, one, two, four = (
        cm.estimate(net, "int2/bf16", gpu).totals["latency_s"]
        for net in (LLAMA, *(AdditiveCodebooks(k, 16 // k)(LLAMA) for k in (1, 2, 4)))
    )
    assert plain < one
    assert plain < two < four


@pytest.mark.parametrize(
    "spelled", ["codebooks=0,code_bits=8", "codebooks=1,code_bits=17", "codebooks=1,code_bits=8,group=0"]
)
def test_bad_counts_are_one_line(spelled):
    with pytest.raises(ValueError, match="strategy aqlm: codebooks and group must be at least 1"):
        strategy(f"aqlm:{spelled}")
