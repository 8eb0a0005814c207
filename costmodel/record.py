"""A batch of records is one record: the same frozen dataclass, with arrays for fields."""

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias, TypeVar

import numpy as np

Real: TypeAlias = Any
"""A float, or a float64 array where the record is a batch."""

R = TypeVar("R")


def stack(records: Sequence[R]) -> R:
    """Return one record whose fields are arrays over `records`, nested records included.

    Numbers become float64 and flags bool arrays; every other value becomes an object array, as do records beside None
    where that is the field's default.
    Raises ValueError on an empty sequence and TypeError on mixed classes, nested records included.
    """
    records = list(records)
    if not records:
        raise ValueError("stack needs at least one record, got none")
    kinds = {type(record) for record in records}
    if len(kinds) > 1:
        raise TypeError(f"stack needs records of one class, got {sorted(k.__name__ for k in kinds)}")
    cls = kinds.pop()
    optional = {f.name: f.default is None for f in fields(cls)}  # type: ignore[arg-type]
    names = list(optional)
    columns = zip(*map(attrgetter(*names, names[0]), records), strict=True)  # twice the first: one alone is no tuple
    columned = ((name, _column(list(values), optional[name])) for name, values in zip(names, columns, strict=False))
    return _make(cls, dict(columned))


def changed(record: R, **values: Any) -> R:
    """Return a record that caches nothing with some fields replaced, unchecked: `dataclasses.replace`, but quick."""
    return _make(type(record), {**vars(record), **values})


def mesh(*axes: Sequence[Any]) -> tuple[Any, ...]:
    """Lay each sequence of records on an axis of its own, so that their fields broadcast to a grid."""
    rank = len(axes)
    return tuple(map_fields(stack(records), partial(_on_axis, axis=i, rank=rank)) for i, records in enumerate(axes))


def unstack(batch: R) -> list[R]:
    """Return the records of a one-dimensional batch: the inverse of `stack`; ValueError where a field is no column."""
    columns = _fields(batch)
    for name, column in columns.items():
        if not _is_record(column) and np.ndim(column) != 1:
            raise ValueError(f"unstack needs one-dimensional fields, got {name} of shape {np.shape(column)}")
    parts = {name: unstack(c) if _is_record(c) else c.tolist() for name, c in columns.items()}
    length = len(next(iter(parts.values())))
    return [_make(type(batch), {name: part[i] for name, part in parts.items()}) for i in range(length)]


def map_fields(record: R, edit: Callable[[Any], Any]) -> R:
    """Return the record with `edit` applied to every field, through nested records."""
    edited = {n: map_fields(v, edit) if _is_record(v) else edit(v) for n, v in _fields(record).items()}
    return _make(type(record), edited)


def chosen(where: Any, record: R, other: R) -> R:
    """Return the batch with the fields of one where `where` holds, and those of another of its class elsewhere."""
    pairs = {name: (value, getattr(other, name)) for name, value in _fields(record).items()}
    taken = {
        name: chosen(where, mine, its) if _is_record(mine) else np.where(where, mine, its)
        for name, (mine, its) in pairs.items()
    }
    return _make(type(record), taken)


def _is_record(value: Any) -> bool:
    return is_dataclass(type(value))


def _fields(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in fields(record)}


def _make(cls: type[R], values: dict[str, Any]) -> R:
    """Build a record without its `__post_init__`: checks are for single records, not for batches."""
    record = object.__new__(cls)
    vars(record).update(values)
    return record


def _column(values: list[Any], optional: bool) -> Any:
    kinds = set(map(type, values))
    if any(map(is_dataclass, kinds)) and not (optional and type(None) in kinds):
        return stack(values)
    if all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return np.array(values)
    if all(issubclass(kind, int | float | np.number) for kind in kinds):
        return np.array(values, dtype=np.float64)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def _on_axis(column: Any, axis: int, rank: int) -> Any:
    shape = [1] * rank
    shape[axis] = len(column)
    return column.reshape(shape)
