"""A torch module as torch.fx traces it: names of its tensors, their ranges over calibration data, what layers read."""

import copy
from functools import cached_property
from typing import Any

from app.exports._source import Network
from dse.sensitivity import Range
from dse.sensitivity.calls import as_tuple, split

BATCH = 256
"""Calibration examples in a pass."""

SAME = ("Dropout", "Flatten", "Identity", "Unflatten")
SAME_CALLS = ("flatten", "view", "reshape", "squeeze", "unsqueeze", "contiguous", "transpose", "permute")
"""Modules and calls whose result holds the elements that they read."""


class Traced:
    """The graph of a network; ValueError where torch.fx cannot trace it."""

    def __init__(self, network: Network) -> None:
        import torch

        self._inputs = network.inputs
        self._module = copy.deepcopy(network.module).eval()
        try:
            self._graph = torch.fx.symbolic_trace(self._module)
        except Exception as error:
            reason = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"torch.fx cannot trace {type(network.module).__name__}: {reason}") from None

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """The range of each tensor, by the name of the node that makes it."""
        import torch

        found: dict[str, Range] = {}

        class Watch(torch.fx.Interpreter):
            def run_node(self, n: Any) -> Any:
                value = super().run_node(n)
                if isinstance(value, torch.Tensor) and value.is_floating_point() and n.op not in ("output", "get_attr"):
                    found[n.name] = _wider(_range(value), found.get(n.name))
                return value

        with torch.no_grad():
            for arguments in split(self._inputs, BATCH):
                Watch(self._graph).run(*as_tuple(arguments))
        return found

    def node(self, layer: str) -> str:
        """The name of a layer's node; ValueError where it has none, or is called more than once."""
        return str(self._call(layer).name)

    def read(self, layer: str) -> list[str]:
        """The nodes that hold what a layer reads: the one that computes it, and those that only lay it out."""
        node, found = self._call(layer).all_input_nodes[0], []
        while True:
            found.append(str(node.name))
            if not self._lays_out(node):
                return found
            node = node.all_input_nodes[0]

    def part(self, layer: str) -> Any:
        """The layer itself."""
        return self._module.get_submodule(layer)

    @cached_property
    def norms(self) -> dict[str, dict[str, Range]]:
        """The scale and the shift that each batch norm is in inference, by node."""
        import torch

        found = {}
        for node in self._graph.graph.nodes:
            part = self._module.get_submodule(node.target) if node.op == "call_module" else None
            if isinstance(part, torch.nn.modules.batchnorm._BatchNorm) and part.running_var is not None:
                numbers: Any = part
                gain = torch.ones_like(numbers.running_var) if numbers.weight is None else numbers.weight
                scale = gain / torch.sqrt(numbers.running_var + numbers.eps)
                shift = (0 if numbers.bias is None else numbers.bias) - scale * numbers.running_mean
                found[str(node.name)] = {"scale": _range(scale), "bias": _range(shift)}
        return found

    def _call(self, layer: str) -> Any:
        calls = [node for node in self._graph.graph.nodes if node.op == "call_module" and node.target == layer]
        if len(calls) != 1:
            raise ValueError(
                f"layer {layer!r} is called {len(calls)} times in the graph that torch.fx traces, not once"
            )
        return calls[0]

    def _lays_out(self, node: Any) -> bool:
        if node.op == "call_module":
            return type(self._module.get_submodule(node.target)).__name__ in SAME
        name = getattr(node.target, "__name__", node.target)
        return node.op in ("call_method", "call_function") and name in SAME_CALLS


def _wider(seen: Range, before: Range | None) -> Range:
    return Range(min(seen.low, before.low), max(seen.high, before.high)) if before else seen


def _range(tensor: Any) -> Range:
    low, high = tensor.detach().aminmax()
    return Range(float(low), float(high))
