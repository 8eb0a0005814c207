"""What the FPGA formulas refuse, and what they say they leave out."""

import numpy as np
import pytest

from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga.coverage import DATA_MOVERS, MONOTONE_FLOPS, PADDING
from costmodel.hardware import fpga as device
from costmodel.precision import precision
from costmodel.strategies.aqlm import AdditiveCodebooks
from costmodel.strategies.fast_2bit import Dequantisation
from costmodel.workload import Workload
from costmodel.workload.ops import activation, attention, conv, elementwise, embedding, linear, norm, pooling, softmax
from costmodel.workload.ops.activation import FLOPS

NEITHER_RISING_NOR_FALLING = {"silu", "hardswish", "gelu", "quick_gelu", "mish"}


def network(*others):
    return Workload("net", (linear("conv1", 4, 32, 32), *others))


@pytest.mark.parametrize(
    ("spelling", "named"),
    [
        ("e8m0/int8", "e8m0"),
        ("bf16/int8", "bf16"),
        ("int8/bf16", "bf16"),
        ("w4a16", "bf16"),
        ("int32/int8", "int32"),
        ("nf4/int8", "nf4"),
        ("int4_g128/int8", "int4_g128"),
    ],
)
def test_a_format_without_formula_names_the_layer(spelling, named):
    with pytest.raises(
        ValueError, match=f"an FPGA layer takes integers of up to 16 bits.*; got {named} for layer conv1"
    ):
        estimate(network(), spelling, device("zcu104"))


def test_the_first_such_layer_is_named_where_they_differ():
    workload = network(linear("fc", 4, 32, 8))
    with pytest.raises(ValueError, match="got nf4 for layer fc"):
        estimate(workload, {"*": "int8/int8", "fc": "nf4/int8"}, device("zcu104"))


def test_ops_that_are_no_unit_may_have_any_format():
    workload = network(softmax("softmax", 128))
    used = [precision("int4/int4"), precision("bf16")]
    fpga.check(workload, used)
    result = estimate(workload, {"conv1": "int4/int4", "softmax": "bf16"}, device("zcu104"))
    assert np.isfinite(result.lut).all()


def test_what_no_formula_covers_is_listed():
    others = (
        attention("attention", 1, queries=4, keys=4, heads=2, kv_heads=2, head_dim=8),
        softmax("softmax", 128),
        norm("layer_norm", 128, 32, style="layer"),
        embedding("embedding", 4, 100, 32),
        elementwise("scale", 128, operands=1),
        activation("gelu", 128, function="gelu"),
    )
    workload = network(*others, pooling("pool", 128, 32), elementwise("add", 128, operands=2))
    assert fpga.uncounted(workload) == (
        *(f"{op.name} ({op.kind})" if op.kind not in op.name else op.name for op in others),
        DATA_MOVERS,
    )
    assert estimate(workload, "int4/int4", device("zcu104")).uncounted == fpga.uncounted(workload)


@pytest.mark.parametrize("function", [f for f, flops in FLOPS.items() if flops <= MONOTONE_FLOPS])
def test_what_thresholds_absorb_is_monotone(function):
    assert function not in NEITHER_RISING_NOR_FALLING
    assert fpga.uncounted(network(activation("act", 128, function=function))) == (DATA_MOVERS,)


@pytest.mark.parametrize("function", sorted(NEITHER_RISING_NOR_FALLING))
def test_what_thresholds_cannot_express_is_listed(function):
    assert fpga.uncounted(network(activation("act", 128, function=function))) == ("act (activation)", DATA_MOVERS)


def test_batch_norm_is_absorbed():
    assert fpga.uncounted(network(norm("norm", 128, 32, style="batch"))) == (DATA_MOVERS,)


@pytest.mark.parametrize(("around", "named"), [((0, 0), ()), ((1, 1), (PADDING,)), ((0, 1), (PADDING,))])
def test_what_pads_images_before_windows_is_named_of_a_dataflow(around, named):
    padded = network(conv("conv", 1, 8, 8, input_size=(16, 16), kernel=(3, 3), padding=around))
    assert fpga.uncounted(padded) == (*named, DATA_MOVERS)
    assert fpga.uncounted(padded, dataflow=False) == ()


def test_dequantisation_within_a_unit_and_codebooks_before_it_are_named_and_scales_of_outputs_are_none():
    net = network(linear("fc", 4, 32, 8))
    mixed = Dequantisation()(net)
    assert [name for name in fpga.uncounted(mixed) if "beside" in name] == [
        "conv1 (arithmetic beside its products)",
        "fc (arithmetic beside its products)",
    ]
    assert estimate(mixed, "int2/int8", device("zcu104")).uncounted == fpga.uncounted(mixed)
    codebooks = {f"{layer}.codebooks (dequantisation)" for layer in ("conv1", "fc")}
    assert set(fpga.uncounted(AdditiveCodebooks(1, 8)(net))) == {*codebooks, DATA_MOVERS}
