"""Live activations against a simulator that holds every tensor by name."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from estimator_strategies import networks, precisions
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators.footprint import (
    alive_at,
    alive_bytes,
    input_bytes,
    input_last_use,
    last_use,
    optimizer_bytes,
    peak_activation_bytes,
)
from costmodel.precision import precision
from costmodel.record import stack
from costmodel.workload import Workload
from costmodel.workload.ops import elementwise, linear


def simulate(workload, used):
    """Hold outputs in a dictionary, drop each once no later op names it; return what is held while each op runs."""
    reads = []
    for i, op in enumerate(workload.ops):
        before = [workload.ops[i - 1].name] if i else []
        reads.append(set(op.inputs or before))
    leaving = set(workload.outputs or [workload.ops[-1].name])
    held, totals = {}, []
    for i, op in enumerate(workload.ops):
        held[op.name] = op.output_elements * used[i].written.bits_per_element / 8
        entering = op.input_elements * used[i].activation.bits_per_element / 8 if i == 0 else 0
        totals.append(sum(held.values()) + entering)
        needed = leaving.union(*reads[i + 1 :])
        held = {name: size for name, size in held.items() if name in needed}
    return totals


@given(networks(), precisions())
def test_alive_bytes_equal_the_simulators(workload, used):
    expected = simulate(workload, [used] * len(workload.ops))
    assert alive_bytes(workload, used).tolist() == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert peak_activation_bytes(workload, used) == pytest.approx(max(expected), rel=1e-12)


@given(networks(), st.data())
def test_precisions_may_differ_by_op(workload, data):
    used = [replace(data.draw(precisions()), output=data.draw(precisions()).activation) for _ in workload.ops]
    found = alive_bytes(workload, stack(used))
    assert found.tolist() == pytest.approx(simulate(workload, used), rel=1e-12, abs=1e-9)


@given(networks(), precisions())
def test_each_moment_is_the_sum_of_its_tensors(workload, used):
    whole = alive_bytes(workload, used)
    parts = [alive_at(workload, used, moment).sum() for moment in range(len(workload.ops))]
    for moment in range(input_last_use(workload) + 1):
        parts[moment] += input_bytes(workload, used)
    assert whole.tolist() == pytest.approx(parts, rel=1e-12, abs=1e-9)


@given(networks())
def test_nothing_is_freed_before_it_is_made(workload):
    last = last_use(workload)
    assert np.all(last >= np.arange(len(workload.ops)))
    for i, op in enumerate(workload.ops):
        for name in op.inputs:
            assert last[[o.name for o in workload.ops].index(name)] >= i


def test_a_residual_holds_its_branch():
    """100 elements in, held across two layers of 100 and 100: three tensors of 100 at the peak."""
    ops = (
        linear("stem", 1, 100, 100),
        linear("a", 1, 100, 100),
        linear("b", 1, 100, 100),
        elementwise("add", 100, inputs=("stem", "b")),
    )
    workload, used = Workload("net", ops), precision("w16a16")
    assert alive_bytes(workload, used).tolist() == [400, 400, 600, 600]
    chain = Workload("net", (*ops[:3], replace(ops[3], inputs=("b",))))
    assert alive_bytes(chain, used).tolist() == [400, 400, 400, 400]


def test_an_output_of_the_network_lives_to_the_end():
    ops = (linear("a", 1, 10, 1000), linear("b", 1, 1000, 10), linear("c", 1, 10, 10))
    used = precision("w16a16")
    kept, freed = (alive_bytes(Workload("net", ops, outputs=out), used) for out in (("a", "c"), ("c",)))
    assert (kept - freed).tolist() == [0, 0, 2000]


def test_a_recurrent_input_frees_nothing_early():
    """An op that reads a later one's output: its own last use is no earlier than its making."""
    ops = (linear("a", 1, 10, 10, inputs=("b",)), linear("b", 1, 10, 10, inputs=("a",)))
    assert np.all(alive_bytes(Workload("net", ops), precision("w16a16")) >= 0)


def test_an_input_from_outside_is_no_tensor_of_the_pass():
    ops = (linear("a", 1, 10, 10, inputs=("image",)), linear("b", 1, 10, 10, inputs=("image",)))
    assert alive_bytes(Workload("net", ops), precision("w16a16")).tolist() == [40, 40]


@pytest.mark.parametrize(("name", "bytes_"), [("sgd", 4), ("momentum", 8), ("adam", 12)])
def test_optimizer_states_by_parameter(name, bytes_):
    """ZeRO, arXiv 1910.02054: fp32 weights, momentum and variance, 4 bytes each; fp32 weights are their own masters."""
    op = linear("a", 1, 100, 10)
    assert optimizer_bytes(op, precision("bf16"), name) == bytes_ * op.params
    assert optimizer_bytes(op, precision("fp32"), name) == (bytes_ - 4) * op.params
    mixed = precision("bf16/fp32")
    assert optimizer_bytes(op, mixed, name) == bytes_ * op.params - 4 * op.vector_elements


def test_adam_keeps_of_fp32_weights_what_torch_s_does():
    layer = torch.nn.Linear(100, 10)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 100)).sum().backward()
    adam.step()
    kept = sum(s.nbytes for state in adam.state.values() for s in state.values() if s.ndim)
    assert optimizer_bytes(linear("a", 1, 100, 10), precision("fp32")) == kept


def test_an_unknown_optimizer_is_named():
    with pytest.raises(ValueError, match=r"optimizer must be one of .*got 'adamw'"):
        optimizer_bytes(linear("a", 1, 10, 10), precision("bf16"), "adamw")
