"""Find the norms that a module spells out operator by operator."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

SPELLED = {"pow", "square", "mean", "add", "sub", "mul", "div", "sqrt", "rsqrt"}


def written_norms(
    nodes: Iterable[Any], module: Callable[[Any], str], arithmetic: Callable[[Any], str]
) -> dict[Any, str]:
    """Return the nodes of modules that do nothing but normalise: the last of each with its style, the others with "".

    `module` and `arithmetic` give a node's module and the name of its operator, "" where it costs no arithmetic. A mean
    and a root are a norm: of the "layer" style where something is subtracted, else "rms".
    """
    found: dict[Any, str] = {}
    for name, run in itertools.groupby(nodes, module):
        named = [(node, arithmetic(node)) for node in run]
        steps = {function for _, function in named} - {""}
        if name and {"mean"} <= steps <= SPELLED and steps & {"sqrt", "rsqrt"}:
            body = [node for node, function in named if function]
            found |= dict.fromkeys(body, "") | {body[-1]: "layer" if "sub" in steps else "rms"}
    return found
