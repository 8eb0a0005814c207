"""What a page optimises: a model, a device, formats, budgets and ties, read from a link and made a problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from app.choices import by_layer, ties_of
from app.text import label, quantity
from app.web import inputs, state
from app.web import uploads as uploaded
from app.web.spelling import canonical
from app.web.state import State
from costmodel import hardware, models
from costmodel.catalog import require
from costmodel.estimators.fit import RESOURCES
from costmodel.estimators.fpga import folded_for
from costmodel.hardware import Fpga
from costmodel.precision import precision
from costmodel.workload import Workload
from dse import Budget, Choices, Problem, choices, parse_budget, ranges
from dse.metric import METRICS
from dse.pipelines import PACED
from dse.restrictions import restricted

DEFAULTS = {
    "model": "zoo:llama-3.1-8b", "phase": "decode", "device": "h100_sxm",
    "formats": "int4_g128/bf16,int8/int8,fp8_e4m3/fp8_e4m3,bf16/bf16",
    "batch": "8", "context": "4096", "budgets": "weight_bytes<=6e9", "ties": "fused",
}  # fmt: skip
FORMATS = (
    "int4_g128/bf16", "int4/bf16", "int3/bf16", "int8/bf16", "int8/int8", "int8/int8@2:4", "int4/int8", "mxfp4/bf16",
    "fp8_e4m3/bf16", "fp8_e4m3/fp8_e4m3", "fp8_e5m2/fp8_e5m2", "bf16/bf16", "int2/int2", "int3/int3", "int4/int4",
    "int5/int5", "int6/int6",
)  # fmt: skip
"""Precisions that the control offers; any that costmodel spells may be typed."""
PHASES = ("prefill", "decode", "training")
BUDGETED = (
    "weight_bytes", "latency_s", "throughput_per_s", "energy_j", "bytes_moved", "bops", "lut", "dsp", "bram18", "uram",
)  # fmt: skip
"""Metrics that the page offers a budget for, where the device has them."""
TIES = {"fused": "q, k, v and gate, up", "residual": "Layers added to each other"}
NO_TIES = "none"
TIME_LIMIT_S, MOST_S = 20.0, 120.0
MOST_FORMATS = 64
EXAMPLES = {"B": 9e6, "s": 2e-3, "J": 0.3, "": 60e3}
"""Budgets in words' reach, by their metric's unit: what a box that cannot be read is told to hold."""
FIELDS = ("model", "phase", "device", "formats", "batch", "context", "resolution")
"""Parts of a question that make its problem, each a control optimise-NAME."""


@dataclass(frozen=True)
class Question:
    """Values of the controls, checked; 0 and "" leave what the network has.

    budgets   as text, "weight_bytes<=6e9"; pins as "layer glob=format"
    laid_for  the precision that an FPGA is folded for, "" for the best of the formats; no link has it
    """

    model: str
    device: str
    formats: tuple[str, ...]
    phase: str = ""
    batch: int = 1
    context: int = 0
    resolution: int = 0
    budgets: tuple[str, ...] = ()
    ties: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    max_formats: int | None = None
    time_limit_s: float = TIME_LIMIT_S
    laid_for: str = ""

    @property
    def spoken(self) -> str:
        """The model as a command line takes it, an uploaded file by its own name."""
        scheme, named = self.model.partition(":")[0], uploaded.spoken(self.model)
        return self.model if named == self.model else f"{scheme}:{named}"

    @property
    def workload(self) -> Workload:
        """The network's pass."""
        return _workload(self.model, self.batch, self.context, self.resolution, self.phase)

    @property
    def problem(self) -> Problem:
        """Layers x formats with their losses and costs; ValueError where the device cannot run one."""
        return _problem(self.model, self.batch, self.context, self.resolution, self.phase, self.device, self.formats)

    @property
    def choices(self) -> Choices:
        """The network and its formats, which `dse.minimize` lays out on an FPGA for each format, or for one."""
        found = choices(self.workload, list(self.formats))
        return replace(found, design=folded_for(precision(self.laid_for))) if self.laid_for else found

    @property
    def limits(self) -> list[Budget]:
        """The budgets."""
        return [parse_budget(text) for text in self.budgets]

    @property
    def tied(self) -> list[list[str]]:
        """Groups of layers that share a format."""
        known = set(self.problem.layers)
        groups = [[name for name in group if name in known] for group in ties_of(self.ties, self.workload)]
        return [group for group in groups if len(group) > 1]

    @property
    def pinned(self) -> dict[str, str]:
        """The format of each glob of pinned layers."""
        return by_layer("a pin", self.pins)

    def linked(self, uploads: Mapping[str, str]) -> dict[str, str]:
        """The question as text by name, which `read` takes: what a link holds."""
        spelled = next((name for name, to in uploads.items() if to == self.model), self.model)
        told = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"model": spelled}
        told |= {name: told[name] or "" for name in ("batch", "context", "resolution", "max_formats")}
        told["time"] = "" if told.pop("time_limit_s") == TIME_LIMIT_S else self.time_limit_s
        told["ties"] = self.ties or NO_TIES
        return {name: text for name, value in told.items() if (text := state.text(value))}

    def command(self) -> list[str]:
        """The same on the command line."""
        given = ["bitfront", "optimize", self.spoken, "--on", self.device, "--formats", ",".join(self.formats)]
        for name in ("phase", "batch", "context", "resolution"):
            given += [f"--{name}", str(value)] if (value := getattr(self, name)) else []
        for option, values in (("--budget", self.budgets), ("--tie", self.ties), ("--pin", self.pins)):
            given += [part for value in values for part in (option, value)]
        given += ["--max-formats", str(self.max_formats)] if self.max_formats else []
        given += ["--laid-for", self.laid_for] if self.laid_for else []
        return [*given, "--time-limit", f"{self.time_limit_s:g}"]


