"""A model that is one graph has a pass forward and one of training, and says so of any other."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper, save
from torch import nn, zeros

from app.choices import choices_of
from costmodel import models
from costmodel.workload import plain
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


def test_a_counted_pass_is_what_it_is_or_trained(tmp_path: Path) -> None:
    path = tmp_path / "ops.json"
    forward = models.load(f"torch:{__name__}:graph")
    path.write_text(plain.to_json(forward))
    assert models.load(f"ops:{path}", phase="forward") == forward
    assert models.load(f"ops:{path}", phase="training") == training(forward)
    with pytest.raises(ValueError, match="holds a forward pass, which can be trained alone, got phase 'decode'"):
        models.load(f"ops:{path}", phase="decode")
    path.write_text(plain.to_json(training(forward)))
    assert models.load(f"ops:{path}", phase="training") == training(forward)
    with pytest.raises(ValueError, match="holds a training pass, got phase 'forward'"):
        models.load(f"ops:{path}", phase="forward")


def test_formats_are_chosen_for_a_training_step_too() -> None:
    spelled = f"torch:{__name__}:graph"
    chosen, _ = choices_of(spelled, ["int4", "int8"], None, {"phase": "training"})
    assert chosen.workload.ops == training(models.load(spelled)).ops
    with pytest.raises(ValueError, match="is one graph: its phase is forward or training, got 'decode'"):
        choices_of(spelled, ["int4"], None, {"phase": "decode"})


def test_a_graph_has_two_phases(spelling: str) -> None:
    forward = models.load(spelling)
    assert models.load(spelling, phase="forward") == forward
    assert models.load(spelling, phase="training") == training(forward)
    with pytest.raises(ValueError, match="is one graph: its phase is forward or training, got 'decode'"):
        models.load(spelling, phase="decode")
