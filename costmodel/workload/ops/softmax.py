"""Softmax on its own, where it is not part of an attention op."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts
from costmodel.workload.ops.attention import SOFTMAX_FLOPS


def softmax(name: str, elements: float, *, inputs: tuple[str, ...] = ()) -> Op:
    """Return a softmax over `elements` values, whose gradient follows from them."""
    require_counts(name, elements=elements)
    return Op(
        name,
        "softmax",
        inputs,
        input_elements=elements,
        output_elements=elements,
        vector_flops=SOFTMAX_FLOPS * elements,
        keeps_inputs=False,
        keeps_output=True,
    )
