"""Write a report: the ending of the file says the format."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from app.report import flat, html, markdown, pdf
from app.report.document import Document
from app.report.source import document
from app.text import to_json
from costmodel.catalog import require
from costmodel.files import write_atomically

FORMATS: dict[str, Callable[[Document], str | bytes]] = {
    "html": html.render,
    "md": markdown.render,
    "csv": flat.to_csv,
    "parquet": flat.to_parquet,
    "json": lambda report: to_json(report.data),
    "pdf": lambda report: pdf.render(html.render(report)),
}
"""What writes each format, by the ending of its files."""


def write(source: Any, path: str | Path, *, title: str = "", lead: str = "") -> Path:
    """Write the report of a plan, a result or a run to one file, whole or not at all, and return its path.

    source  a Plan of `dse.minimize`, a result in the form of `bitfront optimize --json` or several by name, the folder
            of a run of `bitfront explore`, or a JSON file of any
    path    ends in .html, .md, .csv, .parquet, .json or .pdf (which needs Chromium); UnknownNameError for another
    """
    path = Path(path)
    render = FORMATS[require("report format", path.suffix.lstrip(".").lower(), FORMATS)]
    write_atomically(path, render(document(source, title=title, lead=lead)))
    return path


def write_all(source: Any, folder: Path, formats: Iterable[str], *, title: str = "") -> dict[str, Path]:
    """Write report.FORMAT of each format into a folder, made if needed; nothing is written if the source is none."""
    report = document(source, title=title)
    contents = {name: FORMATS[require("report format", name, FORMATS)](report) for name in formats}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        write_atomically(folder / f"report.{name}", content)
    return {name: folder / f"report.{name}" for name in contents}
