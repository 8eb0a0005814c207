import numpy as np
import pytest
import spaces

from dse.chunk import blocks
from dse.space import Space

AXES = {
    "model": ["zoo:resnet18", {"model": "zoo:mobilenetv2_100", "batch": 4}],
    "strategy": ["none", {"name": "nm_sparsity", "m": 4, "n": 2}],
    "precision": ["w4a16", "w8a8", "fp32"],
    "device": ["a100_sxm", "h100_sxm"],
}


def space(constraint: str) -> Space:
    return Space.read({"axes": AXES, "objectives": ["weight_bytes"], "constraints": [constraint]})


def kept(found: Space) -> list[dict]:
    parts = [(part.start, np.flatnonzero(part.feasible)) for part in blocks(found, 0, found.size)]
    return [found.design(start + int(i)) for start, at in parts for i in at]


@pytest.mark.parametrize(
    ("constraint", "axis", "values"),
    [
        ("precision == 'fp32'", "precision", ["fp32/fp32"]),
        ("precision == 'fp32/fp32'", "precision", ["fp32/fp32"]),
        ("precision != 'w4a16'", "precision", ["int8/int8", "fp32/fp32"]),
        ("precision == 'int8' or precision == 'W4A16'", "precision", ["int4/bf16", "int8/int8"]),
        ("model == 'resnet18'", "model", ["zoo:resnet18"]),
        ("model == 'zoo:mobilenetv2_100 batch=4'", "model", [{"model": "zoo:mobilenetv2_100", "batch": 4}]),
        ("strategy == 'nm_sparsity:n=2,m=4'", "strategy", [{"name": "nm_sparsity", "m": 4, "n": 2}]),
        ("strategy != 'none'", "strategy", [{"name": "nm_sparsity", "m": 4, "n": 2}]),
        ("device == 'h100_sxm' and weight_bytes <= 12GB", "device", ["h100_sxm"]),
    ],
)
def test_values_are_what_users_call_them(constraint, axis, values):
    held = kept(space(constraint))
    assert held
    assert {str(design[axis]) for design in held} == set(map(str, values))


@pytest.mark.parametrize(
    ("constraint", "says"),
    [
        ("precision == 'fp16'", "no precision of this space is 'fp16', as precision == 'fp16' asks; there are "
                                "int4/bf16, int8/int8, fp32/fp32"),
        ("latency_s < 1 or precision != 'quick'", "there are int4/bf16, int8/int8, fp32/fp32"),
        ("device == 'h100'", "there are a100_sxm, h100_sxm"),
        ("model == 'zoo:mobilenetv2_100'", "zoo:mobilenetv2_100 batch=4"),
        ("strategy == 'nm_sparsity:n=1,m=4'", "there are none, nm_sparsity:m=4,n=2"),
        ("strategy == 'nm_sparsity'", "there are none, nm_sparsity:m=4,n=2"),
    ],
)  # fmt: skip
def test_what_is_no_value_is_refused_with_those_there_are(constraint, says):
    with pytest.raises(ValueError, match="of this space") as error:
        space(constraint)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_spellings_of_one_value_are_the_same_space():
    short = space("precision == 'fp32' or latency_s <= 12ms")
    long = space("precision == 'fp32/fp32' or latency_s <= 0.012")
    assert short.hash == long.hash
    assert Space.read(short.spec).hash == short.hash
    assert [limit.text for limit in short.constraints] == [limit.text for limit in long.constraints]


def test_texts_that_are_values_stay_as_they_are_written():
    written = 'latency_s <= 1ms or device ==  "h100_sxm"'
    assert spaces.small(constraints=[written]).spec["constraints"] == [" ".join(written.split())]
