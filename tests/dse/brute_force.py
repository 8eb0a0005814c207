"""Allocation by trying every choice, in rational arithmetic: the oracle of the solver tests."""

import itertools
from fractions import Fraction

import numpy as np


def exact(values):
    return sum((Fraction(float(v)) for v in values), Fraction(0))


def every_choice(shape, ties=()):
    """Yield the choices that keep the ties."""
    for choice in itertools.product(range(shape[1]), repeat=shape[0]):
        if all(len({choice[layer] for layer in tie}) <= 1 for tie in ties):
            yield np.array(choice)


def conversions(conversion, choice, edges=None):
    """The conversions of a choice, between consecutive layers if no edges are given."""
    edges = list(itertools.pairwise(range(len(choice)))) if edges is None else edges
    return exact(conversion[choice[a], choice[b]] for a, b in edges)


def best(loss, costs, budgets, ties=(), conversion=None, max_formats=None, edges=None):
    """Return the least exact objective and {cost: least exact value given the other budgets}, None for none."""
    layers = np.arange(len(loss))
    least_loss, least = None, dict.fromkeys(budgets)
    for choice in every_choice(loss.shape, ties):
        tables = [loss, *costs.values()]
        if not all(np.isfinite(t[layers, choice]).all() for t in tables):
            continue
        if max_formats is not None and len(set(choice.tolist())) > max_formats:
            continue
        spent = {name: exact(costs[name][layers, choice]) for name in budgets}
        kept = {name: spent[name] <= Fraction(limit) for name, limit in budgets.items()}
        for name in budgets:
            if all(ok for other, ok in kept.items() if other != name):
                least[name] = spent[name] if least[name] is None else min(least[name], spent[name])
        if all(kept.values()):
            objective = exact(loss[layers, choice])
            if conversion is not None:
                objective += conversions(conversion, choice, edges)
            least_loss = objective if least_loss is None else min(least_loss, objective)
    return least_loss, least
