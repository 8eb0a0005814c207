"""Traces that a user measured, read from a file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.files import require_file


def numbers(path: str) -> tuple[float, ...]:
    """Return the numbers of a file with one on each line; ValueError names the file and a line without one."""
    found = []
    for at, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(float(line))
        except ValueError:
            raise ValueError(f"{path}: line {at} must hold one number") from None
    return tuple(found)


def whole_numbers(path: str, axes: tuple[str, ...]) -> NDArray[np.int64]:
    """Return nested JSON lists of whole numbers of at least 0 with these axes, equally long: int64[axes].

    ValueError names the file.
    """
    text = _text(path)
    try:
        data: Any = np.array(json.loads(text))
    except (ValueError, RecursionError):
        data = np.zeros(0, dtype=object)
    if data.ndim != len(axes) or data.dtype.kind != "i" or not data.size or data.min() < 0:
        raise ValueError(f"{path} must hold JSON lists of whole numbers as [{', '.join(axes)}], equally long")
    return np.asarray(data, dtype=np.int64)


def _text(path: str) -> str:
    try:
        require_file(Path(path))
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"trace {path!r} cannot be read: {reason}") from None
