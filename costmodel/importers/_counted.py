"""Which operators of an exported graph cost something in every pass."""

from collections.abc import Mapping
from typing import Any

from costmodel.importers import _aten, _bilinear, _node, _recurrent
from costmodel.importers._aten_rules import values_in


def is_counted(node: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether every pass repeats an operator: on activations, or of a layer with a weight.

    Views are not counted, nor moving or making integers, nor what constants and parameters alone give: that can be
    computed once.
    """
    function, reads = _node.function(node), values_in(arguments.values())
    if function in _aten.COPIES:
        moved = values_in(v for name, v in arguments.items() if name not in ("index", "indices"))
        return (function == "one_hot" or _node.is_real(node)) and any(value.sources for value in moved)
    free = function in _aten.RANDOM or _is_movement(node)
    if free or (function in (_aten.VECTOR.keys() | _aten.ORDERINGS) and not _node.is_real(node)):
        return False
    layers = _aten.LAYERS.keys() | _recurrent.OPERATORS.keys() | {_bilinear.OPERATOR}
    return function in layers or any(value.sources for value in reads)


def _is_movement(node: Any) -> bool:
    return not hasattr(node.target, "_schema") or _node.function(node) in _aten.MOVEMENT or _node.is_view(node)


def arithmetic(node: Any) -> str:
    """The name of a node's operator, "" where it costs no arithmetic."""
    return "" if _is_movement(node) else _node.function(node)
