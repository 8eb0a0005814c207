"""A layer that runs again: its op has what all of its runs cost, and an op that costs nothing stands where each is."""

from string import digits

from costmodel.workload.op import Op

RERUN = "rerun"
"""The kind of op that stands for a later run of a layer, executed no times: its tensors live, nothing is counted."""

RUN = ".run_"
"""What stands between the layer's name and the number of the run in the op's."""


def rerun(layer: Op, op: Op, number: int) -> Op:
    """Return the op that stands for run `number` of a layer, which reads and writes what all executions of `op` do."""
    return Op(
        f"{layer.name}{RUN}{number}",
        RERUN,
        op.inputs,
        count=0.0,
        input_elements=op.input_elements * op.count,
        output_elements=op.output_elements * op.count,
        keeps_inputs=op.keeps_inputs,
        keeps_output=op.keeps_output,
    )


def layer_of(op: Op) -> str:
    """The name of the op that has the costs of this one: its layer's, or its gradient's, where it is a later run."""
    layer, _, rest = op.name.rpartition(RUN)
    return layer + rest.lstrip(digits) if op.kind == RERUN else op.name
