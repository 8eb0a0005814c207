"""What a page compares: designs, each a model on a device at a precision, and an axis; read from a link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from app.compare import by_layer
from app.web import inputs, state, uploads
from app.web.state import State
from costmodel.catalog import require
from costmodel.precision import precision

SLOTS = ("a", "b", "c", "d", "e", "f")
"""Where a link keeps its designs; their letters on the page."""
DEFAULTS = tuple(
    f"zoo:llama-3.1-8b@l40s@{spelled};phase=decode;batch=8;context=2048" for spelled in ("w4a16", "w8a8", "fp8_e4m3")
)
PHASES = ("prefill", "decode", "encode", "training")
AXES = {"batch": (1, 512), "context": (128, 32768), "resolution": (64, 512)}
"""Axes and the ends they have unless told otherwise."""
PER_LAYER = "per-layer"
"""The precision of a design with one a layer."""
LARGEST = {"batch": 65536, "context": 2**20, "resolution": 4096}
METRICS = ("latency_s", "examples_per_s", "energy_j", "bytes_moved", "footprint_bytes", "weight_bytes", "lut", "dsp")
"""Metrics that may be drawn along an axis, where every device has them."""


@dataclass(frozen=True)
class Design:
    """A model on a device at a precision; 0 and "" leave what the model has.

    layers    where the precision is PER_LAYER: that of each layer, as `by_layer.pack` has it
    laid_for  then also the precision for which an FPGA is laid out; "" leaves it to the design's own
    """

    model: str
    device: str
    precision: str
    phase: str = ""
    batch: int = 1
    context: int = 0
    resolution: int = 0
    strategy: str = "none"
    layers: str = ""
    laid_for: str = ""

    @property
    def text(self) -> str:
        """The design as a link holds it: model@device@precision;batch=8;..., which `read_design` takes."""
        more = [(f.name, getattr(self, f.name)) for f in fields(self)[3:]]
        told = [f"{name}={value}" for name, value in more if value not in ("", 0, "none")]
        return ";".join([f"{self.model}@{self.device}@{self.precision}", *told])

    @property
    def spelled(self) -> str:
        """The model as costmodel takes it: an uploaded file by where it is kept."""
        found = uploads.known().get(self.model, self.model) if self.model.startswith(uploads.PREFIX) else self.model
        if not found.startswith("onnx:"):
            return found
        return f"ops:{uploads.counted(Path(found.partition(':')[2]), self.batch)}"

    @property
    def shape(self) -> dict[str, Any]:
        """What the model's pass is told of its sizes; an uploaded ONNX file is counted at its batch already."""
        if self.model.endswith(".onnx"):
            return {}
        shape = {name: getattr(self, name) for name in ("phase", "batch", "context", "resolution")}
        return {name: value for name, value in shape.items() if value}

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes along which it can be drawn."""
        if self.model.endswith(".onnx"):
            return ()
        if self.phase == "encode":
            return ("batch",)
        return ("batch", "context") if _is_language(self.model) else ("batch", "resolution")


@dataclass(frozen=True)
class Question:
    """Designs, and the metric along an axis from `low` to `high`."""

    designs: tuple[Design, ...]
    axis: str = "batch"
    metric: str = "latency_s"
    low: int = 1
    high: int = 512

    def linked(self) -> dict[str, str]:
        """The question as text by name, which `read` takes: what a link holds."""
        told = {slot: design.text for slot, design in zip(SLOTS, self.designs, strict=False)}
        return told | {"axis": self.axis, "metric": self.metric, "low": str(self.low), "high": str(self.high)}


def read(given: State) -> Question:
    """Read a link's question; ValueError in one line names what does not apply."""
    texts = {slot: given[slot] for slot in SLOTS if given.get(slot)} or dict(zip(SLOTS, DEFAULTS, strict=False))
    designs = tuple(_named(slot, text) for slot, text in texts.items())
    axis = state.chosen(given, "axis", shared_axes(designs) or ["batch"], "batch")
    low, high = (_whole(given.get(end) or str(AXES[axis][i]), end, LARGEST[axis]) for i, end in enumerate(ENDS))
    if not low < high:
        raise ValueError(f"{axis} must rise from low to high, got low {low} and high {high}")
    return Question(designs, axis, state.chosen(given, "metric", shared_metrics(designs), "latency_s"), low, high)


ENDS = ("low", "high")


def _named(slot: str, text: str) -> Design:
    with state.named(slot):
        return read_design(text)


def read_design(text: str) -> Design:
    """Read "model@device@precision;batch=8;..."; ValueError in one line names what is wrong.

    What is no part, after a strategy, is one more value of its field: ";strategy=token_pruning:at=3;6".
    """
    first, *rest = text.split(";")
    parts = first.split("@")
    if len(parts) != 3:
        raise ValueError(f"a design is model@device@precision;batch=8;..., got {text[:80]!r}")
    known = [f.name for f in fields(Design)[3:]]
    given: dict[str, str] = {}
    last = ""
    for part in rest:
        name, equals, value = part.partition("=")
        if last == "strategy" and not (equals and name in known):
            given[last] += f";{part}"
            continue
        last = require("part of a design", name, known)
        given[last] = value
    return design(parts[0], parts[1], parts[2], given)


def design(model: str, device: str, spelled: str, given: Mapping[str, str]) -> Design:
    """Check the values of a design's controls; ValueError in one line names the one that does not apply."""
    language = _is_language(model)
    inputs.kind_of(device)
    layers, laid_for = (given.get(n, "") if spelled == PER_LAYER else "" for n in ("layers", "laid_for"))
    if spelled == PER_LAYER:
        by_layer.unpack(layers)
    for text in (spelled,) * (spelled != PER_LAYER) + (laid_for,) * bool(laid_for):
        precision(text.strip())
    sizes = {name: _size(given, name) for name in AXES}
    strategy = given.get("strategy", "").strip() or "none"
    inputs.require_strategy(strategy)
    phase = require("pass", given.get("phase", "") or "decode", PHASES) if language else ""
    return Design(
        model, device, spelled.strip(), phase, sizes["batch"] or 1, sizes["context"] if language else 0,
        0 if language else sizes["resolution"], strategy, layers, laid_for,
    )  # fmt: skip


def shared_axes(designs: Sequence[Design]) -> list[str]:
    """Axes that every design has."""
    return [axis for axis in AXES if all(axis in design.axes for design in designs)]


def shared_metrics(designs: Sequence[Design]) -> list[str]:
    """Metrics that every design has along an axis."""
    all_fpgas = all(inputs.kind_of(design.device) == "fpga" for design in designs)
    return [name for name in METRICS if all_fpgas or name not in ("lut", "dsp")]


def _is_language(model: str) -> bool:
    if model.startswith(uploads.PREFIX):
        if model not in uploads.known():
            raise ValueError(f"this browser has no {model}: upload the file on Explore again, and the link works")
        return model.endswith(".json")
    return inputs.is_language(model)


def _size(given: Mapping[str, str], name: str) -> int:
    text = str(given.get(name) or "").strip()
    return _whole(text, name, LARGEST[name]) if text else 0


def _whole(text: str, name: str, most: int) -> int:
    return state.whole_number(text.replace(",", ""), name, most)
