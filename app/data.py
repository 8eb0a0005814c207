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


WANTED = 'such as (inputs, targets), or {"calibration": such data, "test": others}'
TESTED = 4096
"""Held-out examples taken of data sets and loaders (a judgement: accuracies to a percent)."""


def split(data: Any) -> tuple[Any, Any]:
    """Return (calibration, test) of {"calibration": data, "test": data}, or of data that calibrate alone.

    Data of either are as `dse.sensitivity.examples.gathered` takes them, test ones have targets and come as such
    (inputs, targets), None where nothing is held out. ValueError where they are none, or a mapping has other names.
    """
    from dse.sensitivity.examples import gathered

    if not isinstance(data, Mapping) or not {"calibration", "test", "train"} & set(data):
        return data, None
    if "calibration" not in data:
        raise ValueError(f'data needs "calibration": (inputs, targets), it has {sorted(map(str, data))}')
    if data.get("test") is None:
        return data["calibration"], None
    inputs, targets, _ = gathered(data["test"], "test", TESTED)
    if targets is None:
        raise ValueError("test needs targets, to say how right a design is; got inputs alone")
    return data["calibration"], (inputs, targets)
