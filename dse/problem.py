"""Problem: the layers of a network, the options of each, and what each option costs on a device."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel import display
from costmodel.catalog import require
from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.fpga import Design, Folding
from costmodel.estimators.passed_on import placed, places
from costmodel.hardware import Device, Fpga
from costmodel.precision import Precision
from costmodel.record import stack
from costmodel.strategies.nm_sparsity import NMSparsity
from costmodel.workload import Op, Workload
from dse import problem_columns
from dse.exact import at_least, exact_sum
from dse.metric import METRICS
from dse.pipelines import PACED, Pipeline, pipeline, power
from dse.rates import rate_per_s
from dse.sensitivity.additivity import Additivity
from dse.sensitivity.ranges import Range

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
"""Two sums of the same terms in another order differ by less; what is no sum of layers differs by more."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A choice of one option a layer.

    layers       names of the ops that have a choice; an op without weights follows the layer whose weights it shares,
                 else the one before it (the first layer's choice where none is before)
    rest         the index of the option that ops with weights but without a choice take: the widest
    loss         float[layers, options], at least 0
    costs        {metric: float[layers, options]}: sums over the ops that follow a layer, of the same grid that
                 `costmodel.estimate` reports; a metric that is not known for every op is absent
    pipeline     what decides the rate and the latency of a dataflow's plans; None elsewhere
    loss_source  how the loss was found
    additivity   how well measured losses were found to add up; None where they are not measured
    laid_for     the index of the option that the folding was made for; None where it was given, or off an FPGA
    grids        what `grid` gave before, with its folding: shared by problems that are made of one another
    ranges       of the layers' inputs over calibration data, by layer; empty where losses are not measured
    follows      the index of the layer that each op of the workload follows, -1 for those at the option of `rest`
    """

    workload: Workload
    device: Device
    layers: tuple[str, ...]
    options: tuple[Precision, ...]
    loss: Floats
    costs: Mapping[str, Floats]
    loss_source: str
    follows: NDArray[np.int64] = field(repr=False)
    rest: int
    pipeline: Pipeline | None = field(default=None, repr=False)
    folding: Design | None = field(default=None, repr=False)
    strategies: tuple[NMSparsity | None, ...] = field(default=(), repr=False)
    spelled: tuple[str, ...] = ()
    additivity: Additivity | None = field(default=None, repr=False)
    ranges: Mapping[str, Range] = field(default_factory=dict, repr=False)
    laid_for: int | None = None
    grids: dict[tuple[Any, ...], tuple[Design | None, dict[str, NDArray[Any]]]] = field(
        default_factory=dict, repr=False
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The options' names: the precision's, and @n:m of a sparse one."""
        sparse = self.strategies or (None,) * len(self.options)
        return tuple(o.name + (f"@{s.n}:{s.m}" if s else "") for o, s in zip(self.options, sparse, strict=True))

    def assignment(self, choice: ArrayLike) -> dict[str, str]:
        """The chosen option of each layer by name."""
        names = self.names
        return {layer: names[o] for layer, o in zip(self.layers, np.asarray(choice).tolist(), strict=True)}

    def precisions(self, choice: ArrayLike) -> dict[str, Precision]:
        """The chosen precision of each layer."""
        return {layer: self.options[o] for layer, o in zip(self.layers, np.asarray(choice).tolist(), strict=True)}

    def estimate(self, choice: ArrayLike) -> Estimate:
        """What the whole network costs under a choice; do not edit."""
        return _estimated(self, tuple(np.asarray(choice).tolist()))

    def totals(self, choice: ArrayLike) -> dict[str, float]:
        """What the whole network costs under a choice; sums of layers rounded up, so that as budgets they admit it."""
        found, layers = dict(self.estimate(choice).totals), np.arange(len(self.layers))
        for name in self.costs.keys() & found.keys():
            spent = at_least(exact_sum(self.costs[name][layers, np.asarray(choice)]))
            if math.isclose(spent, found[name], rel_tol=_ROUNDING):
                found[name] = max(spent, found[name])
        for name, told in self._pace(found.get("latency_s", math.nan), choice).items():
            if name in found and math.isclose(told, found[name], rel_tol=_ROUNDING):
                found[name] = told
        return found

    def _pace(self, latency_s: float, choice: ArrayLike) -> dict[str, float]:
        """The rate that budgets of it go by, an overlay's that of all layers in turn; of a dataflow the latency too,
        nothing where it is folded anew."""
        if self.pipeline is not None and self.pipeline.folding is not self.folding:
            return {}
        if self.pipeline is None:
            return {"throughput_per_s": rate_per_s(latency_s, self.workload.batch)}
        found = {name: float(told[0]) for name, told in self.pipeline.values(np.asarray(choice)[None]).items()}
        return {**found, "throughput_per_s": rate_per_s(found["throughput_per_s"])}

    def edited(self, choice: ArrayLike) -> Workload:
        """The workload with the layers pruned whose chosen option is sparse."""
        if not any(self.strategies):
            return self.workload
        taken = {layer: self.strategies[o] for layer, o in zip(self.layers, np.asarray(choice).tolist(), strict=True)}

        def edit(op: Op) -> Op:
            strategy = taken.get(op.name)
            return strategy.prune(op) if strategy and strategy.touches(op) else op

        return self.workload.map(edit)

    def per_op(self, choice: ArrayLike) -> tuple[Precision, ...]:
        """The precision of every op of the workload under a choice."""
        by_layer = [self.options[o] for o in np.asarray(choice).tolist()]
        taken = [by_layer[i] if i >= 0 else self.options[self.rest] for i in self.follows.tolist()]
        return tuple(map(placed, taken, places(self.workload.ops).tolist()))

    def laid(self, option: int) -> Precision:
        """An option as every op of the network takes it, one or a batch of them."""
        taken, ops = self.options[option], self.workload.ops
        if taken.output is None or isinstance(self.device, Fpga):
            return taken
        return stack([placed(taken, place) for place in places(ops).tolist()])

    def carried(self, choice: ArrayLike) -> Precision:
        """The precision of every op under a choice as a batch, on an FPGA with what passes between units."""
        used = self.per_op(choice)
        return stack(fpga.carried(self.workload, used) if isinstance(self.device, Fpga) else used)

    def grid(self, options: tuple[Precision, ...]) -> dict[str, NDArray[Any]]:
        """Each op's columns at each of these, in place of the options: float64[ops, options]; do not edit.

        As many as there are options, or a multiple, in their order.
        """
        key = id(self.folding), options
        if key not in self.grids:
            pruned = self.strategies * (len(options) // len(self.options))
            self.grids[key] = (
                self.folding,
                problem_columns.of(self.workload, options, self.device, self.folding, pruned),
            )
        return self.grids[key][1]

    def total_loss(self, choice: ArrayLike) -> float:
        """The summed loss of a choice, rounded up, so that as a budget it admits it."""
        found = self.loss[np.arange(len(self.layers)), np.asarray(choice)]
        return at_least(exact_sum(found)) if np.isfinite(found).all() else math.inf

    def uniform(self, option: int) -> NDArray[np.int64]:
        """The choice of one option for every layer."""
        return np.full(len(self.layers), option)

    def option(self, name: str) -> int:
        """The index of an option by its name, as it was spelled, or another way that means it alone: bf16 for
        bf16/bf16, int4 for int4/bf16 where no other has int4 weights. ValueError lists those that there are.
        """
        known = {spelling: i for i, spelling in enumerate(self.spelled)} | {n: i for i, n in enumerate(self.names)}
        if name not in known:
            dense = [n for n in self.names if "@" not in n]
            meant = [n for n in dense if n == f"{name}/{name}"] or [n for n in dense if n.partition("/")[0] == name]
            name = meant[0] if len(meant) == 1 else name
        if name not in known:
            raise ValueError(f"{name} is not among the formats of a layer: {', '.join(self.spelled)}")
        return known[name]

    def groups(self, ties: Sequence[Sequence[str]]) -> list[list[int]]:
        """Groups of layer names as indices; UnknownNameError lists near names, TypeError shows what groups are."""
        for each in [ties] if not isinstance(ties, Sequence) else ties:
            if isinstance(each, str) or not isinstance(each, Sequence):
                raise TypeError(f"ties are groups of layer names, as [['q', 'k', 'v']], got {each!r} for a group")
        index = {layer: i for i, layer in enumerate(self.layers)}
        return [[index[require("layer", name, index)] for name in group] for group in ties]

    def without(self, unavailable: NDArray[np.bool_]) -> "Problem":
        """The problem with the options where `unavailable` [layers, options] holds taken away."""
        return replace(self, loss=np.where(unavailable, np.inf, self.loss))

    def _repr_html_(self) -> str:
        values = {"layers": len(self.layers), "loss": self.loss_source}
        about = display.card(f"Problem: {self.workload.name} on {self.device.name}", values)
        sums = {"loss": self.loss, **self.costs}
        rows = [
            {"format": name} | {column: float(table[:, i].sum()) for column, table in sums.items()}
            for i, name in enumerate(self.names)
        ]
        return about + display.table("Every layer in one format", rows, ("format", *sums))


@lru_cache(maxsize=8)
def _estimated(problem: Problem, choice: tuple[int, ...]) -> Estimate:
    """The estimate of a choice: of one plan several are asked for."""
    taken = zip(problem.workload.ops, problem.per_op(choice), strict=True)
    weighs = not isinstance(problem.device, Fpga)
    by_op = {op.name: used for op, used in taken if op.weight_elements > 0 or weighs}
    return estimate(problem.edited(choice), by_op, problem.device, folding=problem.folding)


def build(
    workload: Workload,
    device: Device,
    *,
    layers: tuple[str, ...],
    options: tuple[Precision, ...],
    loss: Floats,
    loss_source: str,
    folding: Design | None = None,
    strategies: tuple[NMSparsity | None, ...] = (),
    spelled: tuple[str, ...] = (),
    design: Callable[[Workload, Precision, Fpga], Design] = fpga.fold,
    laid_for: int | None = None,
) -> Problem:
    """Return the problem with its costs evaluated; an FPGA is laid out once by `design`, at the option `laid_for`, by
    default the widest, unless told how.

    `strategies` prune the layers that take an option (None: it leaves them dense); a layer that one cannot prune does
    not have that option. ValueError without layers, or where the device lacks the pipe or the formula that an option
    needs.
    """
    require_layers(workload, layers)
    rest = widest_of(options)
    if isinstance(device, Fpga):
        for option in options:
            fpga.check(workload, (option,) * len(workload.ops))
        laid_for = None if folding else rest if laid_for is None else laid_for
        if laid_for is not None:
            folding = design(workload, stack([options[laid_for]] * len(workload.ops)), device)
    folding = fpga.placed(workload, folding) if isinstance(folding, Folding) else folding
    columns = problem_columns.of(workload, options, device, folding, strategies)
    follows = problem_columns.followed(workload, layers)
    loss = np.where(problem_columns.impossible(workload, layers, options, strategies), np.inf, loss)
    paced: Pipeline | None = None
    if isinstance(device, Fpga) and isinstance(folding, Folding):
        edited = [s(workload) if s else workload for s in strategies or (None,) * len(options)]
        paced = pipeline(workload, options, device, folding, edited, follows, rest)
        columns |= power(columns, paced.pass_s(np.isfinite(loss)), device)
    summed = {
        name: problem_columns.by_layer(column, follows, rest)
        for name, column in columns.items()
        if name in METRICS and (name == "latency_s" or not np.isnan(column).any())
    }
    problem_columns.require_known(summed, options, device)
    costs = {name: table for name, table in summed.items() if not (paced and name in PACED)}
    known = Problem(workload, device, layers, options, loss, costs, loss_source, follows, rest, paced, folding)
    laid_for = laid_for if isinstance(device, Fpga) else None
    return replace(known, strategies=strategies, spelled=spelled, laid_for=laid_for)


def require_layers(workload: Workload, layers: Sequence[str]) -> None:
    """ValueError where there is nothing to choose."""
    if not layers:
        raise ValueError(f"{workload.name} has no layer with weights to choose a format for")


def widest_of(options: Sequence[Precision]) -> int:
    """The index of the option of most bits, weight and activation together."""
    return max(range(len(options)), key=lambda i: options[i].weight.bits + options[i].activation.bits)
