"""The network that a strategy's steps leave to be trained: what predicted quality is of, however it is then run."""

from costmodel.catalog import UnmatchedError
from costmodel.strategies._then import Strategy, compose, steps_of
from costmodel.workload import Workload


def undivided(strategy: Strategy) -> Strategy:
    """Return the strategy as one GPU would run it alone, itself where no step shares (`alone`)."""
    steps = steps_of(strategy)
    alone = tuple(getattr(step, "alone", step) for step in steps)
    return strategy if alone == steps else compose(*alone)


def network(strategy: Strategy, workload: Workload) -> Workload:
    """Return the workload after those steps alone that make another network of it (`reshapes`).

    Drafts, verifiers and factors beside it, GPUs that share it and experts out of memory are left out, as are zeros
    among its weights: `is_sparse` says where there are any. A step that names layers of others alone changes nothing.
    """
    for step in steps_of(strategy):
        if getattr(step, "reshapes", False):
            try:
                workload = step(workload)
            except UnmatchedError:
                continue
    return workload
