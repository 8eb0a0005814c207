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

PARTS = 4
"""Parts that MiniLM's tables are measured in, so that little is lost when the exam is stopped."""

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
        found.append(Unit("minilm-hessian", partial(_minilm_hessian, setup)))
        states = ("plain", "repaired")
        found += [unit for state in states for unit in (*_tables(setup, state), *_arms(setup, state))]
        found += [unit for state in states for unit in _refined(setup, state)]
    return found


def _tables(setup: Setup, state: str) -> list[Unit]:
    names = _parts(f"minilm-{state}")
    return [Unit(name, partial(_minilm_table, setup, state, part)) for part, name in enumerate(names)]


def _arms(setup: Setup, state: str) -> list[Unit]:
    """A unit an arm and size."""
    needed = ("minilm-hessian", *_parts(f"minilm-{state}"))
    arms = ("uniform", "plan", "plan by proxy", "hessian", "data-free", *(f"random {i}" for i in range(setup.draws)))
    return [
        Unit(_sitting(budget, state, arm), partial(_minilm_arm, setup, budget, state, arm), needed)
        for budget in setup.minilm_budgets
        for arm in arms
    ]


def _refined(setup: Setup, state: str) -> list[Unit]:
    """The refined plan of each size, after the tables of its own that it needs."""
    tables = _parts(f"minilm-{state}")
    found = []
    for budget in setup.minilm_budgets:
        contexts = _parts(_sitting(budget, state, "context"))
        found += [
            Unit(name, partial(_minilm_context, setup, budget, state, part), tables)
            for part, name in enumerate(contexts)
        ]
        name = _sitting(budget, state, "refined")
        found.append(Unit(name, partial(_minilm_refined, setup, budget, state), (*tables, *contexts)))
    return found


def _parts(name: str) -> tuple[str, ...]:
    return tuple(f"{name}-{part}" for part in range(PARTS))


def _sitting(budget: int, state: str, arm: str) -> str:
    return f"minilm-w{budget}-{state}-{arm.replace(' ', '-')}"


def result_path(folder: Path, name: str) -> Path:
    """Where a unit's result is kept."""
    return folder / f"{name}.json"


def read(folder: Path, name: str) -> Result:
    """A unit's result."""
    result: Result = json.loads(result_path(folder, name).read_text(encoding="utf-8"))
    return result


def _digits(setup: Setup, seed: int, activation: int, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam import digits, tables
    from app.exam.arms import assignments, cheapest
    from app.exam.sitting import better, sit
    from dse.sensitivity.context import halfway

    subject = digits.subject(seed, activation, epochs=setup.epochs)
    shared = tables.hessian(subject, probes=setup.digits_probes)
    sittings = []
    for repair in (False, True):
        losses = tables.measured(subject, subject.layers, repair=repair, progress=progress) | shared
        for budget in setup.budgets:
            arms = assignments(losses, subject.weights, budget, draws=setup.draws, seed=seed)
            second = halfway(losses["plan"], tables.context(subject, arms["plan"], subject.layers, repair=repair))
            refined = cheapest(second, subject.weights, budget)
            arms["plan refined"] = better(subject, [arms["plan"], refined], repair=repair)
            sittings.append(sit(subject, arms, budget=budget, repair=repair))
    return {"sittings": [_listed(sitting) for sitting in sittings]}


def _minilm_hessian(setup: Setup, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam import tables

    found = tables.hessian(_minilm(setup), probes=setup.probes)
    return {arm: table.tolist() for arm, table in found.items()}


def _minilm_table(setup: Setup, state: str, part: int, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam import tables

    subject = _minilm(setup)
    found = tables.measured(subject, _part(subject, part), repair=state == "repaired", progress=progress)
    return {arm: table.tolist() for arm, table in found.items()}


def _minilm_arm(setup: Setup, budget: int, state: str, arm: str, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam.arms import assignments
    from app.exam.sitting import sit

    subject = _minilm(setup)
    losses = {name: _joined(folder, f"minilm-{state}", name) for name in ("plan", "plan by proxy")}
    losses |= {name: np.array(table, dtype=np.float64) for name, table in read(folder, "minilm-hessian").items()}
    arms = assignments(losses, subject.weights, budget, draws=setup.draws, seed=0)
    return {"sittings": [_listed(sit(subject, {arm: arms[arm]}, budget=budget, repair=state == "repaired"))]}


def _minilm_context(setup: Setup, budget: int, state: str, part: int, folder: Path, progress: Progress) -> Result:
    from app.exam import tables
    from app.exam.arms import cheapest

    subject = _minilm(setup)
    plan = cheapest(_joined(folder, f"minilm-{state}", "plan"), subject.weights, budget)
    layers = _part(subject, part)
    found = tables.context(subject, plan, layers, repair=state == "repaired", progress=progress)
    return {"context": found.tolist()}


def _minilm_refined(setup: Setup, budget: int, state: str, folder: Path, progress: Progress) -> Result:  # noqa: ARG001
    from app.exam.arms import cheapest
    from app.exam.sitting import better, sit
    from dse.sensitivity.context import halfway

    subject, repair = _minilm(setup), state == "repaired"
    alone = _joined(folder, f"minilm-{state}", "plan")
    second = halfway(alone, _joined(folder, f"minilm-w{budget}-{state}-context", "context"))
    choices = [cheapest(table, subject.weights, budget) for table in (alone, second)]
    arms = {"plan refined": better(subject, choices, repair=repair)}
    return {"sittings": [_listed(sit(subject, arms, budget=budget, repair=repair))]}


def _minilm(setup: Setup) -> Any:
    from app.exam import minilm

    return minilm.subject(*setup.pairs, setup.tokens)


def _part(subject: Any, part: int) -> Any:
    """One of PARTS of a subject's layers, in order."""
    return [subject.layers[i] for i in np.array_split(np.arange(len(subject.layers)), PARTS)[part]]


def _joined(folder: Path, name: str, table: str) -> Any:
    """The rows of a table that was measured in PARTS."""
    return np.concatenate([np.array(read(folder, f"{name}-{part}")[table], dtype=np.float64) for part in range(PARTS)])


def _listed(result: Any) -> Any:
    """Arrays as lists, for JSON."""
    if isinstance(result, dict):
        return {key: _listed(value) for key, value in result.items()}
    return result.tolist() if isinstance(result, np.ndarray) else plain(result)
