"""Synthesise, simulate and count designs: in batches, each result cached as soon as it is there."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields

from profilers.fpga.cache import Cache, default_folder, key
from profilers.fpga.design import Design
from profilers.fpga.flow import script, synthesise
from profilers.fpga.sites import Counts, count
from profilers.fpga.tool import Yosys, yosys
from profilers.fpga.verify import verify
from profilers.fpga.verilog import verilog

BATCH = 16
"""Designs in a Yosys process, at most: its start and the cell library take about 4 s, a design 0.1 to 4 s."""
BATCH_TERMS = 256
"""Terms of a batch's dot products together, at most: one of 64 minifloats takes half a minute, and an interruption
loses the batch."""

_REVISION = "1"
"""Raised when counting or checking changes what a cached result means."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: designs done of all, how many of them came from the cache, and seconds so far."""

    done: int
    total: int
    cached: int
    elapsed_s: float

    @property
    def remaining_s(self) -> float:
        """Seconds to go at the rate of the designs synthesised so far; nan before the first."""
        fresh = self.done - self.cached
        return self.elapsed_s / fresh * (self.total - self.done) if fresh else float("nan")


def measure(
    designs: Sequence[Design],
    family: str = "xc7",
    *,
    cache: Cache | None = None,
    batch: int = BATCH,
    progress: Callable[[Progress], None] = lambda _: None,
    tool: Yosys | None = None,
) -> list[Counts]:
    """Return the counts of every design, each checked against its formats before it is counted.

    An interrupted run goes on where it stopped: finished batches are in the cache (the user's by default).
    ValueError on a bad design or family, YosysError where Yosys fails, MismatchError where a netlist computes wrong.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    flow, tool = script(family), tool or yosys()
    store = cache or Cache(default_folder())
    keys = {design: key(verilog(design), flow, tool.version, _REVISION) for design in dict.fromkeys(designs)}
    stored = {design: _stored(store, name) for design, name in keys.items()}
    found = {design: counts for design, counts in stored.items() if counts is not None}
    missing, cached, start = [design for design in keys if design not in found], len(found), time.monotonic()
    progress(Progress(cached, len(keys), cached, 0.0))
    for chunk in _chunks(missing, batch):
        for design, circuit in zip(chunk, synthesise(chunk, family, tool), strict=True):
            verify(design, circuit)
            found[design] = count(circuit)
            store.put(keys[design], asdict(found[design]))
        progress(Progress(len(found), len(keys), cached, time.monotonic() - start))
    return [found[design] for design in designs]


def _chunks(designs: Sequence[Design], size: int) -> Iterator[Sequence[Design]]:
    """Batches in order, of at most `size` designs and, where there are two, BATCH_TERMS terms."""
    batch: list[Design] = []
    for design in designs:
        if batch and (len(batch) == size or sum(d.n for d in batch) + design.n > BATCH_TERMS):
            yield batch
            batch = []
        batch.append(design)
    if batch:
        yield batch


def _stored(store: Cache, name: str) -> Counts | None:
    entry = store.get(name)
    if entry is None or set(entry) != {field.name for field in fields(Counts)}:
        return None
    return Counts(**entry)
