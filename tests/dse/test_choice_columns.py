"""Metrics of many choices at once are those of their estimates."""

import numpy as np
import pytest

import costmodel as cm
import dse
from dse.choice_columns import columns

NAMES = ("loss", "latency_s", "energy_j", "weight_bytes", "footprint_bytes", "peak_activation_bytes", "macs", "lut",
         "throughput_per_s", "examples_per_s")  # fmt: skip
LLAMA = {"phase": "training", "batch": 2, "context": 64}


@pytest.mark.parametrize(
    ("workload", "device"),
    [
        (cm.zoo.build("resnet18", batch=4), cm.gpu("l40s")),
        (cm.zoo.build("resnet18"), cm.device("zcu104")),
        (cm.models.load("zoo:llama-3.2-1b", **LLAMA), cm.gpu("h100_sxm")),
    ],
    ids=["gpu", "fpga", "training"],
)
def test_columns_are_those_of_the_estimate(workload, device):
    problem = dse.choices(workload, ["int8/int8", "bf16/bf16"] if device.name != "zcu104" else ["int8", "int4"]).on(
        device
    )
    choices = np.random.default_rng(0).integers(0, 2, (3, len(problem.layers)))
    found = columns(problem, choices, NAMES)
    for i, choice in enumerate(choices):
        totals = problem.estimate(choice).totals | {"loss": problem.total_loss(choice)}
        passes = totals.get("throughput_per_s", 1 / totals["latency_s"])
        totals["examples_per_s"] = workload.batch * passes
        for name in NAMES:
            if name in totals:
                assert found[name][i] == pytest.approx(totals[name]), name
            else:
                assert np.isnan(found[name][i]), name


@pytest.mark.parametrize("name", ["resnet18", "whisper-tiny", "llama-3.2-1b"])
def test_plans_of_layers_that_state_what_they_write_are_those_of_their_assignment(name):
    """Their names say all: what they name costs the same, and what many at once are said to cost."""
    workload, gpu = cm.zoo.build(name), cm.gpu("a100_sxm")
    problem = dse.choices(workload, ["int8/int8>bf16", "int4/bf16", "int8/int8", "fp16"]).on(gpu)
    assert problem.names == ("int8/int8>bf16", "int4/bf16", "int8/int8", "fp16/fp16")
    choices = np.random.default_rng(0).integers(0, 4, (3, len(problem.layers)))
    found = columns(problem, choices, (*NAMES, "bytes_moved"))
    for i, choice in enumerate(choices):
        told = cm.estimate(workload, problem.assignment(choice), gpu)
        assert told.totals == pytest.approx(dict(problem.estimate(choice).totals), rel=1e-12)
        assert {m: found[m][i] for m in found if m in told.totals} == pytest.approx(
            {m: told.totals[m] for m in found if m in told.totals}
        )


def test_on_an_fpga_layers_state_what_they_write_where_all_read_alike():
    workload, fpga = cm.zoo.build("resnet18"), cm.device("zcu104")
    problem = dse.choices(workload, ["int4/int4>int8", "int4"]).on(fpga)
    wide, plain = (problem.totals(problem.uniform(i)) for i in (0, 1))
    assert wide["lut"] > plain["lut"]
    with pytest.raises(ValueError, match="int4/int4>int8 can be chosen beside formats of its activations alone"):
        dse.choices(workload, ["int4/int4>int8", "int8"]).on(fpga)
