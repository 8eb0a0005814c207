"""Networks quantised layer by layer, in one pass."""

import pytest
import torch
from torch import nn

from costmodel.precision import precision
from dse.compression import correct_biases, gptq, quantise, reestimate_batch_norms
from dse.sensitivity import accuracy, apply, observe, quantisable
from dse.sensitivity.round_trip import round_weight


@pytest.fixture(scope="module")
def problem(trained, data):
    names = quantisable(trained)
    return dict.fromkeys(names, precision("w3a8")), observe(trained, names, data["calibration"][0])


def to_nearest(part, fmt, _):
    return round_weight(part, fmt)


def test_rounding_to_nearest_gives_the_same_network_as_apply(trained, data, problem):
    x = data["calibration"][0][:64]
    layered, at_once = quantise(trained, *problem, x, to_nearest), apply(trained, *problem)
    with torch.no_grad():
        assert torch.equal(layered(x), at_once(x))


def test_each_layer_sees_what_the_repaired_ones_before_it_give(trained, data, problem):
    x, seen = data["calibration"][0][:64], {}

    def halve(part, _, inputs):
        seen[part.weight.shape] = inputs
        return part.weight / 2

    names = ("stem", "block1.conv1")
    choice = {name: precision("w8a16") for name in names}
    twin = quantise(trained, choice, problem[1], x, halve)
    with torch.no_grad():
        stem = torch.relu(trained.norm(trained.stem(x.bfloat16().float()) / 2)).bfloat16().float()
    torch.testing.assert_close(seen[twin.block1.conv1.weight.shape], stem, rtol=1e-2, atol=1e-3)
    assert torch.equal(twin.stem.weight, trained.stem.weight / 2)


def test_repairs_bring_accuracy_back(trained, data, problem):
    x = data["calibration"][0]
    plain = apply(trained, *problem)
    repaired = quantise(trained, *problem, x, gptq)
    renormed = reestimate_batch_norms(repaired, x)
    scores = [accuracy(module, data["test"]) for module in (plain, repaired, renormed)]
    assert scores[0] < scores[1]
    assert scores[0] + 0.05 < scores[2]


def test_bias_correction_zeroes_the_mean_error_of_every_layer(trained, data, problem):
    x = data["calibration"][0][:100]
    names = quantisable(trained)
    twin = correct_biases(apply(trained, *problem), trained, names, x)
    means = []
    for module in (trained, twin, apply(trained, *problem)):
        outputs, handles = {}, []
        for name in names:
            part = module.get_submodule(name)
            handles.append(part.register_forward_hook(lambda _, __, y, name=name, o=outputs: o.update({name: y})))
        with torch.no_grad():
            module(x)
        for handle in handles:
            handle.remove()
        means.append({name: y.double().transpose(0, 1).flatten(1).mean(1) for name, y in outputs.items()})
    for name in names:
        torch.testing.assert_close(means[1][name], means[0][name], rtol=1e-4, atol=1e-5)
        assert (means[2][name] - means[0][name]).abs().max() > 1e-3
    assert trained.stem.bias is None


def test_bias_correction_of_a_linear_layer_by_hand():
    reference, quantised = nn.Linear(2, 1), nn.Linear(2, 1)
    reference.weight.data, reference.bias.data = torch.tensor([[1.0, 2.0]]), torch.tensor([0.5])
    quantised.weight.data, quantised.bias.data = torch.tensor([[1.0, 1.0]]), torch.tensor([0.5])
    twin = correct_biases(quantised, reference, [""], torch.tensor([[0.0, 2.0], [0.0, 4.0]]))
    assert twin.bias.item() == pytest.approx(3.5)


def test_batch_norms_have_the_statistics_of_their_inputs():
    module = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, momentum=0.3), nn.Linear(6, 2))
    x = torch.randn(40, 4) * 3 + 1
    twin = reestimate_batch_norms(module, x)
    hidden = module[0](x)
    torch.testing.assert_close(twin[1].running_mean, hidden.mean(0))
    torch.testing.assert_close(twin[1].running_var, hidden.var(0))
    assert (twin[1].momentum, twin.training, module.training) == (0.3, False, True)
    assert torch.equal(module[1].running_mean, torch.zeros(6))
    plain = nn.Linear(2, 2)
    assert torch.equal(reestimate_batch_norms(plain, torch.ones(1, 2)).weight, plain.weight)


def test_embeddings_unreached_layers_and_shared_weights():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.out, self.unused = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False), nn.Linear(4, 4)
            self.out.weight = self.table.weight

        def forward(self, ids):
            return self.out(self.table(ids))

    module = Model()
    choice = dict.fromkeys(("table", "out", "unused"), precision("w4a16"))
    twin = quantise(module, choice, {}, torch.arange(9), gptq)
    assert twin.out.weight is twin.table.weight
    assert len(twin.unused.weight.unique()) <= 15 * 4
    assert torch.equal(twin.unused.weight, round_weight(module.unused, precision("w4a16").weight))
    with pytest.raises(ValueError, match="share a weight"):
        quantise(module, choice | {"out": precision("w8a16")}, {}, torch.arange(9), gptq)
