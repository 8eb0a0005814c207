"""What plans take on an FPGA with outputs in the formats that their readers read, many plans at once."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.reach import reads
from costmodel.hardware import Fpga
from dse.pipelines import power
from dse.plan import Plan
from dse.problem import Problem

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST = 20_000
"""Plans that are compared at once."""
NEAR = 1e-12
"""Relative difference of objectives that counts as none."""


def taken(problem: Problem, choices: Ints) -> tuple[Ints, Ints]:
    """The option that each op takes in plans int[plans, layers], and one in whose format it writes, as `fpga.carried`
    says: int[ops, plans] each."""
    names = [option.activation.name for option in problem.options]
    bits = np.append([float(option.activation.bits_per_element) for option in problem.options], -np.inf)
    alike = np.array([names.index(name) for name in names])
    follows = problem.follows
    found = np.where(follows >= 0, choices[:, np.maximum(follows, 0)], problem.rest).T
    output = np.full(found.shape, -1)
    for i, read in reversed(list(enumerate(reads(problem.workload)))):
        output[i] = np.where(output[i] < 0, alike[found[i]], output[i])
        found[i] = found[i] if problem.workload.ops[i].weight_elements > 0 else output[i]
        for source in read:
            here = alike[found[i]]
            output[source] = np.where(bits[here] >= bits[output[source]], here, output[source])
    return found, output


class Passed:
    """Evaluates plans of a problem on an FPGA: sums over ops, each at its own option and at the format it writes."""

    def __init__(self, problem: Problem, names: Collection[str]) -> None:
        self.problem = problem
        self.names = tuple(names)
        formats = list({option.activation.name: option.activation for option in problem.options}.values())
        index = {each.name: i for i, each in enumerate(formats)}
        self._bits = np.array([float(each.bits_per_element) for each in formats])
        self._own = np.array([index[option.activation.name] for option in problem.options])
        columns = problem.grid(tuple(replace(o, output=each) for each in formats for o in problem.options))
        assert isinstance(problem.device, Fpga)
        told = {**columns, **power(columns, self._pass_s(), problem.device)}
        shape = (-1, len(formats), len(problem.options))
        self._tables = {name: told[name].reshape(shape).swapaxes(1, 2) for name in names}
        self.weighted = np.array([op.weight_elements > 0 for op in problem.workload.ops])
        self._like = np.array([int(np.flatnonzero(self._own == i)[0]) for i in range(len(formats))])

    def by_option(self, name: str) -> Floats:
        """A metric of each op at each option, by the option in whose format it writes: float64[ops, options, options].

        Of an op without weights, which reads what it writes, the diagonal alone is what it takes.
        """
        return self._tables[name][:, :, self._own]

    def totals(self, choices: Ints) -> dict[str, Floats]:
        """Each metric of plans int[plans, layers]: float64[plans]."""
        option, output = taken(self.problem, choices)
        at = np.arange(len(option))[:, None]
        return {name: table[at, option, self._own[output]].sum(axis=0) for name, table in self._tables.items()}

    def _pass_s(self) -> float:
        """Seconds between passes at the one rate of all plans, 0 where there is none."""
        line = self.problem.pipeline
        return 0.0 if line is None else line.pass_s(np.isfinite(self.problem.loss))

    def least(self) -> dict[str, Floats]:
        """Sums of these over layers are no more than what any plan takes of each metric: float64[layers, options].

        What an op takes is at least its least at its own option, whatever it writes, and what writing at least the bits
        that one of its readers reads adds to that at any option of its own: a layer's option pays for the former of its
        ops, and for the latter of those before it.
        """
        return {name: self._least(table) for name, table in self._tables.items()}

    def _least(self, table: Floats) -> Floats:
        problem, reader = self.problem, self._readers()
        passing = np.broadcast_to(table[:, self._like, np.arange(len(self._like))][:, None, :], table.shape)
        each = np.where(self.weighted[:, None, None], table, passing)
        base = each.min(axis=-1)
        more = (each - base[..., None]).min(axis=1)
        wide = self._bits[None, :] >= self._bits[:, None]
        added = np.where(wide, more[:, None, :], np.inf).min(axis=-1)[:, self._own]
        found = np.zeros_like(problem.loss)
        for part, layer in ((base, problem.follows), (added, reader)):
            fixed = np.where((layer >= 0)[:, None], part, part[:, [problem.rest]])
            np.add.at(found, np.maximum(layer, 0), fixed)
        return found

    def _readers(self) -> Ints:
        """The layer that reads what each op writes, -1 for one without a choice: the first of several, or its own."""
        follows, read = self.problem.follows, reads(self.problem.workload)
        found = follows.copy()
        for i in reversed(range(len(read))):
            for source in read[i]:
                found[source] = follows[i] if self.weighted[i] else found[i]
        return found

    def table(self, name: str) -> Floats:
        """What the search's tables say of a metric: float64[layers, options], 0 where an option is not available."""
        found = self.problem.loss if name == "loss" else self.problem.costs[name]
        return np.where(np.isinf(self.problem.loss), 0.0, found)


def improved(passed: Passed, plan: Plan, objective: str, limits: Mapping[str, float]) -> Plan:
    """The plan that changes of one or two layers lead to, each to a lesser objective within the limits.

    Both are of loss or of costs of the problem; MOST plans are compared at once. The objective is as evaluated.
    """
    problem, choice = passed.problem, plan.choice
    layers, options = problem.loss.shape
    while True:
        tried = _beside(choice, options)
        tried = tried[np.isfinite(problem.loss[np.arange(layers), tried]).all(axis=1)]
        every = np.concatenate([choice[None], tried])
        taken = {name: passed.table(name)[np.arange(layers), every].sum(axis=1) for name in {objective, *limits}}
        taken |= {name: values for name, values in passed.totals(every).items() if name in taken}
        kept = np.logical_and.reduce([taken[name] <= limit * (1 + NEAR) for name, limit in limits.items()])
        value = np.where(kept, taken[objective], np.inf)
        value[0] = taken[objective][0]
        better = np.flatnonzero(value < value[0] * (1 - NEAR))
        found = (i for i in better[np.argsort(value[better])] if _keeps(problem, every[i], limits))
        if (best := next(found, None)) is None:
            known = {**problem.totals(choice), "loss": problem.total_loss(choice)}
            return replace(plan, choice=choice, objective=known[objective])
        choice = every[best]


def _keeps(problem: Problem, choice: Ints, limits: Mapping[str, float]) -> bool:
    """Whether a plan keeps limits to the last bit, as its totals are told."""
    taken = {**problem.totals(choice), "loss": problem.total_loss(choice)}
    return all(taken[name] <= limit for name, limit in limits.items())


def _beside(choice: Ints, options: int) -> Ints:
    """The plans in which one layer differs, or two where these are not too many: int[plans, layers]."""
    layers = len(choice)
    at, to = (each.ravel() for each in np.indices((layers, options)))
    one = np.tile(choice, (len(at), 1))
    one[np.arange(len(at)), at] = to
    if len(at) ** 2 > MOST:
        return one
    first, second = np.triu_indices(len(at))
    two = one[first]
    two[np.arange(len(two)), at[second]] = to[second]
    return np.unique(two, axis=0)
