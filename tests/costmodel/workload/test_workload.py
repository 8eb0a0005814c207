"""Op and Workload: what they refuse, and that edits change what they say."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.catalog import UnknownNameError
from costmodel.workload import Op, Window, Workload
from costmodel.workload.ops import activation, conv, linear

positive = st.integers(1, 1000)


def small() -> Workload:
    return Workload(
        "net",
        (
            conv("stem", 1, 3, 8, input_size=(8, 8), kernel=(3, 3), padding=(1, 1)),
            activation("act", 512, function="relu"),
            linear("head", 1, 512, 10),
        ),
    )


@given(count=positive, b=positive, m=positive, n=positive, k=positive)
def test_macs_are_the_products_of_all_executions(count: int, b: int, m: int, n: int, k: int) -> None:
    op = Op("p", "linear", count=count, b=b, m=m, n=n, k=k)
    assert op.macs == count * b * m * n * k
    assert op.flops == 2 * op.macs


@given(density=st.floats(0, 1), mask=st.floats(0, 1))
def test_zero_weights_and_masked_scores_are_told_apart(density: float, mask: float) -> None:
    op = Op("p", "linear", b=2, m=3, n=5, k=7, weight_elements=35, weight_density=density, mask_density=mask)
    assert op.macs == pytest.approx(210 * density)
    assert op.executed_macs == pytest.approx(210 * mask)
    assert op.params == pytest.approx(35 * density)


@given(first=positive, second=positive)
def test_times_multiplies_executions_and_stores_parameters_once(first: int, second: int) -> None:
    op = linear("l", 4, 8, 16)
    assert op.times(first).times(second) == op.times(first * second)
    assert op.times(first).macs == first * op.macs
    assert op.times(first).params == op.params == 8 * 16 + 16


def test_an_op_that_multiplies_nothing_has_no_macs() -> None:
    assert activation("a", 5, function="relu").macs == 0
    assert Op("nothing", "reshape").window == Window()


def test_ops_and_workloads_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        small().ops[0].count = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        small().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ops": ()}, "'net' has no ops"),
        ({"phase": "dream"}, r"phase must be one of forward, .*, got 'dream'"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"ops": small().ops + small().ops[:1]}, "got 'stem' twice in 'net'"),
        ({"outputs": ("act", "tail")}, "must be one of its ops, got 'tail'"),
    ],
)
def test_what_is_no_workload_is_refused(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(small(), **change)  # type: ignore[arg-type]


def test_layers_are_the_ops_with_weights() -> None:
    assert small().layers == ("stem", "head")


def test_op_by_name() -> None:
    assert small().op("act").kind == "activation"
    with pytest.raises(UnknownNameError, match="unknown op 'heat'; did you mean head"):
        small().op("heat")


def test_map_edits_where_told() -> None:
    before = small()
    after = before.map(lambda op: op.times(3), where=lambda op: op.kind == "linear")
    assert [op.count for op in after.ops] == [1, 1, 3]
    assert [op.count for op in before.map(lambda op: op.times(2)).ops] == [2, 2, 2]
    assert before == small()
    assert replace(after, ops=before.ops) == before


def test_the_batch_of_ops_says_what_each_op_says() -> None:
    workload = small()
    batch = workload.batch_of_ops
    for quantity in ("macs", "flops", "executed_macs", "params"):
        np.testing.assert_array_equal(getattr(batch, quantity), [getattr(op, quantity) for op in workload.ops])
    np.testing.assert_array_equal(batch.window.kernel_height, [3, 1, 1])


def test_table_has_a_row_an_op() -> None:
    rows = small().table()
    assert [row["name"] for row in rows] == ["stem", "act", "head"]
    assert rows[2] == {
        "name": "head", "kind": "linear", "params": 5130.0, "macs": 5120.0, "input_elements": 512.0,
        "weight_elements": 5120.0, "kv_elements": 0.0, "output_elements": 10.0,
    }  # fmt: skip


def test_a_workload_tells_itself_in_a_line() -> None:
    ops = tuple(linear(f"fc{i}", 2, 3, 4) for i in range(100))
    told = "<Workload 'net': forward, batch 2, 100 ops, 100 with weights, 1600 params, 2400 macs, 1 uncounted>"
    assert repr(Workload("net", ops, batch=2, uncounted=("x",))) == told
