"""Energy from the published tables: at their own points, between them, and absent where they say nothing."""

from dataclasses import replace
from math import isnan, nan, sqrt

import numpy as np
import pytest
from estimator_strategies import devices, ops, precisions
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators import energy, estimated
from costmodel.estimators.estimate import estimate
from costmodel.estimators.evaluate import grid
from costmodel.hardware import Cpu, Gpu, PeakFlops, gpu
from costmodel.precision import PIPES, precision
from costmodel.record import mesh
from costmodel.workload import Workload
from costmodel.workload.ops import linear, softmax


def board(process_m=7e-9, memory_kind="HBM"):
    peaks = PeakFlops(**dict.fromkeys(PeakFlops.__dataclass_fields__, 1e12))
    return Gpu("board", peaks, 1e9, 1e12, 1e6, 10, 1e9, 100, memory_kind, process_m)


def test_a_layer_by_hand():
    """10 x 20 x 30 bf16 products at 7 nm: 0.21 + 0.38 pJ each; 1,100 elements of 2 bytes at 350 pJ per 8 bytes."""
    op = linear("fc", 10, 20, 30, bias=False)
    arithmetic, dram = 6000 * 0.59e-12, 2 * (200 + 600 + 300) * 350e-12 / 8
    assert energy.energy_j(op, precision("w16a16"), board()) == pytest.approx(arithmetic + dram, rel=1e-12)


@pytest.mark.parametrize(
    ("pipe", "old", "new"),
    [("fp32", 3.7 + 0.9, 1.31 + 0.38), ("fp16", 1.1 + 0.9, 0.34 + 0.38), ("int8", 0.2 + 0.1, 0.07 + 0.03)],
)
def test_tables_hold_at_their_nodes_and_beyond(pipe, old, new):
    for process_m, expected in ((45e-9, old), (90e-9, old), (7e-9, new), (4e-9, new)):
        assert energy.mac_j(pipe, process_m) == pytest.approx(expected * 1e-12, rel=1e-12)


def test_between_nodes_energies_follow_a_power_law():
    middle = sqrt(7e-9 * 45e-9)
    assert energy.at_node(4.0, 1.0, process_m=middle) == pytest.approx(2.0)


@pytest.mark.parametrize("pipe", PIPES)
def test_energy_falls_with_the_node(pipe):
    found = energy.mac_j(pipe, np.array([45e-9, 28e-9, 16e-9, 12e-9, 7e-9]))
    assert np.all(np.diff(found) < 0)


@pytest.mark.parametrize("order", [("int4", "int8"), ("fp4", "fp6", "fp8", "fp16", "fp32", "fp64"), ("bf16", "tf32")])
@pytest.mark.parametrize("process_m", [45e-9, 16e-9, 7e-9])
def test_narrower_products_take_no_more(order, process_m):
    found = [float(energy.mac_j(pipe, process_m)) for pipe in order]
    assert found == sorted(found)


def test_the_rule_for_formats_without_a_value_is_near_the_one_it_has():
    """bf16 at 7 nm has both: the square of significand bits from fp16 says 0.18 pJ, the table 0.21."""
    ruled = energy.MULTIPLY_J["fp16"][1] * (8 / 11) ** 2
    assert ruled == pytest.approx(energy.MULTIPLY_J["bf16"][1], rel=0.15)


@given(st.lists(ops(), min_size=1, max_size=4), st.lists(precisions(), min_size=1, max_size=4), devices())
def test_a_grid_equals_its_cells(made, used, device):
    found = np.broadcast_to(energy.energy_j(*mesh(made, used), device), (len(made), len(used)))
    cells = [[float(energy.energy_j(op, one, device)) for one in used] for op in made]
    assert found == pytest.approx(np.array(cells), rel=1e-12)


@given(ops(), st.integers(2, 15), st.floats(7e-9, 45e-9))
def test_fewer_weight_bits_never_take_more_energy(op, bits, process_m):
    few, many = (precision(f"int{b}/int16") for b in (bits, bits + 1))
    assert energy.energy_j(op, few, board(process_m)) <= energy.energy_j(op, many, board(process_m)) * (1 + 1e-12)


@given(ops(), precisions(), devices(), st.sampled_from([2.0, 5.0]))
def test_twice_the_executions_take_twice_the_energy(op, used, device, factor):
    often = energy.energy_j(op.times(factor), used, device)
    assert often == pytest.approx(factor * energy.energy_j(op, used, device), rel=1e-12)


def test_unknown_nodes_and_memories_are_nan():
    op, used = linear("fc", 10, 20, 30), precision("w16a16")
    for unknown in (board(process_m=nan), board(memory_kind=""), board(memory_kind="LPDDR")):
        assert isnan(energy.energy_j(op, used, unknown))


def test_a_cpu_has_energy_where_the_tables_do():
    workload = Workload("net", (linear("fc", 10, 20, 30), softmax("softmax", 300)))
    peaks = PeakFlops(vector=1e11, fp32=1e11, bf16=1e11)
    known = Cpu("cpu", peaks, memory_bytes=1e10, memory_bytes_per_s=2e10, cores=2, memory_kind="DDR", process_m=7e-9)
    found = estimate(workload, "w16a16", known)
    middle = found.totals["energy_j"]
    assert found.totals["energy_low_j"] == pytest.approx(middle / energy.FACTOR)
    assert found.totals["energy_high_j"] == pytest.approx(middle * energy.FACTOR)
    assert set(found.energy_source) == {energy.SOURCE}
    assert found.assumed == (estimated.ENERGY,)
    for device in (replace(known, memory_kind=""), replace(known, process_m=nan)):
        result = estimate(workload, "w16a16", device)
        assert "energy_j" not in result.totals
        assert not [name for name in (*result.columns, *result.totals) if name.startswith("energy")]
        (told,) = result.assumed
        lacks = "memory_kind (HBM, GDDR, DDR)" if not device.memory_kind else "process_m (such as 7e-9, metres)"
        assert told.startswith(f"No energy: the file of cpu tells no {lacks}; ")


def test_a_grid_has_energy_by_precision():
    made, used = (linear("fc", 8192, 8192, 8192),), [precision(p) for p in ("w16a16", "w8a8")]
    found = np.broadcast_to(grid(made, used, gpu("a100_sxm"))["energy_j"], (1, 2))[0]
    assert found[1] < found[0]


def test_tables_are_of_what_the_modules_name():
    assert set(energy.SIGNIFICAND_BITS) == set(PIPES)
    assert set(energy.MULTIPLY_J) <= set(PIPES)
