"""Sizes that no tensor has: every constructor of ops refuses them with the op's name, the size and its value."""

import math

import pytest

from costmodel.workload import ops

WHOLE = {
    "linear": {"tokens": 4, "features_in": 8, "features_out": 2},
    "conv": {"batch": 1, "channels_in": 4, "channels_out": 8, "input_size": (9, 9), "kernel": (3, 3)},
    "attention": {"batch": 2, "queries": 4, "keys": 8, "heads": 4, "kv_heads": 2, "head_dim": 16},
    "latent_attention": {"batch": 2, "queries": 4, "keys": 8, "heads": 4, "latent_dim": 16, "rope_dim": 8},
    "embedding": {"tokens": 4, "entries": 10, "features": 8},
    "experts": {"tokens": 4, "features_in": 8, "features_out": 8, "experts": 4, "experts_per_token": 2},
    "linear_attention": {"batch": 1, "tokens": 4, "heads": 2, "key_dim": 8, "value_dim": 8},
    "selective_scan": {"batch": 1, "tokens": 4, "channels": 8, "states": 4},
    "recurrent_input": {"batch": 1, "tokens": 4, "features_in": 8, "hidden": 8},
    "recurrence": {"batch": 1, "tokens": 4, "hidden": 8},
    "recurrent_projection": {"batch": 1, "tokens": 4, "hidden": 8, "projection": 4},
}
COUNTED = {
    "norm": {"elements": 8, "features": 2},
    "activation": {"elements": 8},
    "softmax": {"elements": 8},
    "pooling": {"input_elements": 16, "output_elements": 4},
    "elementwise": {"elements": 8, "operands": 2, "flops": 1.0, "parameters": 0},
    "collective": {"elements": 8},
}
MORE = {
    "norm": {"style": "layer"}, "activation": {"function": "relu"}, "collective": {"kind": "all_reduce", "ranks": 2},
    "recurrent_input": {"cell": "lstm"}, "recurrence": {"cell": "lstm"},
}  # fmt: skip
MAY_BE_ZERO = {"rope_dim"}

CASES = [
    (kind, size, value)
    for sizes, wrong in ((WHOLE, (0, -3, math.nan, math.inf)), (COUNTED, (-3, math.nan, math.inf)))
    for kind, given in sizes.items()
    for size in given
    if not isinstance(given[size], tuple)
    for value in wrong
    if not (value == 0 and size in MAY_BE_ZERO)
]


def build(kind, **sizes):
    return getattr(ops, kind)("layer.3", **({**WHOLE, **COUNTED}[kind] | MORE.get(kind, {}) | sizes))


@pytest.mark.parametrize("kind", [*WHOLE, *COUNTED])
def test_sizes_that_tensors_have_are_taken(kind):
    assert build(kind).name == "layer.3"


@pytest.mark.parametrize(("kind", "size", "value"), CASES)
def test_others_are_refused(kind, size, value):
    with pytest.raises(ValueError, match=size) as told:
        build(kind, **{size: value})
    assert str(value) in str(told.value)
