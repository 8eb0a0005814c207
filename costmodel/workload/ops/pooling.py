"""Average and maximum pooling."""

from costmodel.workload.op import Op, Window
from costmodel.workload.ops._sizes import require_counts


def pooling(
    name: str,
    input_elements: float,
    output_elements: float,
    *,
    window: Window | None = None,
    inputs: tuple[str, ...] = (),
) -> Op:
    """Return a pooling; without a `window` it reads every input once (a mean), and at least one an output.

    What a maximum keeps of its places is not counted. ValueError where a size is negative.
    """
    require_counts(name, input_elements=input_elements, output_elements=output_elements)
    area = (
        window.kernel_height * window.kernel_width if window else max(1.0, input_elements / max(1.0, output_elements))
    )
    return Op(
        name,
        "pooling",
        inputs,
        input_elements=input_elements,
        output_elements=output_elements,
        vector_flops=area * output_elements,
        window=window or Window(),
        keeps_inputs=window is not None,
    )
