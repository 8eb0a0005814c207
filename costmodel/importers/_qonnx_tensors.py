"""What quantisers state of the tensors that pass between the operators of an ONNX graph.

A quantiser rounds what the operator before it gives; all that reads its output reads that width. Of a tensor that some
read as it is, or at several widths, no quantiser says what is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from costmodel.formats import get

CARRIERS = (
    "Identity",
    "Reshape",
    "Transpose",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "MaxPool",
    "GlobalMaxPool",
    "Dropout",
    "Pad",
)
"""Operators whose result holds elements of their first input."""


@dataclass(frozen=True)
class Tensors:
    """A graph's nodes, the formats that quantisers and annotations give tensors, and the quantisers by what they give.

    `taken` are the tensors whose formats some operator was found to read.
    """

    nodes: tuple[Any, ...]
    formats: Mapping[str, str]
    quantisers: Mapping[str, Any]
    stored: frozenset[str]
    outputs: frozenset[str]
    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, graph: Any, formats: Mapping[str, str], quantisers: Mapping[str, Any]) -> "Tensors":
        """Those of a graph whose nodes are in order."""
        stored = {tensor.name for tensor in graph.initializer}
        for node in graph.node:
            if all(name in stored for name in node.input if name):
                stored.update(node.output)
        return cls(
            tuple(graph.node), formats, quantisers, frozenset(stored), frozenset(value.name for value in graph.output)
        )

    def read(self, name: str) -> str:
        """The format of the elements that a tensor holds, "" where nothing states it."""
        return self.formats.get(self._origin(name), "")

    def take(self, names: Sequence[str]) -> None:
        """Note that the formats of what tensors hold are those of operators' operands."""
        self.taken.update(map(self._origin, names))

    def passing(self) -> dict[str, tuple[str, str]]:
        """(read, written) by the output of each operator of which either is stated, "" the other.

        Of operands in several formats the widest is read, none where one of them has none.
        """
        found = {}
        for node in self._operators():
            names = [name for name in node.input if name and name not in self.stored]
            operands = [self.read(name) for name in names]
            widest = max(operands, key=_bits, default="") if all(operands) else ""
            self.take(names if widest else ())
            gives = self._written.get(node.output[0], "")
            if widest or gives:
                found[node.output[0]] = (widest, gives)
        return found

    def unread(self) -> list[Any]:
        """The quantisers of activations whose widths neither what is before nor what is behind takes."""
        results, left = {node.output[0] for node in self._operators()}, []
        for name, node in self.quantisers.items():
            before = self._origin(node.input[0])
            rounds = before in results and bool(self._written.get(before))
            if name in self.formats and name not in self.taken | self.stored and not rounds:
                left.append(node)
        return left

    @cached_property
    def _made(self) -> dict[str, Any]:
        return {name: node for node in self.nodes for name in node.output}

    def _operators(self) -> Iterator[Any]:
        """Nodes on activations that are no quantisers."""
        for node in self.nodes:
            if node.output and node.output[0] not in self.quantisers and node.output[0] not in self.stored:
                yield node

    def _origin(self, name: str) -> str:
        """The tensor of a stated format, or else the first one back, whose elements a tensor holds."""
        for _ in range(len(self._made) + 1):
            node = self._made.get(name)
            if name in self.formats or node is None or node.op_type not in CARRIERS or not node.input:
                break
            name = node.input[0]
        return name

    @cached_property
    def _written(self) -> dict[str, str]:
        """By tensor, the one format in which all that read it do, or that an annotation gives it."""
        held: dict[str, set[str]] = {name: {""} for name in self.outputs}
        found: dict[str, str] = {}
        for node in reversed(self.nodes):
            for name in node.output:
                told = {""} if name in self.quantisers else held.get(name, {""})
                found[name] = self.formats.get(name) or (next(iter(told)) if len(told) == 1 else "")
            for i, name in enumerate(node.input):
                carries = i == 0 and (node.op_type in CARRIERS or (node.output and node.output[0] in self.quantisers))
                held.setdefault(name, set()).add(found.get(node.output[0], "") if carries else "")
        return found


def _bits(name: str) -> float:
    return float(get(name).bits_per_element)
