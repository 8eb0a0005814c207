"""Measure the running machine as a Cpu: what its cores multiply and its memory moves in a second."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from costmodel.hardware import Cpu, PeakFlops, save
from costmodel.hardware.load import user_folder
from profilers.cpu.amid import measure_amid_s
from profilers.cpu.rates import Rate, copy_bytes_per_s, matmul_flops_per_s
from profilers.cpu.topology import last_cache_bytes, memory_bytes, physical_cores, processor_name
from profilers.timing import HostClock

PIPES = ("fp32", "bf16", "int8")

COPY_BYTES = 512 * 2**20
"""Size of the array copied: beyond the last-level cache of all but the largest servers."""

BUSY_SHARE = 0.2
"""Share of runs in which other processes took a core, above which the machine is called busy."""

WIDE_SPREAD = 0.1
"""Half width of a median's interval, over it, above which the machine is called busy too."""


@dataclass(frozen=True)
class Machine:
    """A measured Cpu, the rates behind it, and the share of runs in which other processes took a core."""

    cpu: Cpu
    rates: Mapping[str, Rate]
    busy_share: float

    @property
    def busy(self) -> bool:
        """Whether other work on the machine is likely to have slowed the measurement."""
        spreads = [rate.timing.spread for rate in self.rates.values() if rate.timing]
        return self.busy_share > BUSY_SHARE or max(spreads, default=0.0) > WIDE_SPREAD


def measure(seconds: float = 4.0) -> Machine:
    """Measure fp32, bf16 and int8 matrix products, a memory copy and what calls cost amid others, the fastest of each.

    Within about `seconds`. All threads that PyTorch uses work together. A pipe is nan where PyTorch has no kernel for
    it. The vector rate is that of fp32 products, which the same units compute. ValueError for a time that is not
    positive.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be positive, got {seconds}")
    import torch

    threads = torch.get_num_threads()
    clock = HostClock(threads)
    rates = {pipe: matmul_flops_per_s(pipe, seconds / 5, clock) for pipe in PIPES}
    memory = memory_bytes()
    rates["memory"] = copy_bytes_per_s(int(min(COPY_BYTES, memory / 16)), seconds / 5, clock)
    amid_s = measure_amid_s(seconds / 5, clock)
    by = f"measured on {date.today().isoformat()} by bitfront profile cpu with {threads} threads"
    told = f"told by the operating system on {date.today().isoformat()}"
    sources = {
        **{f"peak_flops.{p}": f"{by}: fastest {rates[p].of}" for p in PIPES if not math.isnan(rates[p].per_s)},
        "peak_flops.vector": f"{by}: the rate of fp32 products, which the same units compute",
        "memory_bytes_per_s": f"{by}: fastest {rates['memory'].of}",
        "amid_s": f"{by}: a chain of norms, linear layers, GELUs and sums beside the same calls repeated",
        "memory_bytes": told,
        "cores": told,
    }
    cache = last_cache_bytes()
    if not math.isnan(cache):
        sources["l2_bytes"] = f"{told}: the last level of cache"
    peaks = PeakFlops(vector=rates["fp32"].per_s, **{pipe: rates[pipe].per_s for pipe in PIPES})
    cores, moved = physical_cores(), rates["memory"].per_s
    cpu = Cpu(processor_name(), peaks, memory, moved, cores, l2_bytes=cache, amid_s=amid_s, sources=sources)
    return Machine(cpu, rates, clock.busy_share)


def write(cpu: Cpu, path: Path | None = None) -> Path:
    """Write a measured CPU, by default into the user's folder, where `costmodel.hardware.cpu` finds it by its name."""
    return save.write(cpu, path or user_folder() / "cpus" / f"{cpu.name}.toml")
