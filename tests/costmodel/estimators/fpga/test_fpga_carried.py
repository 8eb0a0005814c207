"""What passes between units has the format that its readers read."""

from dataclasses import replace

import numpy as np
import pytest

import costmodel as cm
from costmodel.estimators import fpga
from costmodel.estimators.assignment import named, per_op
from costmodel.estimators.fpga import Folding
from costmodel.estimators.fpga.output_stage import output_lut
from costmodel.formats import get
from costmodel.workload import Workload
from costmodel.workload.ops import elementwise, linear, pooling

BOARD = cm.fpga("zcu102")
OPS = (
    linear("first", 4, 16, 16, bias=False),
    pooling("pool", 64, 64),
    linear("second", 4, 16, 16, bias=False),
    linear("third", 4, 16, 16, bias=False),
)
CHAIN = Workload("chain", OPS)
ONES = Folding(*np.ones((2, len(OPS))))


def passed(workload, assignment):
    return fpga.carried(workload, per_op(workload, assignment), named(workload, assignment))


def written(workload, assignment):
    used = passed(workload, assignment)
    return {op.name: p.written.name for op, p in zip(workload.ops, used, strict=True)}, used


def test_an_output_is_priced_at_what_the_next_layer_reads():
    assignment = {"*": "int4/int8", "second": "int4/int2"}
    narrow = cm.estimate(CHAIN, assignment, BOARD, folding=ONES)
    wide = cm.estimate(CHAIN, "int4/int8", BOARD, folding=ONES)
    one = Folding(1.0, 1.0)
    for layer, read, out in ((0, "int8", "int2"), (2, "int2", "int8"), (3, "int8", "int8")):
        used = replace(cm.precision(f"int4/{read}"), output=get(out))
        assert used == passed(CHAIN, assignment)[layer]
        own = float(output_lut(OPS[layer], used, one))
        if read == "int8":
            apart = float(output_lut(OPS[layer], cm.precision("int4/int8"), one)) - own
            assert wide.lut[layer] - narrow.lut[layer] == pytest.approx(apart, abs=1)
    assert narrow.lut[0] < wide.lut[0]
    assert narrow.ff[0] < wide.ff[0]
    assert narrow.lut[1] < wide.lut[1]


def test_what_has_no_weights_passes_on_what_is_read_after_it_unless_it_is_named():
    assignment = {"*": "int4/int8", "first": "int6/uint3", "second": "int4/uint5"}
    assert written(CHAIN, assignment)[0] == {"first": "uint5", "pool": "uint5", "second": "int8", "third": "int8"}
    found, told = written(CHAIN, assignment | {"pool": "int4/int6"})
    assert found["first"] == "int6"
    assert found["pool"] == "uint5"
    assert told[1].activation.name == "int6"


def test_the_widest_reader_decides():
    ops = (
        linear("stem", 4, 16, 16, bias=False),
        replace(linear("left", 4, 16, 16, bias=False), inputs=("stem",)),
        replace(linear("right", 4, 16, 16, bias=False), inputs=("stem",)),
        replace(elementwise("add", 64), inputs=("left", "right")),
        linear("after", 4, 16, 16, bias=False),
    )
    for left, right in (("int2", "int6"), ("int6", "int2")):
        assignment = {"*": "int4/int4", "left": f"int4/{left}", "right": f"int4/{right}", "after": "int4/int8"}
        found, _ = written(Workload("fork", ops), assignment)
        assert found == {"stem": "int6", "left": "int8", "right": "int8", "add": "int8", "after": "int8"}


def test_an_overlay_writes_to_memory_what_is_read_again():
    array = fpga.overlay.fit(CHAIN, fpga_batch("int4/int8"), BOARD)
    wide, narrow = (
        cm.estimate(CHAIN, p, BOARD, folding=array) for p in ("int4/int8", {"*": "int4/int8", "second": "int4/int2"})
    )
    # the pool reads and writes 64 elements, the first layer writes them, the second reads them: 6 bits fewer of each
    assert wide.totals["bytes_moved"] - narrow.totals["bytes_moved"] == pytest.approx(4 * 64 * 6 / 8)


def fpga_batch(spelled):
    from costmodel.record import stack

    return stack([cm.precision(spelled)] * len(OPS))
