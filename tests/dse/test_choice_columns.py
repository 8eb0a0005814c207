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
