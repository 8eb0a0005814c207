"""Measured sensitivities."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from costmodel.catalog import UnknownNameError
from costmodel.precision import precision
from dse.sensitivity import accuracy, apply, mean_loss, measure

OPTIONS = ["w32a32", "w8a8", "w4a4", "w3a3", "w2a2", "fp8/fp8", "int4_g32/bf16"]


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@pytest.fixture(scope="module")
def found(trained, data):
    return measure(trained, data["calibration"], OPTIONS)


def test_table_has_a_row_a_layer_and_a_column_an_option(found, trained):
    convolutions = [n for n, m in trained.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert list(found.layers) == convolutions
    assert found.options == tuple(precision(option) for option in OPTIONS)
    assert found.loss.shape == (len(convolutions), len(OPTIONS))
    assert found.loss.dtype == np.float64
    assert set(found.ranges) == set(convolutions)


def test_baseline_is_the_modules_own_loss_and_accuracy(found, trained, data):
    assert found.baseline == mean_loss(trained, data["calibration"])
    assert found.accuracy == accuracy(trained, data["calibration"]) > 0.9


def test_full_precision_costs_exactly_nothing(found):
    assert (found.loss[:, OPTIONS.index("w32a32")] == 0.0).all()


def test_an_entry_is_the_loss_with_that_layer_alone_quantised(found, trained, data):
    for row, column in ((0, 2), (4, 4), (len(found.layers) - 1, 5), (2, 6)):
        choice = {found.layers[row]: found.options[column]}
        alone = mean_loss(apply(trained, choice, found.ranges), data["calibration"])
        assert found.loss[row, column] == alone - found.baseline


def test_loss_increases_as_bits_fall(found):
    mean = dict(zip(OPTIONS, found.loss.mean(axis=0), strict=True))
    assert mean["w2a2"] > mean["w3a3"] > mean["w4a4"] > abs(mean["w8a8"])
    assert mean["w2a2"] > 0.05
    assert abs(mean["w8a8"]) < 0.002


def test_clipped_keeps_increases_and_drops_gains(found):
    assert (found.clipped() == np.where(found.loss > 0, found.loss, 0)).all()
    assert (found.loss < 0).any()


def test_the_same_call_gives_the_same_bits_and_leaves_the_module(found, trained, data):
    before = state(trained)
    trained.train()
    try:
        again = measure(trained, data["calibration"], OPTIONS)
        assert trained.training
    finally:
        trained.eval()
    np.testing.assert_array_equal(again.loss, found.loss)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(trained).items())
    assert not any(part._forward_pre_hooks for part in trained.modules())


def test_layers_options_and_progress(trained, data):
    steps = []
    few = measure(
        trained,
        data["calibration"],
        [precision("w4a8"), "w4a8"],
        layers=["head", "stem"],
        progress=lambda step, total: steps.append((step, total)),
    )
    assert few.layers == ("head", "stem")
    assert (few.loss[:, 0] == few.loss[:, 1]).all()
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_another_loss_and_batches(trained, data):
    images, labels = data["calibration"]
    targets = nn.functional.one_hot(labels, 10).float()
    options = ["w2a2", "w4a4"]
    whole = measure(trained, (images, targets), options, layers=["head"], loss_fn=nn.functional.mse_loss)
    parts = measure(
        trained, (images, targets), options, layers=["head"], loss_fn=nn.functional.mse_loss, batch_size=100
    )
    np.testing.assert_allclose(parts.loss, whole.loss, rtol=1e-3, atol=1e-6)
    assert whole.accuracy == accuracy(trained, (images, labels))
    assert whole.loss[0, 0] > whole.loss[0, 1]


def test_a_hand_worked_entry():
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[3.0, 1.2]])
    data = torch.tensor([[1.0, 1.0]]), torch.tensor([[4.2]])
    found = measure(net, data, ["int3/fp32", "int2/fp32"], loss_fn=nn.functional.mse_loss)
    assert found.baseline == pytest.approx(0.0)
    np.testing.assert_allclose(found.loss, [[0.2**2, 1.2**2]], rtol=1e-5)  # 1.2 -> 1 at step 1, -> 0 at step 3


def test_default_layers_are_those_that_data_reach():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))

    data = torch.randn(6, 3, 4), torch.zeros(6, dtype=torch.long)
    assert measure(Attends(), data, ["w8a8"]).layers == ("head",)
    with pytest.raises(ValueError, match=r"layer 'attention.out_proj' is never called"):
        measure(Attends(), data, ["w8a8"], layers=["attention.out_proj"])


@pytest.mark.filterwarnings("ignore:.*batch_first:UserWarning")
def test_transformer_layers_with_a_fast_path_are_measured_too():
    module = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    data = torch.randn(4, 3, 8), torch.randn(4, 3, 8)
    found = measure(module, data, ["w32a32", "w4a4"], layers=["linear1", "linear2"], loss_fn=nn.functional.mse_loss)
    np.testing.assert_allclose(found.loss[:, 0], 0.0, atol=1e-6)
    assert (found.loss[:, 1] != 0).all()


def test_a_loss_that_is_not_finite_names_layer_and_option():
    net = nn.Sequential(nn.Linear(1, 1, bias=False))
    data = torch.tensor([[1.0], [0.1]]), torch.zeros(2)
    with pytest.raises(ValueError, match=r"layer '0' at fp32/int2 must be finite, got inf"):
        measure(net, data, ["fp32/int8", "fp32/int2"], loss_fn=lambda out, _: (1 / out).abs().mean())  # 0.1 -> 0
    with pytest.raises(ValueError, match="before quantisation must be finite, got nan"):
        measure(net, data, ["w8a8"], loss_fn=lambda out, _: out.mean() * float("nan"))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"options": []}, "options must name at least one"),
        ({"options": ["w9a9"]}, "widths must be among"),
        ({"layers": ["haed"]}, "did you mean head"),
        ({"layers": ["norm"]}, "'norm' must own a `weight`"),
        ({"layers": []}, "DigitsNet has no layer to measure"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"data": (torch.ones(2, 1, 8, 8), torch.ones(3).long())}, "same number of examples"),
        ({"data": 3}, "data must be"),
    ],
)
def test_bad_input_is_one_line(trained, data, change, text):
    arguments = {"data": data["calibration"], "options": ["w8a8"]} | change
    with pytest.raises(ValueError, match=text) as error:
        measure(trained, **arguments)
    assert "\n" not in str(error.value)


def test_unknown_layers_raise_the_catalogs_error(trained, data):
    with pytest.raises(UnknownNameError):
        measure(trained, data["calibration"], ["w8a8"], layers=["block1.conv9"])


def test_import_loads_no_torch():
    code = "import sys, dse.sensitivity; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
