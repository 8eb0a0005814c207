"""EdgeMoE: caches of experts, and loading under computing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.estimators import traffic
from costmodel.strategies import strategy
from costmodel.strategies._expert_cache import by_rank, fewest_bits, miss_rate, misses_by_rank, skewed_trace
from costmodel.strategies.edge_moe import EdgeMoE

DECODE = cm.zoo.build("mixtral-8x7b", phase="decode", context=256)
ORIN = cm.gpu("jetson_orin")
EDGE = replace(ORIN, storage_bytes_per_s=3.5e9)


def test_uniform_routing_misses_what_a_cache_lacks() -> None:
    trace = skewed_trace(8, 2, layers=4, tokens=3000)
    for cached in (2, 4, 6):
        assert miss_rate(trace, cached) == pytest.approx(1 - cached / 8, abs=0.06)


@given(st.integers(1, 6), st.floats(0, 2), st.integers(0, 5))
@settings(max_examples=20)
def test_larger_caches_never_miss_more(chosen: int, skew: float, seed: int) -> None:
    trace = skewed_trace(8, chosen, layers=2, tokens=60, skew=skew, seed=seed)
    rates = [miss_rate(trace, cached) for cached in range(9)]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == 1.0
    assert rates[8] * trace.size == sum(len(np.unique(trace[:, layer])) for layer in range(2))


def test_skewed_routing_favours_caches_and_every_token_takes_different_experts() -> None:
    trace = skewed_trace(32, 4, layers=2, tokens=400, skew=1.5)
    assert miss_rate(trace, 8) < miss_rate(skewed_trace(32, 4, layers=2, tokens=400), 8) - 0.2
    assert all(len(set(taken)) == 4 for taken in trace.reshape(-1, 4).tolist())


def test_on_a_device_of_slow_storage_loads_are_its_bytes_over_its_rate() -> None:
    """Mixtral at 4 bits: what is missed of two experts of 3 x 4096 x 14336 weights in 32 layers, at 3.5 GB/s."""
    bits = EdgeMoE(2).missed_bits(8, 2)
    expected = 32 * 2 * 3 * 4096 * 14336 * bits / 8 / 3.5e9
    for device, most in ((replace(ORIN, link="pcie4", link_bytes_per_s=7e9), 1.5), (EDGE, 1 + 1e-9)):
        found = cm.estimate(EdgeMoE(2)(DECODE), "int4_g128/bf16", device)
        loads = found.latency_s[[op.kind == "load" for op in found.workload.ops]].sum()
        assert expected * (1 - 1e-9) < loads < most * expected
    assert "link formula (storage)" in found.source


@pytest.mark.parametrize("foreseen", [0, 1])
def test_a_device_without_host_says_whose_rate_it_needs(foreseen: int) -> None:
    """Jetsons share one memory with their CPU: experts are on a disk, which is the user's."""
    with pytest.raises(ValueError, match=r"^jetson_orin has no link to memory .* as storage_bytes_per_s = 1e9$"):
        cm.estimate(EdgeMoE(2, foreseen=foreseen)(DECODE), "int4_g128/bf16", ORIN)
    slow, fast = (cm.estimate(EdgeMoE(2, foreseen=foreseen)(DECODE), "int4_g128/bf16", device).totals["latency_s"]
                  for device in (EDGE, replace(EDGE, storage_bytes_per_s=7e9)))  # fmt: skip
    assert slow > fast
    both = replace(cm.gpu("l40s"), storage_bytes_per_s=3.5e9)
    found = cm.estimate(strategy("edge_moe:cached=2 + parallel:tensor=2")(DECODE), "int4_g128/bf16", both)
    sources = {str(source) for source in found.source if str(source).startswith("link")}
    assert len(sources) == 2
    assert "link formula (storage)" in sources


def test_experts_of_little_loss_take_few_bits() -> None:
    losses = [[0.1, 0.01, 0.0], [0.5, 0.3, 0.2], [0.0, 0.0, 0.0]]
    assert fewest_bits(losses, (2, 4, 8), 0.05).tolist() == [4, 8, 2]


def test_a_cache_holds_its_share_of_the_experts_and_loads_what_it_misses() -> None:
    found = EdgeMoE(cached=2, bits=(4,))(DECODE)
    expert = 3 * 4096 * 14336
    stored = sum(op.params for op in DECODE.ops) - sum(op.params for op in found.ops)
    assert stored == pytest.approx(32 * 6 * expert)
    loads = [op for op in found.ops if op.kind == "load"]
    rate = miss_rate(skewed_trace(8, 2, layers=4, tokens=256), 2)
    assert [op.output_elements for op in loads] == pytest.approx([2 * expert * rate * 4 / 16] * 32)
    assert sum(op.macs for op in found.ops) == pytest.approx(sum(op.macs for op in DECODE.ops))


