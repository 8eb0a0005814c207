"""Which strategies change nothing of a workload."""

from costmodel.strategies._named import spelled
from costmodel.strategies._then import Strategy, steps_of
from costmodel.workload import Workload


def idle(strategy: Strategy, workload: Workload) -> tuple[str, ...]:
    """Return the spellings of a strategy's steps that give back what they are given: ops and answers are the same."""
    found = []
    for step in steps_of(strategy):
        edited = step(workload)
        if edited.ops == workload.ops and edited.answers == workload.answers:
            found.append(spelled(step))
        workload = edited
    return tuple(found)
