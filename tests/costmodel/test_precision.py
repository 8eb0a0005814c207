import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel import precision as facade
from costmodel.catalog import UnknownNameError
from costmodel.formats import get, names, values
from costmodel.precision import PIPES, W4A4, W4A8, W4A16, W8A8, W8A16, W16A16, W32A32, narrowest_pipe, precision
from costmodel.record import mesh, stack, unstack


@pytest.mark.parametrize(
    ("spelling", "name", "pipe"),
    [
        ("w8a8", "int8/int8", "int8"),
        ("w4a16", "int4/bf16", "bf16"),
        ("w8a16", "int8/bf16", "bf16"),
        ("w16a16", "bf16/bf16", "bf16"),
        ("w32a32", "fp32/fp32", "fp32"),
        ("w4a4", "int4/int4", "int4"),
        ("w4a8", "int4/int8", "int8"),
        ("w2a8", "int2/int8", "int8"),
        ("w5a7", "int5/int7", "int8"),
        ("w8a8kv8", "int8/int8/int8", "int8"),
        ("w4a16kv8", "int4/bf16/int8", "bf16"),
        ("w16a16kv16", "bf16/bf16", "bf16"),
        ("bf16", "bf16/bf16", "bf16"),
        ("fp8", "fp8_e4m3/fp8_e4m3", "fp8"),
        ("fp8_e4m3/fp8_e4m3", "fp8_e4m3/fp8_e4m3", "fp8"),
        ("fp8_e5m2/fp8_e4m3", "fp8_e5m2/fp8_e4m3", "fp8"),
        ("int4/fp8_e4m3", "int4/fp8_e4m3", "fp8"),
        ("int8/fp8_e4m3", "int8/fp8_e4m3", "bf16"),
        ("mxfp4/mxfp4", "mxfp4/mxfp4", "fp4"),
        ("nvfp4", "nvfp4/nvfp4", "fp4"),
        ("mxfp4/mxfp8", "mxfp4/mxfp8_e4m3", "fp8"),
        ("mxfp4/mxfp6", "mxfp4/mxfp6_e3m2", "fp6"),
        ("mxint8/mxint8", "mxint8/mxint8", "int8"),
        ("int8/fp16", "int8/fp16", "fp16"),
        ("bf16/fp16", "bf16/fp16", "tf32"),
        ("tf32", "tf32/tf32", "tf32"),
        ("nf4/bf16", "nf4/bf16", "bf16"),
        ("nf4/int8", "nf4/int8", "bf16"),
        ("nf4/fp32", "nf4/fp32", "fp32"),
        ("int4_g128/bf16", "int4_g128/bf16", "bf16"),
        ("int4_g128/bf16/fp8_e4m3", "int4_g128/bf16/fp8_e4m3", "bf16"),
        ("int16/int16", "int16/int16", "fp32"),
        ("uint8/int8", "uint8/int8", "int8"),
        ("e3m4/e3m4", "e3m4/e3m4", "bf16"),
        ("e9m2/bf16", "e9m2/bf16", "fp64"),
        ("int32/int32", "int32/int32", "fp64"),
    ],
)
def test_spellings_their_name_and_pipe(spelling, name, pipe):
    read = precision(spelling)
    assert (read.name, read.math_pipe) == (name, pipe)


formats = st.sampled_from(names())


@given(formats, formats, st.none() | formats, st.none() | formats)
def test_the_name_reads_back(weight, activation, kv, output):
    read = precision("/".join(filter(None, (weight, activation, kv))) + (f">{output}" if output else ""))
    assert read.output == (output and get(output))
    assert precision(read.name) == read
    assert (read.weight.name, read.activation.name) == (weight, activation)
    assert read.math_pipe in PIPES
    assert read.attention_pipe in PIPES
    assert kv is None or read.kv_cache.name == kv


def test_case_and_blanks_do_not_matter():
    assert precision(" W4A16 ") == precision("INT4/BF16") == precision("int4/bfloat16") == W4A16


@pytest.mark.parametrize(
    ("spelling", "kv", "pipe"),
    [
        ("w4a16", "bf16", "bf16"),
        ("w8a8", "bf16", "bf16"),
        ("fp8_e4m3", "bf16", "bf16"),
        ("int4/fp16", "fp16", "fp16"),
        ("w32a32", "fp32", "fp32"),
        ("w8a8kv8", "int8", "int8"),
        ("w4a16kv4", "int4", "int4"),
        ("int8/int8/fp8_e4m3", "fp8_e4m3", "fp8"),
    ],
)
def test_the_cache_is_16_bits_wide_unless_named(spelling, kv, pipe):
    read = precision(spelling)
    assert (read.kv_cache.name, read.attention_pipe) == (kv, pipe)


@pytest.mark.parametrize(
    ("spelling", "accumulator", "vector_bits"),
    [
        ("w8a8", "int32", 32),
        ("w4a16", "fp32", 16),
        ("fp8", "fp32", 32),
        ("w32a32", "fp32", 32),
        ("mxint8", "int32", 32),
    ],
)
def test_accumulator_and_vectors(spelling, accumulator, vector_bits):
    read = precision(spelling)
    assert (read.accumulator.name, read.vector_bits) == (accumulator, vector_bits)