def test_on_a_gpu_the_link_pays_for_memory() -> None:
    """A larger cache, fewer bits and skewed routing each load less."""
    l40s = cm.gpu("l40s")

    def totals(strategy: EdgeMoE, precision: str = "int4_g128/bf16") -> tuple[float, float]:
        found = cm.estimate(strategy(DECODE), precision, l40s).totals
        return found["latency_s"], found["weight_bytes"]

    (slow, few), (quick, more) = totals(EdgeMoE(2)), totals(EdgeMoE(6))
    assert slow > quick > cm.estimate(DECODE, cm.precision("int4_g128/bf16"), l40s).totals["latency_s"]
    assert few < more
    assert totals(EdgeMoE(2, bits=(2,)), "int2/bf16")[0] < slow
    assert totals(EdgeMoE(2, skew=1.5))[0] < slow


def test_cached_experts_have_the_widths_that_they_are_loaded_in() -> None:
    """Of all eight and hot ones in 8 bits, a cache that favourites fill holds more than a quarter of them wide."""
    used, expert = cm.precision("int4_g128/bf16"), 3 * 4096 * 14336

    def bits_held(**how: float) -> float:
        found = EdgeMoE(2, (8.125, 4.125), (0.25, 0.75), **how)(DECODE)
        held = [op for op in found.ops if op.kind == "experts"]
        return 8 * sum(float(traffic.weight_bytes(op, used)) for op in held) / (32 * 2 * expert)

    narrow = EdgeMoE(2, (4.125,))(DECODE)
    assert {op.index_bits for op in narrow.ops if op.kind == "experts"} == {0.0}
    even, skewed = bits_held(), bits_held(skew=2.0)
    assert even == pytest.approx(4.125 + 4 / 4, abs=0.25)
    assert even < skewed < 8.125


@given(st.integers(1, 4), st.floats(0, 2), st.integers(0, 5), st.integers(1, 8))
@settings(max_examples=20)
def test_a_cache_has_no_more_places_than_it_has(chosen: int, skew: float, seed: int, cached: int) -> None:
    trace = skewed_trace(8, chosen, layers=2, tokens=60, skew=skew, seed=seed)
    places = by_rank(trace, cached, 8)[1]
    assert places.sum() == pytest.approx(1.0)
    assert places.min() >= 0


@given(st.integers(1, 4), st.floats(0, 2), st.integers(0, 5), st.integers(1, 8))
@settings(max_examples=20)
def test_misses_by_rank_are_all_misses(chosen: int, skew: float, seed: int, cached: int) -> None:
    trace = skewed_trace(8, chosen, layers=2, tokens=60, skew=skew, seed=seed)
    assert misses_by_rank(trace, cached, 8).sum() == pytest.approx(miss_rate(trace, cached))


def test_widths_are_those_of_hot_and_cold_experts() -> None:
    """Each expert's misses bring its own width, whichever half is the wide one."""
    loaded = {bits: EdgeMoE(4, bits, (0.5, 0.5), skew=1.5).missed_bits(8, 2) for bits in ((8.0, 2.0), (2.0, 8.0))}
    even = [EdgeMoE(4, (bits,), skew=1.5).missed_bits(8, 2) for bits in (2.0, 8.0)]
    assert all(even[0] < bits < even[1] for bits in loaded.values())
    assert loaded[8.0, 2.0] != pytest.approx(loaded[2.0, 8.0], rel=0.05)
    assert sum(loaded.values()) == pytest.approx(sum(even))
    assert EdgeMoE(4, (2.0, 8.0), skew=1.5).missed_bits(8, 2) == loaded[2.0, 8.0], "shares are equal if none are given"


