"""What stands beside a design's metrics: ranges around the value, and shares of sources, where the estimate agrees."""

import pytest

import costmodel as cm
from dse.run_ranges import beside

WORKLOAD = cm.zoo.build("resnet18", batch=8)


@pytest.mark.parametrize(("device", "metric", "said"), [
    (cm.gpu("a100_sxm"), "latency_s", "spec"), (cm.gpu("a100_sxm"), "energy_j", "transferred"),
    (cm.fpga("u250"), "latency_s", "formula"), (cm.fpga("u250"), "lut", "synthesis"),
])  # fmt: skip
def test_a_metric_has_its_range_and_its_source(device, metric, said):
    found = cm.estimate(WORKLOAD, cm.W8A8, device)
    value = found.totals[metric]
    told = beside(found, {metric: value}, [metric, "loss"])
    (source,) = (text for name, text in told.items() if name.endswith("_source"))
    assert said in source
    ends = [number for name, number in told.items() if not name.endswith("_source")]
    assert min(ends) <= value <= max(ends)
    assert not beside(found, {metric: value * 1.01}, [metric]), "of another value it says nothing"
    assert not beside(found, {metric: None}, [metric])
