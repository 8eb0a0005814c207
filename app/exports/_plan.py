"""A plan as exports see it: each layer's formats, and what is known of the layer."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.precision import Precision, precision

if TYPE_CHECKING:
    from dse import Plan

STRUCTURE = re.compile(r"[1-9]\d*:[1-9]\d*")
"""N:M: of every M weights N are kept."""


@dataclass(frozen=True)
class Layer:
    """One layer of a plan.

    spelled    the option's name in the plan, int4/bf16 or int8/int8@2:4
    kept       what N:M sparsity keeps of the weights, 2:4, or ""
    kind       the op's kind, "" where the plan does not tell
    low        its input's least value over calibration data, -inf where the plan does not tell
    b, k, n    groups, and weights that an output sums (or a table's row has) and outputs of one; 0 where the plan does
               not tell
    shares     the layer that stores its weights, "" where it has its own
    """

    name: str
    spelled: str
    precision: Precision
    kept: str = ""
    kind: str = ""
    b: int = 0
    k: int = 0
    n: int = 0
    low: float = -math.inf
    shares: str = ""


@dataclass(frozen=True)
class Chosen:
    """The layers of a plan, and the spelling of the model and device that it was solved for ("" where unknown).

    data  the calibration data of the command that solved it, module:callable; "" where it had none of its own
    rows  what the plan says of each op of the network, as `app.results.layers` does; empty where it says nothing
    """

    layers: tuple[Layer, ...]
    model: str = ""
    device: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    data: str = ""

    @property
    def names(self) -> list[str]:
        """The layers' names."""
        return [layer.name for layer in self.layers]


def read(plan: Any) -> Chosen:
    """Read a Plan, the mapping that `bitfront optimize --json` prints, or a file of it; ValueError on anything else."""
    if hasattr(plan, "problem"):
        return _of_plan(plan)
    if isinstance(plan, str | Path):
        plan = _loaded(Path(plan))
    assignment = plan.get("assignment") if isinstance(plan, Mapping) else None
    if not isinstance(assignment, Mapping) or not assignment:
        raise ValueError('a plan has {"assignment": {layer: format}}, as bitfront optimize --json prints it')
    edited = plan.get("strategy", "none")
    if edited != "none":
        raise ValueError(
            f"the plan is of what {edited} makes of {plan.get('model', 'a model')}, which no tool here makes"
        )
    rows = [row for row in plan.get("layers", ()) if isinstance(row, Mapping) and "name" in row]
    found = _chosen(assignment, rows, str(plan.get("model", "")), str(plan.get("device", "")))
    return replace(found, data=_data(plan))


def _data(plan: Mapping[str, Any]) -> str:
    """What stands behind --data in the command that solved a plan."""
    origin = plan.get("provenance")
    command = origin.get("command") if isinstance(origin, Mapping) else None
    words = [str(word) for word in command] if isinstance(command, list) else []
    spelled = next((w.partition("=")[2] for w in words if w.startswith("--data=")), "")
    return spelled or next((after for word, after in pairwise(words) if word == "--data"), "")


def _of_plan(plan: "Plan") -> Chosen:
    from app.results import layers

    assignment, found = plan.assignment, plan.estimate()
    rows = layers(found, plan.problem.ranges if plan.problem else {})
    return _chosen(assignment, rows, found.workload.name, found.device.name)


def _chosen(assignment: Mapping[Any, Any], rows: Sequence[Mapping[str, Any]], model: str, device: str) -> Chosen:
    known = {row["name"]: row for row in rows}
    tied = {row["name"]: assignment[row["shares"]] for row in rows if row.get("shares") in assignment}
    layers = tuple(_layer(str(name), option, known.get(name, {})) for name, option in {**tied, **assignment}.items())
    return Chosen(layers, model, device, tuple(rows))


def _layer(name: str, option: Any, row: Mapping[str, Any]) -> Layer:
    if not isinstance(option, str):
        raise ValueError(f"layer {name!r} of the plan must have a format's name, got {option!r}")
    formats, at, kept = option.partition("@")
    if at and not STRUCTURE.fullmatch(kept):
        raise ValueError(f"layer {name!r} of the plan: a sparse format is spelled like int8@2:4, got {option!r}")
    try:
        chosen = precision(formats)
    except ValueError as error:
        raise ValueError(f"layer {name!r} of the plan: {error}") from None
    sizes = {key: int(row[key]) for key in ("b", "k", "n") if key in row}
    if "row_elements" in row:
        sizes = {"k": int(row["row_elements"])}
    low = float(row.get("input_low", -math.inf))
    kind, shares = str(row.get("kind", "")), str(row.get("shares", ""))
    return Layer(name, option, chosen, kept, kind, **sizes, low=low, shares=shares)


def _loaded(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"cannot read the plan {str(path)!r}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a plan in JSON: {error}") from None
