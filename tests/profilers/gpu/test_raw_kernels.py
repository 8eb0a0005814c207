"""The kernels compile for two architectures, and their arithmetic, compiled for the CPU, equals the formats."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nvrtc import compile_to_ptx

from costmodel import formats
from profilers.fpga.codes import decode
from profilers.gpu import raw_kernels

FORMATS = (
    "int2", "int3", "int4", "int5", "int6", "int8", "fp4_e2m1", "fp6_e3m2", "fp6_e2m3", "fp8_e4m3", "fp8_e5m2",
    "e4m3_fnuz", "e5m2_fnuz", "e3m1", "e2m0", "e4m2_ieee", "e3m2_fn", "e1m3",
)  # fmt: skip

PROBE = """
#include <string.h>
float weight(unsigned code, int w, int e, int m, int b, int s) {
    WeightFormat f = {w, e, m, b, s}; return weight_of_code(code, f);
}
unsigned at(const unsigned* words, long long index, int width) { return code_at(words, index, width); }
unsigned short to_bf16(float value) { return bf16_of_float(value); }
float dot(const unsigned short* x, int rows, const unsigned* words, long long first, const float* scales, int k,
          int group,
          int w, int e, int m, int b, int s, int lanes) {
    WeightFormat f = {w, e, m, b, s};
    float total = 0.0f, sums[ROWS];
    for (int lane = 0; lane < lanes; lane++) {
        partial_dots(sums, rows, x, words, first, scales, k, group, f, lane, lanes);
        total += sums[rows - 1];
    }
    return total;
}
"""


@pytest.mark.parametrize("architecture", ["compute_80", "compute_90"])
@pytest.mark.parametrize("name", ["weight_only", "dequantise"])
def test_kernels_compile(name, architecture):
    ptx = compile_to_ptx(raw_kernels.source(name), f"{name}.cu", architecture)
    assert f".visible .entry {name}(" in ptx
    assert f".target sm_{architecture.removeprefix('compute_')}" in ptx


def test_a_mistake_does_not_compile():
    with pytest.raises(AssertionError, match="undefined"):
        compile_to_ptx(
            raw_kernels.source("dequantise") + "__device__ int f() { return nothing; }", "f.cu", "compute_80"
        )


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler on this machine")
    folder = tmp_path_factory.mktemp("c")
    (folder / "probe.c").write_text((raw_kernels.FOLDER / "decode.h").read_text() + PROBE)
    command = [compiler, "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "probe.c", "-o", "probe.so"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "probe.so"))
    library.weight.restype = library.dot.restype = ctypes.c_float
    library.to_bf16.argtypes, library.to_bf16.restype = [ctypes.c_float], ctypes.c_ushort
    library.at.argtypes = [ctypes.c_void_p, ctypes.c_longlong, ctypes.c_int]
    library.at.restype = ctypes.c_uint
    library.dot.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_longlong, ctypes.c_void_p] + [
        ctypes.c_int
    ] * 8
    return library


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_decodes_to_its_value(compiled, name):
    fmt = formats.get(name)
    codes = np.arange(2**fmt.bits)
    found = np.array([compiled.weight(int(code), *raw_kernels.format_arguments(fmt)) for code in codes])
    np.testing.assert_array_equal(found, decode(codes, fmt))
    finite = found[np.isfinite(found)]
    np.testing.assert_array_equal(formats.cast(finite, fmt), finite)


@given(st.floats(width=32, allow_nan=False))
def test_rounding_to_bf16_is_to_nearest_even(compiled, value):
    found = np.array([compiled.to_bf16(value)], dtype=np.uint32) << 16
    assert found.view(np.float32)[0] == torch.tensor(value, dtype=torch.float32).to(torch.bfloat16).float().item()


def pack(codes, width):
    bits = ((codes[:, None] >> np.arange(width)) & 1).astype(np.uint8).reshape(-1)
    packed = np.packbits(bits, bitorder="little")
    return np.concatenate([packed, np.zeros(-len(packed) % 4 + 4, dtype=np.uint8)]).view(np.uint32)


@given(st.integers(2, 8), st.lists(st.integers(0, 255), min_size=1, max_size=60))
def test_packed_codes_are_found_across_words(compiled, width, values):
    codes = np.array(values) & (2**width - 1)
    words = pack(codes, width)
    assert [compiled.at(words.ctypes.data, i, width) for i in range(len(codes))] == codes.tolist()


@pytest.mark.parametrize("rows", [1, 3, 8])
@pytest.mark.parametrize("name", ["int4", "int8", "fp6_e3m2", "fp4_e2m1", "fp8_e4m3"])
def test_a_fused_row_equals_the_dequantised_product(compiled, name, rows):
    fmt, rng, k, group = formats.get(name), np.random.default_rng(0), 160, 32
    codes = rng.integers(0, 2**fmt.bits, 3 * k)
    codes = np.where(np.isfinite(decode(codes, fmt)), codes, 0)
    words, scales = pack(codes, fmt.bits), rng.uniform(0.5, 2.0, k // group).astype(np.float32)
    x = torch.tensor(rng.normal(size=(rows, k)), dtype=torch.bfloat16)
    stored = x.view(torch.uint16).numpy()
    weights = decode(codes[k : 2 * k], fmt) * np.repeat(scales.astype(np.float64), group)
    found = compiled.dot(
        stored.ctypes.data,
        rows,
        words.ctypes.data,
        k,
        scales.ctypes.data,
        k,
        group,
        *raw_kernels.format_arguments(fmt),
        32,
    )
    last = x[-1].double().numpy()
    assert abs(found - last @ weights) < 1e-5 * float(np.abs(last * weights).sum())


@pytest.mark.parametrize("name", ["uint4", "int16", "nf4", "e8m0", "fp16"])
def test_weights_that_no_kernel_reads_are_named(name):
    with pytest.raises(ValueError, match=name):
        raw_kernels.format_arguments(formats.get(name))
