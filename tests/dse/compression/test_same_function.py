"""Transformations that change weights and not the function: folding, equalisation, SmoothQuant."""

import pytest
import torch
from torch import nn

from costmodel.precision import precision
from dse.compression import equalize, fold_batch_norms, smooth
from dse.compression.equalization import ranges
from dse.sensitivity import apply, observe, quantisable


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Plain(nn.Module):
    """Convolutions in a row, one of them depthwise, and a branch that must stay as it is."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.c, self.d = nn.Conv2d(8, 6, 1), nn.Conv2d(6, 6, 1)
        self.relu, self.flat, self.head = nn.ReLU(), nn.Flatten(), nn.Linear(6 * 16, 5)

    def forward(self, x):
        x = self.relu(self.c(self.relu(self.b(self.relu(self.a(x))))))
        return self.head(self.flat(self.d(x) + x))


def uneven():
    torch.manual_seed(0)
    module = Plain().eval()
    for part in (module.a, module.b, module.c):
        part.weight.data *= 10.0 ** torch.linspace(-2, 1, len(part.weight))[:, None, None, None]
    return module


def test_equalisation_keeps_the_function_and_evens_the_ranges():
    module, x = uneven(), randn(7, 3, 4, 4)
    twin = equalize(module)
    with torch.no_grad():
        torch.testing.assert_close(twin(x), module(x), rtol=1e-5, atol=1e-5)
    for first, second in ((twin.a, twin.b), (twin.b, twin.c)):
        ahead, behind = ranges(first, second)
        torch.testing.assert_close(ahead, behind, rtol=1e-3, atol=1e-9)
    assert torch.equal(twin.d.weight, module.d.weight)
    assert torch.equal(twin.head.weight, module.head.weight)


def test_equalised_weights_lose_less_at_one_scale_a_tensor():
    module, x = uneven(), randn(50, 3, 4, 4)

    def lost(network):
        rounded = apply(network, {}, {})
        for name in ("a", "b", "c"):
            weight = rounded.get_submodule(name).weight
            scale = weight.detach().abs().max() / 127
            weight.data = (weight.data / scale).round() * scale
        return float((rounded(x) - module(x)).square().mean())

    with torch.no_grad():
        assert lost(equalize(module)) < 0.7 * lost(module)


def test_dead_channels_do_no_harm():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    module[0].weight.data[1] = 0
    module[2].weight.data[:, 2] = 0
    x = randn(9, 3)
    torch.testing.assert_close(equalize(module)(x), module(x))


def test_folding_keeps_the_function_names_and_layers(trained, data):
    x = data["calibration"][0][:40]
    twin = fold_batch_norms(trained)
    with torch.no_grad():
        torch.testing.assert_close(twin(x), trained(x), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(equalize(twin)(x), trained(x), rtol=1e-4, atol=1e-4)
    assert quantisable(twin) == quantisable(trained)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in twin.modules())
    assert any(isinstance(part, nn.BatchNorm2d) for part in trained.modules())


def test_folding_covers_linear_layers_and_leaves_what_it_cannot():
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.BatchNorm1d(4, track_running_stats=False))
    module[1].running_mean, module[1].running_var = randn(4), randn(4).abs() + 0.5
    twin = fold_batch_norms(module)
    assert isinstance(twin[1], nn.Identity)
    assert isinstance(twin[3], nn.BatchNorm1d)
    module.eval()
    torch.testing.assert_close(twin(randn(6, 3)), module(randn(6, 3)), rtol=1e-4, atol=1e-5)


def test_networks_that_cannot_be_traced_say_so():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return self.layer(x) if x.sum() > 0 else x

    for method in (equalize, fold_batch_norms):
        with pytest.raises(ValueError, match="Branches cannot be traced") as error:
            method(Branches())
        assert "\n" not in str(error.value)


class Block(nn.Module):
    """A norm that feeds two layers, as a transformer's feeds queries and keys, and a linear that feeds one."""

    def __init__(self, leak=False):
        super().__init__()
        self.norm, self.q, self.k, self.out = nn.LayerNorm(8), nn.Linear(8, 6), nn.Linear(8, 6), nn.Linear(6, 3)
        self.leak = leak

    def forward(self, x):
        y = self.norm(x)
        mixed = self.out(self.q(y) + self.k(y))
        return mixed + y[..., :3] if self.leak else mixed


GROUPS = {"norm": ["q", "k"]}


def outliers(leak=False):
    torch.manual_seed(1)
    block = Block(leak).eval()
    block.norm.weight.data[2] = 60.0
    return block, randn(64, 8)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_smoothing_keeps_the_function(alpha):
    block, x = outliers()
    with torch.no_grad():
        torch.testing.assert_close(smooth(block, GROUPS, x, alpha=alpha)(x), block(x), rtol=1e-5, atol=1e-5)


def test_smoothing_evens_activations_and_int8_loses_less():
    block, x = outliers()
    choice = dict.fromkeys(("q", "k"), precision("w8a8"))
    lost = []
    for network in (block, smooth(block, GROUPS, x)):
        with torch.no_grad():
            rounded = apply(network, choice, observe(network, choice, x))
            lost.append(float((rounded(x) - block(x)).square().mean()))
    assert lost[1] < 0.3 * lost[0]
    even = smooth(block, GROUPS, x, alpha=1.0)
    with torch.no_grad():
        torch.testing.assert_close(even.norm(x).abs().amax(0), torch.ones(8), rtol=1e-4, atol=1e-4)


def test_bad_smoothing_is_one_line():
    block, x = outliers()
    with pytest.raises(ValueError, match="alpha must be within 0 and 1, got 2"):
        smooth(block, GROUPS, x, alpha=2)
    leaking, x = outliers(leak=True)
    with pytest.raises(ValueError, match="'norm' feeds more than the layers named for it"):
        smooth(leaking, GROUPS, x)
    with pytest.raises(ValueError, match="'q' must be a linear layer or a norm with weights, of 8 channels"):
        smooth(block, {"q": ["k"]}, x)
