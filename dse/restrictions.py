"""What a user forbids: layers pinned to a format, or allowed some formats alone."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from costmodel.catalog import UnmatchedError
from dse.problem import Problem


def restricted(problem: Problem, pins: Mapping[str, str], allow: Mapping[str, Sequence[str]]) -> Problem:
    """Return the problem with the layers that globs match pinned to a format, or limited to those in a list.

    Formats by their names or as they were spelled. UnmatchedError where a glob matches no layer; UnknownNameError where
    a format is none of the problem's; ValueError in one line where nothing is left to a layer.
    """
    taken = np.zeros(problem.loss.shape, dtype=bool)
    reasons: dict[int, list[str]] = {}
    asked = [*((glob, [name], "pinned to") for glob, name in pins.items()),
             *((glob, list(names), "allowed") for glob, names in allow.items())]  # fmt: skip
    for glob, names, verb in asked:
        kept = np.zeros(len(problem.options), dtype=bool)
        kept[[problem.option(name) for name in names]] = True
        matched = [i for i, layer in enumerate(problem.layers) if fnmatchcase(layer, glob)]
        if not matched:
            raise UnmatchedError("layer", glob, problem.layers)
        taken[matched] |= ~kept
        for layer in matched:
            reasons.setdefault(layer, []).append(f"{verb} {', '.join(names)}")
    empty = np.flatnonzero((taken | np.isinf(problem.loss)).all(axis=1))
    if len(empty):
        layer = int(empty[0])
        raise ValueError(f"no format is left to {problem.layers[layer]}: it is {' and '.join(reasons.get(layer, []))}")
    return problem.without(taken) if taken.any() else problem
