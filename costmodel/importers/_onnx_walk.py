"""Walk an ONNX graph whose shapes are known: each operator becomes an op, nothing, or is listed as not counted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from costmodel.importers import (
    _einsum,
    _onnx_node,
    _onnx_operators,
    _onnx_rnn,
    _onnx_standins,
    _recurrent,
    _shapes,
)  # fmt: skip
from costmodel.importers._assembly import Assembly, Cost
from costmodel.importers._onnx_rules import Call, MisfitError
from costmodel.importers._value import RANDOM, Shape, Value, passed, union
from costmodel.workload import Op

BOOKKEEPING = (7, 9)
"""INT64 and BOOL of TensorProto.DataType: shapes, indices and masks."""
MAX_SOURCES = 1000
"""A tensor put together from more results than that is not followed."""


@dataclass
class Walk:
    """One graph being read: its assembly, the shape and type of every tensor by name, and what is known of each.

    `masks` are the stored tensors that say which elements of another count.
    """

    assembly: Assembly
    shapes: Mapping[str, Shape | None]
    types: Mapping[str, int]
    values: dict[str, Value]
    masks: set[str] = field(default_factory=set)

    def node(self, node: Any) -> None:
        """Read one node."""
        inputs = [self.values.get(name, Value(None)) if name else None for name in node.input]
        reads = [value for value in inputs if value is not None]
        own = (node.domain in ("", "ai.onnx") or _onnx_standins.is_known(node)) and bool(node.output)
        if own:
            _onnx_node.require_positive(node)
        held = self._held(node, inputs, reads) if own else self._skipped(node, reads)
        _require_few(node, held)
        for name in node.output:
            self.values[name] = replace(held, shape=self.shapes.get(name))

    def _held(self, node: Any, inputs: Sequence[Value | None], reads: Sequence[Value]) -> Value:
        """What the results of a node hold."""
        why = ""
        if node.op_type in _onnx_operators.CONSTANTS:
            return self.values.get(node.output[0], Value(None))
        if self._is_counted(node, reads):
            try:
                add = self._recurrent if node.op_type in _onnx_rnn.CELLS else self._added
                return add(node, inputs, reads)
            except MisfitError as problem:
                raise ValueError(f"{_onnx_node.told(node)}: {problem}") from None
            except (ValueError, ArithmeticError, LookupError, TypeError) as problem:
                why = f": {problem}"
        elif node.op_type == "Where" and not any(value.sources for value in reads):
            return self._mask(reads, [value for value in reads if value.shape is not None and value.elements == 1])
        elif node.op_type in _onnx_operators.VECTOR:
            return self._prepared(node, inputs, passed(reads, None))
        return self._moved(node, reads) or self._skipped(node, reads, why)

    def _prepared(self, node: Any, inputs: Sequence[Value | None], held: Value) -> Value:
        """What an operator on stored tensors alone gives, which a training step computes where they are parameters."""
        own = [value and (replace(value, parameters=()) if value.stored == 1 else value) for value in inputs]
        given = [value and self.assembly.flow(value) for value in own]
        reads = [value for value in given if value]
        if not any(value.sources for value in reads) or self.types.get(node.output[0]) in BOOKKEEPING:
            return held
        try:
            call = Call(given, _onnx_node.attributes(node), self.shapes.get(node.output[0]))
            cost = _onnx_operators.VECTOR[node.op_type](call)
            _require_sane(cost.op)
        except (ValueError, ArithmeticError, LookupError, TypeError):
            return held
        name = _onnx_node.name(node, "", is_layer=False)
        return replace(held, made=(self.assembly.prepare(name, cost, cost.reads or reads),))

    def _mask(self, reads: Sequence[Value], constants: Sequence[Value]) -> Value:
        """What is put together from stored tensors, of which `constants` are no parameters."""
        self.masks.update(p for value in constants for p in value.parameters)
        return passed([replace(value, parameters=()) if value in constants else value for value in reads], None)

    def _moved(self, node: Any, reads: Sequence[Value]) -> Value | None:
        """What the results of an operator without arithmetic hold; None for any other operator."""
        if node.op_type in _onnx_operators.RANDOM:
            return Value(None, RANDOM)
        if node.op_type not in _onnx_operators.MOVES:
            return None
        if node.op_type in _onnx_operators.COMPARISONS and not any(value.sources for value in reads):
            return self._mask(reads, reads)
        count = _onnx_operators.MOVES[node.op_type]
        self.assembly.take(union(value.parameters for value in reads[count:] if count))
        held = passed(reads[:count], None)
        _require_few(node, held)
        names = self._copied(node, reads, held) if held.sources else ()
        kept = reads[0].sources if node.op_type in _onnx_operators.WRITES else ()
        if not names:
            return held
        return Value(None, union((names, kept)), distinct=held.distinct if node.op_type == "Tile" else math.inf)

    def _copied(self, node: Any, reads: Sequence[Value], held: Value) -> tuple[str, ...]:
        """Add the copy that an operator on activations makes, and return its name; none where it is a view."""
        bookkeeping = self.types.get(node.output[0]) in BOOKKEEPING and node.op_type != "OneHot"
        written = _onnx_operators.WRITES.get(node.op_type)
        if bookkeeping or (written is None and node.op_type not in _onnx_operators.COPIES):
            return ()
        moved = [reads[written]] if written is not None else reads[: _onnx_operators.MOVES[node.op_type]]
        out = moved[0].shape if written is not None else self.shapes.get(node.output[0])
        if out is None or any(value.shape is None for value in moved):
            return ()
        cost = _shapes.copied(moved, out)
        _require_sane(cost.op)
        return (self.assembly.add(_onnx_node.name(node, "", is_layer=False), cost, [*moved, held]),)

    def _is_counted(self, node: Any, reads: Sequence[Value]) -> bool:
        if node.op_type in _onnx_operators.LAYERS or node.op_type in _onnx_rnn.CELLS:
            return True
        bookkeeping = self.types.get(node.output[0]) in BOOKKEEPING
        return node.op_type in _onnx_operators.VECTOR and not bookkeeping and any(value.sources for value in reads)

    def _added(self, node: Any, inputs: Sequence[Value | None], reads: Sequence[Value]) -> Value:
        if node.op_type == "Einsum" and len(reads) > 2:
            return self._chained(node, reads)
        rule = _onnx_operators.LAYERS.get(node.op_type) or _onnx_operators.VECTOR[node.op_type]
        cost = rule(Call(inputs, _onnx_node.attributes(node), self.shapes.get(node.output[0])))
        _require_sane(cost.op)
        weight = (cost.weight,) if cost.weight else ()
        read = union(value.parameters for value in (*weight, *(cost.reads or reads)))
        self.assembly.take(p for value in reads for p in value.parameters if p not in read)
        scales = [value for value in reads if value.is_parameter] if node.op_type in _onnx_standins.NORMS else ()
        named = weight or scales[:1]
        name = _onnx_node.name(node, _first(named), is_layer=bool(weight) or cost.op.kind == "norm")
        return Value(None, (self.assembly.add(name, cost, cost.reads or reads),))

    def _chained(self, node: Any, reads: Sequence[Value]) -> Value:
        def add(cost: Cost, read: Sequence[Value]) -> str:
            _require_sane(cost.op)
            weight = (cost.weight,) if cost.weight else ()
            return self.assembly.add(_onnx_node.name(node, _first(weight), is_layer=bool(weight)), cost, read)

        out = Value(self.shapes.get(node.output[0])).dims
        return Value(None, _einsum.chain(_onnx_node.attributes(node)["equation"], reads, out, add=add))

    def _recurrent(self, node: Any, inputs: Sequence[Value | None], reads: Sequence[Value]) -> Value:
        attributes = _onnx_node.attributes(node)
        cell, step_flops = _onnx_rnn.cell(node.op_type, attributes.get("activations"))
        owner = _onnx_node.name(node, "", is_layer=True)
        parts = iter(("ih", "hh"))

        def add(cost: Cost, read: Sequence[Value]) -> str:
            part = next(parts)
            if part == "hh":
                cost = replace(cost, op=replace(cost.op, vector_flops=cost.op.vector_flops * step_flops))
            _require_sane(cost.op)
            return self.assembly.add(f"{owner}.{part}", cost, read)

        names = _recurrent.onnx(inputs, cell=cell, batch_first=bool(attributes.get("layout")), add=add)
        self.assembly.take(union(value.parameters for value in reads))
        return Value(None, names)

    def _skipped(self, node: Any, reads: Sequence[Value], why: str = "") -> Value:
        name = _onnx_node.name(node, "", is_layer=False)
        self.assembly.uncounted.append(f"{name} ({_onnx_node.operator(node)}{_onnx_node.clean(why) if why else ''})")
        names = self.assembly.store(name, reads, self.shapes.get(next(iter(node.output), "")))
        return Value(None, names) if names else passed(reads, None)


def _require_few(node: Any, held: Value) -> None:
    if len(held.sources) > MAX_SOURCES or len(held.parameters) > MAX_SOURCES:
        raise ValueError(f"node {_onnx_node.clean(node.name)!r} reads more than {MAX_SOURCES} results at once")


def _first(weight: Sequence[Value]) -> str:
    names = union(value.parameters for value in weight)
    return names[0] if names else ""


def _require_sane(op: Op) -> None:
    counts = [v for v in astuple(op)[3:-1] if isinstance(v, int | float)]
    if not all(math.isfinite(v) and v >= 0 for v in counts):
        raise ValueError("its shapes do not fit together")
