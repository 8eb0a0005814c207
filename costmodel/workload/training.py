"""The pass of one training step: forward, gradients by input, gradients by weight."""

from dataclasses import replace

from costmodel.workload.op import Op
from costmodel.workload.workload import Workload


def training(workload: Workload) -> Workload:
    """Return one training step of a forward pass."""
    names = {op.name for op in workload.ops}
    backward: list[Op] = []
    for i, op in reversed(list(enumerate(workload.ops))):
        bare = replace(op, weight_elements=0.0, vector_elements=0.0, inputs=())
        if i and (not op.inputs or names & set(op.inputs)):
            backward.append(replace(bare, name=f"{op.name}.grad_input"))
        if op.weight_elements:
            backward.append(replace(bare, name=f"{op.name}.grad_weight", vector_flops=0.0))
    return replace(workload, ops=(*workload.ops, *backward), phase="training")
