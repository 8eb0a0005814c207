"""How networks of selective scans are counted by those who publish them."""

from costmodel.workload import Workload


def counted_flops(workload: Workload) -> float:
    """A MAC of products and convolutions as one FLOP, and a scan's 9 a token, channel and state."""
    return float(sum(op.macs + (op.vector_flops if op.kind == "scan" else 0) for op in workload.ops))
