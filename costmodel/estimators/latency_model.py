"""LatencyModel: what the models of matrix products and of attention differ in, for the flow that they share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real


@dataclass(frozen=True)
class Terms:
    """The parts of a prediction that intervals and the name of the bound need."""

    latency_s: Real
    compute_s: Real
    memory_s: Real
    fixed_s: Real


@dataclass(frozen=True)
class LatencyModel:
    """An analytic model with fitted constants, as functions of `sizes` (arrays of one shape, in this order).

    terms        (*sizes, kind, gpu, constants) -> the analytic prediction and its parts
    features     (*sizes, sm_count, terms) -> float[F, N], what the residual model sees
    named        the kind of a family's name
    constants    the record of constants; `neutral` stands for those that a kind has no need of, `shares` are at most 1
    nearest      the family whose constants serve where no other device has measured one
    siblings     the family that is taken for one, at a cost of OFFSET in estimators/sibling, where the device or nobody
                 measured that one
    alike        the class of a family: those of one class tell of each other on a device, "" of none
    other_kernels  shipped fits (device, family, backend) whose kernels are others than their family says: they answer
                 for their own rows and tell of nothing else
    unalike      log offsets that hold 90 % of the errors of constants from another family, or another backend's kernels
    library      families that every backend leaves to the vendor's library, so that all of them tell of a new device
    cells        edges between the ranges of a size in which intervals are widened by what rows there need
    roofline     (*sizes, kind, device) -> what a processor whose calls nobody measured takes, None where it has no such
    software     log offsets by which software that nobody named, or measured, may differ beyond an interval, by family;
                 "" for those not listed, none where software is not told apart
    """

    name: str
    sizes: tuple[str, ...]
    terms: Callable[..., Terms]
    features: Callable[..., NDArray[np.float64]]
    named: Callable[[str], Any]
    constants: Callable[..., Any]
    neutral: Any
    shares: tuple[str, ...]
    nearest: Mapping[str, str]
    unalike: tuple[float, float] = (0.0, 0.0)
    library: tuple[str, ...] = ()
    cells: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    software: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    siblings: Mapping[str, str] = field(default_factory=dict)
    alike: Callable[[str], str] = lambda _math: ""
    other_kernels: tuple[tuple[str, str, str], ...] = ()
    roofline: Callable[..., Terms] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The constants' names, in order."""
        return tuple(f.name for f in fields(self.neutral))


def bound(parts: Terms) -> Real:
    """Which part of the time is largest: "compute", "memory" or "latency" (launch and quantisation)."""
    names = np.array(["compute", "memory", "latency"])
    return names[np.argmax(np.stack(np.broadcast_arrays(parts.compute_s, parts.memory_s, parts.fixed_s)), axis=0)]
