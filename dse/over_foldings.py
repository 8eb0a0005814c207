"""The plan of least objective over the layouts that a network may have: formats and foldings together where a speed is
the metric or a budget depends on the folding of a dataflow, else over the foldings or arrays made for each format."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from numpy.typing import ArrayLike

from costmodel.estimators.fit import RESOURCES
from costmodel.hardware import Device
from dse import folding, foldings
from dse.choices import Choices
from dse.couplings import Couplings
from dse.folding_options import RESOURCES as FOLDED
from dse.folding_refusals import beyond_device
from dse.interrupts import heard
from dse.metric import METRICS, Budget, Metric, loss
from dse.plan import InfeasibleError, Plan, deadline_in, left_s
from dse.problem import Problem
from dse.restrictions import restricted

Solve = Callable[[Problem, Sequence[Budget], float | None], Plan]
"""The best plan of one problem within budgets, in a time."""


@dataclass(frozen=True)
class Rules:
    """What plans keep beside budgets, as `minimize` takes it."""

    ties: Sequence[Sequence[str]] | str = ()
    pins: Mapping[str, str] = field(default_factory=dict)
    allow: Mapping[str, Sequence[str]] = field(default_factory=dict)
    conversion: ArrayLike | None = None
    max_formats: int | None = None


@dataclass(frozen=True)
class Found:
    """A plan, its problem, and that at each of the layouts tried; none where it was sought in any.

    `unfolded` is then the problem before a folding was chosen.
    """

    plan: Plan
    problem: Problem
    problems: Sequence[Problem] = ()
    unfolded: Problem | None = None


@dataclass(frozen=True)
class Sought:
    """What is sought: a metric, of choices on a device, within budgets and rules until a deadline.

    With `fit` the device's resources are budgets; `utilisation` of them may be taken where foldings are chosen too.
    """

    metric: Metric
    choices: Choices
    device: Device
    subject_to: Sequence[Budget]
    rules: Rules
    deadline: float
    fit: bool = False
    utilisation: float = 1.0

    def best(self, solve: Solve) -> Found:
        """The plan; InfeasibleError where none keeps all, TimeoutError where none was found in time."""
        with heard() as interrupt:
            found = self._best(solve)
        return replace(found, plan=replace(found.plan, interrupted=interrupt.came))

    def _best(self, solve: Solve) -> Found:
        converted = self.metric is not loss and self.rules.conversion is not None  # adds to the metric, not to the loss
        if converted or not folding.together(self.metric, self.choices, self.device, self._budgets(FOLDED)):
            found = self._laid_out(solve, self.deadline)
            metrics = [self.metric, *(budget.metric for budget in self._budgets(RESOURCES))]
            within = foldings.among(self.choices, found.problems, metrics)
            return replace(found, plan=replace(found.plan, proven_within=within))
        deadline, late = self.deadline, None
        problem = restricted(self.choices.on(self.device), self.rules.pins, self.rules.allow)
        couplings = Couplings.of(problem, self.rules.ties, self.rules.conversion, self.rules.max_formats)
        if len(folding.known(self.metric, self.subject_to)) == len(self.subject_to):
            try:
                return self._folded(problem, couplings)
            except TimeoutError as error:
                late, bound = error, folding.least(self.metric, problem)
                deadline = max(deadline, deadline_in(foldings.LAST_S))
        else:
            bound = folding.bound(self.metric, problem, self._budgets(FOLDED), couplings, deadline)
            bound = max(bound, self._alike(problem, solve)) if self.metric is loss else bound
        try:
            found = self._laid_out(solve, deadline)
        except (InfeasibleError, TimeoutError) as error:
            raise late or error from None
        return replace(found, plan=replace(found.plan, bound=min(bound, found.plan.objective)))

    def _alike(self, problem: Problem, solve: Solve) -> float:
        """What no design loses less than within the budgets of what no folding changes, as memory at its peak."""
        budgets = [budget for budget in self.subject_to if budget.metric.name in folding.ALIKE]
        try:
            return solve(problem, budgets, left_s(self.deadline, 4)).bound if budgets else 0.0
        except TimeoutError:
            return 0.0

    def _folded(self, problem: Problem, couplings: Couplings) -> Found:
        """The plan of formats and foldings together."""
        plan = folding.best(
            self.metric,
            problem,
            subject_to=self.subject_to,
            couplings=couplings,
            time_limit_s=left_s(self.deadline),
            utilisation=self.utilisation,
        )
        assert plan.problem is not None
        return Found(plan, plan.problem, unfolded=problem)

    def _laid_out(self, solve: Solve, deadline: float) -> Found:
        """The best plan over the foldings made for each format."""
        metrics = [self.metric, *(budget.metric for budget in self._budgets(RESOURCES))]
        problems = foldings.laid_out(self.choices, self.device, metrics, self.subject_to)
        budgets, left = self._budgets(problems[0].costs), len(problems)

        def shared(problem: Problem) -> Plan:
            nonlocal left
            share, left = left_s(deadline, left), left - 1
            return solve(problem, budgets, share)

        try:
            return Found(*foldings.best(problems, shared, budgets), problems)
        except InfeasibleError as error:
            raise self._told(error) from None

    def _told(self, error: InfeasibleError) -> InfeasibleError:
        """The refusal with a word on what the device has, where a plan must fit it."""
        usable = {name: float(getattr(self.device, name)) for name in RESOURCES if self.fit}
        asked = [(budget.metric.name, budget.allowed) for budget in self.subject_to]
        limits = {name: min(limit for other, limit in asked if other == name) for name, _ in asked}
        return beyond_device(error, self.device, usable, limits)

    def _budgets(self, names: Iterable[str]) -> list[Budget]:
        """The budgets, with `fit` those of the device's resources among these names too."""
        own = [METRICS[name] <= float(getattr(self.device, name)) for name in RESOURCES if self.fit and name in names]
        return [*self.subject_to, *own]
