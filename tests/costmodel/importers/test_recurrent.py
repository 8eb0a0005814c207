"""Recurrent layers equal torch's parameter count and its counter's FLOPs, from torch.export and from ONNX."""

import io
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import costmodel as cm
from costmodel.importers import _onnx_rnn, onnx_graph, torch_export
from costmodel.workload import Workload, ops
from costmodel.workload.ops.recurrent import STEP_FLOPS

LAYERS = {
    "lstm": nn.LSTM(10, 20),
    "deep": nn.LSTM(10, 20, 3, batch_first=True, bidirectional=True),
    "projected": nn.LSTM(10, 20, 2, proj_size=7, bidirectional=True),
    "no bias": nn.LSTM(6, 5, 2, bias=False),
    "gru": nn.GRU(10, 20, 2, batch_first=True, bidirectional=True),
    "tanh": nn.RNN(10, 20),
    "relu": nn.RNN(10, 20, 2, nonlinearity="relu", bias=False),
}


class First(nn.Module):
    """The first result of a layer, and a linear layer on it."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: torch.Tensor) -> Any:
        return self.rnn(x)[0]


def counted(module: nn.Module, x: torch.Tensor) -> int:
    """FLOPs by torch's counter, in double precision, which no fused kernel hides from it."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.double()(x.double())
    module.float()
    return int(counter.get_total_flops())


def totals(workload: Workload) -> tuple[float, float]:
    assert not workload.uncounted
    return sum(op.params for op in workload.ops), sum(op.flops for op in workload.ops)


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (7,)])
def test_torch_export_equals_torch(kind: str, shape: tuple[int, ...]) -> None:
    module = First(LAYERS[kind]).eval()
    x = torch.zeros(*shape, LAYERS[kind].input_size)  # type: ignore[arg-type]
    params = sum(p.numel() for p in module.parameters())
    assert totals(torch_export.read(module, x)) == (params, counted(module, x))


def test_each_matrix_is_an_op_named_after_it() -> None:
    workload = torch_export.read(First(LAYERS["projected"]), torch.zeros(5, 3, 10))
    assert workload.layers[:6] == (
        "rnn.ih_l0", "rnn.hh_l0", "rnn.hr_l0", "rnn.ih_l0_reverse", "rnn.hh_l0_reverse", "rnn.hr_l0_reverse",
    )  # fmt: skip
    assert workload.op("rnn.hh_l0").inputs == ("rnn.ih_l0",)
    assert workload.op("rnn.ih_l1").inputs == ("rnn.hr_l0", "rnn.hr_l0_reverse")
    assert workload.op("rnn.hh_l1").count == 5


def test_cells_in_a_loop_are_one_layer_that_runs_again() -> None:
    class Loop(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.gru = nn.LSTMCell(10, 20), nn.GRUCell(20, 8)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = c = torch.zeros(3, 20)
            k = torch.zeros(3, 8)
            for t in range(4):
                h, c = self.lstm(x[:, t], (h, c))
                k = self.gru(h, k)
            return k

    module, x = Loop().eval(), torch.zeros(3, 4, 10)
    workload = torch_export.read(module, x)
    flops = 2 * 3 * 4 * (4 * 20 * (10 + 20) + 3 * 8 * (20 + 8))
    assert totals(workload) == (sum(p.numel() for p in module.parameters()), flops)
    assert workload.layers == ("lstm.ih", "lstm.hh", "gru.ih", "gru.hh")


@pytest.mark.filterwarnings("ignore")  # what torch's exporter says of batch sizes and of itself
@pytest.mark.parametrize("kind", ["lstm", "deep", "no bias", "gru", "tanh"])
def test_onnx_equals_torch(kind: str, tmp_path: Path) -> None:
    module = First(LAYERS[kind]).eval()
    x = torch.zeros(3, 5, LAYERS[kind].input_size)  # type: ignore[arg-type]
    held = io.BytesIO()
    torch.onnx.export(module, (x,), held, dynamo=False)
    file = tmp_path / "rnn.onnx"
    file.write_bytes(held.getvalue())
    params = sum(p.numel() for p in module.parameters())
    assert totals(onnx_graph.read(file)) == (params, counted(module, x))


def test_onnx_with_peepholes_and_a_layout(tmp_path: Path) -> None:
    sizes = {"W": (1, 32, 6), "R": (1, 32, 8), "B": (1, 64), "P": (1, 24)}
    weights = [
        helper.make_tensor(name, TensorProto.FLOAT, size, bytes(4 * torch.Size(size).numel()), raw=True)
        for name, size in sizes.items()
    ]
    node = helper.make_node(
        "LSTM", ["x", "W", "R", "B", "", "", "", "P"], ["y", "h", "c"], name="rnn", hidden_size=8, layout=1
    )
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (2, 5, 6))],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, (2, 1, 8))],
        weights,
    )
    file = tmp_path / "rnn.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), file)
    workload = onnx_graph.read(file)
    assert totals(workload) == (sum(torch.Size(s).numel() for s in sizes.values()), 2 * 2 * 5 * 32 * (6 + 8))
    assert workload.op("rnn.hh").count == 5


@pytest.mark.parametrize(
    ("operator", "activations", "same_as"),
    [
        ("RNN", ["Relu"], {"rnn_relu": 1.0}),
        ("RNN", ["tanh"], {"rnn_tanh": 1.0}),
        ("LSTM", ["Sigmoid", "Tanh", "Tanh"], {"lstm": 1.0}),
        ("LSTM", ["HardSigmoid", "Relu", "Relu"], {"lstm": (3 * 4 + 2 * 1 + 8) / (3 * 4 + 2 * 6 + 8)}),
        ("GRU", ["Sigmoid", "Tanh", "Sigmoid", "Relu"], {"gru": (2 * 4 + (6 + 1) / 2 + 8) / (2 * 4 + 6 + 8)}),
    ],
)
def test_onnx_activations_are_counted(operator: str, activations: list[str], same_as: dict[str, float]) -> None:
    found, factor = _onnx_rnn.cell(operator, activations)
    ((cell, expected),) = same_as.items()
    step = STEP_FLOPS[cell] * expected
    assert STEP_FLOPS[found] * factor == pytest.approx(step, rel=1e-12)


def test_onnx_activations_that_are_none() -> None:
    with pytest.raises(ValueError, match="unknown activation of RNN 'rellu'; did you mean relu"):
        _onnx_rnn.cell("RNN", ["Rellu"])
    with pytest.raises(ValueError, match="must be 3 a direction, got"):
        _onnx_rnn.cell("LSTM", ["Relu"])


def test_steps_in_a_row_read_their_weights_again() -> None:
    a100, precision = cm.gpu("a100_sxm"), cm.precision("bf16")
    op = ops.recurrence("hh", 1, tokens=100, hidden=1024, cell="lstm", bias=False)
    found = cm.estimate(Workload("w", (op,)), precision, a100)
    assert found.totals["bytes_moved"] >= 100 * 2 * 4 * 1024 * 1024
    assert found.totals["latency_s"] >= 100 * 2 * 4 * 1024 * 1024 / a100.memory_bytes_per_s
    with pytest.raises(ValueError, match="cell must be one of"):
        ops.recurrence("hh", 1, tokens=1, hidden=1, cell="elman")
