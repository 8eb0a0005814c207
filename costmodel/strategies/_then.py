"""Then: strategies one after another as one strategy."""

from collections.abc import Callable
from dataclasses import dataclass

from costmodel.strategies._shown import Shown
from costmodel.workload import Workload

Strategy = Callable[[Workload], Workload]


@dataclass(frozen=True)
class Then(Shown):
    """Apply `steps` in their order; none leaves a workload as it is.

    ValueError where a step makes a training of a pass that one before it edited, which schedules trainings.
    """

    steps: tuple[Strategy, ...] = ()

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload that the last step gives."""
        early = ""
        for step in self.steps:
            edited = step(workload)
            if early and edited.phase == "training" != workload.phase:
                raise ValueError(f"{early} schedules a training, which {_name(step)} makes after it: put {early} last")
            early = early or (_name(step) if schedules(step) else "")
            workload = edited
        return workload


def schedules(step: Strategy) -> bool:
    """Whether a step says what a training does over its steps, and edits a training pass so."""
    return getattr(step, "schedules", False)


def steps_of(strategy: Strategy) -> tuple[Strategy, ...]:
    """The steps of a strategy in their order."""
    return strategy.steps if isinstance(strategy, Then) else (strategy,)


def _name(step: Strategy) -> str:
    return type(step).__module__.rpartition(".")[2]


def compose(*steps: Strategy) -> Then:
    """Return the strategies one after another, the first applied first."""
    return Then(steps)
