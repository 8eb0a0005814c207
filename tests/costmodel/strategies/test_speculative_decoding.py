"""Speculative decoding: the workload against its parts, the round against simulation, errors in a line."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import NMSparsity, SpeculativeDecoding, compose, strategy
from costmodel.strategies.drafting import acceptance, expected_tokens, operations, speedup
from costmodel.workload.several_tokens import several_tokens

DECODE = cm.zoo.build("llama-3.1-8b", phase="decode", batch=4, context=2000)
DEVICE = cm.gpu("a100_sxm")


def _latency(workload, precision="w4a16"):
    return cm.estimate(workload, precision, DEVICE).totals["latency_s"]


@pytest.mark.parametrize(("k", "a"), [(1, 0.3), (4, 0.8), (8, 1.0)])
def test_a_pass_is_its_round_over_its_tokens(k, a):
    draft = cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=2000)
    found = cm.estimate(SpeculativeDecoding(k, a)(DECODE), "w4a16", DEVICE).totals
    tokens = expected_tokens(a, k)
    round_s = k * _latency(draft) + _latency(several_tokens(DECODE, k + 1))
    assert found["latency_s"] * tokens == pytest.approx(round_s)
    both = [cm.estimate(w, "w4a16", DEVICE).totals for w in (draft, DECODE)]
    assert found["weight_bytes"] == pytest.approx(sum(t["weight_bytes"] for t in both))
    assert found["params"] == pytest.approx(sum(t["params"] for t in both))


@given(st.floats(0, 1), st.integers(0, 12))
def test_tokens_of_a_round_are_the_mean_over_what_may_be_accepted(a, k):
    accepted = [a**j * (1 - a) for j in range(k)] + [a**k]
    mean = sum(p * (j + 1) for j, p in enumerate(accepted))
    assert expected_tokens(a, k) == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert 1 - 1e-9 <= expected_tokens(a, k) <= k + 1 + 1e-9


def test_acceptance_is_that_of_speculative_sampling():
    """A draft's token x stays with probability min(1, p(x) / q(x)); else one is drawn of what p has more than q."""
    rng = np.random.default_rng(0)
    p, q = (rng.dirichlet(np.full(6, 0.7), size=3) for _ in range(2))
    share = acceptance(p, q)
    for place in range(3):
        drawn = rng.choice(6, size=40_000, p=q[place])
        kept = rng.random(len(drawn)) < p[place, drawn] / q[place, drawn]
        assert kept.mean() == pytest.approx(share[place], abs=0.01)
        more = np.maximum(p[place] - q[place], 0)
        written = np.where(kept, drawn, rng.choice(6, size=len(drawn), p=more / more.sum()))
        assert np.bincount(written, minlength=6) / len(drawn) == pytest.approx(p[place], abs=0.01)
    assert acceptance(p, p) == pytest.approx(np.ones(3))


@pytest.mark.parametrize(
    ("p", "q", "says"),
    [
        ([[0.5, 0.5]], [[0.2, 0.3, 0.5]], r"one shape, got \(1, 2\) and \(1, 3\)"),
        ([[0.5, 0.6]], [[0.5, 0.5]], "target must hold probabilities"),
        ([[0.5, 0.5]], [[1.5, -0.5]], "draft must hold probabilities"),
    ],
)
def test_what_are_no_probabilities_is_one_line(p, q, says):
    with pytest.raises(ValueError, match=says):
        acceptance(p, q)


@given(st.floats(0.01, 0.99), st.floats(0.0, 0.99))
def test_a_draft_pays_where_it_is_accepted_oftener_than_it_costs(a, cost):
    """Leviathan et al., corollary 3.9: some length helps if and only if a > c."""
    best = max(speedup(a, np.arange(1, 200), cost))
    if a > cost * (1 + 1e-9):
        assert best > 1
    else:
        assert best <= 1 + 1e-9


@given(st.floats(0, 1), st.integers(0, 12), st.floats(0, 1))
def test_operations_are_never_saved_and_a_sure_draft_adds_its_own_alone(a, k, cost):
    assert operations(a, k, cost) >= 1 - 1e-12
    assert operations(1.0, k, cost) == pytest.approx(1 + cost * k / (k + 1))


