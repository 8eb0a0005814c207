"""A run directory: the journal of a sweep, its front and rows as Parquet, and SQL over them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from costmodel.files import write_atomically
from dse import journal
from dse.chunk import Counts, merge
from dse.journal import CorruptError
from dse.records import Part, Record
from dse.reduction import Rows
from dse.space import Space

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

JOURNAL, FRONT, ROWS = "journal", "front.parquet", "rows"
PROVENANCE = "provenance.json"
"""What made the run, kept beside it by the command that did."""
FORMAT = 1


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


class OutdatedError(ValueError):
    """A run of other figures than there are now; `space` is what its specification gives now."""

    def __init__(self, folder: Path, space: Space) -> None:
        super().__init__(f"{folder} was made with other figures of its devices, calibrations or models than now")
        self.space = space


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
    try:
        plan = Plan(Space.read(spec), designs)
    except ValueError as error:
        raise CorruptError(f"{folder / JOURNAL} is damaged in its first line, or names what is gone: {error}") from None
    if plan.header != line:
        raise OutdatedError(folder, plan.space)
    return plan


def combined(space: Space, records: Sequence[Part | Record]) -> tuple[Rows, Counts]:
    """The front and counts of chunks together."""
    return merge(space, [empty(space), *(record.rows for record in records)]), counted(records)


def counted(records: Sequence[Part | Record]) -> Counts:
    """The counts of chunks together."""
    return reduce(Counts.plus, (record.counts for record in records), Counts())


def empty(space: Space) -> Rows:
    """No rows of a space."""
    none = np.zeros(0, dtype=np.int64)
    return Rows(none, none, none, np.zeros((0, len(space.columns))))


def rows_path(folder: Path, number: int) -> Path:
    """Where a chunk's rows are."""
    return folder / ROWS / f"{number:08d}.parquet"


def write_front(run: Run) -> None:
    """Write front.parquet; a reader sees all of it or what was there before."""
    from dse.run_tables import front_table, to_parquet

    write_atomically(run.folder / FRONT, to_parquet(front_table(run.plan.space, run.front)))


def front_of(run: Run) -> "pa.Table":
    """The front as an Arrow table (`run_tables.front_table`)."""
    from dse.run_tables import front_table

    return front_table(run.plan.space, run.front)


def runs(folder: Path) -> list[Path]:
    """The run directories in a folder, itself included, in order of their names."""
    if not folder.is_dir():
        raise ValueError(f"no folder {str(folder)!r} to list runs of")
    return sorted(path for path in (folder, *folder.iterdir()) if path.is_dir() and is_run(path))


def query(folder: Path, sql: str, left_out: Callable[[ValueError], object] | None = None) -> "pa.Table":
    """Run SQL (DuckDB's) over a run, or over all runs in a folder, as an Arrow table.

    `front` has the columns of `run_tables.front_table`; `rows`, where a run keeps them, every design; both with the
    folder's name as `run`. ValueError says what is wrong with the SQL, or with a run; `left_out` is told instead of one
    that is left out, unless all are.
    """
    import duckdb

    fronts, refused = {}, ValueError(f"no run in {str(folder)!r}")
    for path in runs(folder):
        try:
            fronts[path] = front_of(read(path))
        except ValueError as error:
            if left_out is None:
                raise
            refused = error
            left_out(error)
    if not fronts:
        raise refused
    with duckdb.connect() as connection:
        connection.register("front", _joined(fronts))
        views = [_rows_view(path) for path in fronts if any((path / ROWS).glob("*.parquet"))]
        if views:
            connection.sql(f"create view rows as {' union all by name '.join(views)}")
        return _answer(connection, sql)


def _answer(connection: "duckdb.DuckDBPyConnection", sql: str) -> "pa.Table":
    """What one query gives; ValueError on any other statement, which could write files."""
    import duckdb

    try:
        if [each.type for each in connection.extract_statements(sql)] != [duckdb.StatementType.SELECT]:
            raise ValueError(f"SQL: {sql!r} is no query, as one SELECT")
        return connection.sql(sql).to_arrow_table()
    except duckdb.Error as error:
        raise ValueError(f"SQL: {str(error).splitlines()[0]}") from None


def _joined(fronts: "Mapping[Path, pa.Table]") -> "pa.Table":
    """The fronts of several runs as one table, a column that one lacks null there."""
    import pyarrow as pa

    tables = []
    for folder, found in fronts.items():
        tables.append(found.add_column(0, "run", pa.array([folder.name] * len(found), pa.string())))
    return pa.concat_tables(tables, promote_options="permissive")


def _rows_view(folder: Path) -> str:
    files, name = (text.replace("'", "''") for text in (str(folder / ROWS / "*.parquet"), folder.name))
    return f"select '{name}' as run, * from read_parquet('{files}')"
