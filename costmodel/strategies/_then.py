"""Then: strategies one after another as one strategy."""

from collections.abc import Callable
from dataclasses import dataclass

from costmodel.strategies._beside import PREFIXES
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload

Strategy = Callable[[Workload], Workload]


@dataclass(frozen=True)
class Then(Shown):
    """Apply `steps` in their order; none leaves a workload as it is.

    ValueError where a step undoes what one before it took as given: it makes a training of a pass whose training that
    schedules, a larger batch of one whose padding that counted (`pads`), or puts a whole model beside one that GPUs
    share by then (`shares_layers`).
    """

    steps: tuple[Strategy, ...] = ()

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload that the last step gives."""
        for i, step in enumerate(self.steps):
            edited = step(workload)
            _require_order(self.steps[:i], step, workload, edited)
            workload = edited
        return workload


def _require_order(earlier: tuple[Strategy, ...], step: Strategy, before: Workload, after: Workload) -> None:
    trains = after.phase == "training" != before.phase
    if trains and (early := next(filter(schedules, earlier), None)):
        raise ValueError(f"{_name(early)} schedules a training, which {_name(step)} makes after it: put it last")
    shared = next((one for one in earlier if getattr(one, "shares_layers", False)), None)
    if shared and any(map(_beside, after.ops)) and not any(map(_beside, before.ops)):
        told = f"puts a whole model beside {before.name}, which GPUs share"
        raise ValueError(f"{_name(step)} {told}: put it before {_name(shared)}")
    padded = next((one for one in earlier if getattr(one, "pads", False)), None)
    if padded and after.batch > before.batch and not trains:
        told = f"counted the padding of {before.batch} sequences, of which {_name(step)} makes {after.batch}"
        raise ValueError(f"{_name(padded)} {told}: put it last")


def schedules(step: Strategy) -> bool:
    """Whether a step says what a training does over its steps, and edits a training pass so."""
    return getattr(step, "schedules", False)


def steps_of(strategy: Strategy) -> tuple[Strategy, ...]:
    """The steps of a strategy in their order."""
    return strategy.steps if isinstance(strategy, Then) else (strategy,)


def _beside(op: Op) -> bool:
    return op.name.startswith(PREFIXES)


def _name(step: Strategy) -> str:
    return type(step).__module__.rpartition(".")[2]


def compose(*steps: Strategy) -> Then:
    """Return the strategies one after another, the first applied first."""
    return Then(steps)
