"""Prediction: latencies with their intervals and where they come from, whatever kind of op and model made them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real

SOURCES = ("calibrated", "transferred", "spec", "fitted roofline", "fused", "link formula")
"""What `how` starts with, best first: fitted on the device's own rows of this kind of work; on few of them, or on other
devices' rows with what its own of other kinds tell, if only of the interval's width; on other devices' rows alone,
carried by the spec sheet; a roofline with fitted efficiencies; the traffic left to an op that runs within another's
kernel; or a formula of what a link between GPUs carries, on which nothing was measured."""


@dataclass(frozen=True)
class Prediction:
    """Predicted seconds of one execution with their 90 % interval; scalars, or arrays over what was predicted.

    `bound` names the largest part (compute, memory, latency, link), `extrapolated` marks shapes outside what was
    or hardly measured, `how` starts with one of SOURCES and says in brackets what was pooled, carried or assumed.
    uncertainty.total needs `correlation`, that of the errors of different shapes, for a sum. nan where the device lacks
    the pipe.
    """

    latency_s: Real
    low_s: Real
    high_s: Real
    bound: Real
    extrapolated: Real
    how: Real
    correlation: Real

    def reshape(self, shape: tuple[int, ...]) -> "Prediction":
        """The prediction with its arrays in another shape; what is one value for all stays one value."""
        shaped = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{n: v.reshape(shape) for n, v in shaped.items() if isinstance(v, np.ndarray)})


def scattered(parts: list[tuple[NDArray[np.intp], Prediction]], size: int) -> Prediction:
    """One prediction of `size` rows from several with their indices, `how` and `correlation` by row; nan elsewhere."""
    blank: dict[str, object] = {"bound": "", "how": "", "extrapolated": False}
    columns: dict[str, NDArray[np.generic]] = {}
    for name in (f.name for f in fields(Prediction)):
        given = [np.asarray(getattr(part, name)) for _, part in parts]
        column = np.full(
            size, blank.get(name, np.nan), dtype=np.result_type(np.asarray(blank.get(name, np.nan)), *given)
        )
        for (rows, _), values in zip(parts, given, strict=True):
            column[rows] = values
        columns[name] = column
    return Prediction(**columns)


def at_least(found: Prediction, least_s: Real, bound: str) -> Prediction:
    """The prediction and the low end of its interval at least so long, the high end as far above as it was.

    What is raised is bound by `bound`; all arguments broadcast.
    """
    latency_s = np.maximum(found.latency_s, least_s)
    factor = np.where(found.latency_s > 0, latency_s / np.where(found.latency_s > 0, found.latency_s, 1.0), 1.0)
    return replace(
        found,
        latency_s=latency_s,
        low_s=np.maximum(found.low_s, least_s),
        high_s=np.maximum(found.high_s * factor, latency_s),
        bound=np.where(latency_s > found.latency_s, bound, found.bound),
    )


def joined(reasons: Mapping[str, NDArray[np.bool_]], size: int) -> NDArray[np.str_]:
    """Of each of `size` rows the reasons that hold, separated by commas, "" where none does."""
    codes = np.zeros(size, dtype=np.int64)
    for i, holds in enumerate(reasons.values()):
        codes |= np.broadcast_to(holds, size).astype(np.int64) << i
    told, which = np.unique(codes, return_inverse=True)
    texts = [", ".join(reason for i, reason in enumerate(reasons) if code >> i & 1) for code in told.tolist()]
    return np.array(texts, dtype=np.str_)[which]


def rows_by(*columns: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Rows whose values in all columns are equal, in the order of the values as text."""
    keys: dict[tuple[Any, ...], int] = {}
    codes = np.array([keys.setdefault(row, len(keys)) for row in zip(*(c.tolist() for c in columns), strict=True)])
    return [np.flatnonzero(codes == keys[key]) for key in sorted(keys, key=str)]
