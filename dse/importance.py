"""Which axes of a space matter for a metric: every design where they are few enough, else a shared sample of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from dse.asked import known_names
from dse.axes import label
from dse.chunk import blocks
from dse.expression import check_names, objective
from dse.indices import Indices, Levels, exact, sobol
from dse.space import Space

Floats = NDArray[np.float64]

MOST_WHOLE = 2**20
"""Designs up to which all are evaluated, so that indices are exact."""


def importance(
    space: Space,
    metric: str,
    *,
    logarithm: bool = False,
    samples: int = 1024,
    seed: int = 0,
    most_whole: int = MOST_WHOLE,
    progress: Callable[[int, int], None] | None = None,
) -> Indices:
    """Sobol indices of a metric, or expression, over the axes that have more than one value.

    `logarithm` takes that of the metric: shares of ratios rather than of differences. Spaces of more than `most_whole`
    designs are sampled, with intervals. Constraints are left out: indices need a whole product. ValueError where the
    metric is unknown, or not known for some design.
    """
    wanted = objective(metric)
    check_names(wanted.value, known_names(space.axes))
    asked = replace(space, objectives=(wanted,), constraints=(), groups=(), metrics=())
    axes = [axis for axis in asked.axes if len(axis.values) > 1]
    if not axes:
        raise ValueError("every axis of this space has one value: nothing varies")
    names = [axis.name for axis in axes]
    if asked.size <= most_whole:
        values = _whole(asked, progress)
        _require_known(asked, values, metric)
        shape = [len(axis.values) for axis in axes]
        return exact(_logs(values, logarithm).reshape(shape), names)

    def sampled(columns: "dict[str, Floats]") -> Floats:
        places = [np.asarray(columns.get(a.name, 0.0), dtype=np.int64) for a in asked.axes]
        index = np.ravel_multi_index(tuple(np.broadcast_arrays(*places)), asked.shape)
        found = _some(asked, index, progress)
        _require_sampled(asked, index, found, metric)
        return _logs(found, logarithm)

    inputs = {axis.name: Levels(tuple(float(i) for i in range(len(axis.values)))) for axis in axes}
    return sobol(sampled, inputs, samples=samples, seed=seed)  # type: ignore[arg-type]


def narrowed(space: Space, axis: str, values: Sequence[str]) -> Space:
    """The space with one axis at some of its values, by their spelling; UnknownNameError lists near ones."""
    if not values:
        raise ValueError(f"axis {axis!r} is narrowed to some of its values, got none")
    by_label = {str(label(value)): value for value in space.axis(axis).values}
    kept = tuple(by_label[require(f"value of {axis}", text, by_label)] for text in values)
    return replace(space, axes=tuple(replace(a, values=kept) if a.name == axis else a for a in space.axes))


def _require_known(space: Space, values: Floats, metric: str) -> None:
    """ValueError that names the axis value at which most designs lack the metric."""
    lacking = ~np.isfinite(values.reshape(space.shape))
    if not lacking.any():
        return
    shares = {
        f"{axis.name}={label(value)}": float(np.take(lacking, place, axis=i).mean())
        for i, axis in enumerate(space.axes)
        for place, value in enumerate(axis.values)
    }
    worst = max(shares, key=lambda name: shares[name])
    raise ValueError(
        f"indices need {metric} for every design, {int(lacking.sum())} of {lacking.size} lack it"
        f" ({shares[worst]:.0%} of those with {worst}); narrow the axes"
    )


def _require_sampled(space: Space, index: NDArray[np.int64], values: Floats, metric: str) -> None:
    """ValueError that names a sampled design that lacks the metric by the values of its axes."""
    lacking = ~np.isfinite(values)
    if not lacking.any():
        return
    places = np.unravel_index(int(index[lacking][0]), space.shape)
    design = ", ".join(
        f"{axis.name}={label(axis.values[place])}" for axis, place in zip(space.axes, places, strict=True)
    )
    raise ValueError(
        f"indices need {metric} for every design, {np.unique(index[lacking]).size} of {np.unique(index).size} sampled"
        f" lack it, as {design}; narrow the axes"
    )


def _logs(values: Floats, wanted: bool) -> Floats:
    if not wanted:
        return values
    if (values <= 0).any():
        raise ValueError(f"a logarithm needs a metric above 0, its least is {values.min():g}")
    return np.asarray(np.log(values))


def _whole(space: Space, progress: Callable[[int, int], None] | None) -> Floats:
    values = np.empty(space.size)
    for block in blocks(space, 0, space.size):
        stop = block.start + len(block.columns)
        values[block.start : stop] = block.columns[:, 0]
        if progress:
            progress(stop, space.size)
    return values


def _some(space: Space, index: NDArray[np.int64], progress: Callable[[int, int], None] | None) -> Floats:
    """The metric of designs by index, each evaluated once."""
    distinct, where = np.unique(index, return_inverse=True)
    values = np.empty(len(distinct))
    for at, one in enumerate(distinct.tolist()):
        values[at] = next(blocks(space, one, one + 1)).columns[0, 0]
        if progress:
            progress(at + 1, len(distinct))
    return values[where]
