"""Elementwise arithmetic between tensors: residual sums, gates, scalings, rotary embedding."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts


def elementwise(
    name: str,
    elements: float,
    *,
    operands: int = 2,
    flops: float = 1.0,
    parameters: float = 0,
    product: bool = False,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return an elementwise op with `elements` results from `operands` tensors of that size, `flops` a result.

    `parameters` are learned vectors that it applies (layer scale, position embeddings added to tokens). Gradients of a
    `product` read its operands, those of sums and rotations do not. ValueError where a size is negative.
    """
    require_counts(name, elements=elements, operands=operands, flops=flops, parameters=parameters)
    return Op(
        name,
        "elementwise",
        inputs,
        input_elements=operands * elements,
        vector_elements=parameters,
        output_elements=elements,
        vector_flops=flops * elements,
        keeps_inputs=product,
    )
