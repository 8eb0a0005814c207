"""Ctrl-C during a solve gives the best plan so far, with its bound, whichever solver runs."""

import contextlib
import json
import math
import signal
import subprocess
import sys
import time
from itertools import pairwise

import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse import allocate, moments
from dse.folding import fastest
from dse.metric import METRICS

PROGRAM = """
import json, sys
import numpy as np
sys.path.insert(0, {folder!r})
import instances
from dse.allocate import solve
from dse.solvers import coupled
kind = {kind!r}
given = {{}}
if kind == "branching":
    loss, costs, budgets = instances.uncorrelated(3, layers=2500)
elif kind == "subsets":
    loss, costs, budgets = instances.uncorrelated(3, layers=3000)
    budgets = {{name: 1.3 * limit for name, limit in budgets.items()}}
    given["max_formats"] = 4
else:
    loss, costs, budgets = instances.network_like(0, layers=700 if kind == "elimination" else 120)
    given["conversion"] = np.full((8, 8), float(np.median(loss)) / 20) * (1 - np.eye(8))
if kind == "cp_sat":
    import ortools.sat.python.cp_model  # an interrupt amid this import is told as an ImportError by its C++ part

    coupled.can_solve = lambda *_: False
solve(loss[:4], {{n: c[:4] for n, c in costs.items()}}, {{n: float(c[:4].sum()) for n, c in costs.items()}})
print("started", flush=True)
plan = solve(loss, costs, budgets, time_limit_s=100, **given)
spent = {{name: float(costs[name][np.arange(len(loss)), plan.choice].sum()) for name in budgets}}
kept = all(spent[name] <= limit * (1 + 1e-9) for name, limit in budgets.items())
print(json.dumps([plan.solver, plan.proven, plan.objective, plan.bound, kept]))
"""


WAITS_S = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 20.0)
"""After which an interrupt comes: a machine may be too slow to have a plan by then, or be done."""


@pytest.mark.parametrize(
    "kind", ["branching", "elimination", *(pytest.param(k, marks=pytest.mark.long) for k in ("subsets", "cp_sat"))]
)
def test_an_interrupted_solve_gives_its_incumbent(kind, request):
    code = PROGRAM.format(folder=str(request.path.parent), kind=kind)
    found = (interrupted(code, wait_s) for wait_s in WAITS_S)
    solver, proven, objective, bound, kept = next(plan for plan in found if plan is not None and not plan[1])
    assert solver == kind
    assert kept
    assert not proven
    assert bound <= objective


def interrupted(code, wait_s):
    """What the program prints of its plan if it is interrupted then; None where it had none yet."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline().strip() == "started"
        time.sleep(wait_s)
        run.send_signal(signal.SIGINT)
        since = time.monotonic()
        out, errors = run.communicate(timeout=60)
    assert time.monotonic() - since < 30
    if run.returncode == 0:
        return json.loads(out)
    assert errors.strip().endswith("KeyboardInterrupt")
    return None


BOARD = cm.fpga("pynq_z1")
LAYERS = Workload("small", tuple(linear(f"fc{i}", 3, a, b) for i, (a, b) in enumerate(pairwise((6, 8, 4)))))


def interrupting(monkeypatch, at):
    """Make the solve of that number, from 0 on, raise the signal before it begins; return what solves found."""
    found, solve = [], allocate.best

    def best(*args, **given):
        if len(found) == at:
            signal.raise_signal(signal.SIGINT)
        found.append(None)
        found[-1] = solve(*args, **given)
        return found[-1]

    for module in (allocate, moments):
        monkeypatch.setattr(module, "best", best)
    return found


def fastest_of(found, asked):
    return fastest(found.on(BOARD), subject_to=asked)


def quickest_of(found, asked):
    return fastest(found.on(BOARD), "latency_s", subject_to=asked, time_limit_s=60)


def least_within_a_latency(found, asked):
    return dse.minimize(METRICS["loss"], over=found, on=BOARD, subject_to=[*asked, METRICS["latency_s"] <= 1.6e-7])


@pytest.mark.parametrize("search", [fastest_of, quickest_of, least_within_a_latency])
def test_an_interrupted_search_for_foldings_gives_its_incumbent(monkeypatch, search):
    found = dse.choices(LAYERS, ["int2", "int8"])
    asked = [METRICS["lut"] <= 4e3, METRICS["weight_bytes"] <= 110]
    solved, told = interrupting(monkeypatch, math.inf), 0
    best = search(found, asked)
    for at in (1, len(solved) // 2, len(solved) - 1):
        with monkeypatch.context() as patch:
            later = interrupting(patch, at)
            with contextlib.suppress(KeyboardInterrupt):
                plan = search(found, asked)
                told += 1
                assert plan.interrupted
                assert plan.bound <= best.objective * (1 + 1e-9)
                assert all(budget.met(plan.totals[budget.metric.name]) for budget in asked)
        assert later[at:] == [None] * len(later[at:])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert told > 0
    assert not best.interrupted
