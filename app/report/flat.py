"""A report as one flat table: every row of every table, in base units with the ends of intervals.

What is needed to run it again goes with it.
"""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from app.report.document import Document, Table, present
from app.report.origin import told
from dse.curves import ends

ORIGIN, SAID = "origin", "said"
"""The table of a CSV whose rows say where it comes from, and the column in which they do."""
KEY = b"bitfront"
"""The key of Parquet's metadata that holds the provenance as JSON."""


def rows(report: Document) -> tuple[list[str], list[dict[str, Any]]]:
    """Return (columns, rows): a row's section and table first, then the columns of all tables; None where absent."""
    found = [
        {"section": section.name, "table": table.name} | {c: row.get(c) for c in columns}
        for section in report.sections
        for table in section.tables
        for columns in [_with_ends(table)]
        for row in table.rows
    ]
    columns = list(dict.fromkeys(c for row in found for c in row)) or ["section", "table"]
    return columns, [{c: _value(row.get(c)) for c in columns} for row in found]


def _with_ends(table: Table) -> tuple[str, ...]:
    """A table's columns, each before the ends of its interval where a row has them."""
    return tuple(dict.fromkeys(c for column in table.columns for c in (column, *present(ends(column), table.rows))))


def to_csv(report: Document) -> str:
    """Return CSV, as any reader takes it: what is needed to run it again are its last rows, of the table ORIGIN."""
    columns, found = rows(report)
    origin = [{"table": ORIGIN, "name": name, SAID: " ".join(value.split())} for name, value in told(report.provenance)]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(dict.fromkeys([*columns, *(c for row in origin for c in row)])), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows([*found, *origin])
    return text.getvalue()


def to_parquet(report: Document) -> bytes:
    """Return Parquet whose metadata hold the provenance under the key "bitfront"."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, found = rows(report)
    table = pa.table({c: _column([row[c] for row in found]) for c in columns})
    kept = json.dumps({"title": report.title, "provenance": report.provenance}).encode()
    out = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({KEY: kept}), out)
    return bytes(out.getvalue().to_pybytes())


def _column(values: list[Any]) -> Any:
    """Numbers as numbers; a column with any text as text."""
    import pyarrow as pa

    if any(isinstance(value, str) for value in values):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array([None if value is None else float(value) for value in values], pa.float64())


def _value(value: Any) -> Any:
    """A cell: numbers and texts as they are, anything else as JSON."""
    return json.dumps(value) if isinstance(value, Mapping | list | tuple) else value
