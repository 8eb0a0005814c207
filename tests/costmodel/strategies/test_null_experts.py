"""Null experts: fewer rows reach the true ones, and a router that scores more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies.null_experts import NullExperts, true_experts

DECODE = cm.zoo.build("mixtral-8x7b", phase="decode", batch=32, context=64)


def rows(workload: cm.Workload) -> float:
    op = workload.op("model.layers.0.mlp.experts.down_proj")
    return float(op.b * op.m)


@given(st.integers(0, 32), st.integers(1, 8))
@settings(max_examples=30)
def test_balanced_routing_gives_true_experts_their_share(null: int, chosen: int) -> None:
    found = NullExperts(null, chosen)(DECODE)
    assert rows(found) == pytest.approx(32 * true_experts(8, null, chosen))
    router = found.op("model.layers.0.mlp.gate")
    assert (router.n, router.params) == (8 + null, (8 + null) * 4096)


def test_as_many_null_experts_as_more_choices_keep_the_compute_and_add_a_router() -> None:
    """Top 4 of 8 true and 8 null experts: 2 true ones, as top 2 of 8."""
    found = NullExperts(8, 4)(DECODE)
    for before, after in zip(DECODE.ops, found.ops, strict=True):
        if ".mlp.gate" not in before.name:
            assert (after.macs, after.vector_flops) == pytest.approx((before.macs, before.vector_flops))
            assert after.params == before.params


def test_a_measured_load_is_taken_as_it_is() -> None:
    assert rows(NullExperts(8, 4, true_per_token=1.67)(DECODE)) == pytest.approx(32 * 1.67)


def test_fewer_experts_are_reached_and_read() -> None:
    name = "model.layers.0.mlp.experts.gate_up_proj"
    one = cm.zoo.build("mixtral-8x7b", phase="decode", batch=2)
    assert NullExperts(8)(one).op(name).weight_reads < one.op(name).weight_reads


def test_shared_experts_and_attention_stay_as_they_are() -> None:
    net = cm.zoo.build("deepseek-v3", phase="decode", batch=4, context=16)
    found = NullExperts(128)(net)
    for before, after in zip(net.ops, found.ops, strict=True):
        if ".mlp.gate" not in before.name and ".mlp.experts." not in before.name:
            assert after == before


@pytest.mark.parametrize(
    ("fields", "says"),
    [({"null_experts": -1}, "at least 0, got -1"), ({"experts_per_token": -2}, "at least 0, got 0, -2"),
     ({"null_experts": 2, "experts_per_token": 11}, "at most the 8 true and 2 null experts, got 11"),
     ({"experts_per_token": 9}, "at most the 8 true and 0 null experts, got 9"),
     ({"null_experts": 2, "true_per_token": 2.5}, "true_per_token must be at most 2 here, got 2.5")],
)  # fmt: skip
def test_more_experts_than_there_are_are_refused(fields: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        NullExperts(**fields)(DECODE)  # type: ignore[arg-type]


def test_a_dense_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"llama-3\.2-1b has no routed experts"):
        NullExperts(8)(cm.zoo.build("llama-3.2-1b", phase="decode"))
