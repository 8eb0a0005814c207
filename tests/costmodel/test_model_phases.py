"""A model that is one graph has a pass forward and one of training, and says so of any other."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper, save
from torch import nn, zeros

from costmodel import models
from costmodel.workload.training import training


def graph() -> tuple[nn.Module, object]:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), zeros(3, 4)


@pytest.fixture(params=["torch", "onnx"])
def spelling(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "torch":
        return f"torch:{__name__}:graph"
    weight = helper.make_tensor("w", TensorProto.FLOAT, (4, 2), [0.0] * 8)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", (3, 4)), ("y", (3, 2))))
    net = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"], name="fc")], "g", [x], [y], [weight])
    save(helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "net.onnx")
    return f"onnx:{tmp_path / 'net.onnx'}"


def test_a_graph_has_two_phases(spelling: str) -> None:
    forward = models.load(spelling)
    assert models.load(spelling, phase="forward") == forward
    assert models.load(spelling, phase="training") == training(forward)
    with pytest.raises(ValueError, match="is one graph: its phase is forward or training, got 'decode'"):
        models.load(spelling, phase="decode")