def test_operations_are_those_of_the_workload():
    """Linear layers of the head included; attention, which sees a longer context, left out."""

    def macs(ops):
        return sum(op.macs for op in ops if op.kind == "linear")

    draft = cm.zoo.build("llama-3.2-1b", phase="decode", batch=4, context=2000)
    found = macs(SpeculativeDecoding(4, 0.8)(DECODE).ops) / macs(DECODE.ops)
    assert found == pytest.approx(operations(0.8, 4, macs(draft.ops) / macs(DECODE.ops)))


def test_latency_falls_with_acceptance_and_a_useless_draft_is_slower():
    times = [_latency(SpeculativeDecoding(4, a)(DECODE)) for a in (0.0, 0.5, 0.8, 1.0)]
    assert times == sorted(times, reverse=True)
    assert times[0] > _latency(DECODE) > times[-1]


def test_it_composes_with_pruning_of_the_target_alone_or_of_both():
    prune, draft = NMSparsity(2, 4), SpeculativeDecoding(4, 0.8)
    first, then = compose(prune, draft)(DECODE), compose(draft, prune)(DECODE)
    pruned = {op.name for op in first.ops if op.weight_density < 1}
    assert pruned
    assert not any(name.startswith("draft.") for name in pruned)
    assert pruned < {op.name for op in then.ops if op.weight_density < 1}


def test_spelled_as_text():
    assert strategy("speculative_decoding:draft_tokens=2,draft=llama-3.2-3b") == SpeculativeDecoding(
        2, 0.8, "llama-3.2-3b"
    )


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("speculative_decoding:draft_tokens=-1", "draft_tokens must be a whole number of at least 0, got -1"),
        ("speculative_decoding:draft_tokens=1.5", "got 1.5"),
        ("speculative_decoding:acceptance_rate=1.2", r"acceptance_rate must be within \[0, 1\], got 1.2"),
        ("speculative_decoding:draft=lama-3.2-1b", "did you mean llama-3.2-1b"),
        ("speculative_decoding:draft_tokens=1000000000", "draft_tokens must be at most 1000, got 1000000000"),
        ("specdec_plus_plus:most=1e9", "most must be at most 1000, got 1000000000"),
        ("speculative_decoding:draft=resnet18", "a draft is a language model, resnet18 is a vision network"),
        ("specdec_plus_plus:draft=whisper-tiny", "a draft reads and writes tokens alone, whisper-tiny has an encoder"),
        ("speculative_decoding:draft=bert-base", "a draft reads and writes tokens alone, bert-base has no decoder"),
    ],
)
def test_bad_input_is_one_line(spelled, says):
    with pytest.raises(ValueError, match=says) as error:
        strategy(spelled)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("net", [cm.zoo.build("resnet18"), cm.zoo.build("llama-3.2-1b", phase="forward")])
def test_what_does_not_decode_is_refused(net):
    with pytest.raises(ValueError, match="only a decode"):
        SpeculativeDecoding()(net)


@pytest.mark.parametrize(
    ("net", "draft", "says"),
    [
        ("gpt2", "llama-3.2-1b", "has 128256 tokens in its vocabulary, gpt2 has 50257: .* gpt2 itself drafts as well"),
        ("gpt2-xl", "llama-3.2-1b", "name a draft of its vocabulary, gpt2 or gpt3-125m or "),
        ("llama-3.1-8b", "llama-3.1-70b", "smaller than what it drafts for, .*e.09: .* llama-3.2-1b or llama-3.2-3b$"),
        ("whisper-tiny", "llama-3.2-1b", "what is drafted reads and writes tokens alone, whisper-tiny has an encoder"),
    ],
)
@pytest.mark.parametrize("name", ["speculative_decoding", "specdec_plus_plus"])
def test_a_draft_is_a_smaller_model_of_the_same_vocabulary(name, net, draft, says):
    edit, passes = strategy(f"{name}:draft={draft}"), ("decode", "prefill")
    for base in (cm.zoo.build(net, phase=phase, context=20) for phase in passes):
        with pytest.raises(ValueError, match=says):
            edit(base)
    assert strategy(f"{name}:draft=gpt2")(cm.zoo.build("gpt2", context=20)).ops
