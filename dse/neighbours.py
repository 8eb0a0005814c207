"""Which layers of a network meet: those that one kernel fuses, those whose outputs are added, those that convert."""

from collections.abc import Mapping

from costmodel.catalog import require
from costmodel.workload import Op, Workload
from costmodel.workload.rerun import RERUN, layer_of
from dse.problem import Problem


def fused(workload: Workload) -> list[tuple[str, ...]]:
    """Linear layers that read the same tensor, as q, k and v or gate and up: servers run each set as one product."""
    readers: dict[tuple[str, ...], list[str]] = {}
    for op, inputs in _with_inputs(workload):
        if op.kind == "linear" and op.weight_elements > 0:
            readers.setdefault(inputs, []).append(op.name)
    return [tuple(names) for names in readers.values() if len(names) > 1]


def residual(workload: Workload) -> list[tuple[str, ...]]:
    """Layers whose outputs meet in one elementwise op with no other such op between, as at a downsampling shortcut.

    Integer arithmetic adds them without rescaling only if they share a format: Yao et al., HAWQ-V3, arXiv 2011.10680.
    """
    inputs_of = {op.name: (op, inputs) for op, inputs in _with_inputs(workload)}
    found = []
    for op, inputs in inputs_of.values():
        if op.kind == "elementwise" and len(inputs) > 1:
            sources = dict.fromkeys(layer for name in inputs if (layer := _source(name, inputs_of)))
            if len(sources) > 1:
                found.append(tuple(sources))
    return found


AUTOMATIC = {"fused": fused, "residual": residual}
"""The automatic ties by name."""


def named(problem: Problem, names: str) -> list[tuple[str, ...]]:
    """The automatic ties among a problem's layers by their names, comma-separated; UnknownNameError on another name."""
    groups = [
        tuple(layer for layer in group if layer in problem.layers)
        for name in names.split(",")
        for group in AUTOMATIC[require("tie", name.strip(), AUTOMATIC)](problem.workload)
    ]
    return [group for group in groups if len(group) > 1]


def edges(problem: Problem) -> list[tuple[int, int]]:
    """(from, to) layers between whose ops a tensor passes, once a tensor; an op without weights is its layer's."""
    place = {op.name: i for i, op in enumerate(problem.workload.ops)}
    follows = problem.follows.tolist()
    found = []
    for (op, inputs), to in zip(_with_inputs(problem.workload), follows, strict=True):
        sources = [follows[place[name]] for name in inputs if name in place]
        found += [(source, to) for source in sources if min(source, to) >= 0 and source != to and op.name in place]
    return found


def _with_inputs(workload: Workload) -> list[tuple[Op, tuple[str, ...]]]:
    """Each op with the names of what it reads: the op before where it names none."""
    before = [(), *((op.name,) for op in workload.ops[:-1])]
    return [(op, op.inputs or previous) for op, previous in zip(workload.ops, before, strict=True)]


def _source(name: str, inputs_of: Mapping[str, tuple[Op, tuple[str, ...]]]) -> str | None:
    """The layer that a tensor comes from through ops of one input; None where several meet or the network begins."""
    while name in inputs_of:
        op, inputs = inputs_of[name]
        if op.weight_elements > 0 or op.kind == RERUN:
            return layer_of(op)
        if len(inputs) != 1:
            return None
        name = inputs[0]
    return None
