"""Solving a question in growing times, and plans kept by the hash of what they are."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from app.optimise.question import Question
from app.optimization import of_plan
from app.text import to_json
from app.web import session
from costmodel import hardware
from costmodel.estimators.fpga import fold
from costmodel.files import write_atomically
from costmodel.hardware import Fpga
from costmodel.record import stack
from dse import Plan, minimize
from dse.metric import loss
from dse.plan import certainty
from dse.space import ID_DIGITS

FIRST_S, GROWTH = 0.5, 2.5
"""How long the first look for a plan takes, and how much longer each next one: what a browser is told of meanwhile."""
ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")
Told = Callable[[float, str], Any]


def solve(question: Question, told: Told) -> Plan:
    """Return the plan of a question, the best within its time; `told` gets the share of it that is spent, and news.

    InfeasibleError says which budget is impossible and its least value.
    """
    told(0.0, "reading the problem")
    device, ties = hardware.device(question.device), question.tied
    over = question.choices if isinstance(device, Fpga) else question.problem
    begun, seconds, best = time.monotonic(), FIRST_S, None
    while best is None or not best.proven:
        spent = time.monotonic() - begun
        left = question.time_limit_s - spent
        if left <= 0:
            break
        told(spent / question.time_limit_s, _news(best, spent))
        try:
            found = minimize(
                loss,
                over=over,
                on=device,
                subject_to=question.limits,
                ties=ties,
                pins=question.pinned,
                max_formats=question.max_formats,
                time_limit_s=min(seconds, left),
            )
            best = found if best is None or found.objective <= best.objective else best
        except TimeoutError:
            pass
        seconds *= GROWTH
    if best is None:
        raise ValueError(f"no plan found within {question.time_limit_s:g} s; give more time or larger budgets")
    told(1.0, _news(best, time.monotonic() - begun))
    return best


def keep(question: Question, plan: Plan) -> str:
    """Write a plan's result into the session, and return the id of its design: the hash of what it is."""
    result = of_plan(plan, model=question.model, device=question.device, ties=question.tied)
    result["provenance"]["command"] = question.command()
    if laid_for := _laid_for(plan):
        result["laid_for"] = laid_for
    result["asked"] = {name: getattr(question, name) for name in ("phase", "batch", "context", "resolution")}
    what = {name: result[name] for name in ("model", "device", "assignment")} | result["asked"]
    found = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:ID_DIGITS]
    write_atomically(_file(found), to_json(result | {"design": found}))
    return found


def _laid_for(plan: Plan) -> str:
    """The precision that an FPGA's folding was made for on the whole device; "" for one made in the room of budgets, or
    with the formats."""
    problem = plan.problem
    if problem is None or problem.laid_for is None or not isinstance(problem.device, Fpga):
        return ""
    option, folding = problem.options[problem.laid_for], problem.folding
    whole = fold(problem.workload, stack([option] * len(problem.workload.ops)), problem.device)
    alike = [np.array_equal(getattr(whole, n), getattr(folding, n)) for n in ("pe", "simd", "dsp", "uram")]
    return option.name if all(alike) else ""


def require_id(design: str) -> None:
    """ValueError where a link's design is no id; "" is none."""
    if design and not ID.fullmatch(design):
        raise ValueError(f"design must be an id of {ID_DIGITS} hexadecimal digits, got {design[:40]!r}")


def kept(design: object) -> dict[str, Any]:
    """The result of a design in this session; ValueError where there is none."""
    path = _path(design)
    return _read(path, path.stat().st_mtime_ns)


def _path(design: object) -> Path:
    path = _file(design) if isinstance(design, str) and ID.fullmatch(design) else None
    if path is None or not path.is_file():
        raise ValueError("no such plan in this browser: solve again")
    return path


@lru_cache(maxsize=16)
def _read(path: Path, _stamp: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def _file(design: str) -> Path:
    return session.current().file("plans", f"{design}.json")


def _news(plan: Plan | None, seconds: float) -> str:
    if plan is None:
        return f"no plan yet after {seconds:.1f} s"
    state = certainty(plan.proven, plan.gap, plan.proven_within)
    return f"loss {plan.objective:.5g}, {state} after {seconds:.1f} s ({plan.solver})"
