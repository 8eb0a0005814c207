"""Which strategies of a space change nothing of one of its models: designs with them are those without."""

from collections.abc import Iterator, Mapping
from typing import Any

from costmodel import models
from costmodel.strategies import idle, strategy
from dse.axes import CORRECT, label
from dse.passes import key_of
from dse.space import Space


def idle_steps(space: Space) -> Iterator[tuple[str, str]]:
    """Yield a model with the first shape of the axes, and the spelling of a step that leaves it as it is.

    A step that does not apply to a model is none of these: designs with it cannot be built.
    """
    first = space.design(0)
    axes = {axis.name: axis.values for axis in space.axes}
    steps = {str(step): step for value in axes.get("strategy", ()) for step in _steps(value)}
    for model in axes["model"]:
        given, _ = key_of(first | {"model": model})
        shape = {name: value for name, value in given.items() if name not in ("model", CORRECT)}
        workload = models.load(given["model"], **shape) if steps else None
        for step in steps.values():
            try:
                found = idle(strategy([step]), workload) if workload else ()
            except ValueError:
                continue
            yield from ((str(label(given)), spelled) for spelled in found)


def _steps(value: Any) -> list[Any]:
    """The steps of a value of the strategy axis, as `strategy` reads it."""
    if isinstance(value, str):
        return [part.strip() for part in value.split("+")]
    return [value] if isinstance(value, Mapping) else list(value)
