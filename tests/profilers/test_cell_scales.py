"""Cells of a size in which errors are larger take a wider interval, and say where few layers are behind it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators import cells
from costmodel.estimators.attention_latency import ATTENTION
from costmodel.estimators.calibrated import predict
from costmodel.estimators.gemm_latency import GEMM
from costmodel.hardware import gpu
from costmodel.hardware.calibration import FOLDER, read
from profilers import cell_scales

H100 = gpu("h100_sxm")
LOW, HIGH = (np.full(1, x) for x in (-1.6, 1.6))


def rows(count=6000, seed=0):
    rng = np.random.default_rng(seed)
    m = rng.choice([1, 3, 8, 64, 512, 4096], count)
    n, k = rng.integers(1, 30, (2, count)) * 128
    return pd.DataFrame({"m": m, "n": n, "k": k})


def test_a_cell_whose_errors_are_three_times_as_large_is_widened_and_no_other():
    table = rows()
    errors = np.random.default_rng(1).normal(0.0, 1.0, len(table)) * np.where(table.m == 1, 3.0, 0.9)
    found = cell_scales.scales(table, errors, LOW, HIGH)
    scale = np.array(found["scale_m"])
    assert scale[0] == pytest.approx(3.0 * 1.645 / 1.6, rel=0.07)
    assert (scale[1:6] == 1.0).all()
    at = cells.at(table.m, GEMM.cells["m"])
    held = np.abs(errors) <= 1.6 * scale[at]
    assert 0.88 < held[table.m == 1].mean() < 0.92
    assert found["count_m"][6] == 0
    assert scale[6] == scale.max()


def test_few_layers_are_the_sample_and_not_their_rows():
    table = rows()
    few = table.assign(
        n=np.where(table.m == 1, 128 * (1 + table.n % 3), table.n), k=np.where(table.m == 1, 128, table.k)
    )
    rng = np.random.default_rng(2)
    errors = rng.normal(0.0, 0.9, len(few))
    errors[(few.m == 1) & (few.n == 128 * (1 + 128 % 3))] *= 4.0
    some = cell_scales.scales(few, errors, LOW, HIGH)
    worst = (few.m == 1) & (few.n == 128 * (1 + 128 % 3))
    assert some["count_m"][0] < cells.FEW
    assert np.mean(np.abs(errors[worst]) <= 1.6 * some["scale_m"][0]) > 0.88


@given(st.integers(0, 100), st.floats(0.1, 5.0))
def test_cells_never_narrow_and_take_no_rows_amiss(seed, size):
    table = rows(200, seed)
    errors = np.random.default_rng(seed).normal(0.0, size, len(table))
    found = cell_scales.scales(table, errors, LOW, HIGH)
    assert min(found["scale_m"]) >= 1.0
    assert sum(found["count_m"]) >= len(table.drop_duplicates(["n", "k"]))


def test_committed_cells_widen_one_row_in_fp8_and_flag_odd_heads():
    fits = read(FOLDER / "h100_sxm_gemm.toml")
    one, few = (
        predict(GEMM, (np.array([1.0, 1.0]), 4096.0, 4096.0), GEMM.named("fp8"), H100, backend="vllm", fits=fits),
        2.0,
    )
    wide = predict(GEMM, (few, 4096.0, 4096.0), GEMM.named("fp8"), H100, backend="vllm", fits=fits)
    assert (one.high_s / one.low_s).min() > 1.3 * float(wide.high_s / wide.low_s)
    heads = np.array([64.0, 128.0, 192.0, 512.0])
    kind = ATTENTION.named("gen_bfloat16")
    shape = (8.0, 1.0, 4096.0, 32.0, 8.0, heads, 0.0)
    found = predict(ATTENTION, shape, kind, H100, backend="vllm", fits=read(FOLDER / "h100_sxm_attention.toml"))
    assert found.extrapolated.tolist() == [False, False, True, True]
