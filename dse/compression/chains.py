"""Layers that feed one another and nothing else, read from a traced graph."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def chains(
    module: "torch.nn.Module", through: Callable[["torch.nn.Module"], bool]
) -> list[tuple["torch.nn.Module", "torch.nn.Module"]]:
    """Return pairs of a module's parts, the second fed by the first alone, past parts of which `through` is true.

    Each part is called once, and what is between them goes nowhere else. ValueError where torch.fx cannot trace it.
    """
    import torch
    from torch import fx

    try:
        graph = fx.symbolic_trace(module).graph
    except (fx.proxy.TraceError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{type(module).__name__} cannot be traced: {' '.join(str(error).split())[:200]}") from None
    parts: dict[Any, torch.nn.Module] = {
        node: module.get_submodule(node.target) for node in graph.nodes if node.op == "call_module"
    }
    called = [id(part) for part in parts.values()]
    found = []
    for node, part in parts.items():
        following = _only_user(node)
        while following in parts and through(parts[following]):
            following = _only_user(following)
        if following in parts and max(called.count(id(p)) for p in (part, parts[following])) == 1:
            found.append((part, parts[following]))
    return found


def _only_user(node: Any) -> Any:
    return next(iter(node.users)) if len(node.users) == 1 else None
