"""Which layers a strategy takes: globs that must match something, and weights that must not be sparse already."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from costmodel.catalog import UnmatchedError
from costmodel.strategies._graph import named
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops.collective import BRINGING, LOAD
from costmodel.workload.training import retrained

EXPERTS = ".experts."
"""Between the name of a layer of experts and those of its products."""


def require_matches(workload: Workload, globs: Sequence[str]) -> None:
    """ValueError with near names where there are globs and no op of the workload matches any."""
    if globs and not any(named(op, globs) for op in workload.ops):
        raise UnmatchedError(f"layer of {workload.name}", globs[0], [op.name for op in workload.ops])


def is_dense(op: Op) -> bool:
    """Whether all weights of an op are there, and nothing is stored beside them."""
    return bool(op.weight_density == 1 and op.index_bits == 0)


def coded_layers(workload: Workload) -> set[str]:
    """Names of the layers whose weights are made of stored ones as they are read, by ops of their own or within."""
    made = {op.name.rpartition(".")[0] for op in workload.ops if op.kind == DEQUANTISATION}
    return made | {op.name for op in workload.ops if op.weight_flops}


def require_uncoded(workload: Workload, takes: Callable[[Op], bool]) -> None:
    """ValueError that names the first op taken whose weights are coded already."""
    coded = coded_layers(workload)
    for op in workload.ops:
        if op.name in coded and takes(op):
            raise ValueError(f"{op.name} of {workload.name} is made of weights stored otherwise: code it once")


def require_dense(workload: Workload, takes: Callable[[Op], bool], globs: Sequence[str]) -> None:
    """ValueError that names the first op taken whose weights are sparse, gated or stored with bits beside them."""
    require_in_memory(workload, takes)
    coded = coded_layers(workload)
    for op in workload.ops:
        if op.full_height and named(op, globs) and not takes(op) and takes(_ungated(op)):
            raise ValueError(f"{op.name} of {workload.name} runs by input in part: sparsify it before it is gated")
        if takes(op) and op.name in coded:
            raise ValueError(f"{op.name} of {workload.name} is made of weights stored otherwise: sparsify it before")
        if takes(op) and not is_dense(op):
            raise ValueError(
                f"{op.name} of {workload.name} is sparse already or stores more than its weights (density "
                f"{op.weight_density:.4g}, {op.index_bits:.4g} bits beside each): sparsify it once, before its storage"
            )


def _ungated(op: Op) -> Op:
    """An op of which an input runs a part, as if it ran whole."""
    return replace(op, n=op.full_height / op.b, k=op.full_width)


def require_in_memory(workload: Workload, takes: Callable[[Op], bool]) -> None:
    """ValueError that names the first op taken whose experts left memory: what they are loaded as is said before."""
    loads = [op.name.removesuffix(LOAD) for op in workload.ops if op.kind == BRINGING]
    layers = {name.rpartition(EXPERTS)[0] for name in loads}
    for op in workload.ops:
        if op.kind == "experts" and takes(op) and (op.fetched_elements or op.name.rpartition(EXPERTS)[0] in layers):
            raise ValueError(f"{op.name} of {workload.name} is loaded as its experts are stored: change them before")


def sparsified(
    workload: Workload, edit: Callable[[Op], Op], takes: Callable[[Op], bool], globs: Sequence[str]
) -> Workload:
    """Return the workload with `edit` applied to the ops taken; ValueError where globs match none or one is sparse.

    A training pass becomes that of the pruned network, whose mask stays: forward, gradients by input and those by
    weight multiply what is kept alone, three sparse forwards (Evci et al., RigL, arXiv 1911.11134, appendix H, static).
    """
    if workload.phase == "training":
        return retrained(workload, lambda forward: sparsified(forward, edit, takes, globs))
    require_matches(workload, globs)
    require_dense(workload, takes, globs)
    return workload.map(edit, takes)
