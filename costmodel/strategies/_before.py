"""Ops put before others of a network, which keep their names and what they read."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain

from costmodel.workload import Op, Workload

PRODUCTS = ("linear", "experts")
"""Kinds of ops that multiply stored weights of a language model."""

HEADS_AND_ROUTERS = ("lm_head", "*.gate")
"""Globs of layers that are usually left in a wide format."""


FACTORS = (".lorc_in", ".lorc_out")
"""After a layer's name, two narrow products whose result is added to its own."""


def before(workload: Workload, touches: Callable[[Op], bool], parts: Callable[[Op], tuple[Op, ...]]) -> Workload:
    """Return the workload with each op that `touches` holds for replaced by its `parts`, the op itself last.

    `parts` is given the op with what it reads spelled out, so that ops between change nothing.
    """
    names = ["input", *(op.name for op in workload.ops)]
    ops = [
        parts(replace(op, inputs=op.inputs or (previous,))) if touches(op) else (op,)
        for op, previous in zip(workload.ops, names, strict=False)
    ]
    return replace(workload, ops=tuple(chain.from_iterable(ops)))


def multiplies(op: Op, layers: Sequence[str], keep: Sequence[str] = ()) -> bool:
    """Whether an op multiplies stored weights and its name matches a glob of `layers` and none of `keep`."""
    if op.kind not in PRODUCTS or op.weight_elements <= 0:
        return False
    return any(fnmatchcase(op.name, glob) for glob in layers) and not any(fnmatchcase(op.name, glob) for glob in keep)
