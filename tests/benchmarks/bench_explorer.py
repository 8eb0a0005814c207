"""Speed and robustness of the explorer's sweeps: 1e8 cells to their front, and a Dask cluster of which a worker dies.

    python tests/benchmarks/bench_explorer.py [sweep] [dask]

A cell is an op of the network at a precision on a device at a batch. Equal ops of a network are evaluated once; both
counts are printed, and the rate is of the cells of the space.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from dse import passes, sweep
from dse.records import Part
from dse.space import Space

ROOT = Path(__file__).parents[2]
BATCHES, CHUNKS, CHUNK_S, WORKERS = 375, 200, 1.0, 2

SPACE = f"""
objectives = ["latency_s / batch", "energy_j / batch", "loss"]
constraints = ["footprint_bytes <= memory_bytes"]
groups = ["device"]
latency = "roofline"
[axes]
model = "zoo:resnet50"
batch = {{ from = 1, to = {BATCHES}, points = {BATCHES} }}
device = [
    "a30", "a40", "a100_pcie", "a100_sxm", "a100_sxm_40gb", "b200_sxm", "h100_pcie", "h100_sxm", "h200_sxm",
    "jetson_orin", "l4", "l40s", "rtx_4090", "rtx_pro_6000_server", "t4", "v100_sxm",
]
[axes.precision]
weight = [
    "int2", "int3", "int4", "int5", "int6", "int7", "int8", "fp8_e4m3", "nf4", "mxfp4", "bf16", "fp16",
]
activation = ["int4", "int6", "int8", "fp8_e4m3", "mxfp8", "bf16", "fp16", "fp32"]
"""


def sweep_cells(folder: Path) -> None:
    """The whole command, start included, with the most memory of all its processes together."""
    space = written(folder)
    done = passes.build(space.design(0))
    cells, distinct = (space.size * n for n in (len(done.workload.ops), len(done.counted.ops)))
    args = ["explore", str(folder / "space.toml"), "--out", str(folder / "run"), "--workers", str(WORKERS)]
    before, start = os.times(), time.perf_counter()
    command = [sys.executable, "-c", "from app.cli import main; main()", *args]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        most_bytes = watch(process)
    wall_s, after = time.perf_counter() - start, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    assert process.returncode == 0
    print(
        f"sweep: {cells / 1e6:.1f} M cells ({distinct / 1e6:.1f} M of distinct ops), {WORKERS} workers: {wall_s:.2f} s,"
        f" {cells / wall_s / 1e6:.1f} M cells/s, at most {most_bytes / 1e6:.0f} MB; processor time {cpu_s:.2f} s,"
        f" {cells / cpu_s / 1e6:.1f} M cells a second of it"
    )


def watch(process: "subprocess.Popen[bytes]") -> int:
    """The most resident memory of a process and its children together, until it ends."""
    most = 0
    while process.poll() is None:
        most = max(most, resident(process.pid))
        time.sleep(0.02)
    return most


def resident(pid: int) -> int:
    """Bytes in memory of a process and its children."""
    try:
        root = psutil.Process(pid)
        return sum(p.memory_info().rss for p in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


class Padded:
    """A chunk's work, and sleep up to CHUNK_S in all."""

    def __init__(self, work: Callable[[int], Part]) -> None:
        self.work = work

    def __call__(self, number: int) -> Part:
        """Do a chunk."""
        start = time.perf_counter()
        part = self.work(number)
        time.sleep(max(0.0, CHUNK_S - (time.perf_counter() - start)))
        return part


def dask_with_a_death(folder: Path) -> None:
    """200 chunks of 1 s on 2 workers, one killed after 20 s; the bytes compared with an undisturbed sweep's."""
    from distributed import LocalCluster

    space = written(folder)
    changed: Any = sweep
    work_of = sweep.work_of
    changed.chunk_designs = lambda s: -(-s.size // CHUNKS)
    sweep.sweep(space, folder / "undisturbed", workers=WORKERS)
    changed.work_of = lambda plan: Padded(work_of(plan))
    with LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        pid = next(iter(cluster.workers.values())).pid
        killer = threading.Timer(20 * CHUNK_S, os.kill, (pid, signal.SIGKILL))
        killer.start()
        start = time.perf_counter()
        run = sweep.sweep(space, folder / "cluster", cluster=cluster.scheduler_address)
        wall_s = time.perf_counter() - start
    names = ("journal", "front.parquet")
    same = all((folder / "cluster" / n).read_bytes() == (folder / "undisturbed" / n).read_bytes() for n in names)
    ideal_s = CHUNKS * CHUNK_S / WORKERS
    print(
        f"dask: {len(run.done)}/{CHUNKS} chunks of {CHUNK_S:.0f} s on {WORKERS} workers, one killed: {wall_s:.1f} s, "
        f"{wall_s / ideal_s - 1:.1%} over {ideal_s:.0f} s; bytes as undisturbed: {same}"
    )


def written(folder: Path) -> Space:
    """The space of the sweep, its file written."""
    (folder / "space.toml").write_text(SPACE)
    return Space.load(folder / "space.toml")


if __name__ == "__main__":
    sections = {"sweep": sweep_cells, "dask": dask_with_a_death}
    for name in sys.argv[1:] or sections:
        with tempfile.TemporaryDirectory() as temporary:
            sections[name](Path(temporary))
