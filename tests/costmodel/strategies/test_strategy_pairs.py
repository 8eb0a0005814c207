"""What two strategies make of a network in either order."""

import pytest

import costmodel as cm
from costmodel.strategies import strategy

LLAMA = cm.decode(cm.zoo.llama("3.1-8b"), batch=2, context=512)
MIXTRAL = cm.zoo.build("mixtral-8x7b", phase="decode", batch=2, context=128)
CODED = ("aqlm:codebooks=2,code_bits=8", "double_rounding", "fast_2bit", "fast_2bit:asynchronous=false")


def _sums(net, *names):
    return {name: sum(float(getattr(op, name)) for op in net.ops) for name in names}


@pytest.mark.parametrize("net", [LLAMA, MIXTRAL], ids=["llama", "mixtral"])
@pytest.mark.parametrize("coded", CODED)
def test_a_split_follows_dequantised_layers(net, coded):
    """Each op of the coded split is the split coded: weights, codebooks and dequantisation."""
    first, last = (strategy(s)(net) for s in (f"{coded} + parallel:tensor=2", f"parallel:tensor=2 + {coded}"))
    told = ("macs", "params", "vector_flops", "output_elements")
    assert _sums(first, "macs", "params") == pytest.approx(_sums(last, "macs", "params"), rel=1e-9)
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-3)  # rows' scales are shared, see tensor.py
    assert _sums(first, "params")["params"] < 0.56 * _sums(net, "params")["params"]


@pytest.mark.parametrize("net", [LLAMA, MIXTRAL], ids=["llama", "mixtral"])
@pytest.mark.parametrize("coded", ["aqlm:codebooks=2,code_bits=8", "double_rounding", "fast_2bit:asynchronous=false"])
@pytest.mark.parametrize("wide", ["best_of_n:samples=4"])
def test_dequantisation_reads_weights_whatever_the_sequences(net, coded, wide):
    first, last = (strategy(s)(net) for s in (f"{coded} + {wide}", f"{wide} + {coded}"))
    told = ("macs", "params", "vector_flops")
    assert _sums(first, *told) == pytest.approx(_sums(last, *told), rel=1e-9)


def test_a_dequantisation_without_its_layer_is_refused():
    orphan = cm.Workload("orphan", tuple(op for op in strategy(CODED[1])(LLAMA).ops if op.name != "lm_head"))
    with pytest.raises(ValueError, match=r"lm_head.narrow makes weights of lm_head, which is no op here any more"):
        strategy("parallel:tensor=2")(orphan)
