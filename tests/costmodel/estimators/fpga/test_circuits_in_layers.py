"""Layers are made of the circuits that were synthesised: their rows, at the layers' own widths."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import costmodel
import costmodel as cm
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.accumulator import accumulator_bits
from costmodel.estimators.fpga.coded_dot import coded_sites
from costmodel.estimators.fpga.dot import dot_error, dot_lut
from costmodel.estimators.fpga.output_stage import output_error, output_lut, requantise, thresholds
from costmodel.formats import get
from costmodel.workload.ops import linear

ROWS = pd.read_parquet(Path(costmodel.__file__).parent / "hardware/calibrations/xc7_fpga_rows.parquet")
LAYER = linear("fc", 1, 64, 32, bias=False)


def rows(unit):
    return ROWS[(ROWS.unit == unit) & ROWS.held_out]


def error(predicted, found):
    return np.mean(np.abs(np.array(predicted, dtype=float) / found.sites.to_numpy() - 1))


def test_binary_and_ternary_rows_are_those_synthesised():
    signs = rows("sign_dot")
    given = [(r.a_format, r.b_format, r.n, r.acc_bits) for r in signs.itertuples()]
    assert error([coded_sites(cm.precision(f"{b}/{a}"), n, acc) for a, b, n, acc in given], signs) < 0.05
    binary = rows("binary_dot")
    both = cm.precision("binary/binary")
    assert error([coded_sites(both, r.n, r.acc_bits) for r in binary.itertuples()], binary) < 0.05


def test_output_stages_are_the_synthesised_circuits_their_bias_and_memory():
    scaled = rows("requantise")
    scaled = scaled[scaled.b_format == "uint16"]
    predicted = [requantise(r.acc_bits, get(r.out_format), 1) - (2 * r.acc_bits + 16) for r in scaled.itertuples()]
    assert error(predicted, scaled) < 0.05
    search = rows("thresholds")
    stored = [(2 ** get(r.out_format).bits - 1) * r.acc_bits for r in search.itertuples()]
    found = [thresholds(r.acc_bits, get(r.out_format), 1) - s for r, s in zip(search.itertuples(), stored, strict=True)]
    assert error(found, search) < 0.06


@pytest.mark.parametrize("spelled", ["mxfp4/mxfp4", "mxfp8/mxfp4", "mxint8/mxint8"])
def test_a_block_takes_its_products_and_an_alignment_and_two_blocks_twice_that(spelled):
    used = cm.precision(spelled)
    half, one, two = (
        float(dot_lut(LAYER, used, Folding(1, simd, dsp=0), in_dsp=np.asarray(False), kind="DSP48E1"))
        for simd in (16, 32, 64)
    )
    assert two == pytest.approx(2 * one)
    assert one / 2 < half < one
    found = rows("mx_dot")
    acc, n = float(accumulator_bits(LAYER, used)), 32
    like = found[(found.n == n) & (found.acc_bits.between(acc - 6, acc + 6))]
    assert like.empty or like.sites.min() / 2 < one < 2 * like.sites.max()


def test_errors_are_the_held_out_ones_of_the_kind_and_wider_where_dsp_blocks_multiply():
    fold = Folding(1, 1)
    for spelled, most in (("binary/binary", 0.08), ("ternary/int4", 0.08), ("mxfp4/mxfp4", 0.08), ("int4/int4", 0.08)):
        assert 0 < dot_error(cm.precision(spelled), in_dsp=np.asarray(False)) < most
        assert dot_error(cm.precision(spelled), in_dsp=np.asarray(True)) == pytest.approx(0.3)
    errors = [float(output_error(LAYER, cm.precision(p), fold)) for p in ("int2/int2", "int8/int8", "int8/fp8_e4m3")]
    assert errors[1] < errors[0] < errors[2]


def test_more_output_bits_never_take_fewer_luts():
    for family in (["int2", "int3", "int4", "int6", "int8", "int12"], ["fp4_e2m1", "e2m3", "fp8_e4m3"]):
        found = [float(output_lut(LAYER, cm.precision(f"int4/{f}"), Folding(1, 1))) for f in family]
        assert found == sorted(found), family


def test_what_was_not_synthesised_is_no_calibrated_figure():
    net = cm.Workload("net", (linear("fc", 1, 64, 64),))
    found = {name: cm.estimate(net, "int4/int4", cm.fpga(name)) for name in ("zcu104", "vck190", "arria10")}
    assert [str(e.columns["source"][0]) for e in found.values()] == ["synthesis-calibrated", "formula", "formula"]
    wide = cm.estimate(net, "int16/int16", cm.fpga("zcu104"))
    assert found["zcu104"].lut_high[0] < 1.3 * found["zcu104"].lut[0]
    assert found["arria10"].lut_high[0] == pytest.approx(1.3 * found["arria10"].lut[0], rel=0.01)
    assert wide.lut_high[0] == pytest.approx(1.3 * wide.lut[0], rel=0.05)
