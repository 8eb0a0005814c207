"""CudaBackend: a GPU under PyTorch and CuPy, timed by events around CUDA graphs, its L2 flushed or left warm."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from costmodel.hardware import Gpu
from profilers.call import FLUSHED, POWER_TABLE, Call
from profilers.gpu import nvml
from profilers.gpu.power import Meter
from profilers.timing import Floats, Work

COPIES = 5
"""Copies of weights that one graph cycles over, as the rows do from which our calibrations were fitted."""

FLUSH_FACTOR = 2.0
"""The buffer that flushes the L2 is this much larger than it."""

CLOCKS_S = 0.02
"""Seconds of steady work before clocks are read."""

WARM_RUNS = 3

GRAPH_S, MOST_REPEATS = 4e-4, 32
"""Pieces are repeated within a graph up to so many times, until it takes about this long: on an H100 the replay of a
graph costs 10 us beside what it holds, several times a small kernel."""

MOST_COPIED_BYTES = 8e9

LEAD, MOST_FLUSHES = 2.0, 32
"""The L2 is overwritten until the device is busy for so many times what the host takes to launch a piece, and so often
at most: then the events around the piece are queued before the device comes to them, and time it alone."""


class CudaClock:
    """Times work with events, after warm-up: one graph of all pieces replayed, or each piece launched by itself.

    A replay over its pieces, short ones repeated, is a run. What cannot be captured is launched, or an error where it
    `must`. With `flush` the L2 is overwritten before each run, outside the events, which stand around the first piece,
    launched by itself: a graph's own cost is several times a small kernel and could be spread over no repeats.
    """

    def __init__(self, l2_bytes: float, *, flush: bool = False, graphs: bool = True, must: bool = False) -> None:
        import torch

        self.flush, self.graphs, self.must = flush, graphs and not flush, must
        self.repeats = 1 if must or not self.graphs else MOST_REPEATS
        self.captured = False
        self._work: Sequence[Work] = ()
        self._replay: Work = lambda: None
        self._pieces = self._flushes = 1
        self._buffer = torch.empty(int(l2_bytes * FLUSH_FACTOR), dtype=torch.uint8, device="cuda")

    def prepare(self, work: Sequence[Work]) -> None:
        """Warm up and capture; where a call cannot be captured it is launched, and `captured` says so."""
        import torch

        self._replay = lambda: None
        pieces = work[:1] if self.flush else work
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_RUNS):
                start = time.perf_counter()
                for piece in pieces:
                    piece()
                side.synchronize()
                once_s = time.perf_counter() - start
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        pieces = list(pieces) * int(np.clip(GRAPH_S / once_s, 1, self.repeats))
        self._pieces, self.captured, self._replay = len(pieces), False, lambda: [piece() for piece in pieces]
        if self.graphs and pieces:
            self._capture(pieces)
        self._replay()
        torch.cuda.synchronize()
        if self.flush and pieces:
            self._flushes = self._flushes_ahead()

    def times_s(self, work: Sequence[Work], runs: int) -> Floats:  # noqa: ARG002
        """Seconds of each of `runs` replays of the work that was prepared, over its pieces."""
        import torch

        events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(runs)]
        for start, end in events:
            for _ in range(self._flushes if self.flush else 0):
                self._buffer.zero_()
            start.record()
            self._replay()
            end.record()
        torch.cuda.synchronize()
        return np.array([start.elapsed_time(end) for start, end in events]) * 1e-3 / self._pieces

    def run_for(self, seconds: float) -> None:
        """Replay for so long, to bring clocks and power to those of steady work."""
        import torch

        start = now = time.perf_counter()
        count = 1
        while now < start + seconds:
            for _ in range(count):
                self._replay()
            torch.cuda.synchronize()
            last, now = now, time.perf_counter()
            count = int(np.clip(count * (start + seconds - now) / (now - last), 1, 2 * count))

    def _flushes_ahead(self) -> int:
        """How often to overwrite the L2 so that the host has launched a piece before the device comes to it."""
        import torch

        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        self._buffer.zero_()
        end.record()
        torch.cuda.synchronize()
        before = time.perf_counter()
        self._replay()
        host_s = time.perf_counter() - before
        torch.cuda.synchronize()
        flush_s = max(start.elapsed_time(end) * 1e-3, 1e-7)
        return int(np.clip(np.ceil(LEAD * host_s / flush_s), 1, MOST_FLUSHES))

    def _capture(self, pieces: Sequence[Work]) -> None:
        import torch

        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                for piece in pieces:
                    piece()
        except RuntimeError:  # the call waits for the device, or allocates in a way that a graph cannot hold
            torch.cuda.synchronize()
            if self.must:
                raise
            return
        self.captured, self._replay = True, graph.replay


class CudaBackend:
    """Runs calls on the first GPU; every row says how it was timed, with clocks and temperature, some with power."""

    name = "torch"

    def __init__(self, gpu: Gpu, *, flush: bool = False, graphs: bool = True) -> None:
        import torch

        self.version = str(torch.__version__)
        self.flushed = flush
        self.clock = CudaClock(float(gpu.l2_bytes), flush=flush, graphs=graphs)
        self.bus = bus_id()
        self.meter = Meter(partial(nvml.energy_j, self.bus), partial(nvml.instant_w, self.bus))
        self.clocks = {"graph": CudaClock(0.0, must=True), "eager": CudaClock(0.0, graphs=False)}

    def copies(self, call: Call) -> int:
        """COPIES of the weights, fewer where they would not fit in memory; one where calls have none."""
        if not call.weight_bytes:
            return 1
        return int(np.clip(MOST_COPIED_BYTES / call.weight_bytes, 1, COPIES))

    def facts(self, work: Sequence[Work], call: Call) -> Mapping[str, Any]:
        """How the L2 was treated, how it was launched, what the board says after some steady work; power of products.

        Repeats leave the L2 warm, so that of work that was timed with the L2 flushed they do not tell the power.
        """
        self.clock.run_for(CLOCKS_S)
        cache = FLUSHED if self.flushed else ("weights cycled" if len(work) > 1 else "warm")
        launched = "graph" if self.clock.captured else "stream"
        power = self.meter.columns(self.clock.run_for) if call.table == POWER_TABLE and not self.flushed else {}
        return {"cache": cache, "launched": launched, "copies": len(work), **nvml.read(self.bus), **power}

    def power_of(self, launched: str) -> Mapping[str, Any]:
        """Power of the network that the clock of that way of launching was prepared for, as a graph."""
        clock = self.clocks[launched]
        return self.meter.columns(clock.run_for) if clock.graphs else {}


def bus_id() -> str:
    """The PCI bus id of CUDA's device 0, as NVML and nvidia-smi take it."""
    import cupy

    return str(cupy.cuda.runtime.deviceGetPCIBusId(0))
