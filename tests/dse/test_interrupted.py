"""Ctrl-C during a solve gives the best plan so far, with its bound, whichever solver runs."""

import json
import signal
import subprocess
import sys
import time

import pytest

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
    loss, costs, budgets = instances.uncorrelated(3, layers=800)
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
