"""A workload as plain data and back: what one process counted, another reads without the model's file."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from costmodel.catalog import require
from costmodel.workload.answers import Answers
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.op import ROLES, Again, Heads, Op, Window
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.prepared import UNCOUNTED
from costmodel.workload.rerun import RERUN
from costmodel.workload.workload import Workload

PARTS: dict[str, type[Any]] = {"window": Window, "heads": Heads, "again": Again}
KINDS = (
    "linear", "experts", "embedding", "conv", "conv_transpose", "conv3d", "conv3d_transpose", "matmul", "attention",
    "scan", "recurrence", "norm", "softmax", "activation", "elementwise", "pooling", RERUN, UNCOUNTED, DEQUANTISATION,
    *COLLECTIVES,
)  # fmt: skip
"""Those of the ops that estimators know."""
SHOWN = 60
"""Characters of a value that an error shows."""


def to_json(workload: Workload) -> str:
    """Return a workload as JSON that `read` takes."""
    return json.dumps(asdict(workload), allow_nan=False)


def read(path: str | Path) -> Workload:
    """Return the workload in a file of `to_json`; ValueError in one line where it holds none."""
    path = Path(path)
    try:
        return _workload(_object("a workload", json.loads(path.read_text(encoding="utf-8")), Workload))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} holds no workload: {' '.join(str(error).split())[:200]}") from None
    except KeyError as error:
        raise ValueError(f"{path} holds no workload: {error} is missing") from None


def _workload(data: Mapping[str, Any]) -> Workload:
    pairs = [tuple(_texts("stated", pair)) for pair in _list("stated", data["stated"])]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("stated must be a list of pairs of texts")
    answers = data.get("answers")
    return Workload(
        name=_text("name", data["name"]),
        ops=tuple(_op(op) for op in _list("ops", data["ops"])),
        prepared=tuple(_op(op) for op in _list("prepared", data.get("prepared", []))),
        outputs=_texts("outputs", data["outputs"]),
        detached=_texts("detached", data.get("detached", [])),
        uncounted=_texts("uncounted", data["uncounted"]),
        phase=_text("phase", data["phase"]),
        batch=_count("batch", data["batch"]),
        passes=_count("passes", data.get("passes", 1)),
        context=_count("context", data.get("context", 0), least=0),
        heard=_count("heard", data.get("heard", 0), least=0),
        written=_number("written", data.get("written", 1.0)),
        covers=_text("covers", data["covers"]),
        stated=tuple((layer, precision) for layer, precision in pairs),
        answers=None if answers is None else Answers(**_numbers("answers", answers, Answers)),
    )


def _op(given: Any) -> Op:
    data = dict(_object("an op", given, Op))
    name, kind = _text("name", data.pop("name")), require("kind", _text("kind", data.pop("kind")), KINDS)
    inputs = _texts("inputs", data.pop("inputs"))
    told: dict[str, Any] = {part: cls(**_numbers(part, data.pop(part, {}), cls)) for part, cls in PARTS.items()}
    told |= {part: _texts(part, data.pop(part, [])) for part in ("detached", "prepared")}
    told["role"] = require("role", _text("role", data.pop("role", "")), ROLES)
    told["shares"] = _text("shares", data.pop("shares", ""))
    told |= {key: _number(key, value) for key, value in data.items()}
    return Op(name, kind, inputs, **told)


def _object(what: str, data: Any, cls: type[Any]) -> Mapping[str, Any]:
    """An object whose keys are fields of a record."""
    known = {field.name for field in fields(cls)}
    if not isinstance(data, dict):
        raise ValueError(f"{what} must be an object, got {_shown(data)}")
    for name in data:
        if name not in known:
            raise ValueError(f"{what} has {_shown(name)}, which is no field of {cls.__name__}")
    return data


def _numbers(what: str, data: Any, cls: type[Any]) -> dict[str, float]:
    """The fields of a record that has numbers alone."""
    return {name: _number(name, value) for name, value in _object(what, data, cls).items()}


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number of at least 0, got {_shown(value)}")
    return value


def _count(name: str, value: Any, *, least: int = 1) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {_shown(value)}")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, got {_shown(value)}")
    return value


def _texts(name: str, values: Any) -> tuple[str, ...]:
    return tuple(_text(f"each of {name}", value) for value in _list(name, values))


def _list(name: str, values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise ValueError(f"{name} must be a list, got {_shown(values)}")
    return values


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
