"""Design-space exploration: search over the cost models.

A caller's face: `choices` of a model, `minimize` a metric over them within budgets; `allocate.solve` on bare arrays.
"""

from dse import allocate, metric
from dse.choices import Choices, choices
from dse.metric import Budget, Metric, parse_budget
from dse.minimize import minimize
from dse.plan import InfeasibleError, Plan
from dse.problem import Problem

__all__ = [
    "Budget", "Choices", "InfeasibleError", "Metric", "Plan", "Problem", "allocate", "choices", "metric", "minimize",
    "parse_budget",
]  # fmt: skip
