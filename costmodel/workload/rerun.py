"""A layer that runs again: its op has what all of its runs cost, and an op that costs nothing stands where each is."""

from collections.abc import Sequence
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
        detached=op.detached,
        prepared=op.prepared,
        count=0.0,
        input_elements=op.input_elements * op.count,
        output_elements=op.output_elements * op.count,
        keeps_inputs=op.keeps_inputs,
        keeps_output=op.keeps_output,
        trained_weights=layer.trained_weights,
        trained_vectors=layer.trained_vectors,
    )


def layer_of(op: Op) -> str:
    """The name of the op that has the costs of this one: its layer's, or its gradient's, where it is a later run."""
    layer, _, rest = op.name.rpartition(RUN)
    return layer + rest.lstrip(digits) if op.kind == RERUN else op.name


def runs_of(ops: Sequence[Op]) -> dict[str, list[int]]:
    """Where the runs of each layer stand, by its name."""
    runs: dict[str, list[int]] = {}
    for i, op in enumerate(ops):
        runs.setdefault(layer_of(op), []).append(i)
    return runs


def own_outputs(ops: Sequence[Op]) -> list[float]:
    """Elements that the run which stands at each op's place makes, with those of every step of a recurrence.

    The op of a layer that runs again has the mean of all runs, of which each later one has its own.
    """
    own = [float(op.output_elements) * (float(op.count) if op.kind == "recurrence" else 1.0) for op in ops]
    for first, *later in runs_of(ops).values():
        if later and ops[first].kind != RERUN:
            times = 1.0 if ops[first].kind == "recurrence" else 1.0 + len(later)
            own[first] = max(own[first] * times - sum(own[i] for i in later), 0.0)
    return own
