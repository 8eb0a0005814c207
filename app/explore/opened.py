"""One design opened: its estimate, layer by layer, with edits of layers' precisions, as rows, totals and sources."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from app.explore.designs import Designs
from costmodel.catalog import require
from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.fpga import Design as Folding
from costmodel.hardware import Device, Fpga
from costmodel.precision import precision
from costmodel.workload import Workload
from dse.curves import ends
from dse.designs import as_swept, parts_of
from dse.digests import digest
from dse.noise import loss_of
from dse.space import ID_DIGITS

_LOCK = threading.Lock()


@dataclass(frozen=True, eq=False)
class Opened:
    """A design as it is estimated: its content hash, its estimate, and its columns as the sweep names them.

    laid_for  the precision for which its FPGA is laid out, "" elsewhere
    swept     the columns that its sweep has by another model than the estimate, as that model gives them
    """

    id: str
    estimate: Estimate
    columns: Mapping[str, float]
    laid_for: str = ""
    swept: Mapping[str, float] = field(default_factory=dict)

    @property
    def drawn(self) -> dict[str, float]:
        """The columns as a figure of its sweep shows them."""
        return {**self.columns, **self.swept}

    @property
    def precisions(self) -> list[str]:
        """The precision of each layer, in the network's order."""
        named = zip(self.estimate.workload.ops, self.estimate.precisions, strict=True)
        return [precision.name for op, precision in named if op.weight_elements > 0]

    @property
    def device(self) -> Device:
        """The device it runs on."""
        return self.estimate.device


def parse_edits(text: str) -> dict[str, str]:
    """Read "layer:precision,layer:precision"; ValueError where a part is none or a precision is unknown."""
    found = {}
    for part in filter(None, text.split(",")):
        layer, colon, spelled = part.rpartition(":")
        if not colon or not layer:
            raise ValueError(f"an edit is layer:precision, got {part[:60]!r}")
        found[layer] = precision(spelled).name
    return found


def open_design(designs: Designs, row: int, edits: tuple[tuple[str, str], ...] = ()) -> Opened:
    """Estimate a row's design with `edits` (layer, precision), laid out on an FPGA as its sweep or front had it.

    UnknownNameError for a layer that it has not; ValueError where the device lacks what a precision needs.
    """
    with _LOCK:  # two callbacks of one click ask at once: the second waits, and finds it
        return _open_design(designs, row, edits)


@lru_cache(maxsize=64)
def _open_design(designs: Designs, row: int, edits: tuple[tuple[str, str], ...]) -> Opened:
    workload, device, base, laid_for, folding = _base(designs, row)
    for layer, _ in edits:
        require("layer", layer, workload.layers)
    chosen = base | dict(edits)
    found = estimate(workload, chosen, device, folding=folding)
    own = designs.id(row)
    columns = dict(found.totals) | {"loss": loss_of(workload, found.precisions)}
    columns |= rates(found)
    told = digest({"design": own, "edits": dict(edits)})[:ID_DIGITS] if edits else own
    return Opened(told, found, columns, laid_for, as_swept(designs.space, found))


@lru_cache(maxsize=32)
def _base(designs: Designs, row: int) -> tuple[Workload, Device, dict[str, str], str, Folding | None]:
    """A row's design without edits: workload, device, precisions by layer, what an FPGA is laid out for, and how."""
    designs.id(row)
    workload, device = parts_of(designs.space, int(designs.index[row]))
    assignment = _assignment(designs, row)
    if not isinstance(device, Fpga):
        return workload, device, assignment, "", None
    laid_for = _laid_for(designs, row, assignment)
    folding = fpga.fold(workload, precision(laid_for), device)
    return workload, device, assignment, laid_for, folding


def _assignment(designs: Designs, row: int) -> dict[str, str]:
    if row >= designs.swept:
        return dict(designs.mixed[row - designs.swept].assignment)
    return {"*": str(designs.values(row)["precision"])}


def _laid_for(designs: Designs, row: int, assignment: Mapping[str, str]) -> str:
    """The precision that a mixed design's folding was made for, as its front has it; of the sweep's its own."""
    return designs.mixed[row - designs.swept].laid_for if row >= designs.swept else precision(assignment["*"]).name


def rates(found: Estimate) -> dict[str, float]:
    """Examples per second and the ends of their range, as far as the latency has one that it is the inverse of: a
    dataflow's slowest stage paces it whatever a pass takes."""
    middle, low, high = (found.totals.get(name, np.nan) for name in ("latency_s", *ends("latency_s")))
    each = found.totals.get("throughput_per_s", found.workload.batch / middle)
    if isinstance(found.device, Fpga) and "rows" not in found.totals:
        return {"examples_per_s": each}
    return {
        "examples_per_s": each,
        "examples_low_per_s": each * middle / high,
        "examples_high_per_s": each * middle / low,
    }
