"""A report as one HTML file: plotly inlined, no address in it is ever fetched."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from app.report import document
from app.report.document import SOURCES, Document, Row, Section, heading, interval, shown
from app.report.drawing import drawing, embed
from app.report.origin import told

MOST_PRINTED = 600
"""Rows of a table that are printed; a longer one would fill dozens of pages."""


def render(report: Document) -> str:
    """Return the page of a report."""
    several = len(report.sections) > 1
    links = " ".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in report.sections if several)
    sections = "".join(_section(section, titled=several) for section in report.sections)
    origin = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in told(report.provenance))
    template = Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(report.title),
        lead=escape(report.lead),
        footer=f"<h2>To run it again</h2><dl>{origin}</dl>" if origin else "",
        links=links,
        sections=sections + drawing(),
    )


def _section(section: Section, *, titled: bool) -> str:
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in section.sentences)
    figures = f'<div class="pair">{"".join(embed(figure) for figure in section.figures)}</div>'
    plain = "".join(_table(t) for t in section.tables if not t.folded)
    folded = "".join(
        f"<details><summary>{escape(t.title)}</summary>{_table(t)}</details>" for t in section.tables if t.folded
    )
    name = escape(section.name)
    head = f"<h2>{escape(section.title)}</h2>" if titled else ""
    return f'<section id="{name}">{head}<ul>{said}</ul>{plain}{figures}{folded}</section>'


def _table(held: document.Table) -> str:
    rows = [(i in held.chosen, [_cell(column, row) for column in held.columns]) for i, row in enumerate(held.rows)]
    return table([heading(column) for column in held.columns], rows)


class Html(str):
    """What is HTML already."""


def _cell(column: str, row: Row) -> str:
    """A cell with its interval below it; of a source its first words, the whole of it on hovering."""
    text, between = shown(column, row.get(column)), interval(column, row)
    if column in SOURCES:
        return Html(f'<span class="source" title="{escape(text)}">{escape(text.partition(" (")[0])}</span>')
    return Html(f"{escape(text)}<small>{escape(between)}</small>") if between else text


def table(columns: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """A table as HTML; rows are (chosen, cells)."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    marks = [
        ' class="chosen"' * chosen or ' class="screen"' * (i >= MOST_PRINTED) for i, (chosen, _) in enumerate(rows)
    ]
    body = "".join(
        f"<tr{mark}>{''.join(f'<td>{c if isinstance(c, Html) else escape(c)}</td>' for c in cells)}</tr>"
        for mark, (_, cells) in zip(marks, rows, strict=True)
    )
    left = len(rows) - MOST_PRINTED
    note = f'<p class="paper">{left:,} more rows are in the files of this report, and on the screen.</p>' * (left > 0)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{note}</div>'
