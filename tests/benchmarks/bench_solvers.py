"""Speed and proof of plans and fronts, beside the goals; CBC (through PuLP, as HAWQ solves it) on the same instance.

    python tests/benchmarks/bench_solvers.py [front] [three] [two] [large] [huge] [coupled] [converted]

The networks are ResNet-50's parameters and MACs with losses exp(normal(0, 1.5)) x 4**-bits by seed, and the seeded
problems of tests/dse/instances.py.
"""

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "dse"))

import instances

from costmodel import zoo
from dse import frontier
from dse.allocate import solve
from dse.plan import InfeasibleError

WIDTHS = np.array([2.0, 3.0, 4.0, 5.0, 6.0, 8.0])
TWELVE = np.array([2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 16.0])


def resnet50(seed: int, widths: Any = WIDTHS) -> tuple[Any, dict[str, Any]]:
    """Losses and costs of ResNet-50's layers at some widths."""
    workload = zoo.build("resnet50")
    ops = [workload.op(name) for name in workload.layers]
    params = np.array([[op.weight_elements] for op in ops])
    macs = np.array([[op.macs] for op in ops])
    loss = np.exp(np.random.default_rng(seed).normal(0, 1.5, (len(ops), 1))) * 4.0**-widths
    return loss, {"weight_bytes": params * widths / 8, "bops": macs * widths**2}


def timed(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """The median seconds of some runs, and the last result."""
    taken, result = [], None
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken)), result


def cbc_s(loss: Any, costs: dict[str, Any], budgets: dict[str, float], limit_s: float = 20.0) -> str:
    """CBC's seconds at its defaults, or its time limit."""
    import pulp

    warnings.simplefilter("ignore", DeprecationWarning)
    problem = pulp.LpProblem("allocation", pulp.LpMinimize)
    takes = [[problem.add_variable(f"x{r}_{o}", cat="Binary") for o in range(loss.shape[1])] for r in range(len(loss))]
    problem += pulp.lpSum(loss[i, o] * takes[i][o] for i, o in np.ndindex(loss.shape))
    for row in takes:
        problem += pulp.lpSum(row) == 1
    for name, limit in budgets.items():
        scaled = costs[name] / limit
        problem += pulp.lpSum(scaled[i, o] * takes[i][o] for i, o in np.ndindex(loss.shape)) <= 1
    seconds, _ = timed(lambda: problem.solve(pulp.PULP_CBC_CMD(msg=False, timeLimit=limit_s, threads=1)))
    return f"CBC {seconds:.2f} s" + (" (its limit)" if seconds >= limit_s else "")


