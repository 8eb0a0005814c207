"""Hutchinson's traces against exact Hessians of tiny networks."""

import numpy as np
import pytest
import torch
from torch import nn

from costmodel.precision import precision
from dse.sensitivity.hessian import Trace, hessian_loss, hessian_trace


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()


DATA = torch.randn(10, 3, generator=torch.Generator().manual_seed(1)).double(), torch.arange(10) % 3


def exact(module, name):
    """The trace of torch's own Hessian, entry by entry."""

    def loss(weight):
        outputs = torch.func.functional_call(module, {f"{name}.weight": weight}, DATA[0])
        return nn.functional.cross_entropy(outputs, DATA[1])

    weight = module.get_submodule(name).weight.detach()
    hessian = torch.autograd.functional.hessian(loss, weight)
    return float(hessian.reshape(weight.numel(), -1).trace())


@pytest.mark.parametrize("batch_size", [4, 10])
def test_traces_are_within_four_standard_errors_of_the_exact_ones(batch_size):
    module = network()
    found = hessian_trace(module, DATA, ["0", "2"], probes=400, batch_size=batch_size)
    for name in ("0", "2"):
        assert abs(found[name].trace - exact(module, name)) < 4 * found[name].error
        assert found[name].error < 0.1 * abs(found[name].trace)
        assert found[name].weights == 12


def test_a_quadratic_loss_has_the_trace_that_algebra_gives():
    layer = nn.Linear(3, 2, bias=False).double()
    x = torch.diag(torch.tensor([1.0, 2.0, 3.0]).double())
    found = hessian_trace(layer, (x, torch.zeros(3, 2).double()), [""], loss_fn=lambda y, _: y.square().sum(), probes=4)
    assert found[""].trace == pytest.approx(2 * 2 * (1 + 4 + 9))  # diagonal: each probe is exact
    assert found[""].error == pytest.approx(0.0, abs=1e-9)


def test_the_module_stays_and_layers_without_curvature_have_none():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    half = Half().requires_grad_(False)
    found = hessian_trace(half, (torch.randn(5, 2), torch.zeros(5).long()), ["used", "unused"], probes=2)
    assert found["unused"].trace == 0.0
    assert found["used"].trace > 0
    assert not half.used.weight.requires_grad
    assert half.used.weight.grad is None


def test_loss_is_half_the_mean_trace_times_the_squared_change():
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[3.0, 1.2]])
    options = [precision("int3/fp32"), precision("int2/int8"), precision("w32a32")]
    found = hessian_loss(layer, {"": Trace(8.0, 0.1, 2)}, options)
    np.testing.assert_allclose(found, [[2 * 0.2**2, 2 * 1.2**2, 0.0]], rtol=1e-5)
    assert (hessian_loss(layer, {"": Trace(-8.0, 0.1, 2)}, options) == 0).all()


def test_probes_must_be_positive():
    with pytest.raises(ValueError, match="probes must be at least 1, got 0"):
        hessian_trace(network(), DATA, ["0"], probes=0)
