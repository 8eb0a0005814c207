"""The controls of the page Explore: what to explore, and how to show it."""

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from app.explore.axes import GROUPS
from app.explore.question import PHASES, PRECISIONS, Question
from app.text import label
from app.web import inputs, uploads
from app.web.parts import panel
from app.web.protection import MOST_UPLOAD_BYTES
from app.web.spelling import listed
from app.web.state import text

NAMED = {"none": "None (dense)", "nm_sparsity:n=2;m=4": "2:4 sparsity"}


def question_panel(question: Question, files: Mapping[str, str], run: str = "", unheld: Sequence[str] = ()) -> Any:
    """The form of a question, and its button; `run` names the run that is shown until one is asked, and `unheld` what
    of it the form does not hold."""
    told = question.told() | {"model": question.linked(files)["model"]}
    models: list[Any] = [uploaded(files)] if files else []
    models.append({"group": "Zoo", "items": list(inputs.model_names())})
    devices = [{"group": title, "items": inputs.device_names()[kind]} for kind, title in inputs.KINDS.items()]
    known = {*PRECISIONS["language"], *PRECISIONS["vision"]}
    numbers = {"batch": "Batch", "context": "Context", "resolution": "Resolution"}
    controls = [
        dmc.Alert(_of_run(run, unheld), variant="light", p="xs") if run else None,
        dmc.Select(id="explore-model", label="Model", data=models, value=told["model"], searchable=True, limit=300),
        _upload(),
        dmc.Select(id="explore-phase", label="Pass", data=list(PHASES), value=question.phase or "decode"),
        dmc.MultiSelect(id="explore-devices", label="Devices", data=[d for d in devices if d["items"]],
                        value=list(question.devices), searchable=True),
        dmc.TagsInput(id="explore-precisions", label="Precisions", data=sorted(known), value=list(question.precisions),
                      description="weight/activation[/kv], or w4a16; any may be typed", acceptValueOnBlur=True),
        html.Div(listed(question.precisions, cached=bool(question.phase)), id="explore-words"),
        dmc.TagsInput(id="explore-strategies", label="Sparsity and strategies",
                      data=[s.replace(",", ";") for s in inputs.strategies()],
                      value=list(told["strategies"]) or ["none"]),
        dmc.SimpleGrid([
            dmc.TextInput(id=f"explore-{n}", label=words, value=text(told[n]), placeholder="its own")
            for n, words in numbers.items()
        ], cols=3, spacing="xs"),
        html.Div(id="explore-trouble"),
        dmc.Group([
            dmc.Button("Explore", id="explore-go", flex=1),
            dmc.Button("Cancel", id="explore-cancel", variant="default", disabled=True),
        ], gap="xs", mt=4),
        dmc.Progress(id="explore-progress", value=0, size="sm", **{"aria-label": "Progress of the sweep"}),
    ]  # fmt: skip
    return panel("Space", dmc.Stack(controls, gap=8))


def _of_run(run: str, unheld: Sequence[str]) -> str:
    lacking = f" It has no room for {'; '.join(unheld)}." if unheld else ""
    return f"Shown is the run {run}. The form has its values, to change them and ask anew.{lacking}"


def uploaded(links: Mapping[str, str]) -> dict[str, Any]:
    """This browser's files as choices of the model."""
    return {"group": "Uploaded", "items": [{"value": link, "label": uploads.name_of(link)} for link in links]}


def _upload() -> Any:
    """The place of an upload; what the browser does not send, bitfront.js refuses in words."""
    endings = ",".join(f".{kind}" for kind in uploads.KINDS)
    return html.Div(
        [
            dcc.Upload(
                html.Button("Upload ONNX or config.json", className="upload-button"),
                id="explore-upload", accept=endings, max_size=MOST_UPLOAD_BYTES, className="upload",
            ),
            html.Div(id="explore-uploaded", role="status"),
        ],
        id="explore-uploading", **{"data-endings": endings, "data-most": str(MOST_UPLOAD_BYTES)},
    )  # fmt: skip


def states() -> Any:
    """What is computed just now, in words."""
    return html.Span(
        [html.Span(id="explore-sweeping"), html.Span(id="explore-drawing")], role="status", className="status"
    )


def list_button() -> Any:
    """The button that shows the front as a table."""
    return dmc.Button("List the front", id="explore-list", variant="default", size="compact-xs")


def axis_controls(metrics: Sequence[str], shown: Mapping[str, Any]) -> Any:
    """Which metrics the axes show, which of them are logarithmic, and what has a front of its own."""
    data = options(metrics)
    axes = [
        dmc.Select(id=f"explore-{axis}", label=f"{axis.upper()} axis", data=data if axis != "z" else [NONE, *data],
                   value=shown[axis], w=150, size="xs", allowDeselect=False)
        for axis in ("x", "y", "z")
    ]  # fmt: skip
    log = dmc.CheckboxGroup(
        [dmc.Checkbox(value=a, label=a, size="xs", id=f"explore-log-{a}") for a in ("x", "y", "z")],
        id="explore-log", label="Logarithmic", value=list(shown["log"]), size="xs", className="inline-group",
    )  # fmt: skip
    per = dmc.Select(id="explore-per", label="A front for each", data=[NOTHING, *GROUPS], value=shown["per"], w=130,
                     size="xs", allowDeselect=False)  # fmt: skip
    return dmc.Group([*axes, log, per], gap="sm", align="end", className="axes")


NONE = {"value": "none", "label": "none (flat)"}
NOTHING = {"value": "none", "label": "nothing: one"}


def options(metrics: Sequence[str]) -> list[dict[str, str]]:
    """Metrics as choices of a control."""
    return [{"value": name, "label": label(name)} for name in metrics]
