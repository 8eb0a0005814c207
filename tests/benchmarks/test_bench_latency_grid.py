"""The grid that allocation optimises over: 200 ops at 8 options on a calibrated device and on one without rows."""

import pytest

from costmodel import hardware, zoo
from costmodel.estimators.evaluate import grid
from costmodel.precision import precision

OPTIONS = [
    precision(p) for p in ("int2/bf16", "int3/bf16", "w4a16", "int4_g128/bf16", "int6/bf16", "w8a16", "w8a8", "bf16")
]
GOAL_S = 0.1


@pytest.mark.parametrize("device", ["h100_sxm", "rtx_4090"])
@pytest.mark.parametrize("network", ["llama-3.1-8b", "resnet101"])
def test_a_grid_takes_tens_of_milliseconds(benchmark, network, device):
    made, gpu = zoo.build(network).ops[:200], hardware.gpu(device)
    assert len(made) == 200
    found = benchmark(grid, made, OPTIONS, gpu)
    assert found["latency_s"].shape == (200, 8)
    if benchmark.enabled:
        best_s = benchmark.stats.stats.min
        print(f"\nlatency grid of 200 ops x 8 options, {network} on {device}: {1e3 * best_s:.0f} ms")
        assert best_s < GOAL_S
