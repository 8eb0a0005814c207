"""Measure the running machine as a Cpu: what its cores multiply and its memory moves in a second."""

import math
from datetime import date
from pathlib import Path

from costmodel.hardware import Cpu, PeakFlops, save
from costmodel.hardware.load import user_folder
from profilers.cpu.rates import copy_bytes_per_s, matmul_flops_per_s
from profilers.cpu.topology import memory_bytes, physical_cores, processor_name

PIPES = ("fp32", "bf16", "int8")

COPY_BYTES = 512 * 2**20
"""Size of the array copied: beyond the last-level cache of all but the largest servers."""


def measure(seconds: float = 4.0) -> Cpu:
    """Measure fp32, bf16 and int8 matrix products and a memory copy within about `seconds`, the fastest run of each.

    All cores that PyTorch uses work together. A pipe is nan where PyTorch has no kernel for it. The vector rate is that
    of fp32 products, which the same units compute. ValueError for a time that is not positive.
    """
    if not seconds > 0:
        raise ValueError(f"seconds must be positive, got {seconds}")
    import torch

    rates = {pipe: matmul_flops_per_s(pipe, seconds / 4) for pipe in PIPES}
    memory = memory_bytes()
    size = int(min(COPY_BYTES, memory / 16))
    bandwidth = copy_bytes_per_s(size, seconds / 4)
    by = f"measured on {date.today().isoformat()} by bitfront profile cpu with {torch.get_num_threads()} threads"
    told = f"told by the operating system on {date.today().isoformat()}"
    sources = {
        **{
            f"peak_flops.{p}": f"{by}: fastest torch product of side {n}"
            for p, (r, n) in rates.items()
            if not math.isnan(r)
        },
        "peak_flops.vector": f"{by}: the rate of fp32 products, which the same units compute",
        "memory_bytes_per_s": f"{by}: fastest copy of {size} bytes, read once and written once",
        "memory_bytes": told,
        "cores": told,
    }
    peaks = PeakFlops(vector=rates["fp32"][0], **{pipe: rate for pipe, (rate, _) in rates.items()})
    return Cpu(processor_name(), peaks, memory, bandwidth, physical_cores(), sources=sources)


def write(cpu: Cpu, path: Path | None = None) -> Path:
    """Write a measured CPU, by default into the user's folder, where `costmodel.hardware.cpu` finds it by its name."""
    return save.write(cpu, path or user_folder() / "cpus" / f"{cpu.name}.toml")
