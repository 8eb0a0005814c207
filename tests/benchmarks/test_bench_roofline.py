"""Roofline of 1000 ops x 20 precisions x 50 devices as one array call, against the same function in a Python loop.

Seconds are those of this process on its core, whatever else the machine does.
"""

import time
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators import roofline
from costmodel.hardware import PeakFlops
from costmodel.workload.ops import attention, linear

OPS = 1000
PRECISIONS = 20
DEVICES = 50
GOAL_CELLS_PER_S = 50e6
GOAL_RATIO = 300


def ops() -> list[cm.Op]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 8192, size=(OPS, 3))
    made = [linear(f"l{i}", int(m), int(k), int(n)) for i, (m, n, k) in enumerate(sizes[: OPS * 9 // 10])]
    return made + [
        attention(f"a{i}", 1, queries=int(m), keys=int(m), heads=8, kv_heads=8, head_dim=64)
        for i, (m, _, _) in enumerate(sizes[len(made) :])
    ]


def precisions() -> list[cm.Precision]:
    widths = ["int4", "int8", "fp8_e4m3", "bf16", "fp16", "nf4", "mxfp4", "int4_g128"]
    pairs = [f"{w}/{a}" for w, a in product(widths, ["bf16", "fp16", "int8"])]
    return [cm.precision(pair) for pair in pairs[:PRECISIONS]]


def devices() -> list[cm.Gpu]:
    peaks = PeakFlops(vector=60e12, fp32=60e12, tf32=400e12, fp16=900e12, bf16=900e12, fp8=1800e12, int8=1800e12)
    base = cm.gpu("h100_sxm")
    rates = [1e12 * (1 + i / 10) for i in range(DEVICES)]
    return [replace(base, name=f"g{i}", peak_flops=peaks, memory_bytes_per_s=r) for i, r in enumerate(rates)]


@pytest.mark.benchmark(timer=time.process_time)
def test_grid_is_fast_and_equals_the_loop(benchmark: pytest.FixtureRequest) -> None:
    op_axis, precision_axis, device_axis = cm.mesh(ops(), precisions(), devices())
    grid = benchmark(roofline.latency_s, op_axis, precision_axis, device_axis)
    assert grid.shape == (OPS, PRECISIONS, DEVICES)

    sample = list(product(ops()[::100], precisions()[::4], devices()[::10]))
    start = time.process_time()
    scalars = [float(roofline.latency_s(*cell)) for cell in sample]
    loop_s = (time.process_time() - start) / len(sample)
    np.testing.assert_allclose(grid[::100, ::4, ::10].ravel(), scalars, rtol=1e-12)

    if benchmark.enabled:
        cell_s = benchmark.stats.stats.min / grid.size
        benchmark.extra_info["cells_per_s"] = 1 / cell_s
        benchmark.extra_info["ratio_to_python_loop"] = loop_s / cell_s
        print(f"\nroofline grid: {1 / cell_s / 1e6:.0f} M cells/s, {loop_s / cell_s:.0f} x the Python loop")
        assert 1 / cell_s >= GOAL_CELLS_PER_S
        assert loop_s / cell_s >= GOAL_RATIO
