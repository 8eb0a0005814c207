"""Normalisation: batch, layer, group and RMS norms."""

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts

FLOPS = {"batch": 2, "layer": 8, "group": 8, "rms": 5}
"""Vector FLOPs an element: batch norm at inference is one multiply and one add; the others find statistics first."""


def norm(
    name: str, elements: float, features: float, *, style: str, affine: bool = True, bias: bool = True,
    inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return a norm over `elements` values, with `features` scales (and shifts); `style` is a key of FLOPS.

    ValueError for another style or a negative size.
    """
    if style not in FLOPS:
        raise ValueError(f"style must be one of {', '.join(sorted(FLOPS))}, got {style!r}")
    require_counts(name, elements=elements, features=features)
    return Op(
        name,
        "norm",
        inputs,
        input_elements=elements,
        vector_elements=features * (1 + bias) if affine else 0,
        output_elements=elements,
        vector_flops=FLOPS[style] * elements,
    )
