"""Design-space exploration: search over the cost models.

A caller's face: `choices` of a model, `minimize` a metric over them within budgets, `front` of several
metrics; `allocate.solve` and `frontier.exact` on bare arrays. Exploring: a `Space`, `sweep.sweep` it
into a run directory, which `store` reads and queries.
"""

from dse import allocate, frontier, metric, pareto, store
from dse.choices import Choices, choices
from dse.folding import fastest
from dse.frontier import Front
from dse.fronts import front
from dse.metric import Budget, Metric, parse_budget
from dse.minimize import minimize
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem
from dse.space import Space

__all__ = [
    "Budget", "Choices", "Front", "InfeasibleError", "Metric", "Plan", "Problem", "Space", "allocate", "choices",
    "fastest", "front", "frontier", "metric", "minimize", "pareto", "parse_budget", "store",
]  # fmt: skip
