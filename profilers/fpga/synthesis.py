"""Synthesise, simulate and count designs: in batches, each result cached as soon as it is there."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate

from profilers.fpga.cache import Cache, default_folder, key
from profilers.fpga.design import Design
from profilers.fpga.expected import START_S, expected_s
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
BATCH_S = 120.0
"""Seconds that a batch of several designs is expected to take, at most: wide floats take minutes each."""

_REVISION = "1"
"""Raised when counting or checking changes what a cached result means."""


@dataclass(frozen=True)
class Progress:
    """How far a run is: designs done of all, how many of them came from the cache, and seconds so far.

    now       what is synthesised next, "" where nothing is
    expected  seconds expected of the designs synthesised so far, and of all that must be
    """

    done: int
    total: int
    cached: int
    elapsed_s: float
    now: str = ""
    expected: tuple[float, float] = (0.0, 0.0)

    @property
    def remaining_s(self) -> float:
        """Seconds to go, at the pace of the designs synthesised so far; nan before the first where none is expected."""
        done_s, all_s = self.expected
        if all_s:
            return (all_s - done_s) * (self.elapsed_s / done_s if done_s else 1.0)
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

    An interrupted run goes on where it stopped, finished batches are in the cache (the user's by default). `progress`
    is told at its end what is kept. ValueError on a bad design or family, YosysError where Yosys fails, MismatchError
    where a netlist computes wrong.
    """
    if batch < 1:
        raise ValueError(f"batch must be at least 1, got {batch}")
    flow, tool = script(family), tool or yosys()
    store = cache or Cache(default_folder())
    keys = {design: key(verilog(design), flow, tool.version, _REVISION) for design in dict.fromkeys(designs)}
    stored = {design: _stored(store, name) for design, name in keys.items()}
    found = {design: counts for design, counts in stored.items() if counts is not None}
    missing, cached, start = [design for design in keys if design not in found], len(found), time.monotonic()
    chunks = list(_chunks(missing, batch))
    work = [0.0, *accumulate(START_S + float(expected_s(chunk).sum()) for chunk in chunks)]
    for chunk, done_s in zip(chunks, work[:-1], strict=True):
        elapsed_s = time.monotonic() - start
        progress(Progress(len(found), len(keys), cached, elapsed_s, _named(chunk), (done_s, work[-1])))
        try:
            for design, circuit in zip(chunk, synthesise(chunk, family, tool), strict=True):
                verify(design, circuit)
                counts = count(circuit)
                store.put(keys[design], asdict(counts))
                found[design] = counts
        except KeyboardInterrupt:
            progress(Progress(len(found), len(keys), cached, time.monotonic() - start))
            raise
    progress(Progress(len(found), len(keys), cached, time.monotonic() - start))
    return [found[design] for design in designs]


def _chunks(designs: Sequence[Design], size: int) -> Iterator[Sequence[Design]]:
    """Batches in order, of at most `size` designs and, where there are two, BATCH_TERMS terms and BATCH_S."""
    batch: list[Design] = []
    terms, seconds = 0, 0.0
    for design, own_s in zip(designs, expected_s(designs).tolist(), strict=True):
        if batch and (len(batch) == size or terms + design.n > BATCH_TERMS or seconds + own_s > BATCH_S):
            yield batch
            batch, terms, seconds = [], 0, 0.0
        batch.append(design)
        terms, seconds = terms + design.n, seconds + own_s
    if batch:
        yield batch


def _named(batch: Sequence[Design]) -> str:
    return f"{batch[0].name} and {len(batch) - 1} more" if len(batch) > 1 else batch[0].name


def _stored(store: Cache, name: str) -> Counts | None:
    entry = store.get(name)
    if entry is None or set(entry) != {field.name for field in fields(Counts)}:
        return None
    return Counts(**entry)
