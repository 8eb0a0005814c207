"""The data that a user gives beside a torch model: what calibrates, and what is held out."""

import importlib
from collections.abc import Mapping
from typing import Any


def load(target: str) -> Any:
    """Call module:callable and return what it gives; ValueError in one line where that fails."""
    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise ValueError(f"data is spelled module:callable, got {target!r}")
    try:
        build = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"no data at {target!r}: {error}") from None
    try:
        return build()
    except Exception as error:
        raise ValueError(f"{target}() failed: {type(error).__name__}: {error}") from None


def split(data: Any) -> tuple[Any, Any]:
    """Return (calibration, test) of {"calibration": (inputs, targets), "test": (inputs, targets)} or of one pair.

    A single (inputs, targets) pair calibrates, and nothing is held out: test is None.
    """
    if isinstance(data, Mapping):
        if "calibration" not in data:
            raise ValueError(f'data needs "calibration": (inputs, targets), it has {sorted(map(str, data))}')
        return data["calibration"], data.get("test")
    if isinstance(data, tuple | list) and len(data) == 2:
        return tuple(data), None
    raise ValueError(f"data must be (inputs, targets) or a mapping with calibration, got {type(data).__name__}")
