"""Energy of arithmetic and data movement."""

from costmodel.hardware import Cpu, Gpu
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op


def energy_j(op: Op, precision: Precision, device: Gpu | Cpu) -> Real:
    raise NotImplementedError
