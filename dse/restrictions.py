"""What a user forbids: layers pinned to a format, or allowed some formats alone."""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from costmodel.catalog import UnmatchedError
from dse.problem import Problem

AS = {"pins": "{'conv1': 'int8'}", "allow": "{'layer1.*': ['int4', 'int8']}"}
"""What they look like, for those who gave something else."""


def restricted(problem: Problem, pins: Mapping[str, str], allow: Mapping[str, Sequence[str]]) -> Problem:
    """Return the problem with the layers that globs match pinned to a format, or limited to those in a list.

    Formats by their names or as they were spelled. UnmatchedError where a glob matches no layer; UnknownNameError where
    a format is none of the problem's; ValueError in one line where nothing is left to a layer; TypeError on what is no
    mapping of globs to these.
    """
    _require_kinds(pins, allow)
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
            reasons.setdefault(layer, []).append(f"{verb} {', '.join(names) or 'no format'}")
    empty = np.flatnonzero((taken | np.isinf(problem.loss)).all(axis=1))
    if len(empty):
        layer = int(empty[0])
        raise ValueError(f"no format is left to {problem.layers[layer]}: it is {' and '.join(reasons.get(layer, []))}")
    return problem.without(taken) if taken.any() else problem


def require_names(what: str, given: object) -> None:
    """TypeError on what is no list of names, as a single one, whose letters would be taken for names."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{what} must be a list of names, as ['int4', 'int8'], got {given!r}")
    if odd := [each for each in given if not isinstance(each, str)]:
        raise TypeError(f"{what} must be a list of names, as ['int4', 'int8'], got {odd[0]!r} in it")


def _require_kinds(pins: object, allow: object) -> None:
    """TypeError on what is no mapping of globs to a format, or to a list of these."""
    for what, given in (("pins", pins), ("allow", allow)):
        if not isinstance(given, Mapping):
            raise TypeError(f"{what} is a mapping of layers, as {AS[what]}, got {given!r}")
        for glob, told in given.items():
            if what == "allow":
                require_names(f"allow of {glob}", told)
            elif not isinstance(told, str):
                raise TypeError(f"pins have a format each, as {AS[what]}, got {told!r} for {glob}")
