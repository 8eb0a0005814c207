"""Many candidates of a cheap objective: NSGA-II over the options of each layer.

Deb, Pratap, Agarwal, Meyarivan, A fast and elitist multiobjective genetic algorithm: NSGA-II, IEEE Transactions on
Evolutionary Computation 6(2), 2002, doi 10.1109/4235.996017, by pymoo.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dse.problem import Problem
from dse.search import Found

Ints = NDArray[np.int64]


def evolve(
    problem: Problem,
    evaluate: Callable[[Ints], ArrayLike],
    *,
    generations: int = 100,
    population: int = 100,
    seeds: Sequence[ArrayLike] = (),
    seed: int = 0,
) -> Found:
    """Minimise every column of `evaluate`, which takes int[N, layers] choices and returns float[N, objectives].

    `seeds`, such as the points of `dse.front`, join the first population. The last population's distinct choices are
    returned. ValueError on values that are not finite; a layer's unavailable options are never asked for.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.optimize import minimize
    except ImportError:
        raise ValueError("evolve needs the package pymoo: pip install 'bitfront[search]'") from None
    if generations < 1 or population < 2:
        raise ValueError(f"generations must be at least 1 and population 2, got {generations} and {population}")
    allowed = [np.flatnonzero(np.isfinite(row)) for row in problem.loss]
    first = _first(allowed, [np.asarray(s, dtype=np.int64) for s in seeds], population, seed)
    task = _task(allowed, evaluate, _values(evaluate, _chosen(allowed, first[:1])).shape[1])
    algorithm = NSGA2(pop_size=population, sampling=first, **_operators())
    done = minimize(task, algorithm, ("n_gen", generations), seed=seed, verbose=False)
    choices = np.unique(_chosen(allowed, np.asarray(done.pop.get("X"))), axis=0)
    return Found(choices, _values(evaluate, choices))


def _operators() -> dict[str, Any]:
    from pymoo.operators.crossover.ux import UX
    from pymoo.operators.mutation.pm import PM
    from pymoo.operators.repair.rounding import RoundingRepair

    return {"crossover": UX(), "mutation": PM(vtype=float, repair=RoundingRepair()), "eliminate_duplicates": True}


def _task(allowed: list[Ints], evaluate: Callable[[Ints], ArrayLike], objectives: int) -> Any:
    from pymoo.core.problem import Problem as Task

    class Choices(Task):  # type: ignore[misc]
        """Positions among each layer's allowed options."""

        def __init__(self) -> None:
            top = np.array([len(a) - 1 for a in allowed])
            super().__init__(n_var=len(allowed), n_obj=objectives, xl=0, xu=top, vtype=int)

        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            out["F"] = _values(evaluate, _chosen(allowed, np.asarray(x)))

    return Choices()


def _first(allowed: list[Ints], seeds: list[Ints], population: int, seed: int) -> Ints:
    """Positions int[population, layers]: the seeds, then random ones."""
    rng = np.random.default_rng(seed)
    top = np.array([len(a) for a in allowed])
    drawn = rng.integers(0, top, size=(population, len(allowed)))
    known = [
        [int(np.searchsorted(a, o)) for a, o in zip(allowed, choice, strict=True)] for choice in seeds[:population]
    ]
    drawn[: len(known)] = np.array(known, dtype=np.int64).reshape(len(known), len(allowed))
    return np.asarray(drawn)


def _chosen(allowed: list[Ints], positions: Any) -> Ints:
    whole = np.rint(np.asarray(positions, dtype=np.float64)).astype(np.int64)
    return np.stack([a[whole[:, i]] for i, a in enumerate(allowed)], axis=1)


def _values(evaluate: Callable[[Ints], ArrayLike], choices: Ints) -> NDArray[np.float64]:
    found = np.asarray(evaluate(choices), dtype=np.float64)
    if found.ndim != 2 or len(found) != len(choices) or not np.isfinite(found).all():
        raise ValueError(f"evaluate must return finite numbers [{len(choices)}, objectives], got shape {found.shape}")
    return found
