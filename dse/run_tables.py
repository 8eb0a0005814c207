"""Designs of a space as Arrow tables: fronts with stable ids, and every row of a chunk as Parquet."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from dse.chunk import Evaluated
from dse.reduction import Rows
from dse.space import Space


def front_table(space: Space, front: Rows) -> pa.Table:
    """A front as a table: stable id, index, axes, columns in their own signs, and how many designs are equal."""
    values = front.values.copy()
    values[:, : len(space.objectives)] *= np.array([o.sign for o in space.objectives])
    columns: dict[str, Any] = {"id": pa.array([space.id(i) for i in front.index.tolist()], pa.string())}
    columns |= {"design": front.index} | {name: _plain(c) for name, c in axis_columns(space, front.index).items()}
    columns |= {name: pa.array(c) for name, c in zip(space.columns, values.T + 0.0, strict=True)}
    return pa.table(columns | {"equals": front.equals})


def rows_file(space: Space, evaluated: Iterable[Evaluated]) -> bytes:
    """Every design of a chunk as Parquet: its index, axes, columns, and whether it is feasible."""
    tables = []
    for block in evaluated:
        index = np.arange(block.start, block.start + len(block.columns))
        columns = axis_columns(space, index) | dict(zip(space.columns, map(pa.array, block.columns.T), strict=True))
        tables.append(pa.table({"design": index} | columns | {"feasible": block.feasible}))
    return to_parquet(pa.concat_tables(tables).unify_dictionaries().combine_chunks())


def to_parquet(table: pa.Table) -> bytes:
    """The bytes of a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def axis_columns(space: Space, index: NDArray[np.int64]) -> dict[str, Any]:
    """Columns of designs' values by axis: numbers, or dictionaries of strings."""
    columns = {}
    for axis in space.axes:
        position, labels = space.positions(index)[axis.name], axis.labels
        if isinstance(labels[0], str):
            columns[axis.name] = pa.DictionaryArray.from_arrays(pa.array(position, pa.int32()), pa.array(labels))
        else:
            columns[axis.name] = pa.array(np.array(labels)[position])
    return columns


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if hasattr(column, "dictionary_decode") else column
