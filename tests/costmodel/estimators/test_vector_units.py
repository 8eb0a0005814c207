"""Products and attention on vector units by constants of tensor units, against our own rows of fp32."""

from dataclasses import replace

import pytest

import costmodel as cm
from costmodel.estimators import vector_units
from costmodel.estimators.evaluate import grid
from costmodel.hardware.calibration import FOLDER
from costmodel.workload.ops import attention, linear
from profilers import rows_file

FP32 = cm.precision("fp32")


@pytest.mark.parametrize(("pipe", "vector"), [("fp32", True), ("tf32", False), ("bf16", False), ("int8", False)])
def test_pipes_that_are_no_faster_than_the_vector_units(pipe, vector):
    assert vector_units.multiply(pipe, cm.gpu("a100_sxm")) == vector


@pytest.mark.parametrize("device", ["h100_sxm", "h200_sxm"])
def test_fp32_products_of_few_rows_by_constants_of_bf16(device):
    """Nothing of the H200 was seen when the terms were chosen."""
    rows = rows_file.read(FOLDER / f"{device}_torch_rows.parquet")
    rows = rows[rows["math"] == "float32"]
    ops = [linear(f"fc{i}", m, k, n, bias=False) for i, (m, n, k) in enumerate(rows[["m", "n", "k"]].to_numpy())]
    found = {name: column[:, 0] for name, column in grid(ops, [FP32], cm.gpu(device), resident=True).items()}
    measured_s, m = rows.latency_s.to_numpy(), rows.m.to_numpy()
    held = (found["latency_low_s"] <= measured_s) & (measured_s <= found["latency_high_s"])
    off = found["latency_s"] / measured_s
    assert abs(off[m == 1] - 1).mean() < 0.17, "1.0 and 1.2 in the median; 2.5 and 2.8 with tiles of 16 rows"
    assert abs(off[(m > 1) & (m <= 16)] - 1).mean() < 0.37
    assert held[m == 1].mean() > 0.94
    assert held[(m > 1) & (m <= 16)].mean() > 0.84
    assert held.mean() > 0.95


@pytest.mark.parametrize("device", ["a100_sxm", "h100_sxm", "l40s", "t4"])
def test_a_token_in_fp32_takes_little_more_than_its_bytes(device):
    found = cm.estimate(cm.decode(cm.zoo.llama("3.1-8b"), batch=1, context=1024), FP32, cm.gpu(device)).totals
    assert found["roofline_s"] < found["latency_s"] < 1.5 * found["roofline_s"]


def test_vector_units_multiply_the_heads_that_there_are():
    """Of 32 heads and 8 KV heads, 4 rows share keys: a tensor instruction has 16 of them."""
    a100 = cm.gpu("a100_sxm")
    op = attention("a", 64, queries=1, keys=8192, heads=32, kv_heads=8, head_dim=128, causal=True, cached=True)
    faster = replace(a100, peak_flops=replace(a100.peak_flops, vector=1.001 * a100.peak_flops.vector))
    tensor = replace(a100, peak_flops=replace(a100.peak_flops, vector=0.999 * a100.peak_flops.vector))
    few, same, whole = (float(grid([op], [FP32], gpu)["latency_s"][0, 0]) for gpu in (a100, faster, tensor))
    assert few == pytest.approx(same, rel=1e-3)
    assert whole > 2 * few
