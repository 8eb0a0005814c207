"""A training step against torch's autograd, and what recomputation costs and saves."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

import costmodel
from costmodel import zoo
from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.importers import torch_export
from costmodel.workload import Op, Workload
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.ops import activation, attention, conv, elementwise, embedding, linear, norm, selective_scan
from costmodel.workload.serving import forward
from costmodel.workload.training import nothing, training


def total(workload: Workload, quantity: str) -> float:
    return sum(getattr(op, quantity) * (op.count if quantity == "vector_flops" else 1) for op in workload.ops)


def autograd_flops(net: nn.Module, *inputs: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        net(*inputs).sum().backward()
    return counter.get_total_flops()


def convolutions(groups: int) -> tuple[nn.Module, Workload]:
    """Two convolutions, the second in groups, and a classifier, of torch and of ours."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 12, 5, padding=2, groups=groups, bias=False),
        nn.Flatten(),
        nn.Linear(12 * 64, 10),
    )
    ops = (
        conv("0", 2, 3, 8, input_size=(16, 16), kernel=(3, 3), stride=(2, 2), padding=(1, 1), bias=True),
        norm("1", 2 * 8 * 64, 8, style="batch"),
        activation("2", 2 * 8 * 64, function="relu"),
        conv("3", 2, 8, 12, input_size=(8, 8), kernel=(5, 5), padding=(2, 2), groups=groups),
        linear("5", 2, 12 * 64, 10),
    )
    return net, Workload("net", ops, batch=2)


def test_convolutions_have_autograd_s_flops() -> None:
    net, workload = convolutions(groups=1)
    step = training(workload)
    assert total(step, "flops") == autograd_flops(net, torch.zeros(2, 3, 16, 16))
    assert total(step, "params") == total(workload, "params") == sum(p.numel() for p in net.parameters())
    assert step.phase == "training"


def test_torch_counts_a_grouped_convolution_s_weight_gradient_groups_times_over() -> None:
    """torch's formula multiplies every input channel by every output channel; a group meets its own alone."""
    net, workload = convolutions(groups=4)
    step = training(workload)
    gradient = step.op("3.grad_weight").flops
    assert gradient == workload.op("3").flops
    assert total(step, "flops") + 3 * gradient == autograd_flops(net, torch.zeros(2, 3, 16, 16))


def test_what_reads_the_network_s_input_has_no_gradient_by_it() -> None:
    _, workload = convolutions(groups=1)
    names = {op.name for op in training(workload).ops}
    assert "0.grad_input" not in names
    assert {"0.grad_weight", "1.grad_input", "1.grad_weight", "2.grad_input", "3.grad_input", "3.grad_weight"} <= names
    assert "2.grad_weight" not in names


def test_what_comes_before_every_parameter_has_no_gradient() -> None:
    ops = (activation("scale", 6, function="relu"), linear("first", 2, 3, 4), linear("second", 2, 4, 5))
    names = [op.name for op in training(Workload("net", ops)).ops[3:]]
    assert names == ["second.grad_weight", "second.grad_input", "first.grad_weight"]


def test_an_embedding_s_gradient_reaches_the_rows_that_were_read() -> None:
    step = training(Workload("net", (embedding("table", 6, 100, 8), linear("head", 6, 8, 100, bias=False))))
    gradient = step.op("table.grad_weight")
    assert gradient.output_elements == pytest.approx(6 * 8)
    assert gradient.macs == 0
    tied = training(Workload("net", (embedding("table", 6, 100, 8, shares="head"), linear("head", 6, 8, 100))))
    assert tied.op("table.grad_weight").output_elements == 6 * 8


def test_a_product_of_activations_has_two_gradients() -> None:
    qkv = linear("qkv", 2 * 7, 16, 48, bias=False)
    scores = attention("attention", 2, queries=7, keys=7, heads=2, kv_heads=2, head_dim=8, causal=True)
    step = training(Workload("net", (qkv, scores)))
    gradient = step.op("attention.grad_input")
    assert gradient.macs == 2 * scores.macs
    assert gradient.executed_macs == 2 * scores.executed_macs
    assert gradient.output_elements == scores.input_elements
    assert "attention.grad_weight" not in {op.name for op in step.ops}


def test_gradients_move_what_they_need_and_store_nothing() -> None:
    layer = linear("b", 4, 8, 16)
    step = training(Workload("net", (linear("a", 4, 8, 8), layer)))
    by_input, by_weight = step.op("b.grad_input"), step.op("b.grad_weight")
    assert (by_input.m, by_input.n, by_input.k) == (4, 8, 16)
    assert (by_weight.m, by_weight.n, by_weight.k) == (8, 16, 4)
    assert by_input.input_elements == layer.output_elements + layer.params
    assert by_input.output_elements == by_weight.input_elements - layer.output_elements == layer.input_elements
    assert by_weight.output_elements == layer.params
    assert by_weight.vector_flops == layer.output_elements
    assert by_input.params == by_weight.params == 0


