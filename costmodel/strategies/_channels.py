"""Channels of a network that go together: which ops make them, which read them, and the network with other numbers.

A group is a set of tensors whose channels are one another's: what a convolution makes, through norms, activations,
pooling and depthwise convolutions, tied by every sum to what is added to it. Removing a filter removes the channel from
all of them and an input from every reader: Fang et al., DepGraph, arXiv 2301.12900, section 3. Where one product makes
a gate and the value that it multiplies, a channel is one output of each; routed experts have as many channels as one
another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd, isclose
from typing import Any

from costmodel.strategies._before import FACTORS
from costmodel.strategies._graph import readers
from costmodel.workload import Op, Workload
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.ops.collective import bringing
from costmodel.workload.parallel.tensor import SHARING
from costmodel.workload.training import sources

ROUTED = "experts"

MAKERS = ("linear", "conv", ROUTED)
"""Kinds whose outputs are channels of their own; other products (attention) fix theirs and their inputs'."""

CARRIERS = ("norm", "activation", "pooling", "elementwise")
"""Kinds whose result has its inputs' channels."""

INPUT = -1
"""The network's input as a source."""


@dataclass(frozen=True)
class Channels:
    """The groups of a workload; a group is the index of its first op, or INPUT."""

    workload: Workload

    def __post_init__(self) -> None:
        if load := bringing(self.workload.ops):
            raise ValueError(f"channels change before experts leave memory, {load} of {self.workload.name} is there")
        for op in self.workload.ops:
            if op.kind in SHARING:
                raise ValueError(f"channels change before GPUs share {self.workload.name}, as {op.name} says they do")
            if op.kind == DEQUANTISATION or op.weight_flops or op.name.endswith(FACTORS):
                raise ValueError(
                    f"channels change before weights are coded, {op.name} of {self.workload.name} is there"
                )
            if is_maker(op) and _numbered(op):
                raise ValueError(
                    f"{op.name} of {self.workload.name} says by numbers of rows and columns where its weights stand: "
                    "change channels before"
                )
            if op.kind == "matmul" and op.name.endswith(".merge"):
                raise ValueError(f"channels change before tokens merge by their keys, as those of {op.name} do")
            block = op.index_bits and op.weight_density == 1
            if is_maker(op) and (block or (op.weight_reads < 1 and op.kind != ROUTED)):
                raise ValueError(
                    f"{op.name} of {self.workload.name} has a part of its channels left out already, by block or by "
                    "input: change channels before"
                )

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops in their order."""
        return self.workload.ops

    @cached_property
    def _reads(self) -> list[list[int]]:
        found = zip(self.ops, sources(self.ops), strict=True)
        return [(reads[:1] if op.kind == ROUTED else reads) or [INPUT] for op, reads in found]  # the rest is routing

    @cached_property
    def _parents(self) -> dict[int, int]:
        parents = {i: i for i in range(INPUT, len(self.ops))}
        for i, op in enumerate(self.ops):
            if not is_maker(op):
                for j in self._reads[i] if is_carrier(op) or is_depthwise(op) else []:
                    low, high = sorted((_root(parents, i), _root(parents, j)))
                    parents[high] = low
        return parents

    def group(self, i: int) -> int:
        """The group of op i's result."""
        return _root(self._parents, i)

    def read(self, i: int) -> int:
        """The group of what op i reads: of several, the first."""
        return self.group(self._reads[i][0])

    @cached_property
    def size(self) -> dict[int, int]:
        """Channels of each group that is made by convolutions and linear layers."""
        return {self.group(i): self._made(i) for i, op in enumerate(self.ops) if is_maker(op)}

    def _made(self, i: int) -> int:
        """Channels that a maker makes."""
        op = self.ops[i]
        return int((1 if op.kind == ROUTED else op.b) * op.n) // (2 if i in self.paired else 1)

    @cached_property
    def paired(self) -> frozenset[int]:
        """Makers of gates and values at once: half as wide is what their products, which alone read them, make."""
        read_by = readers(self.ops)
        return frozenset(
            i for i, op in enumerate(self.ops) if is_maker(op) and read_by[i] and self._gates(i, set(read_by[i]))
        )

    def _gates(self, i: int, read_by: set[int]) -> bool:
        """Whether a product of both halves of op i reads it, and nothing else but what makes the gate of one."""
        whole = float(self.ops[i].output_elements)
        acts = {j for j in read_by if self.ops[j].kind == "activation" and self._reads[j] == [i]}
        last = read_by - acts
        products = [self.ops[j] for j in last if self.ops[j].kind == "elementwise" and {i} | acts >= {*self._reads[j]}]
        halves = [op.output_elements for op in products] + [self.ops[j].output_elements for j in acts]
        return (
            len(last) == len(products) == 1
            and all(isclose(2 * half, whole) for half in halves)
            and isclose(products[0].input_elements, whole)
        )

    @cached_property
    def fixed(self) -> frozenset[int]:
        """Groups whose number is given: the input's, outputs', what other kinds make or read, and joined ones."""
        last = self.workload.outputs or (self.ops[-1].name,)
        found = {self.group(INPUT)} | {self.group(i) for i, op in enumerate(self.ops) if op.name in last}
        for i, op in enumerate(self.ops):
            if is_carrier(op) or is_depthwise(op):
                continue
            if not is_maker(op) or _apart(op) or self.size[self.group(i)] != self._made(i):
                found.add(self.group(i))
            if not is_maker(op) or self._split(i):
                found |= {self.group(j) for j in self._reads[i]}
        return frozenset(found)

    def _split(self, i: int) -> bool:
        """Whether a maker's inputs are not whole channels of one group."""
        op, groups = self.ops[i], {self.group(j) for j in self._reads[i]}
        channels = self.size.get(self.read(i), 0)
        return bool(_apart(op) or len(groups) > 1 or not channels or op.k % channels)

    def makers(self, group: int) -> list[Op]:
        """The ops that make a group's channels."""
        return [op for i, op in enumerate(self.ops) if is_maker(op) and self.group(i) == group]

    def resized(self, sizes: Mapping[int, int]) -> Workload:
        """Return the workload with that many channels in the groups named, which may not be fixed."""
        return replace(self.workload, ops=tuple(self._resized(i, op, sizes) for i, op in enumerate(self.ops)))

    def _resized(self, i: int, op: Op, sizes: Mapping[int, int]) -> Op:
        made, read = self.group(i), self.read(i)
        if made not in sizes and read not in sizes:
            return op
        out, into = _ratio(sizes, self.size, made), _ratio(sizes, self.size, read)
        if is_maker(op):
            return _product(op, out, into)
        return _scaled(op, out, ("b", "input_elements", "weight_elements", "vector_elements", "output_elements",
                                 "vector_flops"))  # fmt: skip


