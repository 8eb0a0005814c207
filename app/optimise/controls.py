"""The controls of the page Optimise: the problem, its budgets with what is feasible, and how to solve it."""

import math
from collections.abc import Mapping
from typing import Any

import dash_mantine_components as dmc
from dash import html

from app.optimise import question as questions
from app.optimise.question import FORMATS, PHASES, TIES, Question
from app.text import label
from app.web import inputs
from app.web.parts import panel
from app.web.spelling import listed

STEPS = 200
SLIDE, BOX = "optimise-slide", "optimise-box"
FREE = "no limit"
FUSED = "servers run q, k, v and gate, up as one product each"


def form(question: Question, uploads: Mapping[str, str]) -> Any:
    """What to optimise, and the buttons."""
    told = question.linked(uploads)
    models = [{"group": "Uploaded", "items": [*uploads]}] if uploads else []
    models.append({"group": "Zoo", "items": list(inputs.model_names())})
    devices = [{"group": title, "items": inputs.device_names()[kind]} for kind, title in inputs.KINDS.items()]
    numbers = {"batch": "Batch", "context": "Context", "resolution": "Resolution"}
    controls = [
        dmc.Select(id="optimise-model", label="Model", data=models, value=told["model"], searchable=True, limit=300,
                   allowDeselect=False),
        dmc.Select(id="optimise-phase", label="Pass", data=list(PHASES), value=question.phase or "decode",
                   allowDeselect=False),
        dmc.Select(id="optimise-device", label="Device", data=[d for d in devices if d["items"]],
                   value=question.device, searchable=True, allowDeselect=False),
        dmc.TagsInput(id="optimise-formats", label="Precisions of a layer", data=list(FORMATS),
                      value=list(question.formats), acceptValueOnBlur=True,
                      description="weight/activation[/kv], or w4a16; @n:m behind it for N:M sparsity"),
        html.Div(listed(question.formats, cached=bool(question.phase)), id="optimise-words"),
        dmc.SimpleGrid([
            dmc.TextInput(id=f"optimise-{n}", label=words, value=told.get(n, ""), placeholder="its own", debounce=True)
            for n, words in numbers.items()
        ], cols=3, spacing="xs"),
        dmc.CheckboxGroup(
            [dmc.Checkbox(id=f"optimise-tie-{tie}", value=tie, label=words, size="xs") for tie, words in TIES.items()],
            id="optimise-ties", label="Layers that share a precision", value=list(question.ties),
            description=FUSED if question.phase else "", className="stacked-group",
        ),
        dmc.SimpleGrid([
            dmc.NumberInput(id="optimise-max-formats", label="Precisions at most", value=question.max_formats or "",
                            min=1, max=questions.MOST_FORMATS, allowDecimal=False, placeholder="any"),
            dmc.NumberInput(id="optimise-time", label="Time limit (s)", value=question.time_limit_s, min=1,
                            max=questions.MOST_S),
        ], cols=2, spacing="xs"),
        dmc.TagsInput(id="optimise-pins", label="Pinned layers", value=list(question.pins), acceptValueOnBlur=True,
                      placeholder="lm_head=bf16", description="layer or glob=precision"),
    ]  # fmt: skip
    return panel("Problem", dmc.Stack(controls, gap=8))


def solving() -> Any:
    """Solve, cancel, and how far it is."""
    return html.Div(
        [
            dmc.Group([
                dmc.Button("Solve", id="optimise-go", w=160),
                dmc.Button("Cancel", id="optimise-cancel", variant="default", disabled=True),
                html.Span(id="optimise-status", className="status", role="status"),
            ], gap="xs"),
            dmc.Progress(id="optimise-progress", value=0, size="sm", mt=8, **{"aria-label": "Share of the time limit"}),
            html.Div(id="optimise-trouble"),
        ],
        className="solving",
    )  # fmt: skip


def budgets(question: Question) -> list[Any]:
    """A slider and a box for each metric of the problem, from the hardest budget to the easiest.

    One that is 0 in every plan, as UltraRAMs on a device without any, needs none.
    """
    limits = {b.metric.name: b.limit for b in question.limits}
    offered = [name for name in questions.offered(question.problem) if any(questions.span(question, name))]
    return [_budget(question, name, limits.get(name)) for name in offered]


def _budget(question: Question, metric: str, limit: float | None) -> Any:
    low, high = questions.span(question, metric)
    words, least, most = label(metric), questions.told(metric, low), questions.told(metric, high)
    sign, side = ("≥", "least") if questions.sense(metric) == ">=" else ("≤", "most")
    box = FREE if limit is None else questions.written(metric, limit)
    at = STEPS if limit is None else place(limit, low, high)
    name = {"metric": metric, "low": repr(low), "high": repr(high)}
    return html.Div(
        [
            html.Div(words, className="budget-name"),
            dmc.Slider(
                id={"type": SLIDE, **name}, min=0, max=STEPS, step=1, value=at, disabled=low == high,
                label=None, size="sm", **{"aria-label": f"{words}, from {least} to {most}"}, updatemode="drag",
            ),
            html.Div([html.Span(least), html.Span(most)], className="budget-ends"),
            dmc.TextInput(id={"type": BOX, **name}, value=box, size="xs", debounce=True, leftSection=sign,
                          **{"aria-label": f"{words} at {side}"}),
        ],
        className="budget",
    )  # fmt: skip


def value(steps: float, low: float, high: float) -> float:
    """The value at a place of a slider, from low, the harder end: logarithmic where the ends are positive."""
    share = min(max(steps / STEPS, 0.0), 1.0)
    return low * (high / low) ** share if min(low, high) > 0 else low + (high - low) * share


def place(limit: float, low: float, high: float) -> int:
    """The place of a value on a slider, rounded to the harder side, so that it never allows more than the value."""
    way = math.copysign(1.0, high - low)
    if high == low or way * limit >= way * high:
        return STEPS
    if way * limit <= way * low:
        return 0
    share = math.log(limit / low) / math.log(high / low) if min(low, high) > 0 else (limit - low) / (high - low)
    return int(share * STEPS)
