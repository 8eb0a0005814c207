"""One optimisation: a question, and its answer as a result to print, report and read again."""

from app.optimization.asking import optimise
from app.optimization.question import Question
from app.optimization.result import of_plan

__all__ = ["Question", "of_plan", "optimise"]
