"""A report as Markdown: sentences and tables, without figures."""

from app.report.document import Document, Section, Table, cell, heading
from app.report.origin import told


def render(report: Document) -> str:
    """Return the report as text in GitHub's Markdown."""
    lead = [report.lead, ""] if report.lead else []
    parts = [f"# {_plain(report.title)}", "", *lead]
    for section in report.sections:
        parts += _section(section)
    origin = told(report.provenance)
    if origin:
        parts += ["## To run it again", "", *(f"- **{name}**: `{text}`" for name, text in origin), ""]
    return "\n".join(parts)


def _section(section: Section) -> list[str]:
    parts = [f"## {_plain(section.title)}", "", *(f"- {_plain(sentence)}" for sentence in section.sentences), ""]
    for table in section.tables:
        parts += [f"### {_plain(table.title)}", "", *_table(table), ""]
    return parts


def _table(table: Table) -> list[str]:
    head = [_plain(heading(c)) for c in table.columns]
    texts = [any(isinstance(row.get(c), str) for row in table.rows) for c in table.columns]
    marks = [":--" if text else "--:" for text in texts]
    rows = [[_plain(cell(c, row)) for c in table.columns] for row in table.rows]
    bold = [[f"**{cell}**" for cell in row] if i in table.chosen else row for i, row in enumerate(rows)]
    return [f"| {' | '.join(cells)} |" for cells in (head, marks, *bold)]


def _plain(text: str) -> str:
    """Text that no renderer takes for markup: names hold pipes, stars and underscores."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|" else c for c in " ".join(text.split()))
