import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.expression import check_names, limit, objective, parse

FLOATS = st.floats(0.1, 100)


@given(FLOATS, FLOATS, FLOATS)
def test_evaluates_as_python_does(a, b, c):
    columns = {"a": a, "b": b, "device.lut": c}
    assert parse("a + b * 2 - device.lut / (a + 1e1)")(columns) == a + b * 2 - c / (a + 1e1)
    assert parse("-a * -b")(columns) == a * b
    assert bool(parse("a < b <= device.lut or a * a >= 4")(columns)) == (a < b <= c or a * a >= 4)
    assert bool(parse("a < b and b != 3")(columns)) == (a < b and b != 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [("12ms", 0.012), ("80GB", 80e9), ("3k", 3e3), ("1.5e3", 1500.0), ("7", 7), ("2uJ", 2e-6), ("1.4GHz", 1.4e9)],
)
def test_numbers_with_prefixes_and_units(text, value):
    assert parse(text)({}) == pytest.approx(value, rel=1e-15)


def test_text_is_compared_with_names_and_keeps_its_digits():
    different = limit('device != "rtx 8s"')
    assert np.asarray(different({"device": np.array(["rtx 8s", "t4"], dtype=object)})).tolist() == [False, True]


def test_arrays_broadcast_and_division_by_zero_is_no_error():
    found = parse("a / b")({"a": np.ones((2, 1)), "b": np.array([0.0, 4.0])})
    assert found.tolist() == [[math.inf, 0.25]] * 2
    assert math.isnan(parse("a / a")({"a": 0.0}))


@pytest.mark.parametrize(
    ("text", "name", "sign"),
    [
        ("latency_s", "latency_s", 1.0),
        ("throughput_per_s", "throughput_per_s", -1.0),
        ("minimise throughput_per_s", "throughput_per_s", 1.0),
        ("maximise batch /  latency_s", "batch / latency_s", -1.0),
    ],
)
def test_objectives_know_their_direction(text, name, sign):
    found = objective(text)
    assert (found.name, found.sign) == (name, sign)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "latency_s <=", "a if b else c", "[1, 2]", "a ** b", "a @ b", "f(a)", "a[0]",
        "lambda: 1", "latency_s <= 12 parsecs", "12mss < a", "a is b", "True", "1j", "'a' < 'b'", "a == 'b'",
        "device < 't4'", "device == batch", "", " ", "a +", "(" * 500 + "a" + ")" * 500, "+".join(["a"] * 300), "a\0b",
    ],
)  # fmt: skip
def test_anything_else_is_one_line(text):
    with pytest.raises(ValueError) as error:
        parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("latency_s <= 12MB", "latency_s is in s"),
        ("lut <= 3B", "plain counts"),
        ("footprint_bytes < 3J", "in B"),
        ("latency_s <= 50parsec", "parsec is no unit; latency_s is in s; cannot read"),
        ("latency_s <= 5ms and footprint_bytes<=9gb", "gb is no unit, did you mean GB.; footprint_bytes is in B"),
        ("latency_s <= batch * 3parsec", "parsec is no unit; cannot read"),
        ("model == '3parsec' and batch <=", "^cannot read"),
    ],
)
def test_units_must_fit(text, says):
    with pytest.raises(ValueError, match=says):
        limit(text)


def test_kinds_are_told_apart():
    with pytest.raises(ValueError, match="comparison"):
        limit("latency_s * 2")
    with pytest.raises(ValueError, match="not a limit"):
        objective("latency_s <= 2")
    with pytest.raises(ValueError, match="string"):
        objective(3)


def test_unknown_names_have_near_ones():
    with pytest.raises(ValueError, match="did you mean latency_s"):
        check_names(limit("latancy_s <= 3"), ["latency_s", "energy_j"])


def test_binary_prefixes_are_powers_of_1024():
    assert limit("footprint_bytes <= 4GiB")({"footprint_bytes": np.array([2.0**32, 2.0**32 + 1])}).tolist() == [
        True,
        False,
    ]
