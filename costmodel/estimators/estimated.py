"""What an estimate holds: columns over the ops of a workload on a device, and totals."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel import display
from costmodel.estimators import energy, utilisation
from costmodel.estimators.evaluate import as_run
from costmodel.hardware import Cpu, Device, Fpga, Gpu
from costmodel.precision import Precision
from costmodel.record import Real, stack
from costmodel.workload import Op, Workload

SHOWN_LAYERS = 8
SHOWN_COLUMNS = (
    "name", "kind", "precision", "latency_s", "bound", "macs", "weight_bytes", "bytes_moved", "energy_j", "lut", "dsp",
    "bram18",
)  # fmt: skip
"""What a notebook shows of the layers."""


FUSED = (
    "Pointwise ops run fused, as in an engine such as TensorRT or a compiler: 13 passes compiled by PyTorch on an H100"
    " took 0.96 to 1.5 times as long, all within the interval; {torch} is PyTorch without, which fuses none: several"
    " times as long for networks of small layers."
)
SPARSE = (
    "2:4 weights take the full rate of the sparse pipe, by kernels that nobody measured; PyTorch's, measured on an H100"
    " ({torch}), gain less than a quarter of that in prefill and lose in decode."
)
"""What `Estimate.assumed` says of a GPU's latency."""

ENERGY = (
    "Energy: arithmetic and DRAM alone, by published energies of single operations; its interval, an order of magnitude"
    " either way, is a judgement."
)
NO_ENERGY = "No energy: the file of {device} tells no {lacks}; energies of single operations go by them."
"""What it says of a CPU's energy."""


@dataclass(frozen=True, repr=False)
class Estimate:
    """What a workload costs: per-op `columns` (arrays in op order) and `totals`; a quantity not modelled is absent.

    Each column reads as an attribute too: `estimate.latency_s` is an array over ops, `totals["latency_s"]` its sum.
    """

    workload: Workload
    precisions: tuple[Precision, ...]
    device: Device
    columns: Mapping[str, NDArray[Any]]
    totals: Mapping[str, float]
    uncounted: tuple[str, ...]

    def __getattr__(self, name: str) -> NDArray[Any]:
        if not name.startswith("_") and name in self.columns:
            return self.columns[name]
        raise AttributeError(f"{type(self).__name__} has no {name!r}; its columns are {sorted(self.columns)}")

    @property
    def ttft_s(self) -> float:
        """Time to first token: the latency of a prefill pass."""
        return self._of_phase("prefill")

    @property
    def tpot_s(self) -> float:
        """Time per output token: the latency of a decode pass."""
        return self._of_phase("decode")

    @property
    def latency_sources(self) -> dict[str, float]:
        """Share of the summed latency by source: calibrated, transferred, spec, fitted roofline, fused."""
        words = np.array([str(source).split(" (")[0] for source in self.columns["source"]])
        latency_s = self.columns["latency_s"]
        return {w: float(latency_s[words == w].sum() / latency_s.sum()) for w in sorted(set(words.tolist()))}

    @property
    def latency_told(self) -> str:
        """The shares of `latency_sources` and how many ops are unlike what was measured, as a sentence or two."""
        parts = ", ".join(f"{part:.0%} {source}" for source, part in self.latency_sources.items())
        shaped = ~np.char.startswith(self.columns["source"].astype(str), "fitted roofline")
        outside = int(np.sum(self.columns.get("extrapolated", False) & shaped))
        lie = "layer lies" if outside == 1 else "layers lie"
        unlike = f" {outside} {lie} outside the shapes that were measured, or where few were."
        return f"Latency: {parts}." + unlike * bool(outside)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Sentences on what a GPU's latency takes for granted that nobody measured, and on energy of a CPU."""
        if isinstance(self.device, Cpu):
            lacks = " and no ".join(energy.lacking(self.device))
            return (NO_ENERGY.format(device=self.device.name, lacks=lacks) if lacks else ENERGY,)
        if not isinstance(self.device, Gpu):
            return ()
        torch = f"{self.device.name}:torch"
        sources = self.columns["source"].astype(str)
        found = {FUSED: np.char.startswith(sources, "fused"), SPARSE: np.char.find(sources, "sparse pipe") >= 0}
        return tuple(sentence.format(torch=torch) for sentence, holds in found.items() if holds.any())

    @property
    def mfu(self) -> float:
        """Share of the pass that its useful products take at the dense peak of the pipe each runs on, 0 to 1."""
        return self._share(utilisation.product_s, "mfu")

    @property
    def mbu(self) -> float:
        """Share of the pass that its memory traffic takes at full bandwidth, 0 to 1: what a GPU's L2 holds is none."""
        return self._share(utilisation.memory_s, "mbu")

    def _share(self, least_s: Callable[[Op, Precision, Gpu | Cpu], Real], name: str) -> float:
        if isinstance(self.device, Fpga):
            raise ValueError(f"{name} needs a GPU or CPU: an FPGA has no fixed peak")
        run, used = stack(as_run(self.workload.ops, self.device)), stack(self.precisions)
        return utilisation.share(least_s(run, used, self.device), self.columns["latency_s"])

    def table(self) -> list[dict[str, float | str]]:
        """One row an op: its name, kind, precision and every column."""
        rows: list[dict[str, float | str]] = []
        for i, op in enumerate(self.workload.ops):
            row: dict[str, float | str] = {"name": op.name, "kind": op.kind, "precision": self.precisions[i].name}
            row |= {name: column[i].item() for name, column in self.columns.items()}
            rows.append(row)
        return rows

    def _of_phase(self, phase: str) -> float:
        if self.workload.phase != phase:
            raise ValueError(f"this is the estimate of a {self.workload.phase} pass, not of a {phase} pass")
        return self.totals["latency_s"]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.6g}" for name, value in self.totals.items())
        sources = "" if isinstance(self.device, Fpga) else f". {self.latency_told}"
        return f"<Estimate of {self.workload.name} on {self.device.name}: {told}{sources}>"

    def _repr_html_(self) -> str:
        about = f"{self.workload.name} ({self.workload.phase}, batch {self.workload.batch}) on {self.device.name}"
        missing = f"Not counted: {', '.join(self.uncounted)}" if self.uncounted else ""
        latency = () if isinstance(self.device, Fpga) else (self.latency_told, *self.assumed)
        totals = display.card(about, self.totals, notes=(self.workload.covers, *latency, missing))
        rows = sorted(self.table(), key=lambda row: -float(row["latency_s"]))[:SHOWN_LAYERS]
        columns = [c for c in SHOWN_COLUMNS if any(row.get(c) for row in rows)]
        title = f"The {len(rows)} slowest of {len(self.workload.ops)} ops; .table() has all, with every column"
        return totals + display.table(title, rows, columns)
