"""What a network computes: ops, workloads, and the passes of serving and training."""

from costmodel.workload.op import Op, Window
from costmodel.workload.workload import PHASES, Workload

__all__ = ["PHASES", "Op", "Window", "Workload"]
