"""How each op of a transformer's pass is split between GPUs that share its layers.

Shoeybi et al., Megatron-LM, arXiv 1909.08053, section 3, as tensor.py tells it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from costmodel.workload.dequantisation import DEQUANTISATION, layers_of
from costmodel.workload.op import Op
from costmodel.workload.ops.collective import BRINGING, LOAD
from costmodel.workload.training import sources

PRODUCTS = ("linear", "experts")

APART = ("activation", "elementwise")

TOKENS = "input_ids"
"""What a table of tokens reads, after the prefix of a model beside the network."""


def ways(ops: tuple[Op, ...]) -> dict[int, str]:
    """Return how each op that is split runs, a key of tensor.DIVIDED or "heads"; those not there run whole.

    A product is split by columns, or by rows where it reads a split tensor; its dequantisation and loads as it is.
    """
    split = _products(ops) | dict.fromkeys(_tables(ops), "vocabulary")
    made = {i: f"makes {split[layer]}" for i, layer in layers_of(ops).items() if layer in split}
    by_name = {op.name: i for i, op in enumerate(ops)}
    loads = {i: by_name.get(op.name.removesuffix(LOAD)) for i, op in enumerate(ops) if op.kind == BRINGING}
    return split | made | {i: "loads" for i, layer in loads.items() if layer in split}


def addends(ops: tuple[Op, ...]) -> dict[int, int]:
    """Return the product whose result each product adds to its own, where one does."""
    return {i: j for j, i in _Graph(ops).added.items()}


def _products(ops: tuple[Op, ...]) -> dict[int, str]:
    graph, whole = _Graph(ops), set[int]()
    while True:
        split, offenders = _attempt(graph, whole)
        if not offenders:
            return split
        whole |= offenders


def _tables(ops: tuple[Op, ...]) -> list[int]:
    """The tables of tokens, one of each model that runs: those that read `input_ids`, the first where none says so."""
    tables = [i for i, op in enumerate(ops) if op.kind == "embedding"]
    of_tokens = [i for i in tables if any(name.endswith(TOKENS) for name in ops[i].inputs)]
    return of_tokens or tables[:1]


@dataclass(frozen=True)
class _Graph:
    """Ops and what they read."""

    ops: tuple[Op, ...]

    @cached_property
    def reads(self) -> list[list[int]]:
        return sources(self.ops)

    @cached_property
    def reader(self) -> dict[int, int]:
        """The product that alone reads a product's result."""
        read_by: dict[int, list[int]] = {}
        for i, those in enumerate(self.reads):
            for j in those:
                read_by.setdefault(j, []).append(i)
        alone = {j: those[0] for j, those in read_by.items() if len(those) == 1}
        return {j: i for j, i in alone.items() if self.ops[j].kind in PRODUCTS and self.ops[i].kind in PRODUCTS}

    @cached_property
    def added(self) -> dict[int, int]:
        """Products whose results one other adds to its own, and that one: what it multiplies it reads first."""
        beside = {j: i for j, i in self.reader.items() if self.reads[i][0] != j}
        return {j: i for j, i in beside.items() if self.ops[j].output_elements == self.ops[i].output_elements}

    @cached_property
    def narrow(self) -> dict[int, int]:
        """First factors of products of a low rank, and the second ones."""
        return {j: i for j, i in self.reader.items() if j not in self.added and _is_low_rank(self.ops[j], self.ops[i])}

    def way(self, i: int, parts: list[int], split: Mapping[int, str], whole: bool) -> str:
        """How an op runs of whose operands `parts` are split, "" where it is whole; `whole`: it may start no split."""
        op = self.ops[i]
        if op.kind == "attention":
            return "heads" if parts or not whole else ""
        if op.kind in PRODUCTS and op.weight_elements:
            if all(self.added.get(j) == i for j in parts):
                after_partial = any(split.get(j) == "partial" for j in self.reads[i])
                return "" if whole or i in self.narrow or after_partial else "columns"
            return self._of_rows(i)
        if op.kind == "norm" and parts:
            width = op.output_elements / self.ops[self.reads[i][0]].m
            return "apart" if op.vector_elements < width else ""  # a norm of each head needs no other's
        apart = op.kind in APART and parts and (len(parts) == len(self.reads[i]) or op.name.endswith(".rotary"))
        return "apart" if apart else ""

    def _of_rows(self, i: int) -> str:
        """How a product of a split tensor runs: heads that read a part of it each apart, others by rows."""
        op = self.ops[i]
        if op.kind == "linear" and op.b > 1 and op.input_elements >= op.b * op.m * op.k:
            return "heads"
        return "partial" if self.narrow.get(i) in self.added else "rows"


def _is_low_rank(narrow: Op, wide: Op) -> bool:
    together = (wide.kind, wide.b, wide.k) == (narrow.kind, narrow.b, narrow.n)
    return bool(together and narrow.n < min(narrow.k, wide.n))


def _attempt(graph: _Graph, whole: set[int]) -> tuple[dict[int, str], set[int]]:
    """Split all products but those of `whole`; also those whose split results reach an op that needs them whole."""
    split: dict[int, str] = {}
    origin: dict[int, set[int]] = {}
    for i, op in enumerate(graph.ops):
        parts = [j for j in graph.reads[i] if j in origin and op.kind != DEQUANTISATION]
        made_by = set[int]().union(*(origin[j] for j in parts))
        how = graph.way(i, parts, split, i in whole)
        if how:
            split[i] = how
        elif parts:
            return split, made_by
        if how not in ("", "rows", "partial"):
            origin[i] = made_by | {i}
    return split, set()
