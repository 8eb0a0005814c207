"""What a page explores: models, devices, precisions and sizes, read from a link and made a space."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.text import quantity
from app.web import inputs, state
from app.web.state import State
from dse.axes import label
from dse.space import Space

NEXT_FIELD = re.compile(r";(?=\s*\w+\s*=)")
"""A strategy's comma as a link's lists have it: what a field's own values have between them stays."""

DEFAULTS = {
    "model": "zoo:llama-3.1-8b",
    "phase": "decode",
    "devices": "h100_sxm,l40s",
    "precisions": "w16a16,w8a8,w4a16,fp8_e4m3,w4a8",
    "batch": "1,16",
    "context": "4096",
}
PRECISIONS = {
    "language": ("w16a16", "w8a8", "w8a16", "w4a16", "int4_g128/bf16", "w4a8", "fp8_e4m3", "mxfp4/bf16", "w4a4"),
    "vision": ("w16a16", "w8a8", "w6a6", "w4a8", "w4a4", "w3a3", "w2a2", "fp8_e4m3"),
}
"""Precisions that the control offers; any that costmodel spells may be typed."""
PHASES = ("prefill", "decode", "training")
METRICS = (
    "weight_bytes", "footprint_bytes", "bytes_moved", "kv_bytes", "energy_j", "examples_per_s", "bops", "macs", "lut",
    "dsp", "bram18", "uram", "throughput_per_s",
)  # fmt: skip
SHOWN = ("loss", "latency_s", *METRICS)
"""Metrics that axes may show."""
SIZES = {"batch": (1,), "context": (4096,), "resolution": ()}
"""Sizes of a pass, and what they are unless told."""
FIELDS = ("model", "phase", "devices", "precisions", "strategies", *SIZES)
"""Parts of a question, each a control explore-NAME."""
AXIS_OF = {"devices": "device", "precisions": "precision", "strategies": "strategy", **{n: n for n in SIZES}}
"""The axis of a space that each part of a question goes through."""
MOST_SHOWN = 12
"""Values of a run's axis that the form holds."""
MOST_NAMED = 6
"""Values that the form does not hold of which each is named."""
MOST_DESIGNS = 20_000
"""Designs of a question: larger spaces are for bitfront explore, whose runs the page shows with --run."""


@dataclass(frozen=True)
class Question:
    """Values of the controls, checked; a tuple holds what the axis of that name goes through."""

    model: str
    phase: str
    devices: tuple[str, ...]
    precisions: tuple[str, ...]
    strategies: tuple[str, ...] = ("none",)
    batch: tuple[int, ...] = (1,)
    context: tuple[int, ...] = ()
    resolution: tuple[int, ...] = ()

    @property
    def space(self) -> Space:
        """The space of the question; ValueError where it is too large or a value does not apply."""
        return _space(self)

    def told(self) -> dict[str, Any]:
        """The question as a link holds it."""
        given = {n: getattr(self, n) for n in self.__dataclass_fields__}
        return given | {"strategies": () if self.strategies == ("none",) else _escaped(self.strategies)}

    def linked(self, models: Mapping[str, str]) -> dict[str, str]:
        """The question as text by name, which `read` takes: what a link holds."""
        link = next((name for name, spelled in models.items() if spelled == self.model), self.model)
        return {n: told for n, value in (self.told() | {"model": link}).items() if (told := state.text(value))}


def read_link(given: State, models: Mapping[str, str]) -> Question:
    """Read a link's question as `read`; ValueError also where a field is given that does not apply to its model."""
    found = read(given, models)
    state.require_applied(given, FIELDS, {"strategies": "none", **found.linked(models)}, found.model)
    return found