def test_vector_bits_of_a_batch_are_those_of_each():
    read = [precision(s) for s in ("w8a8", "w4a16", "w32a32")]
    np.testing.assert_array_equal(stack(read).vector_bits, [p.vector_bits for p in read])


def test_a_pipe_can_be_chosen():
    assert precision("w8a8", math_pipe="bf16").math_pipe == "bf16"
    with pytest.raises(ValueError, match=r"math_pipe must be one of .*'int5'"):
        precision("w8a8", math_pipe="int5")


LAYOUTS = {
    "fp4": ["fp4_e2m1"],
    "fp6": ["fp6_e3m2", "fp6_e2m3"],
    "fp8": ["fp8_e4m3", "fp8_e5m2"],
    "bf16": ["bf16"],
    "fp16": ["fp16"],
}


@pytest.mark.parametrize("name", [f"{u}int{b}" for u in ("", "u") for b in range(2, 17)])
def test_a_float_pipe_holds_an_integer_format_when_it_holds_every_value(name):
    """Against an operand that the pipe holds and no narrower one does, the pipe chosen shows what holds the integer."""
    narrowest = narrowest_pipe(get(name), get("fp4_e2m1"))
    held = [pipe for pipe, grids in LAYOUTS.items() if any(np.isin(values(name), values(g)).all() for g in grids)]
    if held:
        assert narrowest == held[0]
    else:
        assert narrowest in ("tf32", "fp32")


@pytest.mark.parametrize("name", [n for n in names() if get(n).is_float and get(n).bits <= 16])
def test_a_float_pipe_holds_a_float_format_when_it_holds_every_value(name):
    held = [pipe for pipe, grids in LAYOUTS.items() if any(np.isin(values(name), values(g)).all() for g in grids)]
    assert narrowest_pipe(get(name), get(name)) == held[0]


@given(st.sampled_from(names()), st.sampled_from(names()))
def test_the_pipe_does_not_depend_on_the_order(a, b):
    assert narrowest_pipe(get(a), get(b)) == narrowest_pipe(get(b), get(a))


@pytest.mark.parametrize(
    ("spelling", "reason"),
    [
        ("", "precision must be like w4a16"),
        ("/", "precision must be like w4a16"),
        ("int8/", "precision must be like w4a16"),
        ("int8//int8", "precision must be like w4a16"),
        ("int8/int8/int8/int8", "precision must be like w4a16"),
        ("w9a8", "widths must be among .* got 9"),
        ("w8a8kv12", "widths must be among .* got 12"),
        ("w0a0", "widths must be among .* got 0"),
        ("w8a", r"precision must be like w4a16, int8 or .* got 'w8a'"),
        ("fooo", r"precision must be like w4a16, int8 or .* got 'fooo'"),
        ("bff16", r"unknown format 'bff16'; did you mean bf16"),
        ("fooo/bf16", r"unknown format 'fooo'; a format is like int8, .*; bitfront formats lists them"),
        ("int8/int9x", "unknown format 'int9x'; did you mean"),
        ("w8", r"precision 'w8' says nothing of activations; did you mean w8a8, w8a16 or int8 \(which is both\)\?"),
        ("w9000a16", r"widths must be among \[2, .* 32\], got 9000"),
        (f"w4a{'9' * 5000}", "widths must be among"),
        ("w8a8\n", None),
        (None, "precision must be like w4a16, .* got 'none'"),
    ],
)
def test_errors_are_one_line(spelling, reason):
    if reason is None:
        assert precision(spelling) == W8A8
        return
    with pytest.raises(ValueError, match=reason) as error:
        precision(spelling)
    assert "\n" not in str(error.value)


def test_an_unknown_format_is_an_unknown_name():
    with pytest.raises(UnknownNameError, match="fp8_e4m3"):
        precision("fp8_e4m4/bf16")


def test_the_named_precisions():
    spelled = {
        "w32a32": W32A32,
        "w16a16": W16A16,
        "w8a16": W8A16,
        "w4a16": W4A16,
        "w8a8": W8A8,
        "w4a8": W4A8,
        "w4a4": W4A4,
    }
    for spelling, constant in spelled.items():
        assert precision(spelling) == constant == facade(spelling)


@given(st.lists(st.tuples(formats, formats, st.none() | formats), min_size=1, max_size=8))
def test_outputs_that_are_stated_stack_beside_ones_that_are_not(given):
    read = [
        precision(f"{weight}/{activation}" + (f">{output}" if output else "")) for weight, activation, output in given
    ]
    batch = stack(read)
    assert unstack(batch) == read
    assert batch.name.tolist() == [each.name for each in read]
    assert np.asarray(batch.written.name).tolist() == [each.written.name for each in read]
    _, grid = mesh(read, read)
    assert np.asarray(grid.written.bits_per_element).tolist() == [[each.written.bits_per_element for each in read]]
    assert np.asarray(batch.vector_bits).tolist() == [each.vector_bits for each in read]