def front() -> None:
    """All points of size and loss, warm: sizes in bytes, and in pages of 2 KiB, which leave some 5,900 points."""
    for seed in range(3):
        loss, costs = resnet50(seed)
        size = {"weight_bytes": costs["weight_bytes"]}
        seconds, found = timed(lambda loss=loss, size=size: frontier.exact(loss, size), 15)
        middle = found.points[len(found.points) // 2, 1]
        one = cbc_s(loss, size, {"weight_bytes": middle})
        pages = {"pages": np.ceil(costs["weight_bytes"] / 2048)}
        paged_s, paged = timed(lambda loss=loss, pages=pages: frontier.exact(loss, pages), 15)
        print(
            f"size-loss front, seed {seed}: {len(found.points)} points, {1e3 * seconds:.1f} ms; in pages "
            f"{len(paged.points)}, {1e3 * paged_s:.1f} ms; one by {one}; goal 5 ms at 5,897"
        )


def three() -> None:
    """All points of size, BOPs and loss, at 4 and 8 bits and at six widths."""
    for seed in range(3):
        loss, costs = resnet50(seed, np.array([4.0, 8.0]))
        seconds, found = timed(lambda loss=loss, costs=costs: frontier.exact(loss, costs), 3)
        print(f"size-BOPs-loss front, seed {seed}: {len(found.points)} points, {seconds:.2f} s; goal 0.2 s at 1,752")
    loss, costs = resnet50(0)
    seconds, found = timed(lambda: frontier.exact(loss, costs))
    print(f"size-BOPs-loss front, 6 widths: {len(found.points)} points, {seconds:.1f} s; goal 60 s")


def two() -> None:
    """One plan within two budgets, 54 layers by 6 widths."""
    taken, proven = [], 0
    for seed in range(20):
        loss, costs = resnet50(seed)
        share = np.random.default_rng(seed).uniform(0.3, 0.7, 2)
        limits = [
            c.min(axis=1).sum() * (1 - s) + c.max(axis=1).sum() * s for c, s in zip(costs.values(), share, strict=True)
        ]
        budgets = dict(zip(costs, limits, strict=True))
        seconds, plan = timed(lambda args=(loss, costs, budgets): solve(*args), 3)
        taken.append(seconds)
        proven += plan.proven
    print(
        f"54 x 6, 2 budgets: median {np.median(taken):.3f} s, longest {max(taken):.3f} s, {proven} of 20 proven; "
        f"{cbc_s(loss, costs, budgets)}; goals 0.05 and 1 s, all proven"
    )


def _limited(name: str, make: Callable[[int], Any], limit_s: float, goal: str) -> None:
    for seed in range(3):
        loss, costs, budgets = make(seed)
        seconds, plan = timed(lambda args=(loss, costs, budgets): solve(*args, time_limit_s=limit_s))
        print(
            f"{len(loss)} x {loss.shape[1]} {name}, {len(budgets)} budgets, seed {seed}: {seconds:.2f} s, "
            f"gap {plan.gap:.1e}, proven {plan.proven}; goal {goal}"
        )


def large() -> None:
    """1,000 layers by 12 options."""
    goal = "proven or 1e-5 in 2 s"
    _limited("uncorrelated", lambda seed: instances.uncorrelated(seed, 1000, 12), 1.9, goal)
    _limited("network-like", lambda seed: instances.network_like(seed, 1000, TWELVE), 1.9, goal)
    _limited("network-like", _without_latency, 1.9, goal)


def _without_latency(seed: int) -> Any:
    loss, costs, budgets = instances.network_like(seed, 1000, TWELVE)
    return loss, costs, {name: limit for name, limit in budgets.items() if name != "latency_s"}


def huge() -> None:
    """10,000 layers by 20 options."""
    _limited("uncorrelated", lambda seed: instances.uncorrelated(seed, 10_000, 20), 1.3, "1e-4 in 1.5 s")


def coupled() -> None:
    """200 layers by 8 options, conversions between neighbours, ties, at most 3 formats."""
    for make, slack in ((instances.network_like, 1.25), (instances.uncorrelated, 1.6)):
        for seed in range(3):
            loss, costs, budgets = make(seed)
            random = np.random.default_rng(seed)
            ties = [sorted(random.choice(200, 2, replace=False).tolist()) for _ in range(5)]
            ties += [[i, i + 1, i + 2] for i in range(3, 190, 20)]
            wide = {name: slack * limit for name, limit in budgets.items()}
            conversion = float(np.median(loss)) / 20 * (1 - np.eye(8))
            name = make.__name__
            try:
                seconds, plan = timed(
                    lambda args=(loss, costs, wide, ties, conversion): solve(*args, max_formats=3, time_limit_s=20)
                )
            except InfeasibleError as error:
                print(f"200 x 8 coupled, {name} {seed}: {str(error)[:60]}")
                continue
            print(
                f"200 x 8 coupled, {name} {seed}: {seconds:.2f} s, gap {plan.gap:.1e}, proven {plan.proven}; goal 20 s"
            )


def converted() -> None:
    """Many layers and sets of formats, conversions of their own between any two, within seconds."""
    for layers, options, budgets, limit_s in ((300, 10, 3, 1.0), (1000, 12, 2, 1.0), (5000, 8, 2, 2.0)):
        asked = instances.converted(0, layers, options, budgets)
        seconds, plan = timed(lambda asked=asked, limit_s=limit_s: solve(**asked, time_limit_s=limit_s))
        print(f"{layers} x {options} converted, 3 formats: {seconds:.2f} s, gap {plan.gap:.1e}; limit {limit_s:g} s")


SECTIONS = {work.__name__: work for work in (front, three, two, large, huge, coupled, converted)}

if __name__ == "__main__":
    for section in sys.argv[1:] or SECTIONS:
        SECTIONS[section]()