def test_vector_work_doubles_and_gradients_that_meet_are_added() -> None:
    ops = (
        linear("a", 4, 8, 8, bias=False),
        norm("n", 32, 8, style="rms", bias=False),
        elementwise("residual", 32, inputs=("a", "n")),
        selective_scan("scan", 1, tokens=4, channels=8, states=2),
    )
    step = training(Workload("net", ops))
    assert step.op("n.grad_input").vector_flops == 2 * ops[1].vector_flops
    assert step.op("scan.grad_input").vector_flops == 2 * ops[3].vector_flops
    assert step.op("n.grad_input").inputs == ("scan.grad_input", "a")
    assert step.op("a.grad_weight").inputs == ("scan.grad_input", "n.grad_input", "network_input")
    assert step.op("a.grad_weight").vector_flops == 32


class Added(TorchDispatchMode):
    """How many elements torch adds and reads to add while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.added = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.added += result.numel() if func is torch.ops.aten.add.Tensor else 0
        return result


class Sums(nn.Module):
    """Layers around sums: of two tensors and three, read once and several times."""

    def __init__(self, *, shared: bool) -> None:
        super().__init__()
        layers = [nn.Linear(8, 8, bias=False) for _ in range(5)]
        self.layers = nn.ModuleList([layers[0], *layers[1:2] * 3, layers[4]] if shared else layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b, c, d, e = self.layers
        x = a(x)
        y = x + b(x)
        return e(y + c(y) + d(x + y))


@pytest.mark.parametrize("shared", [False, True])
def test_a_sum_s_gradient_is_its_result_s_and_gradients_are_added_where_torch_adds_them(shared: bool) -> None:
    net, x = Sums(shared=shared), torch.ones(4, 8)
    step = training(torch_export.read(net, x))
    result = net(x).sum()
    with Added() as torch_s:
        result.backward()
    backward = [op for op in step.ops if ".grad_" in op.name]
    assert sum(op.count * op.vector_flops for op in backward) == torch_s.added
    of_sums = [op for op in backward if op.kind == "elementwise"]
    assert of_sums
    assert all(op.input_elements == op.output_elements + op.vector_flops for op in of_sums)


def residual_sums(op: Op) -> bool:
    return not op.name.endswith(("residual", ".sum"))


def everything(_: Op) -> bool:
    return True


def attention_alone(op: Op) -> bool:
    return op.kind == "attention"


@pytest.mark.parametrize("recompute", [residual_sums, attention_alone, everything])
@pytest.mark.parametrize(
    "model",
    [zoo.llama("3.2-1b"), zoo.gpt("2"), zoo.whisper("tiny"), zoo.bert("base"), zoo.deepseek("v2-lite")],
    ids=lambda model: model.name,
)
def test_recomputation_adds_its_ops_flops_and_frees_their_results(
    model: LanguageModel, recompute: Callable[[Op], bool]
) -> None:
    whole = forward(model, 1, 32)
    kept, step = training(whole), training(whole, recompute=recompute)
    again = [op for op in step.ops if op.name.endswith(".recompute")]
    wanted = {f"{op.name}.recompute" for op in whole.ops if recompute(op)}

    assert {op.name for op in again} <= wanted
    assert total(step, "flops") == pytest.approx(total(kept, "flops") + sum(op.flops for op in again), rel=1e-12)
    assert total(step, "params") == total(kept, "params")
    assert peak_activation_bytes(step, costmodel.W16A16) <= peak_activation_bytes(kept, costmodel.W16A16)


def test_blocks_recomputed_from_their_residuals_hold_a_fraction_of_the_activations() -> None:
    whole = forward(zoo.llama("3.2-1b"), 1, 8192)
    kept, step = training(whole), training(whole, recompute=residual_sums)
    block = [op for op in whole.ops if op.name.startswith("model.layers.3.")]
    rerun = [op for op in step.ops if op.name.startswith("model.layers.3.") and op.name.endswith(".recompute")]
    assert {op.name for op in rerun} == {f"{op.name}.recompute" for op in block if residual_sums(op)}
    half = peak_activation_bytes(kept, costmodel.W16A16) / 2
    assert peak_activation_bytes(step, costmodel.W16A16) < half


@pytest.mark.parametrize("recompute", [nothing, residual_sums])
def test_every_gradient_reads_what_exists_by_then(recompute: Callable[[Op], bool]) -> None:
    step = training(forward(zoo.mixtral("8x7b"), 1, 16), recompute=recompute)
    made = {"input_ids", "grad_output"}
    for op in step.ops:
        assert set(op.inputs) <= made, op.name
        made.add(op.name)


def test_a_training_pass_is_not_trained_again() -> None:
    _, workload = convolutions(groups=1)
    with pytest.raises(ValueError, match="net is a training pass already"):
        training(training(workload))


@pytest.mark.parametrize("phase", ["decode", "encode"])
def test_a_pass_that_writes_tokens_is_not_trained(phase: str) -> None:
    asked = zoo.build("whisper-tiny", phase=phase)
    with pytest.raises(ValueError, match=f"^whisper-tiny: a training step is of a forward pass, got phase '{phase}'$"):
        training(asked)
