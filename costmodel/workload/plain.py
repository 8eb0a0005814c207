"""A workload as plain data and back: what one process counted, another reads without the model's file."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from costmodel.catalog import require
from costmodel.workload.answers import Answers
from costmodel.workload.op import ROLES, Again, Heads, Op, Window
from costmodel.workload.workload import Workload

PARTS: dict[str, type[Any]] = {"window": Window, "heads": Heads, "again": Again}


def to_json(workload: Workload) -> str:
    """Return a workload as JSON that `read` takes."""
    return json.dumps(asdict(workload), allow_nan=False)


def read(path: str | Path) -> Workload:
    """Return the workload in a file of `to_json`; ValueError in one line where it holds none."""
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return _workload(data)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} holds no workload: {' '.join(str(error).split())[:200]}") from None


def _workload(data: Mapping[str, Any]) -> Workload:
    return Workload(
        name=str(data["name"]),
        ops=tuple(_op(dict(op)) for op in data["ops"]),
        prepared=tuple(_op(dict(op)) for op in data.get("prepared", ())),
        outputs=tuple(map(str, data["outputs"])),
        detached=tuple(map(str, data.get("detached", ()))),
        uncounted=tuple(map(str, data["uncounted"])),
        phase=str(data["phase"]),
        batch=int(data["batch"]),
        covers=str(data["covers"]),
        stated=tuple((str(layer), str(precision)) for layer, precision in data["stated"]),
        answers=Answers(**data["answers"]) if data.get("answers") else None,
    )


def _op(data: dict[str, Any]) -> Op:
    parts = {name: cls(**_numbers(data.pop(name, {}), cls)) for name, cls in PARTS.items()}
    name, kind, inputs = (data.pop(part) for part in ("name", "kind", "inputs"))
    named = {part: tuple(map(str, data.pop(part, ()))) for part in ("detached", "prepared")}
    role = require("role", str(data.pop("role", "")), ROLES)
    told: dict[str, Any] = {**parts, "shares": str(data.pop("shares", "")), "role": role, **named}
    told |= _numbers(data, Op)
    return Op(str(name), str(kind), tuple(map(str, inputs)), **told)


def _numbers(data: Mapping[str, Any], cls: type[Any]) -> dict[str, Any]:
    """The fields of a record that are numbers, each of them one and at least 0."""
    known = {field.name for field in fields(cls)}
    for name, value in data.items():
        if name not in known or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} must be a number of at least 0 and a field of {cls.__name__}, got {value!r}")
    return dict(data)
