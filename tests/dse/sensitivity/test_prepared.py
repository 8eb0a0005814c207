"""Modules that torch.compile wraps, or whose weights are computed at each call, are measured as they evaluate."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

import costmodel as cm
import dse
from dse.sensitivity import quantisable
from dse.sensitivity.prepared import prepared

X = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))


def net(wrap=lambda part: part) -> nn.Module:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return nn.Sequential(wrap(nn.Linear(4, 8)), nn.ReLU(), nn.Linear(8, 3)).eval()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda part: part,
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        parametrizations.weight_norm,
        parametrizations.spectral_norm,
        lambda part: prune.l1_unstructured(part, "weight", 0.5),
    ],
)
def test_weights_computed_at_each_call_become_the_layers_own(wrap) -> None:
    module = net(wrap)
    found = prepared(module)
    torch.testing.assert_close(found(X), module(X))
    assert quantisable(found) == ("0", "2")
    assert (found is module) == (type(module[0]) is nn.Linear and not module[0]._forward_pre_hooks)
    choices = dse.choices(module, ["int2", "int8"], X)
    loss = choices.on(cm.device("pynq_z1")).loss
    assert choices.workload.layers == ("0", "2")
    assert (loss[:, 0] > loss[:, 1]).all()


def test_compiled_modules_are_those_that_they_wrap() -> None:
    module = net()
    assert prepared(torch.compile(module, backend="eager")) is module
    assert dse.choices(torch.compile(module, backend="eager"), ["int4"], X).workload.layers == ("0", "2")
    module[2] = torch.compile(module[2], backend="eager")
    assert quantisable(prepared(module)) == ("0", "2")
    assert type(module[2]).__name__ == "OptimizedModule"


def test_modules_without_values_or_copies_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'0.weight' is on the meta device, without values"):
        dse.choices(net().to("meta"), ["int4"], X)
    module = net()
    module.lines = (line for line in ())
    with pytest.raises(ValueError, match="Sequential cannot be copied, as measuring its loss takes: TypeError"):
        dse.choices(module, ["int4"], X)


class Named(nn.Module):
    """Keyword arguments in, as transformers has it: a mapping out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = net()

    def forward(self, *, pixels, scale=None):
        found = self.body(pixels if scale is None else pixels * scale)
        return {"loss": None, "hidden": found.relu(), "logits": found}


def test_keyword_arguments_and_mappings_are_measured_as_positions_and_tensors_are() -> None:
    plain = dse.choices(net(), ["int2", "int8"], (X, torch.arange(20) % 3)).on(cm.device("pynq_z1"))
    keyed = dse.choices(Named(), ["int2", "int8"], {"pixels": X, "labels": torch.arange(20) % 3})
    problem = keyed.on(cm.device("pynq_z1"))
    assert problem.layers == ("body.0", "body.2")
    torch.testing.assert_close(torch.tensor(problem.loss), torch.tensor(plain.loss))
    assert problem.loss_source == plain.loss_source
    several = dse.choices(Named(), ["int2"], {"pixels": X, "scale": torch.ones(20, 1)}, ranges="mse")
    assert several.on(cm.device("pynq_z1")).loss.min() > 0
