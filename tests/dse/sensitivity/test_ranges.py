"""Observed input ranges."""

import math

import pytest
import torch
from torch import nn

from costmodel.catalog import UnknownNameError
from dse.sensitivity import Range, observe


def test_range_is_min_and_max_of_a_layers_input_over_all_batches():
    x = torch.linspace(-1, 3, 40).reshape(10, 4)
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    seen = observe(module, ["0", "2"], x, batch_size=3)
    hidden = module[0](x).relu()
    assert seen["0"] == Range(-1.0, 3.0)
    assert (seen["2"].low, seen["2"].high) == pytest.approx((hidden.min().item(), hidden.max().item()))
    assert seen["2"].nonnegative
    assert not seen["0"].nonnegative
    assert seen["0"].absmax == 3.0


def test_a_layer_called_twice_has_one_range_over_both_calls():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.layer.weight, -5.0)

        def forward(self, x):
            return self.layer(self.layer(x))

    assert observe(Twice(), ["layer"], torch.tensor([[1.0], [2.0]])) == {"layer": Range(-10.0, 2.0)}


def test_layers_that_are_not_called_are_absent():
    class Partial(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    assert observe(Partial(), ["used", "unused"], torch.ones(3, 2)) == {"used": Range(1.0, 1.0)}
    attention = nn.MultiheadAttention(4, 2)
    assert observe(attention, ["out_proj"], (torch.ones(3, 1, 4),) * 3) == {}  # it hands its weight to a function


def test_several_inputs_are_the_modules_arguments():
    assert observe(nn.Bilinear(2, 3, 1), [""], (torch.full((5, 2), 7.0), torch.ones(5, 3))) == {"": Range(7.0, 7.0)}


def test_keyword_arguments_are_seen():
    class ByName(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, x):
            return self.layer(input=x)

    assert observe(ByName(), ["layer"], torch.tensor([[4.0]])) == {"layer": Range(4.0, 4.0)}


def test_the_module_stays_as_it_is():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout()).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    observe(module, ["0"], torch.randn(8, 2))
    assert all(part.training for part in module.modules())
    assert not any(part._forward_pre_hooks for part in module.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_inputs_that_are_not_finite_name_the_layer(bad):
    with pytest.raises(ValueError, match="layer '0' must be finite"):
        observe(nn.Sequential(nn.Linear(1, 1)), ["0"], torch.tensor([[1.0], [bad]]))


@pytest.mark.parametrize("broken", ["0", "2"])
def test_weights_that_are_not_finite_name_their_own_layer(broken):
    module = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    nn.init.constant_(module.get_submodule(broken).weight, math.nan)
    with pytest.raises(ValueError, match=f"the weights of layer '{broken}' must be finite"):
        observe(module, ["0", "2"], torch.ones(2, 1))


def test_unknown_layers_list_near_names():
    with pytest.raises(UnknownNameError, match="did you mean head"):
        observe(nn.ModuleDict({"head": nn.Linear(1, 1)}), ["haed"], torch.ones(1, 1))


@pytest.mark.parametrize("ends", [(2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_a_range_has_finite_ordered_ends(ends):
    with pytest.raises(ValueError, match="finite low <= high"):
        Range(*ends)
