"""The H100 that this project measured itself: what shipped calibrations, fitted to others' rows, make of it."""

import numpy as np
import pytest

from costmodel.hardware.calibration import FOLDER
from profilers import end_to_end, rows_file
from profilers.fit import validate
from profilers.split_rows import split


@pytest.fixture(scope="module")
def rows():
    return rows_file.read(FOLDER / "h100_sxm_torch_rows.parquet")


@pytest.fixture(scope="module")
def graphs():
    networks = rows_file.read(FOLDER / "h100_sxm_torch_networks.parquet")
    return end_to_end.predicted(networks[networks.launched == "graph"])


def test_every_row_says_how_it_was_measured(rows):
    assert set(rows.table) == {"attention", "gemm", "operation", "rate"}
    assert (rows.device_name == "NVIDIA H100 80GB HBM3").all()
    assert (rows.median_low_s <= rows.latency_s).all()
    assert ((rows.power_w > 100) & (rows.power_w < 720)).all()
    assert set(rows.launched) <= {"graph", "stream"}


def test_products_in_bf16_are_as_the_shipped_calibration_says(rows):
    (products,) = (part for part in split(rows) if "int4_wo" in set(part["math"]))
    done = validate(products[products["math"] == "bfloat16"])
    assert np.abs(done.predicted_s / done.latency_s - 1.0).mean() < 0.08


@pytest.mark.parametrize(
    ("network", "fmt", "low", "high"),
    [
        ("vit_base_patch16_224", "bf16", -0.12, 0.01),
        ("llama-3.1-8b block", "bf16", -0.14, -0.06),
        ("llama-3.1-8b block", "int8", -0.05, -0.03),
        ("resnet50", "bf16", -0.47, -0.41),
    ],
)
def test_whole_passes_err_as_stated(graphs, network, fmt, low, high):
    own = graphs[(graphs.network == network) & (graphs.precision == fmt)]
    assert len(own) == 3
    assert own.error.between(low, high).all()


def test_intervals_of_passes_hold_as_many_as_stated(graphs):
    held = (graphs.low_s <= graphs.latency_s) & (graphs.latency_s <= graphs.high_s)
    assert held.sum() == 24
