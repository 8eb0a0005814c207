"""The controls of the page Compare: a row of fields a design, and the axis that they are drawn along."""

from collections.abc import Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from app.compare import question as questions
from app.compare.question import PER_LAYER, PHASES, SLOTS, Design, Question
from app.explore.question import PRECISIONS
from app.figures.style import colour
from app.text import label
from app.web import inputs, uploads

SCALES = ("logarithmic", "linear", "relative")
FIELD, REMOVE = "compare-field", "compare-remove"
FIELDS = {
    "model": "Model", "device": "Device", "precision": "Precision", "phase": "Pass", "batch": "Batch",
    "context": "Context", "resolution": "Resolution", "strategy": "Sparsity or strategy",
}  # fmt: skip
"""Parts of a design, each a control, with the heading above."""
HIDDEN = ("layers", "laid_for")
"""Parts without one, which a precision a layer has: another precision chosen drops them."""


def rows(designs: Sequence[Design]) -> list[Any]:
    """Headings, and a row of controls for each design."""
    headings = [html.Span(words) for words in ("", *FIELDS.values(), "")]
    head = html.Div(headings, className="compare-row compare-head", **{"aria-hidden": "true"})
    return [head, *(row(i, design) for i, design in enumerate(designs))]


def row(i: int, design: Design) -> Any:
    """The controls of one design."""
    letter = SLOTS[i].upper()
    parts = [html.Span(letter, className="letter", style={"background": colour(i)})]
    parts += [
        html.Div(
            _field(i, name, design, f"{words} of design {letter}"),
            className="compare-field wide" if name in ("model", "strategy") else "compare-field",
            **{"data-words": words},
        )
        for name, words in FIELDS.items()
    ]
    hidden = [
        dcc.Input(id={"type": FIELD, "name": name, "row": i}, type="hidden", value=getattr(design, name))
        for name in HIDDEN
    ]
    parts.append(html.Div(hidden, hidden=True))
    remove = dmc.Button(
        "Remove", id={"type": REMOVE, "row": i}, variant="subtle", color="gray", size="compact-sm",
        className="remove", **{"aria-label": f"Remove design {letter}"},
    )  # fmt: skip
    return html.Div([*parts, remove], className="compare-row", role="group", **{"aria-label": f"Design {letter}"})


def _field(i: int, name: str, design: Design, words: str) -> Any:
    named = {"id": {"type": FIELD, "name": name, "row": i}, "size": "xs", "aria-label": words}
    value = getattr(design, name)
    if name in ("precision", "strategy"):
        known = {*PRECISIONS["language"], *PRECISIONS["vision"]} if name == "precision" else inputs.strategies()
        known = {*known, *([PER_LAYER] if value == PER_LAYER else [])}
        return dmc.Autocomplete(data=sorted(known), value=value, limit=300, **named)
    if name in ("batch", "context", "resolution"):
        lacks = name != "batch" and name not in design.axes
        return dmc.TextInput(value=str(value or ""), placeholder="–" if lacks else "its own", disabled=lacks, **named)
    if name == "phase":
        return dmc.Select(
            data=list(PHASES), value=value or None, disabled=not value, placeholder="–", allowDeselect=False, **named
        )
    data = _models() if name == "model" else _devices()
    return dmc.Select(data=data, value=value, searchable=True, limit=400, allowDeselect=False, **named)


def _models() -> list[Any]:
    own = [{"value": link, "label": uploads.name_of(link)} for link in uploads.known()]
    zoo = [{"value": name, "label": name.removeprefix("zoo:")} for name in inputs.model_names()]
    return [*([{"group": "Uploaded", "items": own}] if own else []), {"group": "Zoo", "items": zoo}]


def _devices() -> list[Any]:
    groups = [{"group": title, "items": inputs.device_names()[kind]} for kind, title in inputs.KINDS.items()]
    return [group for group in groups if group["items"]]


def axis(asked: Question, scales: str) -> Any:
    """Which metric along which axis, from where to where."""
    axes, metrics = choices(asked.designs)
    return dmc.Group(
        [
            dmc.Select(id="compare-metric", label="Metric", data=metrics, value=asked.metric, w=150, size="xs",
                       allowDeselect=False),
            dmc.Select(id="compare-axis", label="Along", data=axes, value=asked.axis, w=110, size="xs",
                       allowDeselect=False),
            dmc.TextInput(id="compare-low", label="From", value=str(asked.low), w=72, size="xs", debounce=700),
            dmc.TextInput(id="compare-high", label="To", value=str(asked.high), w=72, size="xs", debounce=700),
            dmc.Select(id="compare-scale", label="Scales", data=list(SCALES), value=scales, w=125,
                       size="xs", allowDeselect=False),
        ],
        gap="sm", align="end", className="axes",
    )  # fmt: skip


def choices(designs: Sequence[Design]) -> tuple[list[Any], list[Any]]:
    """The axes and metrics that all designs have, as choices of controls."""
    metrics = [{"value": name, "label": label(name)} for name in questions.shared_metrics(designs)]
    return questions.shared_axes(designs), metrics
