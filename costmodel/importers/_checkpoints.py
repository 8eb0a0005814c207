"""Activation checkpoints of a torch module, of which torch.export leaves no trace: it is made to leave one."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from costmodel.workload import Workload

KEY = "checkpoint"
"""What the nodes of a checkpointed region have its number under, in their `custom` metadata."""


@dataclass
class Regions:
    """How many calls of torch.utils.checkpoint were traced."""

    found: int = 0


@contextmanager
def marked() -> Iterator[Regions]:
    """Number what torch.utils.checkpoint runs while this is entered, so that a graph traced meanwhile tells it.

    A node keeps its mark where torch.fx.traceback preserves metadata.
    """
    from torch.fx.traceback import annotate
    from torch.utils import checkpoint

    regions, numbers = Regions(), count(1)
    given = {name: getattr(checkpoint, name) for name in ("_checkpoint_without_reentrant_generator",)}
    given |= {"CheckpointFunction": checkpoint.CheckpointFunction}

    def without_reentry(*args: Any, **kwargs: Any) -> Iterator[Any]:
        regions.found = next(numbers)
        with annotate({KEY: regions.found}):
            yield from given["_checkpoint_without_reentrant_generator"](*args, **kwargs)

    class Reentrant:
        @staticmethod
        def apply(function: Callable[..., Any], _: bool, *args: Any) -> Any:
            regions.found = next(numbers)
            with annotate({KEY: regions.found}):
                return function(*args)

    try:
        vars(checkpoint).update(_checkpoint_without_reentrant_generator=without_reentry, CheckpointFunction=Reentrant)
        yield regions
    finally:
        vars(checkpoint).update(given)


def region(node: Any) -> int:
    """The number of the checkpointed region that an FX node lies in, 0 for none."""
    return int(node.meta.get("custom", {}).get(KEY, 0))


def recomputed(workload: Workload, regions: Mapping[str, int]) -> Workload:
    """Return the workload with what stays in a region computed anew in training; `regions` has that of each op."""
    ops = (*workload.ops, *workload.prepared)
    read = ((name, op.name) for op in ops for name in (*op.inputs, *op.prepared))
    leaving = {name for name, reader in read if regions.get(name) != regions.get(reader)} | {*workload.outputs}
    again, prepared = (
        tuple(replace(op, recomputed=bool(regions.get(op.name)) and op.name not in leaving) for op in part)
        for part in (workload.ops, workload.prepared)
    )
    return replace(workload, ops=again, prepared=prepared)
