"""The data that a user gives beside a torch model: what calibrates, and what is held out."""

from collections.abc import Mapping
from typing import Any


def load(target: str) -> Any:
    """Call module:callable and return what it gives; ValueError in one line where that fails or gives nothing."""
    from costmodel.importers.user_callable import call

    found = call(target, "data is spelled ")
    if found is None:
        raise ValueError(f"{target}() returned None, and data is wanted: {WANTED}")
    return found


WANTED = 'a pair of (inputs, targets), or {"calibration": such a pair, "test": another}'


def split(data: Any) -> tuple[Any, Any]:
    """Return (calibration, test) of {"calibration": (inputs, targets), "test": (inputs, targets)} or of one pair.

    A single (inputs, targets) pair calibrates, and nothing is held out: test is None. ValueError where data is neither,
    or a pair is not of tensors of as many examples.
    """
    if isinstance(data, Mapping):
        if "calibration" not in data:
            raise ValueError(f'data needs "calibration": (inputs, targets), it has {sorted(map(str, data))}')
        test = data.get("test")
        return _pair(data["calibration"], "calibration"), None if test is None else _pair(test, "test")
    return _pair(data, "data"), None


def _pair(given: Any, name: str) -> tuple[Any, Any]:
    """(inputs, targets): inputs one tensor or several, targets a tensor, all with the same leading dimension."""
    from torch import Tensor

    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{name} must be {WANTED if name == 'data' else '(inputs, targets)'}, got {_kind(given)}")
    inputs, targets = given
    parts = list(inputs) if isinstance(inputs, tuple | list) else [inputs]
    tensors = [*parts, targets]
    if not parts or not all(isinstance(part, Tensor) and part.ndim for part in tensors):
        raise ValueError(f"{name} must be (inputs, targets) in torch tensors, got {_kind(given)}")
    if len({len(part) for part in tensors}) > 1:
        raise ValueError(f"{name} has {len(parts[0])} inputs and {len(targets)} targets; each input needs its target")
    return inputs, targets


def _kind(given: Any) -> str:
    if isinstance(given, tuple | list):
        return f"({', '.join(_kind(part) for part in given[:4])}{', ...' * (len(given) > 4)})"
    return type(given).__name__
