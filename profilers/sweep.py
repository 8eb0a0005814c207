"""Sweep: measure what tells most within a time, keeping every row as it comes."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from profilers import choose, timing
from profilers.call import Call
from profilers.timing import Clock, Timing, Work

SHARE_S = 0.1
"""Most seconds that one call's runs may take."""

FIRST = 3
"""Calls of a kind that fail before any other of it was measured, and leave it out."""


class Backend(Protocol):
    """Where calls run: its clock, how many copies of weights keep them cold, and what it says of itself.

    `flushed` tells whether caches are overwritten before every run: such rows are others than those without.
    """

    name: str
    version: str
    flushed: bool

    @property
    def clock(self) -> Clock:
        """What times calls on it."""

    @property
    def clocks(self) -> Mapping[str, Clock]:
        """What times whole networks on it, by way of launching."""

    def copies(self, call: Call) -> int:
        """How many copies of a call's weights to cycle over."""

    def facts(self, work: Sequence[Work], call: Call, /) -> Mapping[str, Any]:
        """Columns that describe the conditions of the measurement: clocks, temperature, power, caches."""

    def power_of(self, launched: str, /) -> Mapping[str, Any]:
        """Columns of the power of the network just timed so, if any tells."""


@dataclass
class Family:
    """The candidates of one kind, and what has been measured of them: log(measured / rough) by index."""

    calls: Sequence[Call]
    points: NDArray[np.float64]
    errors: dict[int, float] = field(default_factory=dict)
    lost: int = 0
    unsure: float = np.inf
    failed: str = ""

    @property
    def rows(self) -> int:
        """How many were measured."""
        return len(self.errors) - self.lost

    @property
    def left(self) -> bool:
        """Whether anything is left to measure."""
        return not self.failed and len(self.errors) < len(self.calls)


def families(calls: Sequence[Call]) -> dict[str, Family]:
    """Sort candidates by table and kind."""
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(f"{call.table} {call.math}", []).append(call)
    return {name: Family(own, np.log2(np.array([c.sizes for c in own]) + 1.0)) for name, own in found.items()}


def sweep(
    calls: Sequence[Call],
    backend: Backend,
    *,
    device: str,
    seconds: float,
    keep: Callable[[Mapping[str, Any]], None],
    known: Mapping[tuple[Any, ...], float] | None = None,
    progress: Callable[[float, float], None] | None = None,
    first: int = 0,
) -> dict[str, Family]:
    """Measure calls for `seconds`, next the one about which fits of its kind disagree most; `keep` gets every row.

    `known` are keys and latencies of rows measured before. A kind whose FIRST calls fail is left out, the error kept
    in `failed`: libraries lack kernels. `progress` is told (seconds gone, in all). Kinds get `first` rows each, one
    after another as `calls` come, then take turns by how unsure they are. Interrupting loses the call under way alone.
    """
    pools = families(calls)
    _recall(pools, known or {})
    start = time.perf_counter()
    while (gone := time.perf_counter() - start) < seconds:
        if progress:
            progress(gone, seconds)
        open_pools = [pool for pool in pools.values() if pool.left]
        if not open_pools:
            break
        short = next((pool for pool in open_pools if pool.rows < first), None)
        pool = short or max(open_pools, key=lambda p: p.unsure)
        done = np.array(sorted(pool.errors), dtype=np.intp)
        seen = np.array([pool.errors[i] for i in done])
        at = choose.next_index(pool.points, done, seen)
        found = _measured(pool, at, backend, min(SHARE_S, max(seconds - gone, 1e-3)))
        if found:
            keep({"gpu": device, **_row(pool.calls[at], *found, backend)})
        pool.unsure = _unsure(pool)
    return pools


def _recall(pools: Mapping[str, Family], known: Mapping[tuple[Any, ...], float]) -> None:
    for pool in pools.values():
        for i, call in enumerate(pool.calls):
            if call.key in known:
                pool.errors[i] = float(np.log(known[call.key] / call.least_s))
        pool.unsure = _unsure(pool)


def _measured(pool: Family, at: int, backend: Backend, budget_s: float) -> tuple[Timing, Mapping[str, Any]] | None:
    call = pool.calls[at]
    try:
        work = call.build(backend.copies(call))
        found = timing.measure(work, backend.clock, budget_s=budget_s)
        facts = backend.facts(work, call)
    except (RuntimeError, TypeError, ValueError) as error:
        pool.errors[at] = 0.0 if not pool.errors else float(np.mean(list(pool.errors.values())))
        pool.lost += 1
        if pool.lost == len(pool.errors) == FIRST:
            pool.failed = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return None
    pool.errors[at] = float(np.log(found.latency_s / call.least_s))
    return found, facts


def _row(call: Call, found: Timing, facts: Mapping[str, Any], backend: Backend) -> dict[str, Any]:
    named = {"table": call.table, "math": call.math, "backend": backend.name, "backend_version": backend.version}
    return {**named, **call.columns, **asdict(found), "spread": found.spread, **facts}


def _unsure(pool: Family) -> float:
    """How unsure fits are of a kind: the error left, over the root of the rows; unknown until the start is filled."""
    n = len(pool.errors)
    if n < choose.START:
        return 1e6 / (1 + n)
    done = np.array(sorted(pool.errors), dtype=np.intp)
    errors = np.array([pool.errors[i] for i in done])
    return float(np.median(choose.disagreement(pool.points, pool.points[done], errors))) + 1.0 / n
