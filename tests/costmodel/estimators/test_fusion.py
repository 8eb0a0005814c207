"""Which ops join the kernel before them, and what is left of their cost."""

from dataclasses import replace

import numpy as np
import pytest

from costmodel import hardware, zoo
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fusion import fuse
from costmodel.workload import Workload
from costmodel.workload.ops import activation, attention, elementwise, linear, norm
from costmodel.workload.training import training

H100 = hardware.gpu("h100_sxm")


def joined(ops):
    return [op.name for op in fuse(ops) if not op.launches]


def test_a_residual_network_launches_its_convolutions_pools_and_classifier():
    kinds = [op.kind for op in fuse(zoo.build("resnet50").ops) if op.launches]
    assert {kind: kinds.count(kind) for kind in kinds} == {"conv": 53, "pooling": 2, "linear": 1}


def test_a_transformer_keeps_its_norms_and_attention():
    kinds = [op.kind for op in fuse(zoo.build("vit_tiny_patch16_224").ops) if op.launches]
    assert kinds.count("norm") == 25
    assert kinds.count("attention") == 12
    assert kinds.count("activation") == 0


def test_an_operand_that_others_read_or_of_another_size_is_not_joined():
    fc, act = linear("fc", 8, 64, 64), activation("act", 512, function="relu", inputs=("fc",))
    assert joined([fc, act]) == ["act"]
    assert joined([fc, act, elementwise("sum", 512, inputs=("fc", "act"))]) == ["sum"]
    assert joined([fc, activation("act", 1024, function="relu", inputs=("fc",))]) == []
    assert joined([fc, replace(act, count=2.0)]) == []
    assert joined([fc, norm("norm", 512, 64, style="layer")]) == []
    assert joined([fc, norm("norm", 512, 64, style="batch")]) == ["norm"]
    pay = attention("pay", 1, queries=8, keys=8, heads=1, kv_heads=1, head_dim=64)
    assert joined([pay, activation("act", 512, function="relu")]) == []
    assert joined([activation("act", 512, function="relu")]) == []


def test_training_keeps_what_the_backward_pass_reads():
    step = training(zoo.build("resnet18"))
    names = joined(step.ops)
    assert not [name for name in names if name.endswith(("bn1", "conv1"))]
    assert {"act1", "layer1.0.act1"} <= set(names), "a ReLU's gradient reads its own result, nothing that of its norm"


def test_what_joins_costs_the_operand_that_is_not_in_registers():
    elements = 2.0**28
    fc, far = linear("fc", elements / 4096, 64, 4096, bias=False), linear("far", elements / 4096, 64, 4096, bias=False)
    add = elementwise("add", elements, inputs=("far", "fc"))
    found = estimate(Workload("net", (far, fc, add)), "bf16", H100)
    assert found.columns["source"][2] == "fused (in the kernel before it)"
    read_s = 2.0 * elements / H100.memory_bytes_per_s
    assert 1.1 * read_s < found.latency_s[2] < 1.4 * read_s
    apart = estimate(Workload("net", (add,)), "bf16", H100)
    assert 2.9 < apart.latency_s[0] / found.latency_s[2] < 3.1
    act = activation("act", elements, function="relu", inputs=("fc",))
    free = estimate(Workload("net", (fc, act)), "bf16", H100)
    np.testing.assert_allclose(free.latency_s[1], elements / H100.peak_flops.vector, rtol=0.3)
    assert free.totals["bytes_moved"] == pytest.approx(found.totals["bytes_moved"], rel=1), (
        "traffic is counted as before"
    )