def read_link(given: State, uploads: Mapping[str, str]) -> Question:
    """Read a link's question as `read`; ValueError also where a field is given that does not apply to its model."""
    found = read(given, uploads)
    state.require_applied(given, FIELDS, found.linked(uploads), found.model)
    return found


def read(given: State, uploads: Mapping[str, str]) -> Question:
    """Read a link's or the form's question; ValueError in one line names the field and what it expects.

    uploads  {spelling in a link: spelling for costmodel} of what this browser may name beside the zoo
    """
    told = given if given.get("model") else {**DEFAULTS, **given}
    model = told["model"]
    if model.startswith("upload:") and model not in uploads:
        raise ValueError(f"this browser has no {model}: upload the file on Explore again, and the link works")
    language = uploads[model].startswith("hf:") if model in uploads else inputs.is_language(model)
    inputs.kind_of(told.get("device", ""))
    with state.named("formats"):
        formats = tuple(dict.fromkeys(canonical(part) for part in state.parts(told, "formats")))
        if not formats:
            raise ValueError("choose at least one, as int4_g128/bf16 or int8/int8")
    size = {name: state.number(told, name) for name in ("batch", "context", "resolution")}
    most = state.number(told, "max_formats", MOST_FORMATS)
    with state.named("budgets"):
        budgets = tuple(str(parse_budget(text)).replace(" ", "") for text in state.parts(told, "budgets"))
    ties = [] if told.get("ties") == NO_TIES else state.several(told, "ties", TIES, ["fused"] if language else [])
    found = Question(
        uploads.get(model, model),
        told["device"],
        formats,
        state.chosen(told, "phase", PHASES, "decode") if language else "",
        size["batch"] or 1,
        (size["context"] or 4096) if language else 0,
        0 if language or model in uploads else size["resolution"],
        budgets,
        tuple(ties),
        _pins(state.parts(told, "pins")),
        most or None,
        _seconds(told.get("time", "")),
    )
    with state.named("budgets"):
        for budget in found.limits:
            require(f"budget on {found.device}", budget.metric.name, offered(found.problem))
    with state.named("pins"):
        restricted(found.problem, found.pinned, {}) if found.pins else None
    return found


