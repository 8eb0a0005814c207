"""LazyLLM: fewer tokens in later layers, and how far the published estimate is from a count by layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies.lazy_llm import LazyLLM, lazy_speedup, random_speedup, static_speedup

PREFILL = cm.zoo.build("llama-3.1-8b", phase="prefill", context=512)


def in_layers(workload: cm.Workload) -> float:
    return sum(op.macs for op in workload.ops if op.kind == "linear" and "layers" in op.name)


@pytest.mark.parametrize(("begin", "end"), [(0.75, 0.1), (0.5, 0.5), (0.5, 0.01)])
def test_equal_layers_cost_what_the_estimate_says(begin: float, end: float) -> None:
    counted = in_layers(PREFILL) / in_layers(LazyLLM(begin, end)(PREFILL))
    assert counted == pytest.approx(lazy_speedup(begin, end), rel=0.05)


@pytest.mark.parametrize("keep", [0.75, 0.5, 0.25])
def test_without_a_schedule_it_is_random_pruning(keep: float) -> None:
    pruned = LazyLLM(keep, keep, dense=0.0, ramp=0.0)(PREFILL)
    assert in_layers(PREFILL) / in_layers(pruned) == pytest.approx(random_speedup(keep))
    attention = "model.layers.0.self_attn.attention"
    assert pruned.op(attention).macs == pytest.approx(keep**2 * PREFILL.op(attention).macs)


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.floats(0.0, 1.0))
def test_what_is_kept_falls_from_begin_to_end(a: float, b: float, depth: float) -> None:
    lazy = LazyLLM(max(a, b), min(a, b))
    assert min(a, b) <= lazy.kept(depth) <= 1.0
    assert lazy.kept(depth) >= lazy.kept(min(1.0, depth + 0.1)) - 1e-12


def test_static_pruning_pays_for_its_scores() -> None:
    assert static_speedup(1.0) < 1.0 < static_speedup(0.5) < random_speedup(0.5)


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"begin": 0.0}, r"begin must be in \(0, 1\], got 0"), ({"end": 1.2}, r"end must be in \(0, 1\], got 1\.2"),
     ({"begin": 0.1, "end": 0.5}, "end must be at most begin"), ({"dense": 0.7, "ramp": 0.6}, "shares of the layers")],
)  # fmt: skip
def test_bad_shares_are_one_line(fields: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LazyLLM(**fields)


def test_a_decode_is_refused() -> None:
    with pytest.raises(ValueError, match="tokens leave"):
        LazyLLM()(cm.zoo.build("llama-3.2-1b", phase="decode"))
