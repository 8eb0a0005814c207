"""Padding: what unequal lengths waste, and how buckets give it back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
from costmodel.strategies import strategy
from costmodel.strategies.padded_batches import PaddedBatches, batch_gain, batches, lengths, waste


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


def test_two_dimensional_buckets_keep_texts_alike_too() -> None:
    """Where texts are only loosely as long as their audio, buckets by audio alone leave them padded."""
    audio = lengths(0.6)
    text = audio * lengths(0.4, seed=1)
    one, two = batches(audio, 32, (10,)), batches(np.stack([audio, text], axis=1), 32, (10, 3))
    assert waste(text, two) < 0.75 * waste(text, one)
    assert waste(audio, two) == pytest.approx(waste(audio, one), abs=0.03)


@given(st.floats(0.05, 1.2), st.integers(1, 40), st.sampled_from([2, 8]))
@settings(max_examples=10)
def test_a_padded_workload_does_as_much_more(spread: float, buckets: int, batch: int) -> None:
    base = cm.zoo.build("whisper-tiny", phase="encode", batch=batch)
    padded = PaddedBatches(spread, buckets)(base)
    drawn = lengths(spread)
    share = waste(drawn, batches(drawn, batch, (buckets,)))
    assert sum(op.macs for op in padded.ops) == pytest.approx(sum(op.macs for op in base.ops) / (1 - share))
    assert sum(op.params for op in padded.ops) == sum(op.params for op in base.ops)


@pytest.mark.parametrize("net", ["resnet18", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("how", ["micro_batches=8", "data=4"])
def test_a_step_s_sequences_are_not_padded_all_together(net: str, how: str) -> None:
    base = cm.zoo.build(net, batch=2)
    with pytest.raises(ValueError, match=r"in passes of 2, of which padding is: padded_batches comes before"):
        strategy(f"distributed_training:{how} + padded_batches")(base)
    assert strategy(f"padded_batches + distributed_training:{how}")(base).passes > 1


@pytest.mark.parametrize(("spread", "buckets"), [(-0.1, 1), (float("nan"), 1), (0.5, 0)])
def test_bad_fields_are_one_line(spread: float, buckets: int) -> None:
    with pytest.raises(ValueError, match=r"buckets >= 1 must hold, got [^=]+ and [01]$"):
        PaddedBatches(spread, buckets)
