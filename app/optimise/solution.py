"""Solving a question in growing times, and plans kept by the hash of what they are."""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

from app.explore import session_runs
from app.optimise.question import Question
from app.optimization import Question as Asked
from app.optimization import optimise
from app.optimization.result import result
from app.text import to_json
from app.web import session
from costmodel import hardware
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga import folded_for
from costmodel.files import write_atomically
from costmodel.hardware import Device, Fpga
from costmodel.precision import precision
from costmodel.workload import Workload
from dse import Plan, minimize
from dse.calibrations import digest
from dse.metric import loss
from dse.plan import certainty
from dse.space import ID_DIGITS

FIRST_S, GROWTH = 0.5, 2.5
"""How long the first look for a plan takes, and how much longer each next one: what a browser is told of meanwhile."""
TICK_S = 0.5
OF_PAGES = ("asked", "design", "laid_for", "link")
"""What pages keep beside a result, which no command prints, so that bitfront rerun would miss it."""
ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")
Told = Callable[[float, str], Any]


def solve(question: Question, told: Told) -> dict[str, Any]:
    """Return the result of a question, its best plan within its time; `told` gets the share of it that is spent, and
    news.

    InfeasibleError says which budget is impossible and its least value.
    """
    told(0.0, "reading the problem")
    device = hardware.device(question.device)
    return _with_folding(question, device, told) if isinstance(device, Fpga) else _in_turns(question, device, told)


def _in_turns(question: Question, device: Device, told: Told) -> dict[str, Any]:
    """Look for a plan in growing times, until one is proven."""
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
                over=question.problem,
                on=device,
                subject_to=question.limits,
                ties=question.tied,
                pins=question.pinned,
                max_formats=question.max_formats,
                time_limit_s=min(seconds, left),
            )
            best = found if best is None or found.objective <= best.objective else best
        except TimeoutError:
            pass
        seconds *= GROWTH
    if best is None:
        raise _no_plan(question)
    told(1.0, f"{_news(best, time.monotonic() - begun)}; now what it stands beside: fronts and uniform designs")
    return result(_asked(question, device), question.problem, best)


def _asked(question: Question, device: Device) -> Asked:
    """The question as the command asks it."""
    return Asked(
        question.spoken,
        question.device,
        device,
        question.choices,
        question.limits,
        question.tied,
        question.pinned,
        max_formats=question.max_formats,
        time_limit_s=question.time_limit_s,
        laid_for=question.laid_for,
    )


def _with_folding(question: Question, device: Fpga, told: Told) -> dict[str, Any]:
    """What the command answers, which also chooses how the network is laid out."""
    with _ticking(told, question.time_limit_s):
        try:
            return optimise(_asked(question, device))
        except TimeoutError:
            raise _no_plan(question) from None


@contextmanager
def _ticking(told: Told, limit_s: float) -> Iterator[None]:
    """Tell every TICK_S how long a search has gone on that tells nothing itself."""
    begun, over = time.monotonic(), Event()

    def tick() -> None:
        while not over.wait(TICK_S):
            spent = time.monotonic() - begun
            told(min(spent / limit_s, 1.0), f"laying out and choosing formats: {spent:.0f} s of {limit_s:g} s at most")

    thread = Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _no_plan(question: Question) -> ValueError:
    return ValueError(f"no plan found within {question.time_limit_s:g} s; give more time or larger budgets")


def keep(question: Question, found: Mapping[str, Any]) -> str:
    """Write a result into the session, and return the id of its design: the hash of what it is."""
    kept = for_pages(question, found)
    write_atomically(_file(kept["design"]), to_json(kept))
    return str(kept["design"])


def for_pages(question: Question, found: Mapping[str, Any]) -> dict[str, Any]:
    """A result with the command that makes it again, and what pages keep beside it: OF_PAGES."""
    kept = {**found, "provenance": {**found["provenance"], "command": question.command()}}
    if question.spoken != question.model:
        read = digest(Path(question.model.partition(":")[2]).read_bytes())
        kept["provenance"]["inputs"] = {**found["provenance"]["inputs"], question.spoken: read}
    if laid_for := _laid_for(question, found):
        kept["laid_for"] = laid_for
    kept["link"] = session_runs.linked(question.model)
    kept["asked"] = {name: getattr(question, name) for name in ("phase", "batch", "context", "resolution")}
    what = {"model": kept["link"], "device": kept["device"], "assignment": kept["assignment"]} | kept["asked"]
    return kept | {"design": hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:ID_DIGITS]}


def _laid_for(question: Question, found: Mapping[str, Any]) -> str:
    """The precision that an FPGA's folding was made for on the whole device; "" for one made in the room of budgets, or
    with the formats."""
    device, names = hardware.device(question.device), list(found["formats"].values())
    if not isinstance(device, Fpga) or "@" in "".join(names):
        return ""
    own = found.get("folding_of")
    for made_for in [own] if own else names:
        again = _laid_out(question.workload, {**found["not_chosen"], **found["assignment"]}, device, made_for)
        if all(math.isclose(again[n], found["totals"][n], rel_tol=1e-9) for n in ("lut", "dsp", "latency_s")):
            return str(made_for)
    return ""


def _laid_out(workload: Workload, assignment: Mapping[str, str], device: Fpga, made_for: str) -> Mapping[str, float]:
    """The totals of a choice in the folding made for one precision on the whole device."""
    return estimate(workload, assignment, device, design=folded_for(precision(made_for))).totals


def require_id(design: str) -> None:
    """ValueError where a link's design is no id; "" is none."""
    if design and not ID.fullmatch(design):
        raise ValueError(f"design must be an id of {ID_DIGITS} hexadecimal digits, got {design[:40]!r}")


def kept(design: object) -> dict[str, Any]:
    """The result of a design in this session; ValueError where there is none."""
    path = _path(design)
    return _read(path, path.stat().st_mtime_ns)


def printed(design: object) -> dict[str, Any]:
    """The result of a design in this session as its command prints it."""
    return without_pages(kept(design))


def without_pages(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result without what pages keep beside it."""
    return {name: value for name, value in result.items() if name not in OF_PAGES}


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
