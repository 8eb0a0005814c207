"""What a kept result must look like: checked where a file is read, so that what draws it need not."""

import sys
from collections.abc import Mapping
from typing import Any

NUMBER, TEXT, CELL, COMMAND = "a number", "a text", "a number or a text", "a list of texts or null"

Shape = Any
"""NUMBER, TEXT, CELL or COMMAND; [shape] for a list, {"*": shape} for a mapping, {key: shape} for its keys, "key?" for
one that may lack."""

ORIGIN = {"command?": COMMAND, "versions?": {"*": TEXT}, "calibrations?": {"*": TEXT}, "inputs?": {"*": TEXT},
          "opened_on?": TEXT}  # fmt: skip
DESIGN = {"name": TEXT, "kind": TEXT, "totals": {"*": NUMBER}, "loss": NUMBER, "accuracy?": NUMBER, "r2?": NUMBER,
          "assignment?": {"*": TEXT}}  # fmt: skip
LAYER = {"name": TEXT, "window?": {"*": CELL}, "*": CELL}
SHAPES: dict[str, dict[str, Shape]] = {
    "optimization": {
        "model": TEXT, "device": TEXT, "assignment": {"*": TEXT}, "totals": {"*": NUMBER}, "designs": [DESIGN],
        "layers": [LAYER], "fronts": {"*": [[NUMBER]]}, "budgets": [TEXT], "provenance?": ORIGIN,
        "solver": TEXT, "loss_source": TEXT, "objective": NUMBER, "gap": NUMBER, "chosen": TEXT, "uncounted": [TEXT],
        "metric?": TEXT, "budgets_from?": TEXT, "proven_within?": TEXT, "fixed?": TEXT, "beyond?": {"*": CELL},
        "notes?": [TEXT], "covers?": TEXT, "not_chosen?": {"*": TEXT}, "peaks?": {"*": NUMBER},
        "memory_bytes_per_s?": NUMBER, "available?": {"*": NUMBER}, "tested?": NUMBER,
        "accuracy_standard_error?": NUMBER, "measured_better?": [TEXT],
        "front_points?": {"*": {"kept": NUMBER, "of": NUMBER}},
    },
    "front": {
        "model": TEXT, "device": TEXT, "objectives": [TEXT], "formats": [TEXT], "layers": [TEXT], "loss_source": TEXT,
        "points": [{"choice": [NUMBER], "supported": NUMBER, "beyond?": {"*": CELL}, "*": CELL}], "provenance?": ORIGIN,
    },
    "exploration": {
        "space": {"axes": {"*": []}}, "objectives": [TEXT], "front": [{"*": CELL}], "columns": [TEXT],
        "groups": [TEXT], "constraints": [TEXT], "latency": TEXT, "provenance?": ORIGIN, "designs": NUMBER,
        "ranges?": [TEXT], "designs_done": NUMBER, "excluded": NUMBER, "unknown": NUMBER, "points": NUMBER,
    },
}  # fmt: skip


def check(value: Any, shape: Shape, where: str) -> None:
    """ValueError says where a value is not of its shape, and what is there."""
    if isinstance(shape, list):
        _require(isinstance(value, list), "a list", value, where)
        for i, part in enumerate(value if shape else ()):
            check(part, shape[0], f"{where}[{i}]")
    elif isinstance(shape, Mapping):
        _require(isinstance(value, Mapping), "an object", value, where)
        _check_keys(value, shape, where)
    else:
        _require(_is(value, shape), shape, value, where)


def _check_keys(value: Mapping[str, Any], shape: Mapping[str, Shape], where: str) -> None:
    for key, part in shape.items():
        name = key.removesuffix("?")
        if name != "*" and name in value:
            check(value[name], part, f"{where}.{name}")
        elif key == name != "*":
            raise ValueError(f"{where} lacks {name}")
    for name in (name for name in value if "*" in shape and not {name, f"{name}?"} & set(shape)):
        check(value[name], shape["*"], f"{where}.{name}")


def _is(value: Any, shape: str) -> bool:
    number = isinstance(value, int | float) and abs(value) <= sys.float_info.max
    texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    held = {NUMBER: number, TEXT: isinstance(value, str), CELL: number or value is None or isinstance(value, str)}
    return {**held, COMMAND: value is None or texts}[shape]


def _require(held: bool, what: str, value: Any, where: str) -> None:
    if not held:
        raise ValueError(f"{where} must be {what}, got {str(value)[:40]!r}")
