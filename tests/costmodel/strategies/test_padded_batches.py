"""Padding: what unequal lengths waste, and how buckets give it back."""

from dataclasses import fields
from math import erf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import strategy
from costmodel.strategies._longer import longer
from costmodel.strategies.padded_batches import PaddedBatches, batch_gain, batches, expected_waste, lengths, waste
from costmodel.workload.op import NAMES, TEXTS, Heads, Op


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=60), st.integers(1, 9), st.integers(1, 7))
def test_every_example_is_in_one_batch_of_at_most_that_size(drawn: list[float], batch: int, buckets: int) -> None:
    found = batches(drawn, batch, (buckets,))
    assert sorted(np.concatenate(found).tolist()) == list(range(len(drawn)))
    assert max(map(len, found)) <= batch
    assert 0 <= waste(np.array(drawn), found) + 1e-12 < 1


def test_equal_lengths_and_batches_of_one_waste_nothing() -> None:
    assert waste(np.ones(100), batches(np.ones(100), 8, (1,))) == pytest.approx(0.0)
    assert waste(lengths(0.6), batches(lengths(0.6), 1, (1,))) == pytest.approx(0.0)


@pytest.mark.parametrize("spread", [0.4, 0.6, 0.8])
def test_batches_in_order_of_arrival_waste_half_and_more_as_published(spread: float) -> None:
    """And buckets most of it not; the abstract says more than 50 % and a fivefold batch."""
    drawn = lengths(spread)
    wastes = [waste(drawn, batches(drawn, 32, (buckets,))) for buckets in (1, 2, 5, 10, 30)]
    assert wastes[0] > 0.5
    assert wastes == sorted(wastes, reverse=True)
    assert wastes[-1] < 0.2
    gains = [batch_gain(drawn, 8, buckets) for buckets in (1, 5, 30)]
    assert gains[0] == 1.0
    assert gains == sorted(gains)
    assert gains[-1] >= 4.0