def test_what_is_foreseen_hides_behind_the_experts() -> None:
    """All that is not foreseen is a load before the layer; all that is takes the longer of load and products."""
    l40s, precision = cm.gpu("l40s"), cm.precision("int4_g128/bf16")

    def seconds(foreseen: float) -> float:
        return cm.estimate(EdgeMoE(4, foreseen=foreseen)(DECODE), precision, l40s).totals["latency_s"]

    assert seconds(1.0) < seconds(0.5) < seconds(0.0)
    found = cm.estimate(EdgeMoE(4, foreseen=1.0)(DECODE), precision, l40s)
    assert not any(op.kind == "load" for op in found.workload.ops)
    experts = [op.kind == "experts" for op in found.workload.ops]
    assert set(found.bound[experts]) == {"link"}
    assert (
        found.latency_s[experts] >= cm.estimate(DECODE, precision, l40s).latency_s[experts[: len(DECODE.ops)]]
    ).all()
    loads = cm.estimate(EdgeMoE(4)(DECODE), precision, l40s)
    sent = loads.latency_s[[op.kind == "load" for op in loads.workload.ops]].sum()
    assert found.latency_s[experts].sum() == pytest.approx(sent, rel=0.1)


def test_a_user_s_trace_decides_what_is_missed(tmp_path) -> None:
    path = tmp_path / "routing.json"
    path.write_text("[[[0, 1]], [[0, 1]], [[2, 3]], [[0, 1]]]")
    assert EdgeMoE(2, trace=str(path)).missed_bits(8, 2) == 4 * 6 / 8
    assert EdgeMoE(4, trace=str(path)).missed_bits(8, 2) == 4 * 4 / 8
    layers = 32
    path.write_text(str([[[i % 8, (i + 1) % 8]] * layers for i in range(16)]))
    assert strategy(f"edge_moe:cached=4,trace={path}")(DECODE).ops
    bad = {
        str([[[0, 1]] * 4]): f"has 4 layers, the workload has {layers} of routed experts",
        str([[[0, 1]] * (layers - 1) + [[3, 3]]]): f"token 0 takes one expert of layer {layers - 1} twice",
        "[[[0, 9]]]": "2 of 10 or more experts a token",
        "[[[0]]]": "1 of 1 or more",
        "[[0]]": "JSON lists",
        "[[[0.5, 1]]]": "whole numbers",
        "{": "JSON lists",
        "[[[0, -1]]]": "whole numbers",
    }
    for text, says in bad.items():
        path.write_text(text)
        with pytest.raises(ValueError, match=says) as error:
            EdgeMoE(2, trace=str(path))(DECODE)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match=r"^trace '.*missing\.json' cannot be read: no such file$"):
        EdgeMoE(2, trace=str(tmp_path / "missing.json"))(DECODE)


WIDER = {
    "best_of_n:samples=4": "sequences",
    "verified_search:width=4": "sequences",
    "speculative_decoding:draft_tokens=4,draft=mistral-7b": "tokens",
    "specdec_plus_plus:draft=openelm-270m": "tokens",
}


@pytest.mark.parametrize("foreseen", [0, 1])
@pytest.mark.parametrize(("wider", "what"), WIDER.items())
def test_more_at_once_comes_before_experts_leave_memory(wider: str, what: str, foreseen: int) -> None:
    """What more tokens miss is not a multiple of what one does: several share experts."""
    edge = f"edge_moe:cached=4,foreseen={foreseen}"
    with pytest.raises(ValueError, match=rf"brings what its batch misses; take more {what} before experts leave mem"):
        strategy(f"{edge} + {wider}")(DECODE)
    assert strategy(f"{wider} + {edge}")(DECODE).ops


def test_tokens_leave_before_experts_do() -> None:
    prefill = cm.zoo.build("mixtral-8x7b", phase="prefill", context=64)
    with pytest.raises(ValueError, match=r"brings what its batch misses; let tokens leave before experts leave mem"):
        strategy("edge_moe + lazy_llm")(prefill)
    assert strategy("lazy_llm + edge_moe")(prefill).ops


@pytest.mark.parametrize(
    ("call", "says"),
    [(lambda: skewed_trace(8, 9, layers=1, tokens=1), "experts_per_token=9, experts=8"),
     (lambda: miss_rate(skewed_trace(8, 2, layers=1, tokens=1), -1), "cached must be at least 0, got -1"),
     (lambda: EdgeMoE(9)(DECODE), "at most the 8 experts of a layer, got 9"),
     (lambda: EdgeMoE(0), "cached >= 1, bits > 0, skew >= 0"), (lambda: EdgeMoE(bits=(0,)), "cached >= 1, bits > 0"),
     (lambda: EdgeMoE(foreseen=1.5), "foreseen within"), (lambda: EdgeMoE(bits=()), "bits > 0"),
     (lambda: EdgeMoE(bits=(2, 4), shares=(1.0,)), "shares must be one for each of the bits"),
     (lambda: EdgeMoE()(cm.zoo.build("resnet18")), "resnet18 has no routed experts")],
)  # fmt: skip
def test_bad_input_is_one_line(call, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        call()
