"""Rotary position embedding as an op."""

from costmodel.workload.op import Op
from costmodel.workload.ops import elementwise

FLOPS = 3
"""An element: x cos + rotated(x) sin. Su et al., RoFormer, arXiv 2104.09864, equation 34."""


def rotary_embedding(name: str, elements: float, *, inputs: tuple[str, ...]) -> Op:
    """Return the rotation of `elements` query and key elements; the table of sines and cosines is not counted."""
    return elementwise(name, elements, operands=1, flops=FLOPS, inputs=inputs)
