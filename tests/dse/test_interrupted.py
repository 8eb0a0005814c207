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
    loss, costs, budgets = instances.uncorrelated(3, layers=4000)
elif kind == "subsets":
    loss, costs, budgets = instances.uncorrelated(3, layers=800)
    budgets = {{name: 1.3 * limit for name, limit in budgets.items()}}
    given["max_formats"] = 4
else:
    loss, costs, budgets = instances.network_like(0, layers=1500 if kind == "elimination" else 120)
    given["conversion"] = np.full((8, 8), float(np.median(loss)) / 20) * (1 - np.eye(8))
if kind == "cp_sat":
    coupled.can_solve = lambda *_: False
solve(loss[:4], {{n: c[:4] for n, c in costs.items()}}, {{n: float(c[:4].sum()) for n, c in costs.items()}})
print("started", flush=True)
plan = solve(loss, costs, budgets, time_limit_s=100, **given)
spent = {{name: float(costs[name][np.arange(len(loss)), plan.choice].sum()) for name in budgets}}
kept = all(spent[name] <= limit * (1 + 1e-9) for name, limit in budgets.items())
print(json.dumps([plan.solver, plan.proven, plan.objective, plan.bound, kept]))
"""


@pytest.mark.parametrize("kind", ["branching", "subsets", "elimination", "cp_sat"])
def test_an_interrupted_solve_gives_its_incumbent(kind, request):
    code = PROGRAM.format(folder=str(request.path.parent), kind=kind)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline().strip() == "started"
        time.sleep(3)
        run.send_signal(signal.SIGINT)
        interrupted = time.monotonic()
        out, errors = run.communicate(timeout=60)
        assert run.returncode == 0, errors
        assert time.monotonic() - interrupted < 20
    solver, proven, objective, bound, kept = json.loads(out)
    assert solver == kind
    assert kept
    assert not proven
    assert bound <= objective
