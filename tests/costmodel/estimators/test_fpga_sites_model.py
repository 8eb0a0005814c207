import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators.fpga.adder_tree import tree_growth, tree_registers
from costmodel.estimators.fpga.circuit_sites import catalog, circuit_parts, circuit_sites
from costmodel.estimators.fpga.distinct import BLOCK, distinct
from costmodel.estimators.fpga.flip_flops import pipeline_stages, pipelined_flip_flops
from costmodel.estimators.fpga.site_calibration import calibration
from costmodel.estimators.fpga.sites import sites
from costmodel.formats import get, values
from costmodel.record import map_fields, stack
from profilers.fpga.operands import product
from profilers.fpga.sample import sample

NAMES = sorted({name for design in sample(150, 5) for name in (design.a_format, design.b_format)})
names = st.sampled_from(NAMES)
floats = st.sampled_from([name for name in NAMES if "int" not in name])


@given(names, names)
def test_shapes_hold_every_product(a, b):
    built = product(get(a), get(b))
    shape, unit = built.shape, 2.0**built.lowest_exponent
    ends = [v for left in _ends(a) for right in _ends(b) for v in [left * right / unit]]
    assert all(v == int(v) for v in ends)
    low, high = (-(2.0 ** (built.bits - 1)), 2.0 ** (built.bits - 1)) if built.signed else (0, 2.0**built.bits)
    assert low <= min(ends)
    assert max(ends) < high
    assert (shape.long, shape.short) == (built.a.significand_bits, built.b.significand_bits)
    assert shape.amount_bits == built.shift.bit_length()
    assert shape.specials == (built.a.special > 0) + (built.b.special > 0)


def _ends(name):
    """The extremes of a format and its value next to zero."""
    grid = values(get(name))
    return grid[0], grid[-1], grid[grid > 0][0]


@given(names, names, st.integers(1, 64), st.integers(0, 64))
def test_a_grid_equals_its_scalars(a, b, n, acc_bits):
    others = [get(name) for name in NAMES[:5]]
    grid = sites(stack([get(a), *others]), stack([get(b), *others]), n=n, acc_bits=acc_bits)
    assert grid.shape == (6,)
    assert grid[0] == sites(get(a), get(b), n=n, acc_bits=acc_bits)


@pytest.mark.parametrize("bare", [True, False])
def test_a_long_flat_batch_equals_the_grid_of_its_distinct_formats(bare):
    formats = [get(name) for name in (*NAMES, "nf4", "e8m0")]
    rng = np.random.default_rng(0)
    i, j, n = rng.integers(0, (len(formats), len(formats), 66), (2 * BLOCK + 5, 3)).T
    acc_bits = np.where(n == 1, 0, 30) if bare else 30
    a, b = (map_fields(stack(formats), lambda column, rows=rows: column[rows]) for rows in (i, j))
    found, places = distinct(a)
    assert found.name[places].tolist() == a.name.tolist()
    assert sorted(found.name) == sorted(f.name for f in formats)
    rows = sites(a, b, n=n, acc_bits=acc_bits)
    pair = (map_fields(stack(formats), lambda column, axes=axes: column[axes]) for axes in (_ACROSS, _DOWN))
    grid = sites(*pair, n=np.arange(66), acc_bits=np.where(np.arange(66) == 1, 0, 30) if bare else 30)
    assert np.isnan(rows).any()
    np.testing.assert_allclose(rows, grid[i, j, n], rtol=1e-12)
    assert distinct(get("int8")) is None
    assert distinct(stack(formats)) is None


_ACROSS, _DOWN = np.s_[:, None, None], np.s_[None, :, None]


@given(names, names, st.integers(2, 63), st.integers(0, 64))
def test_more_terms_and_accumulator_bits_never_cost_less(a, b, n, acc_bits):
    fmt = get(a), get(b)
    assert sites(*fmt, n=n + 1, acc_bits=acc_bits) > sites(*fmt, n=n, acc_bits=acc_bits)
    assert sites(*fmt, n=n, acc_bits=acc_bits + 1) >= sites(*fmt, n=n, acc_bits=acc_bits)


@given(st.integers(2, 15), st.integers(2, 15))
def test_wider_integers_never_cost_less(a, b):
    assert sites(get(f"uint{a + 1}"), get(f"uint{b}")) >= sites(get(f"uint{a}"), get(f"uint{b}"))


@pytest.mark.parametrize("n", [*range(40), 63, 64, 255, 256, 65_536])
def test_tree_growth_is_that_of_the_tree(n):
    def grown(terms):
        return 0 if terms < 2 else grown(terms - terms // 2) + grown(terms // 2) + (terms - 1).bit_length()

    assert tree_growth(n) == grown(n)
    assert tree_growth(np.array([n, 1])).tolist() == [grown(n), 0]


def test_unsigned_carry_rows_by_hand():
    counted = circuit_parts("dot", a=get("uint8"), b=get("uint5"))
    assert counted["rows"] == 4 * 9 + 1
    assert counted["rows_signed"] == counted["float"] == counted["shifted_few"] == counted["tree"] == 0


def test_what_is_not_modelled_is_nan():
    assert np.isnan(sites(get("nf4"), get("int4")))
    assert np.isnan(sites(get("e8m0"), get("int4")))
    assert np.isnan(sites(get("int4"), get("int4"), n=0))


OPERANDS = {
    "binary_dot": {"n": 40, "acc_bits": 12},
    "sign_dot": {"a": "int4", "b": "int2", "n": 12, "acc_bits": 12},
    "mx_dot": {"a": "fp4_e2m1", "b": "int8", "n": 16, "acc_bits": 32},
    "float_product": {"a": "e4m3", "b": "int4", "out": "bf16"},
    "to_float": {"a": "int8", "out": "bf16"},
    "to_fixed": {"a": "e4m3"},
    "requantise": {"b": "uint8", "acc_bits": 20, "out": "int8"},
    "shift_requantise": {"acc_bits": 20, "out": "int8"},
    "thresholds": {"acc_bits": 16, "out": "uint4"},
    "product": {"a": "e4m3", "b": "int4"},
    "dot": {"a": "e4m3", "b": "int4", "n": 8, "acc_bits": 30},
}


@pytest.mark.parametrize("circuit", catalog())
def test_every_circuit_names_its_parts_and_broadcasts(circuit):
    asked = {k: get(v) if isinstance(v, str) else v for k, v in OPERANDS[circuit].items()}
    counted = circuit_parts(circuit, **asked)
    assert set(calibration(circuit).constants) == set(counted)
    one = circuit_sites(circuit, counted)
    rows = {k: stack([v, v]) if not isinstance(v, int) else np.array([v, v]) for k, v in asked.items()}
    assert circuit_sites(circuit, circuit_parts(circuit, **rows)) == pytest.approx([one, one])
    assert 1 < one < 2000


def test_pipeline_registers_by_hand():
    assert tree_registers(1, 8) == 8
    assert tree_registers(4, 8) == 4 * 8 + 2 * 9 + 10
    assert tree_registers(5, 8) == 5 * 8 + (8 + 8 + 8 + 9) + (9 + 10) + 11
    assert tree_registers(np.array([1, 4]), 8).tolist() == [8, 60]
    assert pipelined_flip_flops(get("int4"), get("int4"), n=4, acc_bits=16) == 60 + 16
    assert pipeline_stages(5) == 4