def is_depthwise(op: Op) -> bool:
    """Whether a convolution has one filter a channel."""
    return bool(op.kind == "conv" and op.b > 1 and op.n == 1)


def is_maker(op: Op) -> bool:
    """Whether an op's outputs are channels of its own."""
    return op.kind in MAKERS and bool(op.weight_elements > 0) and not is_depthwise(op)


def _numbered(op: Op) -> bool:
    """Whether sparse weights have places among all columns: not in blocks of N:M, nor a bit for each weight."""
    apart = op.weight_density < 1 and op.index_bits and not op.weight_block
    return bool(apart and not isclose(op.index_bits * op.weight_density, 1))


def _apart(op: Op) -> bool:
    """Whether an op multiplies groups of channels each by itself."""
    return bool(op.b > 1 and op.kind != ROUTED)


def is_carrier(op: Op) -> bool:
    """Whether an op's result has the channels of its inputs."""
    return op.kind in CARRIERS


Ratio = tuple[int, int]


def _ratio(sizes: Mapping[int, int], old: Mapping[int, int], group: int) -> Ratio:
    return (sizes[group], old[group]) if group in sizes else (1, 1)


def _product(op: Op, out: Ratio, into: Ratio) -> Op:
    op = _scaled(op, out, ("n", "weight_elements", "vector_elements", "output_elements", "vector_flops"))
    return _scaled(op, into, ("k", "weight_elements", "input_elements"))


def _scaled(op: Op, ratio: Ratio, names: tuple[str, ...]) -> Op:
    new, old = ratio
    if new == old:
        return op
    values: dict[str, Any] = {name: _exact(getattr(op, name) * new, old) for name in names}
    return replace(op, **values)


def _exact(value: float, by: int) -> float:
    """The quotient, whole where it is."""
    whole = isinstance(value, int) and gcd(value, by) == by
    return value // by if whole else value / by


def _root(parents: dict[int, int], i: int) -> int:
    while parents[i] != i:
        i = parents[i]
    return i
