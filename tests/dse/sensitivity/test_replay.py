"""Passes that replay what a changed layer cannot reach equal whole passes to the last bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from costmodel.precision import precision
from dse.sensitivity import measure, observe
from dse.sensitivity.replay import CACHE_BYTES, recorded
from dse.sensitivity.trials import losses

OPTIONS = ["w2a8", "w4a4"]
X = torch.randn(12, 3, 6, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 4


class InPlace(nn.Module):
    """A residual network that writes to its tensors in place, as many published ones do."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1))
        self.short = nn.Conv2d(8, 8, 1)
        self.flat = nn.Flatten()
        self.head = nn.Linear(8 * 36, 4)

    def forward(self, x):
        x = self.relu(self.norm(self.stem(x)))
        y = self.short(x)
        y += self.branch(x)
        y += x
        return self.head(self.flat(self.relu(y)))


class Tied(nn.Module):
    """One weight in two layers, read by a function before either is called again."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(108, 108), nn.Linear(108, 108)
        self.second.weight = self.first.weight
        self.other, self.head = nn.Linear(108, 108), nn.Linear(108, 4)

    def forward(self, x):
        x = self.other(x.flatten(1)) + nn.functional.linear(x.flatten(1), self.head.weight.repeat(27, 1))
        return self.head(self.second(self.first(x).relu()).relu())


class Twice(nn.Module):
    """A layer called twice, and an output that is a dictionary."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(108, 108)
        self.head = nn.Linear(108, 4)

    def forward(self, x):
        x = self.inner(self.inner(x.flatten(1)).relu())
        return {"logits": self.head(x), "note": "plain"}


class Attends(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        return self.head(self.encoder(x.reshape(len(x), 9, 12)).mean(1))


def loss_fn(outputs, targets):
    logits = outputs["logits"] if isinstance(outputs, dict) else outputs
    return nn.functional.cross_entropy(logits.double(), targets)


@pytest.mark.parametrize("build", [InPlace, Tied, Twice, Attends])
@pytest.mark.parametrize("batch_size", [5, 12])
def test_replayed_losses_equal_whole_passes_to_the_last_bit(build, batch_size):
    torch.manual_seed(1)
    module = build().eval()
    cached, whole = (
        measure(module, (X, Y), OPTIONS, loss_fn=loss_fn, batch_size=batch_size, cache_bytes=size)
        for size in (CACHE_BYTES, 0)
    )
    np.testing.assert_array_equal(cached.loss, whole.loss)
    assert (whole.loss[:, 0] != whole.loss[:, 1]).all()


def test_the_network_of_the_demo_too(trained, data):
    few = tuple(part[:64] for part in data["calibration"])
    cached, whole = (measure(trained, few, OPTIONS, cache_bytes=size).loss for size in (CACHE_BYTES, 0))
    np.testing.assert_array_equal(cached, whole)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 40_000))
def test_random_graphs_and_caches_too_small_for_them(seed, size):
    generator = torch.Generator().manual_seed(seed)
    depth, wiring = 5, torch.randint(0, 10**6, (5, 2), generator=generator)

    class Graph(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList(nn.Sequential(nn.Linear(108, 108), nn.ReLU(i % 2 == 0)) for i in range(depth))
            self.head = nn.Linear(108, 4)

        def forward(self, x):
            values = [x.flatten(1)]
            for part, (a, b) in zip(self.parts, wiring.tolist(), strict=True):
                y = part(values[a % len(values)])
                if a % 3 == 0:
                    y += values[b % len(values)]
                values.append(y)
            return self.head(sum(values))

    torch.manual_seed(seed)
    module = Graph().eval()
    for part in module.parameters():
        part.data = torch.randn(part.shape, generator=generator) / 10
    cached, whole = (measure(module, (X, Y), ["w2a4"], cache_bytes=c).loss for c in (size, 0))
    np.testing.assert_array_equal(cached, whole)


def test_what_came_before_is_not_computed_again():
    module = nn.Sequential(*(nn.Sequential(nn.Linear(108, 108), nn.ReLU()) for _ in range(4)), nn.Linear(108, 4))
    called = []
    for name, part in module.named_modules():
        if isinstance(part, nn.ReLU):
            part.register_forward_hook(lambda *_, name=name: called.append(name))
    layers = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    with torch.no_grad(), recorded(module, (X.flatten(1),), layers, CACHE_BYTES) as recording:
        called.clear()
        recording.before("2.0", "3.0")
        module(X.flatten(1))
        assert called == ["2.1", "3.1"]
        called.clear()
        recording.before("0.0")
        module(X.flatten(1))
        assert called == ["0.1", "1.1", "2.1", "3.1"]
    assert not any("forward" in part.__dict__ for part in module.modules())


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(108, 108), nn.Linear(108, 4)

    def forward(self, x):
        return self.head(nn.functional.dropout(self.first(x.flatten(1)), 0.5, training=True))


class Counting(nn.Module):
    """Its outputs change from pass to pass by a number that no tensor operation shows."""

    def __init__(self):
        super().__init__()
        self.first, self.head, self.passes = nn.Linear(108, 108), nn.Linear(108, 4), 0

    def forward(self, x):
        self.passes += 1
        return self.head(self.first(x.flatten(1))) * self.passes


class Dropping(nn.Module):
    """Attention with or without dropout, which torch marks as random either way."""

    def __init__(self, dropped):
        super().__init__()
        self.first, self.head, self.dropped = nn.Linear(12, 12), nn.Linear(12, 4), dropped

    def forward(self, x):
        x = self.first(x.reshape(len(x), 1, 9, 12))
        return self.head(nn.functional.scaled_dot_product_attention(x, x, x, dropout_p=self.dropped).mean((1, 2)))


@pytest.mark.parametrize("dropped", [0.0, 0.5])
def test_attention_is_replayed_unless_it_drops(dropped):
    module = Dropping(dropped).eval()
    with torch.no_grad(), recorded(module, (X,), {"head": module.head}, CACHE_BYTES) as recording:
        assert bool(recording.touched) == (dropped == 0)


@pytest.mark.parametrize("build", [Noisy, Counting])
def test_modules_that_are_not_functions_of_their_inputs_are_not_replayed(build):
    module = build().eval()
    with torch.no_grad(), recorded(module, (X,), {"head": module.head}, CACHE_BYTES) as recording:
        assert not recording.touched


def test_forwards_come_back_after_an_error():
    module = nn.Sequential(nn.Linear(2, 2))
    own = module[0].forward = module[0].forward
    with pytest.raises(RuntimeError), recorded(module, (torch.ones(1, 3),), {}, CACHE_BYTES):
        pass
    assert module[0].__dict__["forward"] is own
    assert "forward" not in module.__dict__


def test_trials_of_several_layers_equal_the_same_layers_applied(trained, data):
    from dse.sensitivity import apply, mean_loss

    few = tuple(part[:100] for part in data["calibration"])
    names = ("stem", "block2.conv1", "head")
    ranges = observe(trained, names, few[0])
    trials = [{}, {"head": precision("w3a4")}, dict.fromkeys(names, precision("w2a8"))]
    found = losses(trained, few, trials, ranges, batch_size=40)
    expected = [mean_loss(apply(trained, trial, ranges), few, batch_size=40) for trial in trials]
    np.testing.assert_array_equal(found, expected)


def test_layers_that_share_a_weight_must_agree():
    module = Tied()
    ranges = observe(module, ["first", "second"], X)
    trial = {"first": precision("w2a8"), "second": precision("w4a8")}
    with pytest.raises(ValueError, match="share a weight: int2 and int4 differ"):
        losses(module, (X, Y), [trial], ranges)
