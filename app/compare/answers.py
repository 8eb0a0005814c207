"""What the page Compare answers: callbacks as functions of what its controls hold."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dash import Patch, ctx, no_update
from dash.exceptions import PreventUpdate

from app.compare import controls, curves, designs, question, view
from app.compare.question import SLOTS, Design, Question
from app.figures.along import along
from app.figures.by_kind import by_kind
from app.figures.style import dressed
from app.text import label
from app.web.background import quick
from app.web.parts import trouble


def change(_add: Any, _removes: Any, values: Any, ids: Any) -> Any:
    """The rows with one more, a copy of the last and the others left as they are, or without the one removed."""
    if not any(part["value"] for part in ctx.triggered):  # buttons that appear are not pressed
        raise PreventUpdate
    try:
        found = _designs(values, ids)
    except ValueError as error:
        return no_update, trouble(str(error))
    if ctx.triggered_id == "compare-add":
        if len(found) == len(SLOTS):
            return no_update, trouble(f"{len(SLOTS)} designs at most stand side by side: remove one")
        more = Patch()
        more.append(controls.row(len(found), found[-1]))
        return more, None
    gone = ctx.triggered_id["row"]
    return controls.rows([design for i, design in enumerate(found) if i != gone]), None


def apply(model: Any, phase: Any) -> Any:
    """Which of pass, context and resolution apply to a model and its pass, and what they then hold."""
    language = "context" in Design(model, "", "").axes
    vision = "resolution" in Design(model, "", "").axes
    if language:
        reads = phase != "encode"
        return False, no_update if phase else "decode", not reads, no_update if reads else "", True, ""
    return True, None, True, "", not vision, no_update


def ask(
    _settled: Any, metric: Any, axis: Any, low: Any, high: Any, values: Any, ids: Any, before: Any, drawn: Any
) -> Any:
    """Check the form; what is asked as a link would have it, and what controls then offer."""
    try:
        found = _designs(values, ids)
        along = axis if axis in question.shared_axes(found) else "batch"
        drawn_metric = metric if metric in question.shared_metrics(found) else "latency_s"
        kept = along == axis and ctx.triggered_id != "compare-axis"
        ends = {"low": str(low or ""), "high": str(high or "")} if kept else {"low": "", "high": ""}
        asked = question.read(Question(found, along, drawn_metric).linked() | ends)
    except ValueError as error:
        return *(no_update,) * 9, trouble(str(error))
    texts, told = [design.text for design in found], asked.linked()
    axes, metrics = controls.choices(found)
    shown = (
        no_update if value == now else value
        for value, now in ((asked.metric, metric), (asked.axis, axis), (str(asked.low), low), (str(asked.high), high))
    )
    held = (no_update if texts == before else texts, no_update if told == drawn else told)
    return *held, metrics, axes, *shown, references(found), None


def references(found: Sequence[Design]) -> list[dict[str, str]]:
    """The designs as choices of the reference."""
    return [
        {"value": slot, "label": f"{slot.upper()} · {name}"}
        for slot, name in zip(SLOTS, designs.names(found), strict=False)
    ]


@quick
def estimate(asked: Any) -> Any:
    """Estimate the designs, in the background."""
    if not asked:
        raise PreventUpdate
    found = [question.read_design(text) for text in asked]
    records = []
    for i, (design, name) in enumerate(zip(found, designs.names(found), strict=True)):
        try:
            records.append(designs.record(design, name))
        except ValueError as error:
            return no_update, trouble(f"Design {SLOTS[i].upper()}: {error}")
    return records, None


@quick
def draw(set_progress: Callable[[Any], None], asked: Any) -> Any:
    """Evaluate the designs along the axis, in the background."""
    if not asked:
        raise PreventUpdate
    try:
        return curves.curves(question.read(asked), lambda share: set_progress([100 * share])), None
    except ValueError as error:
        return no_update, trouble(str(error))


def show(records: Any, reference: Any, only: Any) -> Any:
    """The table of designs, and that of their layers."""
    if not records:
        raise PreventUpdate
    place, differences = _place(reference), bool(only)
    layers = view.layers(records, place, only_differences=differences)
    return view.table(records, place, only_differences=differences), layers


def kinds(records: Any, part: Any, scheme: Any, narrow: Any) -> Any:
    """The figure of layers by kind, and the metrics it may show; a narrow page has letters for names."""
    if not records or scheme is None:
        raise PreventUpdate
    known = _parts(records)
    part = part if part in known else known[0]
    letters = [slot.upper() for slot in SLOTS[: len(records)]]
    names = letters if narrow else [record["name"] for record in records]
    bars = [(name, record["kinds"].get(part, {})) for name, record in zip(names, records, strict=True)]
    return dressed(by_kind(bars, metric=part), scheme == "dark"), [{"value": n, "label": label(n)} for n in known], part


def lines(found: Any, scale: Any, reference: Any, scheme: Any) -> Any:
    """The figure along the axis, and its crossovers in words."""
    if not found or scheme is None:
        raise PreventUpdate
    figure = along(
        found["values"], found["series"], found["crossovers"], axis=found["axis"], metric=found["metric"],
        scale=str(scale), reference=min(_place(reference), len(found["series"]) - 1),
    )  # fmt: skip
    return dressed(figure, scheme == "dark"), view.crossings(curves.sentences(found))


def link(asked: Any, reference: Any, only: Any, part: Any, scale: Any) -> Any:
    """The whole view as a link's query."""
    if not asked:
        raise PreventUpdate
    shown = {
        "reference": "" if reference == SLOTS[0] else reference,
        "differences": "only" if only else "",
        "part": "" if part == designs.PARTS[0] else part,
        "scale": "" if scale == controls.SCALES[0] else scale,
    }
    return {**asked, **shown}


def _parts(records: Sequence[Any]) -> list[str]:
    """The metrics that layers are drawn in: their times as latency where all designs run one layer after another."""
    serial = all("latency_s" in record["kinds"] for record in records)
    other = "busy_s" if serial else "latency_s"
    return [n for n in designs.PARTS if n != other and any(n in record["kinds"] for record in records)]


def _place(reference: Any) -> int:
    return SLOTS.index(reference) if reference in SLOTS else 0


def _designs(values: Sequence[Any], ids: Sequence[Mapping[str, Any]]) -> tuple[Design, ...]:
    """The designs in the rows of controls; ValueError names the row."""
    rows: dict[int, dict[str, str]] = {}
    for value, name in zip(values, ids, strict=True):
        rows.setdefault(name["row"], {})[name["name"]] = str(value or "")
    found = []
    for i, row in sorted(rows.items()):
        try:
            found.append(question.design(row["model"], row["device"], row["precision"], row))
        except ValueError as error:
            raise ValueError(f"Design {SLOTS[i].upper()}: {error}") from None
    return tuple(found)
