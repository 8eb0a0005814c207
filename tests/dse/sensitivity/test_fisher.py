"""The Fisher diagonal against torch's per-example gradients and against algebra."""

import pytest
import torch
from torch import nn

from costmodel.precision import precision
from dse.sensitivity.fisher import drawn, fisher_diagonal, fisher_loss
from dse.sensitivity.round_trip import round_weight


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4)).double()


DATA = torch.randn(12, 1, 4, 4, generator=torch.Generator().manual_seed(1)).double(), torch.arange(12) % 4


def test_the_diagonal_is_the_mean_square_of_torchs_gradients_of_single_examples():
    module = network()
    values = dict(module.named_parameters())

    def loss(weights, x, y):
        return nn.functional.cross_entropy(torch.func.functional_call(module, weights, x[None]), y[None])

    slopes = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(values, *DATA)
    found = fisher_diagonal(module, DATA, ["0", "3"])
    for name in ("0", "3"):
        torch.testing.assert_close(found[name], slopes[f"{name}.weight"].square().mean(0))


def test_with_drawn_labels_it_is_the_gauss_newton_diagonal_of_a_linear_softmax():
    torch.manual_seed(0)
    layer = nn.Linear(3, 4, bias=False).double()
    x = torch.randn(6, 3).double()
    many = x.repeat(1500, 1), torch.zeros(9000).long()
    found = fisher_diagonal(layer, drawn(layer, many, seed=3), [""])[""]
    share = layer(x).softmax(1).detach()
    exact = torch.einsum("nk,nj->kj", share * (1 - share), x.square()) / len(x)
    torch.testing.assert_close(found, exact, rtol=0.08, atol=1e-3)


def test_drawn_labels_occur_as_often_as_they_are_predicted():
    layer = nn.Linear(1, 3, bias=False).double()
    layer.weight.data = torch.tensor([[0.0], [1.0], [2.0]]).double()
    _, labels = drawn(layer, (torch.ones(20_000, 1).double(), torch.zeros(20_000).long()))
    share = torch.bincount(labels, minlength=3) / len(labels)
    torch.testing.assert_close(share.double(), torch.tensor([0.0, 1.0, 2.0]).double().softmax(0), rtol=0.05, atol=0.0)


def test_the_loss_is_half_the_weighted_squared_change():
    module, options = network(), [precision("int3/bf16"), precision("int8/bf16")]
    diagonal = fisher_diagonal(module, DATA, ["3"])
    table = fisher_loss(module, diagonal, options)
    change = round_weight(module[3], options[0].weight) - module[3].weight.detach()
    assert table[0, 0] == pytest.approx(float((diagonal["3"] * change**2).sum()) / 2)
    assert table[0, 1] < table[0, 0] / 100


def test_it_orders_layers_of_a_trained_network_as_measured_losses_do(trained, data):
    from scipy.stats import spearmanr

    from dse.sensitivity import measure, quantisable

    few = tuple(part[:120] for part in data["calibration"])
    options = [precision("int2/fp32"), precision("int4/fp32")]
    names = quantisable(trained)
    foretold = fisher_loss(trained, fisher_diagonal(trained, drawn(trained, few), names), options)
    measured = measure(trained, few, options, layers=names).clipped()
    assert spearmanr(foretold.ravel(), measured.ravel()).statistic > 0.7


def test_a_layer_that_the_data_do_not_reach_has_none():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    seen = []
    data = torch.randn(3, 2), torch.zeros(3).long()
    found = fisher_diagonal(Half(), data, ["used", "unused"], progress=lambda *step: seen.append(step))
    assert float(found["unused"].sum()) == 0 < float(found["used"].sum())
    assert seen == [(1, 3), (2, 3), (3, 3)]