@pytest.mark.parametrize(
    ("spread", "batch", "buckets"),
    [(0.6, 16, 1), (0.6, 32, 30), (0.6, 256, 100), (0.6, 1024, 30), (0.6, 3, 500), (0.1, 64, 4), (1.2, 8, 7)],
)
def test_what_is_expected_is_what_many_whole_batches_waste(spread: float, batch: int, buckets: int) -> None:
    """To four standard errors of twenty simulations, of batches larger than what 20,000 lengths leave a bucket too."""
    whole = batch * buckets * max(1, 60_000 // (batch * buckets))
    found = []
    for seed in range(20):
        drawn = lengths(spread, whole, seed=seed)
        found.append(1 / (1 - waste(drawn, batches(drawn, batch, (buckets,)))))
    error = np.std(found, ddof=1) / len(found) ** 0.5
    assert 1 / (1 - expected_waste(spread, batch, buckets)) == pytest.approx(np.mean(found), abs=4 * error)


def test_the_longest_of_two_is_what_the_error_function_says() -> None:
    """E max of two lognormal lengths of mean 1 is 2 Phi(spread / sqrt 2) = 1 + erf(spread / 2)."""
    for spread in (0.01, 0.6, 2.0, 5.0):
        assert 1 / (1 - expected_waste(spread, 2, 1)) == pytest.approx(1 + erf(spread / 2), rel=1e-6)


@given(st.floats(0.01, 5.0), st.integers(2, 5_000), st.integers(1, 2_000))
@settings(max_examples=30)
def test_larger_batches_waste_more_and_more_buckets_less(spread: float, batch: int, buckets: int) -> None:
    found = expected_waste(spread, batch, buckets)
    assert 0 <= found < 1
    assert expected_waste(spread, 2 * batch, buckets) >= found - 1e-9
    assert expected_waste(spread, batch, 2 * buckets) <= found + 1e-9


def test_two_dimensional_buckets_keep_texts_alike_too() -> None:
    """Where texts are only loosely as long as their audio, buckets by audio alone leave them padded."""
    audio = lengths(0.6)
    text = audio * lengths(0.4, seed=1)
    one, two = batches(audio, 32, (10,)), batches(np.stack([audio, text], axis=1), 32, (10, 3))
    assert waste(text, two) < 0.75 * waste(text, one)
    assert waste(audio, two) == pytest.approx(waste(audio, one), abs=0.03)


NUMBERS = [f.name for f in fields(Op) if f.name not in (*NAMES, *TEXTS, "window", "heads", "again")]
HEADS = [f.name for f in fields(Heads)]


def _numbers(workload: cm.Workload) -> np.ndarray:
    of_heads = [[float(getattr(op.heads, name)) for name in HEADS] for op in workload.ops]
    return np.hstack([[[float(getattr(op, name)) for name in NUMBERS] for op in workload.ops], of_heads])


@pytest.mark.parametrize("phase", ["forward", "prefill", "decode", "training"])
@pytest.mark.parametrize("net", ["llama-3.2-1b", "gpt2", "mixtral-8x7b", "deepseek-v2-lite"])
def test_a_longer_pass_is_that_of_the_longer_context(net: str, phase: str) -> None:
    """As the network itself is built at it: weights are stored and read as often."""
    mean, longest = (cm.zoo.build(net, phase=phase, batch=4, context=context) for context in (200, 301))
    found = longer(mean, 1.5049)
    assert [op.inputs for op in found.ops] == [op.inputs for op in longest.ops]
    np.testing.assert_allclose(_numbers(found), _numbers(longest), rtol=1e-9)


def test_what_is_one_a_sequence_has_no_padding() -> None:
    base = cm.zoo.build("canary-180m-flash", batch=4, phase="prefill")
    found = longer(base, 2.0)
    assert found.op(base.ops[-1].name).macs == base.ops[-1].macs
    assert sum(op.macs for op in found.ops) > 1.9 * sum(op.macs for op in base.ops)


@pytest.mark.parametrize("net", ["resnet18", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("made", ["", "distributed_training + "])
def test_images_have_no_padding(net: str, made: str) -> None:
    with pytest.raises(ValueError, match=f"of which {net} looks up none$"):
        strategy(f"{made}padded_batches")(cm.zoo.build(net, batch=4))


@pytest.mark.parametrize(
    ("net", "phase", "fits", "says"),
    [
        ("bert-base", "forward", 300, r"embeddings.position_embeddings of bert-base has 512 positions, .* has 600"),
        ("gpt2", "prefill", 600, r"wpe of gpt2 has 1024 positions, .* has 1200: pad a shorter context"),
        ("gpt2", "decode", 600, r"wpe of gpt2 has 1024 positions, .* has 1201: pad a shorter context"),
        ("whisper-tiny", "encode", None, r"has 1500 positions, .* has 3000"),
    ],
)
def test_sequences_are_no_longer_than_there_are_positions(net: str, phase: str, fits: int | None, says: str) -> None:
    base = cm.zoo.build(net, phase=phase, batch=4, context=fits)
    with pytest.raises(ValueError, match=says):
        longer(base, 2.0)
    if fits:
        assert longer(base, 1.7).ops


@pytest.mark.parametrize("phase", ["encode", "decode", "prefill"])
def test_no_pass_reads_more_of_an_encoder_than_its_table_has(phase: str) -> None:
    """Whisper's speech fills its positions; an encoder without a table makes longer caches."""
    text = None if phase == "encode" else 100
    with pytest.raises(ValueError, match=r"encoder.* of whisper-tiny has 1500 positions, .* has 2250"):
        longer(cm.zoo.build("whisper-tiny", phase=phase, batch=4, context=text), 1.5)
    heard = longer(cm.zoo.build("canary-180m-flash", phase=phase, batch=4, context=text), 2.0)
    keys = {int(op.heads.keys) for op in heard.ops if op.kind == "attention" and not op.heads.causal}
    assert keys == {250} if phase != "encode" else {250} >= keys


def test_padding_a_training_is_training_the_padded() -> None:
    """Counts of elements are whole: with the noise of a product a sum would have a gradient of its own."""
    for context, factor in ((137, 1.37), (200, 1.37), (200, 2.3)):
        base = cm.zoo.build("bert-base", batch=4, context=context)
        padded = longer(cm.training(base), factor)
        assert [op.name for op in padded.ops] == [op.name for op in cm.training(base).ops]
        assert all(op.input_elements == int(op.input_elements) for op in longer(base, factor).ops)


@given(st.floats(0.05, 1.2), st.integers(1, 40), st.sampled_from([2, 8]))
@settings(max_examples=4)
def test_padding_takes_time_and_memory_and_reads_no_weights_again(spread: float, buckets: int, batch: int) -> None:
    base = cm.zoo.build("bert-base", batch=batch, context=60)
    padded = PaddedBatches(spread, buckets)(base)
    longest = 1 / (1 - expected_waste(spread, batch, buckets))
    rows = [op.m / batch for op in padded.ops if op.kind == "linear" and op.m > batch]
    assert rows == [round(60 * longest)] * len(rows)
    assert [op.count for op in padded.ops] == [op.count for op in base.ops]
    assert [(op.params, op.weight_reads) for op in padded.ops if op.kind == "linear"] == [
        (op.params, op.weight_reads) for op in base.ops if op.kind == "linear"
    ]
    longer = round(60 * longest) > 60
    found, plain = (cm.estimate(w, cm.W16A16, cm.gpu("l4")).totals for w in (padded, base))
    for name in ("peak_activation_bytes", "footprint_bytes", "latency_s"):
        assert found[name] > plain[name] if longer else found[name] == plain[name]
    assert found["weight_bytes"] == plain["weight_bytes"]


def test_tokens_that_a_decode_writes_have_no_padding_and_its_cache_has() -> None:
    base = cm.zoo.build("llama-3.2-1b", phase="decode", batch=8, context=1000)
    padded = PaddedBatches()(base)
    changed = {op.kind for op, was in zip(padded.ops, base.ops, strict=True) if op != was}
    assert changed == {"attention"}
    assert sum(op.kv_elements for op in padded.ops) > 1.5 * sum(op.kv_elements for op in base.ops)


def test_longer_sequences_of_what_no_rule_knows_are_refused() -> None:
    base = cm.zoo.build("bert-base", batch=2, context=64)
    for first, says in (
        ("token_merging:r=8", "compares some of the tokens"),
        ("sparse_attention:keep=0.25", "pad before it is"),
    ):
        with pytest.raises(ValueError, match=says):
            strategy(f"{first} + padded_batches")(base)
    mixtral = cm.zoo.build("mixtral-8x7b", phase="decode", batch=2, context=300)
    with pytest.raises(ValueError, match="make sequences longer before experts leave memory"):
        strategy("edge_moe:cached=4 + padded_batches")(mixtral)


@pytest.mark.parametrize("net", ["bert-base", "gpt2"])
@pytest.mark.parametrize("how", ["micro_batches=8", "data=4"])
def test_a_step_s_sequences_are_not_padded_all_together(net: str, how: str) -> None:
    base = cm.zoo.build(net, phase="forward", batch=2, context=32)
    with pytest.raises(ValueError, match=r"in passes of 2, of which padding is: padded_batches comes before"):
        strategy(f"distributed_training:{how} + padded_batches")(base)
    assert strategy(f"padded_batches + distributed_training:{how}")(base).passes > 1


@pytest.mark.parametrize(
    ("spread", "buckets"),
    [(-0.1, 1), (float("nan"), 1), (0.5, 0), (5.1, 1), (1e308, 1), (0.5, 10_001), (5.0, 100_000_000)],
)
def test_bad_fields_are_one_line(spread: float, buckets: int) -> None:
    with pytest.raises(ValueError, match=r"buckets within 1..10000, got [^=]+ and [01]+$"):
        PaddedBatches(spread, buckets)