def offered(problem: Problem) -> list[str]:
    """The metrics of a problem that may have a budget: those that add up, and the speed of a dataflow."""
    known = {name for name, table in problem.costs.items() if np.isfinite(table).all()}
    return [name for name in BUDGETED if name in known or (problem.pipeline and name in PACED)]


def span(question: Question, metric: str) -> tuple[float, float]:
    """What a metric may be of any plan within the ties, whatever the other budgets: the value that is hardest to
    reach, and the easiest; ValueError where tied layers share no format.

    Of an FPGA's resource the easiest is all that the device has, unless every plan takes more.
    """
    device = question.problem.device
    if isinstance(device, Fpga):
        low, high = _of_choices(replace(question, budgets=(), pins=(), max_formats=None))[metric]
        has = float(getattr(device, metric)) if metric in RESOURCES else high
        high = min(high, has) if low <= has else high
    else:
        low, high = ranges.of_problem(question.problem, question.tied)[metric]
    return (high, low) if METRICS[metric].better == "higher" else (low, high)


@lru_cache(maxsize=16)
def _of_choices(question: Question) -> ranges.Spans:
    return ranges.of_choices(question.choices, question.problem.device, question.tied)


def told(metric: str, value: float) -> str:
    """A budget's number as a box shows it."""
    return quantity(metric, value)


def sense(metric: str) -> str:
    """Which side of its limit a budget of a metric keeps to."""
    return ">=" if METRICS[metric].better == "higher" else "<="


def written(metric: str, limit: float) -> str:
    """A limit as a box holds it: as `told` where that reads as just this limit, in full elsewhere."""
    short = told(metric, limit)
    return short if budget(metric, short).limit == limit else repr(limit)


def budget(metric: str, text: str) -> Budget:
    """Read what a box holds: a number with a prefix and unit, spaces as you like; ValueError by the metric's label."""
    plain = "".join(text.split()).replace("µ", "u").replace(",", "")
    try:
        return parse_budget(f"{metric}{sense(metric)}{plain}")
    except ValueError:
        unit = METRICS[metric].unit
        like = quantity(metric, EXAMPLES.get(unit, EXAMPLES[""]))
        raise ValueError(f"{label(metric)} must be a number of at least 0, as {like}, got {text[:40]!r}") from None


def _pins(pins: Sequence[str]) -> tuple[str, ...]:
    """Pinned layers with their formats as the problem names them."""
    with state.named("pins"):
        return tuple(f"{glob}={canonical(spelled)}" for glob, spelled in by_layer("a pin", pins).items())


def _seconds(text: str) -> float:
    try:
        seconds = float(text or TIME_LIMIT_S)
    except ValueError:
        raise ValueError(f"time must be a number of seconds, got {text[:40]!r}") from None
    if not 0 < seconds <= MOST_S:
        raise ValueError(f"time must be above 0 and at most {MOST_S:g} s, got {text[:40]!r}")
    return seconds


@lru_cache(maxsize=16)
def _workload(model: str, batch: int, context: int, resolution: int, phase: str) -> Workload:
    if model.startswith("onnx:"):  # an upload, read in a process of its own
        return models.load(f"ops:{uploaded.counted(Path(model.partition(':')[2]), batch)}")
    shape: dict[str, Any] = {"batch": batch, "context": context, "resolution": resolution, "phase": phase}
    return models.load(model, **{name: value for name, value in shape.items() if value})


@lru_cache(maxsize=16)
def _problem(
    model: str, batch: int, context: int, resolution: int, phase: str, device: str, formats: Sequence[str]
) -> Problem:
    found = choices(_workload(model, batch, context, resolution, phase), list(formats))
    return found.on(hardware.device(device))
