"""A run directory: the journal of a sweep, its front and rows as Parquet, and SQL over them."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np

from costmodel.files import write_atomically
from dse import journal
from dse.chunk import Counts, Evaluated, merge
from dse.journal import CorruptError
from dse.reduction import Rows
from dse.space import Space

if TYPE_CHECKING:
    import pyarrow as pa

JOURNAL, FRONT, ROWS = "journal", "front.parquet", "rows"
FORMAT = 1
_HEAD = "<6q"
"""Of a payload, little-endian int64: rows, designs, excluded, unknown, bytes and CRC-32 of the chunk's rows file."""


@dataclass(frozen=True)
class Plan:
    """How a space is cut: designs a chunk, decided once and kept in the journal's header."""

    space: Space
    chunk_designs: int

    @property
    def chunks(self) -> int:
        """How many chunks there are."""
        return -(-self.space.size // self.chunk_designs)

    def span(self, number: int) -> tuple[int, int]:
        """First and last design, the last excluded, of a chunk."""
        start = number * self.chunk_designs
        return start, min(start + self.chunk_designs, self.space.size)

    @property
    def header(self) -> bytes:
        """The journal's first line: everything that decides the bytes of the run."""
        told = {"bitfront": release(), "format": FORMAT, "hash": self.space.hash, "chunk_designs": self.chunk_designs}
        return json.dumps(told | {"space": self.space.spec}).encode() + b"\n"


@dataclass(frozen=True)
class Part:
    """What a chunk adds to a run: the fronts of its groups, counts, and its rows file where rows are kept."""

    rows: Rows
    counts: Counts
    file: bytes = b""

    def payload(self) -> bytes:
        """The journal's record."""
        counts = self.counts
        head = [len(self.rows), counts.designs, counts.excluded, counts.unknown, len(self.file), crc32(self.file)]
        columns = (self.rows.index, self.rows.group, self.rows.equals)
        parts = [np.array(head, dtype="<i8"), *(c.astype("<i8") for c in columns), self.rows.values.astype("<f8")]
        return b"".join(part.tobytes() for part in parts)


@dataclass(frozen=True)
class Record:
    """A chunk as the journal has it; `file_bytes` and `file_crc` are of its rows file, zero where there is none."""

    rows: Rows
    counts: Counts
    file_bytes: int
    file_crc: int

    @staticmethod
    def read(payload: bytes, columns: int) -> "Record":
        """Read a record of a space with so many result columns; CorruptError where its length is another."""
        head = np.frombuffer(payload[:48], dtype="<i8")
        if len(head) < 6 or len(payload) != 48 + 8 * head[0] * (3 + columns):
            raise CorruptError(f"a record has {len(payload)} bytes, which no chunk of this space has")
        count, designs, excluded, unknown, size, crc = head.tolist()
        integers = np.frombuffer(payload[48 : 48 + 24 * count], dtype="<i8").astype(np.int64).reshape(3, count)
        values = np.frombuffer(payload[48 + 24 * count :], dtype="<f8").astype(np.float64).reshape(count, columns)
        return Record(Rows(*integers, values), Counts(designs, excluded, unknown), size, crc)


@dataclass(frozen=True)
class Run:
    """A run as it is on the disk: its plan, the chunks that are done, and their merged front and counts."""

    folder: Path
    plan: Plan
    done: tuple[int, ...]
    front: Rows
    counts: Counts

    @property
    def complete(self) -> bool:
        """Whether every chunk is done."""
        return len(self.done) == self.plan.chunks


def release() -> str:
    """bitfront's version, "" where it is not installed."""
    try:
        return version("bitfront")
    except PackageNotFoundError:
        return ""


def is_run(folder: Path) -> bool:
    """Whether a folder has a sweep's journal."""
    return (folder / JOURNAL).is_file()


def read(folder: Path) -> Run:
    """Read a run, complete or not; ValueError in one line where there is none or it is corrupted."""
    plan = plan_of(folder)
    contents = journal.read(folder / JOURNAL, plan.header)
    records = {n: Record.read(payload, len(plan.space.columns)) for n, payload in contents.records.items()}
    front, counts = combined(plan.space, list(records.values()))
    return Run(folder, plan, tuple(sorted(records)), front, counts)


def plan_of(folder: Path) -> Plan:
    """The plan that a run's journal begins with; ValueError where there is none, or another version made it."""
    if not is_run(folder):
        raise ValueError(f"no run in {str(folder)!r}: bitfront explore SPACE.toml --out {folder} makes one")
    line = journal.first_line(folder / JOURNAL)
    try:
        told = json.loads(line)
        spec, designs, made_by = told["space"], int(told["chunk_designs"]), (told["bitfront"], told["format"])
    except (ValueError, KeyError, TypeError):
        raise CorruptError(f"{folder / JOURNAL} is corrupted in its first line") from None
    if made_by != (release(), FORMAT):
        raise ValueError(f"{folder} was made by bitfront {made_by[0]}, this is {release()}")
    plan = Plan(Space.read(spec), designs)
    if plan.header != line:
        raise ValueError(f"{folder} was made with other figures of its devices or models than there are now")
    return plan


def combined(space: Space, records: Sequence[Record | Part]) -> tuple[Rows, Counts]:
    """The front and counts of chunks together."""
    counts = Counts()
    for record in records:
        counts = counts.plus(record.counts)
    return merge(space, [empty(space), *(record.rows for record in records)]), counts


def empty(space: Space) -> Rows:
    """No rows of a space."""
    none = np.zeros(0, dtype=np.int64)
    return Rows(none, none, none, np.zeros((0, len(space.columns))))


def rows_path(folder: Path, number: int) -> Path:
    """Where a chunk's rows are."""
    return folder / ROWS / f"{number:08d}.parquet"


def rows_file(space: Space, evaluated: Iterator[Evaluated]) -> bytes:
    """Every design of a chunk as Parquet: its index, axes, columns, and whether it is feasible."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for block in evaluated:
        index = np.arange(block.start, block.start + len(block.columns))
        columns = axis_columns(space, index) | dict(zip(space.columns, map(pa.array, block.columns.T), strict=True))
        tables.append(pa.table({"design": index} | columns | {"feasible": block.feasible}))
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables).unify_dictionaries().combine_chunks(), buffer)
    return buffer.getvalue()


def axis_columns(space: Space, index: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Columns of designs' values by axis: numbers, or dictionaries of strings."""
    import pyarrow as pa

    columns = {}
    for axis in space.axes:
        position = space.positions(index)[axis.name]
        labels = axis.labels
        if isinstance(labels[0], str):
            columns[axis.name] = pa.DictionaryArray.from_arrays(pa.array(position, pa.int32()), pa.array(labels))
        else:
            columns[axis.name] = pa.array(np.array(labels)[position])
    return columns


def table(space: Space, front: Rows) -> "pa.Table":
    """A front as an Arrow table: stable id, index, axes, columns in their own signs, and how many designs are equal."""
    import pyarrow as pa

    values = front.values.copy()
    values[:, : len(space.objectives)] *= np.array([o.sign for o in space.objectives])
    columns: dict[str, Any] = {"id": pa.array([space.id(i) for i in front.index.tolist()], pa.string())}
    columns |= {"design": front.index} | {k: _plain(v) for k, v in axis_columns(space, front.index).items()}
    columns |= dict(zip(space.columns, map(pa.array, values.T + 0.0), strict=True))
    return pa.table(columns | {"equals": front.equals})


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if hasattr(column, "dictionary_decode") else column


def write_front(folder: Path, space: Space, front: Rows) -> None:
    """Write front.parquet; a reader sees all of it or what was there before."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table(space, front), buffer)
    write_atomically(folder / FRONT, buffer.getvalue())


def runs(folder: Path) -> list[Path]:
    """The run directories in a folder, itself included, in order of their names."""
    if not folder.is_dir():
        raise ValueError(f"no folder {str(folder)!r} to list runs of")
    return sorted(path for path in (folder, *folder.iterdir()) if path.is_dir() and is_run(path))


def query(folder: Path, sql: str) -> "pa.Table":
    """Run SQL (DuckDB's) over a run, or over all runs in a folder, as an Arrow table.

    `front` has the columns of `table`; `rows`, where a run keeps them, every design; both with the folder's name as
    `run`. ValueError says what is wrong with the SQL.
    """
    import duckdb

    found = runs(folder)
    if not found:
        raise ValueError(f"no run in {str(folder)!r}")
    with duckdb.connect() as connection:
        connection.register("front", _union([_front_of(path) for path in found]))
        kept = [path for path in found if any((path / ROWS).glob("*.parquet"))]
        if kept:
            parts = [f"select {_quoted(p.name)} as run, * from read_parquet({_quoted(str(p / ROWS / '*.parquet'))})" for p in kept]
            connection.sql(f"create view rows as {' union all by name '.join(parts)}")
        try:
            return connection.execute(sql).to_arrow_table()
        except duckdb.Error as error:
            raise ValueError(f"SQL: {str(error).splitlines()[0]}") from None


def _front_of(path: Path) -> "pa.Table":
    import pyarrow as pa

    run = read(path)
    found = table(run.plan.space, run.front)
    return found.add_column(0, "run", pa.array([path.name] * len(found), pa.string()))


def _union(tables: list["pa.Table"]) -> "pa.Table":
    import pyarrow as pa

    return pa.concat_tables(tables, promote_options="permissive")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
