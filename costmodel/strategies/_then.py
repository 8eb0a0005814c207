"""Then: strategies one after another as one strategy."""

from collections.abc import Callable
from dataclasses import dataclass

from costmodel.strategies._shown import Shown
from costmodel.workload import Workload

Strategy = Callable[[Workload], Workload]


@dataclass(frozen=True)
class Then(Shown):
    """Apply `steps` in their order; none leaves a workload as it is."""

    steps: tuple[Strategy, ...] = ()

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload that the last step gives."""
        for step in self.steps:
            workload = step(workload)
        return workload


def compose(*steps: Strategy) -> Then:
    """Return the strategies one after another, the first applied first."""
    return Then(steps)
