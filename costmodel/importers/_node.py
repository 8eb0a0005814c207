"""What an FX node says: its operator, module, arguments and results, read without importing torch."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from costmodel.importers._value import Shape, Value


def function(node: Any) -> str:
    """The operator's name without namespace and overload, in-place variants under the name of the plain one."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return str(getattr(node.target, "__name__", node.target))
    name = str(schema.name).removeprefix("aten::")
    return name if name.endswith("__") else name.removesuffix("_")


def is_view(node: Any) -> bool:
    """Whether the operator's schema says that its result is its input seen otherwise."""
    returned = [value.alias_info for value in node.target._schema.returns]
    return bool(returned) and returned[0] is not None and not returned[0].is_write


def call_path(node: Any) -> str:
    """The module that the node belongs to, a second call of it told apart by a suffix."""
    stack = node.meta.get("nn_module_stack")
    return str(list(stack.values())[-1][0]) if stack else ""


def module(node: Any) -> str:
    """The qualified name of the module that the node belongs to, "" for the whole network."""
    return re.sub(r"@\d+", "", call_path(node))


def arguments(node: Any, values: Mapping[Any, Any]) -> dict[str, Any]:
    """The arguments by their name in the operator's schema, nodes replaced by what `values` has for them."""
    names = [argument.name for argument in node.target._schema.arguments]
    given = dict(zip(names, node.args, strict=False)) | node.kwargs
    return {name: mapped(argument, values) for name, argument in given.items()}


def mapped(argument: Any, values: Mapping[Any, Any]) -> Any:
    """An argument with nodes replaced by what `values` has for them, in lists too."""
    if isinstance(argument, list | tuple):
        return [mapped(part, values) for part in argument]
    return values.get(argument, argument) if type(argument).__name__ == "Node" else argument


def attribute(node: Any) -> Any:
    """What a get_attr node stands for."""
    found = node.graph.owning_module
    for part in node.target.split("."):
        found = getattr(found, part)
    return found


def tensors(node: Any) -> list[Any]:
    """The tensors among the node's results."""
    result = node.meta.get("val")
    return [t for t in (result if isinstance(result, list | tuple) else [result]) if hasattr(t, "dtype")]


def is_real(node: Any) -> bool:
    """Whether a result is a tensor of floating-point numbers."""
    return any(t.dtype.is_floating_point or t.dtype.is_complex for t in tensors(node))


def results(node: Any, like: Value) -> Any:
    """The node's results, each of its own shape, all holding what `like` holds; no gradient passes to what integers or
    detached tensors hold."""
    result, cut = node.meta.get("val"), function(node) == "detach"
    if isinstance(result, list | tuple):
        return [_result(part, like, cut=cut) for part in result]
    return _result(result, like, cut=cut)


def _result(tensor: Any, like: Value, *, cut: bool) -> Value:
    whole = hasattr(tensor, "dtype") and not (tensor.dtype.is_floating_point or tensor.dtype.is_complex)
    found = replace(like, shape=shape(tensor))
    return found.cut if cut or whole else found


def shape(tensor: Any) -> Shape | None:
    """A tensor's shape, () for anything else, None where a dimension depends on data."""
    dims = tuple(getattr(tensor, "shape", ()))
    return dims if all(isinstance(d, int) for d in dims) else None
