"""A report as one HTML file: plotly inlined, no address in it is ever fetched."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from app.figures.style import CONFIG
from app.report import document
from app.report.document import Document, Section, heading, shown
from app.report.origin import told


def render(report: Document) -> str:
    """Return the page of a report."""
    links = " ".join(f'<a href="#{escape(s.name)}">{escape(s.title)}</a>' for s in report.sections)
    sections = "".join(_section(section) for section in report.sections)
    script = f"<script>{get_plotlyjs()}</script>"
    origin = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in told(report.provenance))
    template = Template(Path(__file__).with_name("template.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(report.title),
        lead=escape(report.lead),
        footer=f"<h2>To run it again</h2><dl>{origin}</dl>" if origin else "",
        links=links,
        sections=script + sections,
    )


def _section(section: Section) -> str:
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in section.sentences)
    figures = f'<div class="pair">{"".join(embed(figure) for figure in section.figures)}</div>'
    plain = "".join(_table(t) for t in section.tables if not t.folded)
    folded = "".join(
        f"<details><summary>{escape(t.title)}</summary>{_table(t)}</details>" for t in section.tables if t.folded
    )
    name = escape(section.name)
    head = f'<h2 id="{name}">{escape(section.title)}</h2><ul>{said}</ul>'
    return f"<section>{head}{plain}{figures}{folded}</section>"


def embed(figure: go.Figure) -> str:
    """A figure as HTML, without plotly itself."""
    html: str = to_html(figure, include_plotlyjs=False, full_html=False, config=CONFIG)
    return f"<div>{html}</div>"


def _table(held: document.Table) -> str:
    rows = [
        (i in held.chosen, [shown(column, row.get(column)) for column in held.columns])
        for i, row in enumerate(held.rows)
    ]
    return table([heading(column) for column in held.columns], rows)


def table(columns: Sequence[str], rows: Sequence[tuple[bool, Sequence[str]]]) -> str:
    """A table as HTML; rows are (chosen, cells)."""
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "".join(
        f"<tr{' class=chosen' if chosen else ''}>{''.join(f'<td>{escape(c)}</td>' for c in cells)}</tr>"
        for chosen, cells in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
