"""One Yosys run for all tests of units: a handful of small designs of each."""

import pytest

from profilers.fpga.design import Design
from profilers.fpga.flow import synthesise
from profilers.fpga.tool import yosys

SMALL = (
    Design("product", "int2", "int2"),
    Design("product", "uint3", "int3"),
    Design("product", "int3", "uint6"),
    Design("product", "int8", "int8"),
    Design("product", "uint8", "int4"),
    Design("product", "fp4_e2m1", "fp4_e2m1"),
    Design("product", "fp8_e5m2", "e4m3_fnuz"),
    Design("product", "e3m0", "int5"),
    Design("product", "uint4", "e1m2"),
    Design("dot", "int4", "uint2", 3, 12),
    Design("dot", "fp4_e2m1", "int2", 2),
    Design("dot", "e3m1_fn", "e2m1", 2, 16),
    Design("binary_dot", "binary", "binary", 7),
    Design("binary_dot", "binary", "binary", 3, 8),
    Design("sign_dot", "uint3", "binary", 3, 9),
    Design("sign_dot", "ternary", "ternary", 4),
    Design("mx_dot", "fp4_e2m1", "int3", 2, 18),
    Design("float_product", "fp8_e4m3", "fp8_e4m3", out_format="fp8_e4m3"),
    Design("float_product", "fp6_e3m2", "int4", out_format="fp8_e5m2"),
    Design("float_product", "e2m1", "e2m1", out_format="e2m2"),
    Design("float_product", "fp8_e5m2", "e2m3_fnuz", out_format="e4m3_fnuz"),
    Design("to_float", "int8", out_format="bf16"),
    Design("to_float", "uint7", out_format="e3m0"),
    Design("to_float", "fp4_e2m1", "fp4_e2m1", acc_bits=12, out_format="fp8_e4m3"),
    Design("to_fixed", "fp8_e4m3"),
    Design("to_fixed", "e3m0"),
    Design("requantise", b_format="uint4", acc_bits=10, out_format="int4"),
    Design("requantise", b_format="uint9", acc_bits=7, out_format="uint3"),
    Design("shift_requantise", acc_bits=12, out_format="int5"),
    Design("thresholds", acc_bits=4, out_format="uint2"),
)


@pytest.fixture(scope="session")
def mapped():
    """Netlists of SMALL by design."""
    return dict(zip(SMALL, synthesise(SMALL, "xc7", yosys()), strict=True))
