"""Serving plans: each server's largest batch within limits, and what its tokens cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

import costmodel as cm
from costmodel import models
from costmodel.estimators.idealized_runtime import runtime_s
from costmodel.estimators.server import Curve, Limits, Server
from costmodel.estimators.serving import Requests, cost_per_million
from costmodel.hardware import Gpu
from costmodel.strategies._then import Strategy, steps_of
from costmodel.workload import Workload
from dse.crossover import crossovers
from dse.plan import InfeasibleError


@dataclass(frozen=True)
class Question:
    """Which servers to plan: a model's requests on devices x GPUs x precisions x modes, under limits.

    `prices` is of a GPU of each device for an hour, "" for all of them; empty where cost is not asked for.
    """

    model: str
    devices: tuple[str, ...]
    gpus: tuple[int, ...]
    precisions: tuple[str, ...]
    modes: tuple[str, ...]
    requests: Requests
    limits: Limits
    prices: Mapping[str, float]
    strategy: str = "none"
    memory_share: float | None = None

    def __post_init__(self) -> None:
        for price in self.prices.values():
            cost_per_million(1.0, 1, price)
        unknown = [name for name in self.prices if name and name not in self.devices]
        if unknown:
            raise ValueError(f"--price names {unknown[0]}, which is not among {', '.join(self.devices)}")

    def price(self, device: str) -> float | None:
        """What a GPU of a device costs an hour, None where no price was given."""
        return self.prices.get(device, self.prices.get(""))

    def servers(self, edited: "_Edited") -> Iterator[tuple[dict[str, Any], Server]]:
        """Every server, with what sets it apart."""
        passes = cache(edited)
        share = {} if self.memory_share is None else {"memory_share": self.memory_share}
        for device, gpus, precision, mode in product(self.devices, self.gpus, self.precisions, self.modes):
            gpu = cm.device(device)
            if not isinstance(gpu, Gpu):
                raise ValueError(f"serving is modelled on GPUs, {device} is none")
            named = {"device": device, "gpus": gpus, "precision": precision, "mode": mode}
            yield named, Server(passes, precision, gpu, self.requests, gpus, mode, **share)


def plan(question: Question) -> dict[str, Any]:
    """Return {"plans": a row a server, cheapest or quickest first, "crossovers": between formats}.

    A server that cannot run, does not fit or meets no limit has a `reason` instead of numbers. ValueError where none
    can run; InfeasibleError with the least of each limit where none meets them.
    """
    rows, runnable = [], []
    edited = _edited(question.model, question.strategy, question.requests.prompt)
    for named, server in question.servers(edited):
        try:
            row = _row(server, question, named["device"])
        except ValueError as error:
            row = {"reason": str(error)}
        else:
            runnable += [(named, server)] * (server.largest() > 0)
        rows.append(named | row)
    met = [row for row in rows if "reason" not in row]
    if not met:
        _refuse(rows)
    rank = "cost_per_million" if all("cost_per_million" in row for row in met) else "tokens_per_s"
    met.sort(key=lambda row: row[rank], reverse=rank == "tokens_per_s")
    return {
        "model": question.model,
        "strategy": question.strategy,
        "left_alone": edited.left_alone,
        "plans": met + [row for row in rows if "reason" in row],
        "crossovers": _between_formats(runnable),
    }


PHASES = ("prefill", "decode")

SECTIONS = 32
"""Batches asked for at once between two that differ in which format is quicker."""


@dataclass(frozen=True)
class _Edited:
    """A model's passes, each edited by those `steps` of a strategy that take its phase, in the order of PHASES."""

    model: str
    every: tuple[Strategy, ...]
    steps: tuple[tuple[Strategy, ...], ...]

    def __call__(self, phase: str, batch: int, context: int) -> Workload:
        """The pass of a phase."""
        workload = models.load(self.model, phase=phase, batch=batch, context=context)
        return cm.strategies.compose(*self.steps[PHASES.index(phase)])(workload)

    @property
    def left_alone(self) -> list[dict[str, str]]:
        """Which step leaves which phase as it is."""
        return [
            {"strategy": cm.strategies.spelled(step), "phase": phase}
            for phase, taken in zip(PHASES, self.steps, strict=True)
            for step in self.every
            if step not in taken
        ]


def _edited(model: str, strategy: str, prompt: int) -> _Edited:
    """The passes, each edited by the steps that take it; ValueError where a step takes neither, or divides one."""
    every = steps_of(cm.strategies.strategy(strategy))
    for step in every:
        if isinstance(step, cm.strategies.Parallel) and step.gpus > 1:
            spelled = cm.strategies.spelled(step)
            raise ValueError(f"--gpus shares the layers of a server between GPUs: leave {spelled} out of --strategy")
        if getattr(step, "pads", False):
            told = cm.strategies.spelled(step)
            raise ValueError(
                f"requests of serving are of one length, and none waits for a longer one: leave {told} out"
            )
    plain = {phase: models.load(model, phase=phase, batch=1, context=prompt) for phase in PHASES}
    edited, taken = dict(plain), {phase: list[Strategy]() for phase in PHASES}
    for step in every:
        refused = []
        for phase in PHASES:
            try:
                edited[phase] = _taken(step, edited[phase], plain[phase])
                taken[phase].append(step)
            except _NotOfThisPhaseError as error:
                refused.append(error)
        if len(refused) == len(PHASES):
            raise ValueError(str(refused[-1]))
        _require_prompt(edited["prefill"].context, prompt, step)
    return _Edited(model, every, tuple(tuple(taken[phase]) for phase in PHASES))


