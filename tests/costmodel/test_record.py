from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.formats import Format, get, names
from costmodel.precision import precision
from costmodel.record import changed, map_fields, mesh, stack, unstack
from costmodel.workload.op import Op, Window
from costmodel.workload.ops import linear


@dataclass(frozen=True)
class Inner:
    size: float
    label: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    name: str
    count: float
    flag: bool
    inner: Inner
    note: str | None = None

    def __post_init__(self):
        if self.count < 0:
            raise ValueError("count must be at least 0")

    @property
    def product(self):
        return self.count * self.inner.size


finite = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)
inners = st.builds(Inner, finite, st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3).map(tuple))
outers = st.builds(
    Outer, st.text(max_size=5), st.floats(0, 1e300), st.booleans(), inners, st.none() | st.text(max_size=3)
)
dimensions = st.integers(1, 4096).map(float)
ops = st.builds(
    Op, name=st.text(max_size=8), kind=st.sampled_from(["linear", "conv"]), count=dimensions, b=dimensions,
    m=dimensions, n=dimensions, k=dimensions, weight_density=st.floats(0, 1),
    window=st.builds(Window, kernel_height=st.integers(1, 7), kernel_width=st.integers(1, 7)),
)  # fmt: skip


@given(st.lists(outers, min_size=1, max_size=6))
def test_unstack_undoes_stack(records):
    assert unstack(stack(records)) == records


@given(st.lists(ops, min_size=1, max_size=5))
def test_unstack_undoes_stack_of_ops(records):
    assert unstack(stack(records)) == records


@given(st.lists(st.sampled_from(names()).map(lambda n: precision(f"{n}/bf16")), min_size=1, max_size=20))
def test_unstack_undoes_stack_of_precisions(records):
    """Formats nest in precisions and carry code books of unlike length."""
    assert unstack(stack(records)) == records


def test_a_batch_is_the_same_class_with_columns():
    batch = stack([Outer("a", 2, True, Inner(3, "x")), Outer("b", 4.5, False, Inner(5, "y", ("t",)), "n")])
    assert type(batch) is Outer
    assert type(batch.inner) is Inner
    assert batch.count.dtype == batch.inner.size.dtype == np.float64
    assert batch.flag.dtype == np.bool_
    assert batch.name.dtype == batch.inner.tags.dtype == batch.note.dtype == object
    assert list(batch.note) == [None, "n"]
    np.testing.assert_array_equal(batch.product, [6.0, 22.5])


def test_numpy_scalars_are_numbers_and_flags():
    batch = stack([Outer("a", np.float32(2), np.True_, Inner(np.int64(3), "x"))])
    assert batch.count.dtype == batch.inner.size.dtype == np.float64
    assert batch.flag.dtype == np.bool_


def test_a_batch_skips_the_checks_of_single_records():
    assert stack([Outer("a", 1.0, True, Inner(1.0, "x"))] * 2).count.shape == (2,)
    with pytest.raises(ValueError, match="count must be at least 0"):
        Outer("a", -1.0, True, Inner(1.0, "x"))


@given(st.lists(ops, min_size=1, max_size=4))
def test_a_property_of_the_batch_is_that_of_each_record(records):
    batch = stack(records)
    np.testing.assert_allclose(batch.macs, [op.macs for op in records], rtol=1e-15)
    np.testing.assert_allclose(batch.params, [op.params for op in records], rtol=1e-15)


@given(st.lists(ops, min_size=1, max_size=4), st.lists(st.sampled_from(names()), min_size=1, max_size=3))
def test_mesh_lays_each_sequence_on_an_axis_of_its_own(records, spelled):
    formats = [get(name) for name in spelled]
    op, fmt = mesh(records, formats)
    assert op.macs.shape == (len(records), 1)
    assert fmt.bits.shape == (1, len(formats))
    assert op.window.kernel_height.shape == (len(records), 1)
    grid = op.weight_elements * fmt.bits_per_element + op.macs
    for i, one in enumerate(records):
        for j, each in enumerate(formats):
            assert grid[i, j] == one.weight_elements * each.bits_per_element + one.macs


def test_mesh_of_three_axes():
    a, b, c = mesh([Inner(1, "a"), Inner(2, "b")], [Inner(10, "c")], [Inner(100, "d")] * 3)
    assert (a.size + b.size + c.size).shape == (2, 1, 3)
    assert a.label.shape == (2, 1, 1)


def test_map_fields_reaches_nested_records():
    record = Outer("a", 2.0, True, Inner(3.0, "x"))
    doubled = map_fields(record, lambda v: v * 2 if isinstance(v, float) else v)
    assert doubled == replace(record, count=4.0, inner=Inner(6.0, "x"))


def test_nothing_to_stack_raises():
    with pytest.raises(ValueError, match="at least one record"):
        stack([])
    with pytest.raises(ValueError, match="at least one record"):
        mesh([Inner(1, "a")], [])


def test_mixed_classes_raise():
    with pytest.raises(TypeError, match=r"one class, got \['Inner', 'Outer'\]"):
        stack([Inner(1, "a"), Outer("a", 2, True, Inner(3, "x"))])
    for order in (1, -1):
        with pytest.raises(TypeError, match="one class"):
            stack([Outer("a", 2, True, Inner(3, "x")), Outer("b", 2, True, None)][::order])


def test_stack_takes_any_iterable_of_records():
    records = [Inner(1, "a"), Inner(2, "b")]
    assert unstack(stack(iter(records))) == records
    assert unstack(stack(tuple(records))) == records


def test_unstack_needs_one_dimension():
    with pytest.raises(ValueError, match=r"one-dimensional fields, got size of shape \(2, 1\)"):
        unstack(mesh([Inner(1, "a"), Inner(2, "b")], [Inner(3, "c")])[0])
    with pytest.raises(ValueError, match=r"got bits of shape \(\)"):
        unstack(replace(stack([Format("a", 1), Format("b", 2)]), bits=3))


def test_an_array_of_records_stacks():
    column = np.empty(2, dtype=object)
    column[:] = [Inner(1, "a"), Inner(2, "b")]
    assert unstack(stack(column)) == list(column)


def test_changed_equals_replace():
    op = linear("fc", 4, 64, 8)
    assert changed(op, name="other", count=3.0) == replace(op, name="other", count=3.0)
    assert op == linear("fc", 4, 64, 8)
