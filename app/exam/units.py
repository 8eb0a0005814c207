"""The exam in parts that run one by one or side by side, each with a result of its own to resume from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.exam.setup import Setup
from app.text import plain

Result = dict[str, Any]
Progress = Callable[[int, int], Any] | None


@dataclass(frozen=True)
class Unit:
    """A named part: `work(folder, progress)` gives its result, `after` names the parts whose results it reads."""

    name: str
    work: Callable[[Path, Progress], Result]
    after: tuple[str, ...] = ()


def units(setup: Setup, subjects: tuple[str, ...]) -> list[Unit]:
    """The parts of an exam for "digits", "minilm" or both, in an order that they can run in."""
    found: list[Unit] = []
    if "digits" in subjects:
        cells = [(seed, bits) for bits in setup.activations for seed in range(setup.seeds)]
        found += [Unit(f"digits-s{seed}-a{bits}", partial(_digits, setup, seed, bits)) for seed, bits in cells]
    if "minilm" in subjects:
        tables = {
            f"minilm-{which}": partial(_minilm_tables, setup, which) for which in ("plain", "repaired", "hessian")
        }
        found += [Unit(name, work) for name, work in tables.items()]
        for budget in setup.minilm_budgets:
            for state in ("plain", "repaired"):
                name = f"minilm-w{budget}-{state}"
                found.append(Unit(name, partial(_minilm, setup, budget, state), tuple(tables)))
                refined = partial(_minilm_refined, setup, budget, state)
                found.append(Unit(f"{name}-refined", refined, (f"minilm-{state}",)))
    return found


def result_path(folder: Path, name: str) -> Path:
    """Where a unit's result is kept."""
    return folder / f"{name}.json"


def read(folder: Path, name: str) -> Result:
    """A unit's result."""
    result: Result = json.loads(result_path(folder, name).read_text(encoding="utf-8"))
    return result


def _digits(setup: Setup, seed: int, activation: int, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam import digits, tables
    from app.exam.arms import assignments
    from app.exam.sitting import sit

    subject = digits.subject(seed, activation, epochs=setup.epochs)
    shared = tables.hessian(subject, probes=setup.digits_probes)
    sittings = []
    for repair in (False, True):
        losses = tables.measured(subject, repair=repair, progress=progress) | shared
        for budget in setup.budgets:
            arms = assignments(losses, subject.weights, budget, draws=setup.draws, seed=seed)
            arms["plan refined"] = _refined(subject, losses["plan"], budget, repair, progress)
            sittings.append(sit(subject, arms, budget=budget, repair=repair))
    return {"sittings": [_listed(sitting) for sitting in sittings]}


def _minilm_tables(setup: Setup, which: str, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam import minilm, tables

    subject = minilm.subject(*setup.pairs, setup.tokens)
    if which == "hessian":
        found = tables.hessian(subject, probes=setup.probes)
    else:
        found = tables.measured(subject, repair=which == "repaired", progress=progress)
    return {arm: table.tolist() for arm, table in found.items()}


def _minilm(setup: Setup, budget: int, state: str, folder: Path, progress: Progress) -> Result:
    from app.exam import minilm
    from app.exam.arms import assignments
    from app.exam.sitting import sit

    subject = minilm.subject(*setup.pairs, setup.tokens)
    lists = read(folder, f"minilm-{state}") | read(folder, "minilm-hessian")
    losses = {arm: np.array(table, dtype=np.float64) for arm, table in lists.items()}
    arms = assignments(losses, subject.weights, budget, draws=setup.draws, seed=0)
    found = sit(subject, arms, budget=budget, repair=state == "repaired", progress=progress)
    return {"sittings": [_listed(found)]}


def _minilm_refined(setup: Setup, budget: int, state: str, folder: Path, progress: Progress) -> Result:
    from app.exam import minilm
    from app.exam.sitting import sit

    subject = minilm.subject(*setup.pairs, setup.tokens)
    table = np.array(read(folder, f"minilm-{state}")["plan"], dtype=np.float64)
    arms = {"plan refined": _refined(subject, table, budget, state == "repaired", progress)}
    return {"sittings": [_listed(sit(subject, arms, budget=budget, repair=state == "repaired"))]}


def _refined(subject: Any, table: Any, budget: int, repair: bool, progress: Progress) -> Any:
    """The plan after one look at its layers in context, kept only if it loses less on the calibration data."""
    from app.exam import tables
    from app.exam.arms import cheapest
    from app.exam.sitting import better

    plan = cheapest(table, subject.weights, budget)
    second = tables.refined(subject, table, plan, repair=repair, progress=progress)
    return better(subject, [plan, cheapest(second, subject.weights, budget)], repair=repair)


def _listed(result: Any) -> Any:
    """Arrays as lists, for JSON."""
    if isinstance(result, dict):
        return {key: _listed(value) for key, value in result.items()}
    return result.tolist() if isinstance(result, np.ndarray) else plain(result)
