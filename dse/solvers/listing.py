"""All choices of a component whose excess over the least priced sum is within reach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dse.interrupts import late
from dse.pareto import sorted_mask
from dse.solvers.instance import Instance
from dse.solvers.part import Floats, Ints, Part, Values


@dataclass(frozen=True)
class Listed:
    """Choices int[choices, groups] of some groups of a part, with their loss and costs [budgets, choices]."""

    groups: Ints
    choices: Ints
    loss: Ints
    costs: Ints


def list_all(
    part: Part, values: Values, tables: list[tuple[Floats, Floats]], reach: float, most: int, deadline: float = math.inf
) -> list[Listed] | None:
    """List every component's choices within reach, of priced values [n, options].

    None if one has more than `most`, and when the time is up.
    """
    assert part.elimination is not None
    component = np.empty(len(part.open), np.int64)
    for i, groups in enumerate(part.components):
        component[groups] = i
    excess = [np.zeros(1) for _ in part.components]
    chosen: list[dict[int, Ints]] = [{} for _ in part.components]
    steps: list[list[tuple[int, Ints, Ints]]] = [[] for _ in part.components]
    beyond = part.beyond(values)
    writes, heard = _passing(part)
    unread = _unread(part)
    for clique, table in zip(reversed(part.elimination.cliques), reversed(tables), strict=True):
        i = component[clique.layer]
        rest = [_kind(part, layer, chosen[i][layer]) for layer in clique.rest]
        step = part.elimination.above(clique, table, rest)
        if part.kinds is not None:
            step = step[part.kinds[clique.layer]] + _beyond(part, beyond, clique.layer, chosen[i], writes, heard)
        total = excess[i] + step
        options, labels = np.nonzero(total <= reach)
        if len(options) > most or late(deadline):
            return None
        excess[i] = total[options, labels]
        kept = chosen[i].keys() - unread.get(clique.layer, ())
        chosen[i] = {layer: chosen[i][layer][labels] for layer in kept}
        chosen[i][clique.layer] = options
        steps[i].append((clique.layer, options, labels))
    return [_listed(part, groups, _choices(groups, each)) for groups, each in zip(part.components, steps, strict=True)]


def _unread(part: Part) -> dict[int, list[int]]:
    """The groups that nothing after a group's turn looks at, by that group."""
    assert part.elimination is not None
    last: dict[int, int] = {}
    near: dict[int, list[int]] = {}
    for writer, reader in part.passing.pairs.tolist():
        near.setdefault(writer, []).append(reader)
        near.setdefault(reader, []).append(writer)
    for clique in part.elimination.cliques:
        for layer in (*clique.rest, *near.get(clique.layer, ())):
            last.setdefault(layer, clique.layer)
    found: dict[int, list[int]] = {}
    for layer, at in last.items():
        found.setdefault(at, []).append(layer)
    return found


def _choices(groups: Ints, steps: Sequence[tuple[int, Ints, Ints]]) -> Ints:
    """Choices int[choices, groups] from the option of a group and the choice before it that each step took."""
    place = {group: i for i, group in enumerate(groups.tolist())}
    found = np.empty((len(steps[-1][1]), len(groups)), np.int64)
    at = np.arange(len(found))
    for group, options, labels in reversed(steps):
        found[:, place[group]] = options[at]
        at = labels[at]
    return found


def _passing(part: Part) -> tuple[dict[int, int], dict[int, list[int]]]:
    """The pair in which each group writes, and those in which each reads."""
    heard: dict[int, list[int]] = {}
    for pair, reader in enumerate(part.passing.pairs[:, 1].tolist()):
        heard.setdefault(reader, []).append(pair)
    return {writer: pair for pair, writer in enumerate(part.passing.pairs[:, 0].tolist())}, heard


def _beyond(
    part: Part,
    beyond: Values,
    layer: int,
    chosen: Mapping[int, Ints],
    writes: Mapping[int, int],
    heard: Mapping[int, list[int]],
) -> Floats:
    """What each option of a group is above its kind, beside what is chosen: float64[options, choices].

    Of a group that writes it is the least of all readers' kinds until that of its reader is known.
    """
    assert part.kinds is not None
    found: Floats = beyond.single[layer][:, None]
    if (pair := writes.get(layer)) is not None:
        reader = int(part.passing.pairs[pair, 1])
        passed = beyond.passed[pair]
        known = reader in chosen
        found = found + (passed[:, _kind(part, reader, chosen[reader])] if known else passed.min(axis=1)[:, None])
    for pair in heard.get(layer, ()):
        options = chosen.get(int(part.passing.pairs[pair, 0]))
        if options is not None:
            rows = beyond.passed[pair][options]
            found = found + (rows[:, part.kinds[layer]] - rows.min(axis=1)[:, None]).T
    return found


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
    writers, readers = part.passing.pairs.T
    for pair in np.flatnonzero(place[writers] >= 0).tolist():
        a, b = place[writers[pair]], place[readers[pair]]
        taken = choices[:, a], _kind(part, groups[b], choices[:, b])
        loss += part.passing.loss[pair, *taken]
        costs += part.passing.costs[:, pair, *taken]
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