def read(given: State, models: Mapping[str, str]) -> Question:
    """Read a link's or the form's question; ValueError in one line names the field and what it expects.

    models  {spelling in a link: spelling for costmodel} of what this browser may name beside the zoo
    """
    told = given if given.get("model") else {**DEFAULTS, **given}
    model = told["model"]
    if model.startswith("upload:") and model not in models:
        raise ValueError(f"this browser has no {model}: upload the file again, and the link works")
    language = models[model].startswith("hf:") if model in models else inputs.is_language(model)
    devices = tuple(state.parts(told, "devices"))
    with state.named("devices"):
        for name in devices:
            inputs.kind_of(name)
        if not devices:
            raise ValueError("choose at least one device, as h100_sxm,l40s")
    chosen = tuple(NEXT_FIELD.sub(",", part) for part in state.parts(told, "strategies")) or ("none",)
    with state.named("strategies"):
        for spelled in chosen:
            inputs.require_strategy(spelled)
    with state.named("precisions"):
        precisions = tuple(inputs.precisions(told.get("precisions", "")))
    numbers = {n: tuple(state.whole_numbers(told, n, d)) for n, d in SIZES.items()}
    return Question(
        models.get(model, model),
        state.chosen(told, "phase", PHASES, "decode") if language else "",
        devices,
        precisions,
        chosen,
        numbers["batch"],
        numbers["context"] if language else (),
        () if language or model in models else numbers["resolution"],
    )


def of_space(space: Space) -> Question:
    """A run's space as far as the form can hold it: what it has no control for, and of long axes the rest, is left out.

    ValueError where that is no question.
    """
    values = {axis.name: axis.values for axis in space.axes}
    model = values["model"][0]
    spelled, phase = (model["model"], model.get("phase", "")) if isinstance(model, Mapping) else (model, "")
    given = {"model": spelled, "phase": phase if inputs.is_language(spelled) else ""}
    for field, name in AXIS_OF.items():
        kept = held(values.get(name, ()))
        given[field] = state.text(_escaped(tuple(map(str, kept))) if field == "strategies" else kept)
    return read(given, {})


def unheld(space: Space) -> list[str]:
    """What of a run's space the form leaves out, a part for each axis: "precision int3, int2 and 4 more"."""
    values = {axis.name: axis.values for axis in space.axes}
    rest: dict[str, Sequence[Any]] = {**values, "model": values["model"][1:]}
    rest |= {
        name: [v for v in values[name] if v not in held(values[name])] for name in AXIS_OF.values() if name in values
    }
    told = {
        name: [quantity(name, v) if isinstance(v, float) else str(label(v)) for v in left]
        for name, left in rest.items()
        if left
    }
    more = {name: len(texts) - MOST_NAMED for name, texts in told.items()}
    return [
        f"{name} {', '.join(texts[:MOST_NAMED])}" + f" and {more[name]} more" * (more[name] > 0)
        for name, texts in told.items()
    ]


def held(values: Sequence[Any]) -> list[str | int]:
    """The values of a run's axis that the form holds."""
    return [value for value in values if isinstance(value, str | int)][:MOST_SHOWN]


def _escaped(spelled: tuple[str, ...]) -> tuple[str, ...]:
    """Strategies have commas of their own, which a link's lists keep for themselves."""
    return tuple(text.replace(",", ";") for text in spelled)


@lru_cache(maxsize=64)
def _space(question: Question) -> Space:
    model: Any = question.model
    uploaded = model.startswith("onnx:")
    if uploaded:  # counted before in a process of its own, a file a batch
        path = Path(model.partition(":")[2])
        model = [f"ops:{path.with_name(f'{path.stem}.b{batch}.ops.json')}" for batch in question.batch]
    if question.phase:
        model = {"model": question.model, "phase": question.phase}
    axes: dict[str, Any] = {"model": model, "device": list(question.devices), "precision": list(question.precisions)}
    for name in ("batch", "context", "resolution"):
        if (values := getattr(question, name)) and not (uploaded and name == "batch"):
            axes[name] = list(values)
    if question.strategies != ("none",):
        axes["strategy"] = list(question.strategies)
    space = Space.read({"axes": axes, "objectives": ["loss", "latency_s"], "metrics": list(METRICS), "rows": True})
    if space.size > MOST_DESIGNS:
        raise ValueError(
            f"{space.size} designs are too many for a page, which takes {MOST_DESIGNS}: sweep them with bitfront"
            " explore and show its folder with bitfront app --run"
        )
    return space