def _require_prompt(tokens: int, prompt: int, step: Strategy) -> None:
    if tokens != prompt:
        told = f"{cm.strategies.spelled(step)} makes it {tokens}, leave it out"
        raise ValueError(f"a prompt of serving has the {prompt} tokens asked for: {told}")


class _NotOfThisPhaseError(ValueError):
    """A step takes no pass of this phase, whatever came before it."""


def _taken(step: Strategy, workload: Workload, plain: Workload) -> Workload:
    """The pass after a step; ValueError where one before it stands in its way, _NotOfThisPhaseError where none does."""
    try:
        return step(workload)
    except ValueError as error:
        try:
            step(plain)
        except ValueError:
            raise _NotOfThisPhaseError(str(error)) from None
        raise


def _row(server: Server, question: Question, device: str) -> dict[str, Any]:
    """The largest batch within the limits, or the reason why there is none and the least that was found."""
    if not server.largest():
        least = float(server.needs_bytes(1))
        has = server.memory_bytes / 1e9
        return {"reason": f"one request needs {least / 1e9:.1f} GB of each GPU, of which a server may take {has:.1f}"}
    found = server.best(question.limits)
    if found is None:
        one = server.curve([1]).at(0)
        missed = {name: one[name] for name in ("ttft_s", "tpot_s") if one[name] > getattr(question.limits, name)}
        told = " and ".join(f"{name[:4]} {value * 1e3:.3g} ms" for name, value in missed.items())
        return {"reason": f"even one request at a time has {told}", "least": missed}
    row = found[0].at(found[1])
    row["text_s"] = float(runtime_s(row["ttft_s"], row["tpot_s"], question.requests.output))
    price = question.price(device)
    if price is not None:
        rates = {end: row[f"tokens_per_s{rate}"] for end, rate in (("", ""), ("_low", "_high"), ("_high", "_low"))}
        row |= {
            f"cost_per_million{end}": float(cost_per_million(rate, server.gpus, price)) for end, rate in rates.items()
        }
    return row


def _refuse(rows: Sequence[dict[str, Any]]) -> None:
    least: dict[str, float] = {}
    for row in rows:
        for name, value in row.get("least", {}).items():
            least[name] = min(value, least.get(name, np.inf))
    if least:
        told = ", ".join(f"{name} {value:.4g}" for name, value in least.items())
        raise InfeasibleError(f"no server meets the limits; the least found, one request at a time: {told}", least)
    memory = [row["reason"] for row in rows if row["reason"].startswith("one request needs")]
    if memory:
        raise InfeasibleError(f"no server fits: {memory[-1]}", {})
    raise ValueError(rows[0]["reason"])


def _between_formats(runnable: Sequence[tuple[dict[str, Any], Server]]) -> list[dict[str, Any]]:
    """The first batch from which one precision writes more tokens a second than another, all else equal.

    The servers are those that hold a request.
    From `batch_low` to `batch_high` their intervals meet, so that either may be the quicker one there.
    """
    found = []
    slowness = [_slowness(server) for _, server in runnable]
    for ((first, a), slow_a), ((second, b), slow_b) in combinations(zip(runnable, slowness, strict=True), 2):
        if any(first[key] != second[key] for key in ("device", "gpus", "mode")):
            continue
        most = min(a.largest(), b.largest())
        if most < 2:
            continue
        axis = sorted({*(2**i for i in range(most.bit_length())), most})
        names = (first["precision"], second["precision"])
        same = {key: first[key] for key in ("device", "gpus", "mode")}
        for c in crossovers(slow_a, slow_b, axis, names=names, whole=True, sections=SECTIONS):
            low, high = _undecided(a.whole, b.whole, c.at)
            told = {"batch": int(c.at), "batch_low": low, "batch_high": high}
            found.append(same | told | {"overtakes": c.after, "overtaken": c.before})
    return found


def _undecided(one: Curve, other: Curve, at: float) -> tuple[int, int]:
    """The batches of both curves around `at` between which their intervals of tokens a second meet, else `at`."""
    batch, i, j = np.intersect1d(one.batch, other.batch, return_indices=True)
    low = np.maximum(one.tokens_per_s_low[i], other.tokens_per_s_low[j])
    apart = batch[low > np.minimum(one.tokens_per_s_high[i], other.tokens_per_s_high[j])]
    inside = batch[(batch > apart[apart < at].max(initial=0)) & (batch < apart[apart >= at].min(initial=np.inf))]
    return int(min([at, *inside])), int(max([at, *inside]))


def _slowness(server: Server) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Seconds a token of a server at batches, each evaluated once."""
    known = dict(zip(server.whole.batch.tolist(), server.whole.tokens_per_s.tolist(), strict=True))

    def at(batches: NDArray[np.float64]) -> NDArray[np.float64]:
        new = sorted({int(b) for b in batches} - known.keys())
        if new:
            known.update(zip(new, server.curve(new).tokens_per_s.tolist(), strict=True))
        return np.array([1.0 / known[int(b)] for b in batches])

    return at
