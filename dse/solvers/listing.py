"""All choices of a component whose excess over the least priced sum is within reach."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.pareto import sorted_mask
from dse.solvers.instance import Instance
from dse.solvers.part import Floats, Ints, Part


@dataclass(frozen=True)
class Listed:
    """Choices int[choices, groups] of some groups of a part, with their loss and costs [budgets, choices]."""

    groups: Ints
    choices: Ints
    loss: Ints
    costs: Ints


def list_all(
    part: Part, values: Floats, tables: list[tuple[Floats, Floats]], reach: float, most: int
) -> list[Listed] | None:
    """List every component's choices within reach, of priced values [n, options]; None if one has more than `most`."""
    assert part.elimination is not None
    component = np.empty(len(part.open), np.int64)
    for i, groups in enumerate(part.components):
        component[groups] = i
    excess = [np.zeros(1) for _ in part.components]
    chosen: list[dict[int, Ints]] = [{} for _ in part.components]
    beyond = part.beyond(values)
    for clique, (table, least) in zip(reversed(part.elimination.cliques), reversed(tables), strict=True):
        i = component[clique.layer]
        rest: tuple[Any, ...] = tuple(_kind(part, layer, chosen[i][layer]) for layer in clique.rest)
        step = table[(slice(None), *rest)] - least[rest] if rest else (table - least)[:, None]
        if part.kinds is not None:
            step = step[part.kinds[clique.layer]] + beyond[clique.layer][:, None]
        total = excess[i] + step
        options, labels = np.nonzero(total <= reach)
        if len(options) > most:
            return None
        excess[i] = total[options, labels]
        chosen[i] = {layer: values[labels] for layer, values in chosen[i].items()}
        chosen[i][clique.layer] = options
    return [_listed(part, groups, np.stack([chosen[i][g] for g in groups.tolist()], axis=1))
            for i, groups in enumerate(part.components)]  # fmt: skip


def _kind(part: Part, layer: int, options: Ints) -> Ints:
    return options if part.kinds is None else np.asarray(part.kinds[layer, options])


def _listed(part: Part, groups: Ints, choices: Ints) -> Listed:
    loss = part.loss[groups, choices].sum(axis=1)
    place = np.full(len(part.open), -1)
    place[groups] = np.arange(len(groups))
    inside = np.flatnonzero(place[part.pairs[:, 0]] >= 0) if len(part.pairs) else np.zeros(0, np.int64)
    for pair in inside.tolist():
        a, b = place[part.pairs[pair]]
        loss += part.added[pair, _kind(part, groups[a], choices[:, a]), _kind(part, groups[b], choices[:, b])]
    costs = part.costs[:, groups, choices].sum(axis=2)
    if part.coupled.instance.uncertain.any():
        return Listed(groups, choices, loss, costs)
    rows = np.column_stack([loss, *costs])
    order = np.lexsort(rows.T[::-1])
    first = np.append(True, (rows[order[1:]] != rows[order[:-1]]).any(axis=1))
    order = order[first]
    kept = order[sorted_mask(rows[order])]
    return Listed(groups, choices[kept], loss[kept], costs[:, kept])


def as_instance(part: Part, listed: list[Listed]) -> Instance:
    """The part as a problem without couplings: each component is a class, each of its choices an option."""
    shape = len(listed), max(len(component.loss) for component in listed)
    loss, available = np.zeros(shape, np.int64), np.zeros(shape, bool)
    costs = np.zeros((len(part.room), *shape), np.int64)
    for i, component in enumerate(listed):
        n = len(component.loss)
        loss[i, :n], costs[:, i, :n], available[i, :n] = component.loss, component.costs, True
    return Instance(
        loss,
        costs,
        part.room,
        available,
        np.zeros((len(listed), 1, 1), bool),
        np.ones(len(listed), np.int64),
        part.coupled.instance.uncertain,
        lambda counts: part.coupled.instance.admits(
            part.coupled.counts(choice_of(part, listed, counts.argmax(axis=1)))
        ),
    )


def choice_of(part: Part, listed: list[Listed], taken: Ints) -> Ints:
    """The choice of all groups that takes these of the listed choices."""
    found = np.zeros(len(part.open), np.int64)
    for component, index in zip(listed, taken.tolist(), strict=True):
        found[component.groups] = component.choices[index]
    return part.whole(found)
