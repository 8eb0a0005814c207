"""What the page Optimise answers: callbacks as functions of what its controls hold."""

from collections.abc import Callable, Mapping
from typing import Any

from dash import ctx, no_update
from dash.exceptions import PreventUpdate

from app.explore import answers as explore
from app.explore.answers import spell
from app.explore.session_runs import uploads
from app.optimise import controls, question, solution, view
from app.optimise.question import Question
from app.web import state
from app.web.parts import trouble

__all__ = ["apply", "ask", "link", "move", "prepare", "show", "solve", "spell"]

HIDDEN: dict[str, str] = {"display": "none"}
SHOWN: dict[str, str] = {}


def apply(model: Any) -> Any:
    """Which of pass, context and resolution do not apply to a model, and what is said of layers that servers fuse."""
    vision, *rest = explore.apply(model)
    return vision, *rest, HIDDEN if vision else SHOWN, "" if vision else controls.FUSED


def prepare(*values: Any) -> Any:
    """The budgets of the problem that the form holds, those kept that still apply; its trouble."""
    *fields, ties, boxes, names = values
    try:
        asked = _read(dict(zip(question.FIELDS, fields, strict=True)) | {"ties": ties or "none"})
        limits = _limits(boxes, names, set(question.offered(asked.problem)))
        asked = _read(asked.linked(uploads()) | {"budgets": ",".join(limits)})
        return controls.budgets(asked), None, False
    except ValueError as error:
        return no_update, trouble(str(error)), True


def move(steps: float, text: str | None, name: Mapping[str, str]) -> Any:
    """Slider and box of a budget follow each other; a box that is no number is left as it is, and said on solving."""
    low, high = float(name["low"]), float(name["high"])
    if ctx.triggered_id and ctx.triggered_id["type"] == controls.SLIDE:
        free = steps >= controls.STEPS
        return no_update, controls.FREE if free else question.told(name["metric"], controls.value(steps, low, high))
    if _is_free(text):
        return controls.STEPS, controls.FREE
    try:
        return controls.place(question.budget(name["metric"], str(text)).limit, low, high), no_update
    except ValueError:
        raise PreventUpdate from None


def ask(clicks: Any, boxes: Any, answered: Any, *values: Any) -> Any:
    """Check the form; the question is asked as a link would have it, and the click is answered.

    Boxes are inputs, so that it waits for one that a slider still moves; they ask nothing by themselves.
    """
    if not clicks or clicks == answered:
        raise PreventUpdate
    try:
        return _form(boxes, *values), None, clicks
    except ValueError as error:
        return no_update, trouble(str(error)), clicks


def solve(set_progress: Callable[[Any], None], asked: Any) -> Any:
    """Solve what is asked, in the background; the plan is kept in the session."""
    from dse import InfeasibleError

    if asked is None:
        raise PreventUpdate
    try:
        found = question.read(asked, uploads())
        plan = solution.solve(found, lambda share, news: set_progress([100 * share, news]))
        return solution.keep(found, plan), None
    except InfeasibleError as error:
        together = "" if error.alone else " together"
        return "", trouble(view.infeasible(found, error) or str(error), f"No plan meets the budgets{together}")
    except ValueError as error:
        return "", trouble(str(error))


def show(design: Any, scheme: Any, narrow: Any, asked: Any, linked: Any) -> Any:
    """The plan in words, figures and rows.

    linked  {design, asked} of the link that the page was opened from, "" where it has no plan
    """
    if not design or scheme is None:
        return *(no_update,) * 7, HIDDEN, HIDDEN
    try:
        result = solution.kept(design)
    except ValueError:
        return *(no_update,) * 7, HIDDEN, HIDDEN
    figures = view.figures(result, dark=scheme == "dark", narrow=bool(narrow))
    wanted = linked["design"] if linked and linked["asked"] == asked else ""
    return view.summary(result, wanted), *figures, *view.designs(result), *view.layers(result), SHOWN, SHOWN


def link(design: Any, boxes: Any, most: Any, seconds: Any, pins: Any, asked: Any, *values: Any) -> Any:
    """What the form holds as a link's query, with the plan's design where it is the plan of just that.

    A link whose plan is still being solved stays as it is, and so does one while the form cannot be read.
    """
    *fields, ties, names = values
    try:
        told = _form(boxes, *fields, ties, most, seconds, pins, names)
    except ValueError:
        raise PreventUpdate from None
    if told != asked:
        return told
    return {**told, "design": design} if design else no_update


def _form(boxes: Any, *values: Any) -> dict[str, str]:
    """What the form holds as a link would have it; ValueError in one line."""
    *fields, ties, most, seconds, pins, names = values
    given = dict(zip(question.FIELDS, fields, strict=True)) | {"ties": ties or "none"}
    more = {"budgets": ",".join(_limits(boxes, names, None)), "max_formats": most, "time": seconds, "pins": pins}
    return _read(given | more).linked(uploads())


def _read(given: Mapping[str, Any]) -> Question:
    return question.read(state.parse(state.encode(given)), uploads())


def _limits(boxes: Any, names: Any, offered: set[str] | None) -> list[str]:
    """The budgets in the boxes as text; ValueError where one is no number."""
    found = []
    for text, name in zip(boxes, names, strict=True):
        if not _is_free(text) and (offered is None or name["metric"] in offered):
            limit = question.budget(name["metric"], str(text))
            found.append(f"{name['metric']}{limit.sense}{limit.limit!r}")
    return found


def _is_free(text: Any) -> bool:
    return str(text or "").strip().lower() in ("", controls.FREE)
