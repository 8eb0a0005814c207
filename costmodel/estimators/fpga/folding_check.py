"""Whether a folding is one of a workload: a PE and a SIMD for every op, of units that can be built."""

import numpy as np

from costmodel.estimators.fpga.unit import Folding, height, on_fabric, streaming, width
from costmodel.workload import Workload


def require(workload: Workload, folding: Folding) -> None:
    """ValueError names the first op whose PE or SIMD is not whole or does not divide its unit's size."""
    count = len(workload.ops)
    for name in ("pe", "simd"):
        if np.shape(getattr(folding, name)) not in ((), (1,), (count,)):
            got = f"{name} of shape {np.shape(getattr(folding, name))}"
            raise ValueError(
                f"a folding has a number for all {count} ops of {workload.name} or one for each, got {got}"
            )
    ops = workload.batch_of_ops
    matrix, stream = on_fabric(ops), streaming(ops)
    pe, simd = (np.broadcast_to(np.asarray(each, dtype=np.float64), count) for each in (folding.pe, folding.simd))
    rows = np.where(matrix, height(ops), np.where(stream, ops.output_elements, 1.0))
    for name, given, size, used in (("PE", pe, rows, matrix | stream), ("SIMD", simd, width(ops), matrix)):
        whole = np.isfinite(given) & (given >= 1) & (given == np.floor(given))
        safe = np.where(whole, given, 1.0)
        divides = np.where(matrix, size % safe == 0, safe <= size)
        wrong = np.flatnonzero(np.broadcast_to(used & ~(whole & divides), count))
        if wrong.size:
            i = int(wrong[0])
            of = "divide" if matrix[i] else "be at most"
            raise ValueError(f"{name} of {workload.ops[i].name} must be whole and {of} {size[i]:g}, got {given[i]:g}")
