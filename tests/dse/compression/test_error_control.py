"""Compressed gradients with their errors controlled: what the recursion keeps, and what it is worth on real digits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.hardware import link
from dse.compression.error_control import METHODS, Memory, compare, largest, train

HDR = link("ib_hdr")


def _network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))


def _by_label(examples, replicas):
    """Each replica has digits that others lack."""
    images, labels = examples
    return [(images[rows], labels[rows]) for rows in torch.argsort(labels).chunk(replicas)]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["control", "compensation"]), st.floats(0.05, 1.0), st.floats(0.0, 0.2), st.integers(0, 9))
def test_what_was_applied_and_what_is_owed_are_all_gradients(method, kept, strength, seed):
    generator = torch.Generator().manual_seed(seed)
    memory = Memory(torch.zeros(50, dtype=torch.float64), torch.zeros(50, dtype=torch.float64))
    applied, total = (torch.zeros(50, dtype=torch.float64) for _ in range(2))
    for _ in range(12):
        gradient = torch.randn(50, generator=generator, dtype=torch.float64)
        memory = METHODS[method](gradient, memory, kept, strength)
        applied, total = applied + memory.estimate, total + gradient
    assert torch.allclose(applied + memory.error, total)


@given(st.floats(1e-3, 1.0), st.integers(1, 200))
def test_the_largest_entries_are_sent(kept, size):
    x = torch.randn(size, generator=torch.Generator().manual_seed(size))
    sent = largest(x, kept)
    count = int((sent != 0).sum())
    assert size * kept <= count < max(size * kept + 1, 2)
    assert sent.abs()[sent != 0].min() >= (x - sent).abs().max()


def test_all_of_the_gradient_is_plain_descent():
    for method in METHODS:
        memory = METHODS[method](torch.tensor([3.0, -1.0]), Memory(torch.zeros(2), torch.zeros(2)), 1.0, 0.1)
        assert memory.estimate.tolist() == [3.0, -1.0]
        assert memory.error.tolist() == [0.0, 0.0]


def test_replicas_of_different_digits_learn_from_a_fiftieth_of_their_gradients(data):
    """Without memory they do not, in as many steps."""
    settings_ = [("none", 1.0), ("none", 0.02), ("compensation", 0.02), ("control", 0.02)]
    shards = _by_label(data["train"], 5)
    rows = compare(_network, shards, data["test"], settings_, link=HDR, steps=120, rate=0.2)
    whole, forgetful, compensated, controlled = rows
    assert forgetful.accuracy < whole.accuracy - 0.05
    assert min(controlled.accuracy, compensated.accuracy) > whole.accuracy - 0.03
    assert whole.bits / controlled.bits > 35
    assert controlled.exchange_s < whole.exchange_s


@pytest.mark.parametrize(
    ("method", "kept", "says"), [("all", 0.1, "method must be one of"), ("control", 0.0, "above 0, got 0.0")]
)
def test_bad_input_is_one_line(data, method, kept, says):
    with pytest.raises(ValueError, match=says):
        train(_network(), [data["test"]], method, kept=kept, steps=1, rate=0.1)
