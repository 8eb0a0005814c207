"""Walk an exported FX graph: each operator becomes an op, nothing, or an entry in the list of what is not counted."""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from costmodel.importers import (
    _aten,
    _bilinear,
    _chain,
    _checkpoints,
    _counted,
    _einsum,
    _flex,
    _layer_name,
    _losses,
    _mask,
    _node,
    _recurrent,
    _shapes,
)
from costmodel.importers._assembly import Assembly, Cost
from costmodel.importers._aten_rules import Call, values_in
from costmodel.importers._norms import written_norms
from costmodel.importers._value import RANDOM, Shape, Value, passed, union
from costmodel.workload import Op, ops
from costmodel.workload.prepared import UNCOUNTED

GRADIENTS = "wrap_with_set_grad_enabled"
"""The function over whether there are gradients, and a graph."""
WRAPPERS = (GRADIENTS, "wrap_with_autocast")
"""Functions over a graph that run it once, as it is."""


Add = Callable[[Cost, Sequence[Value]], str]
"""Appends an op that reads the given values, and returns its name."""


@dataclass
class Walk:
    """One program being read: its assembly, modules that are one op, and every name of each parameter.

    `regions` has the checkpointed region of each op, 0 for none.
    """

    assembly: Assembly
    leaves: frozenset[str]
    aliases: Mapping[str, tuple[str, ...]]
    norms: dict[Any, str] = field(default_factory=dict)
    masks: dict[Any, float] = field(default_factory=dict)
    regions: dict[str, int] = field(default_factory=dict)
    gradients: bool = True

    def graph(self, graph: Any, inputs: Iterable[Value]) -> Any:
        """Read the nodes of a graph whose placeholders are `inputs`, and return its result."""
        self.norms |= written_norms(
            (n for n in graph.nodes if n.op == "call_function"), _node.call_path, _counted.arithmetic
        )
        values: dict[Any, Any] = {}
        waiting = iter(inputs)
        for node in graph.nodes:
            if node.op == "output":
                return _node.mapped(node.args[0], values)
            if node.op == "placeholder":
                values[node] = next(waiting)
            elif node.op == "get_attr":
                found = _node.attribute(node)
                values[node] = found if hasattr(found, "graph") else Value(_node.shape(found))
            else:
                values[node] = self._call(node, values)
        raise ValueError("the exported graph has no output")

    def _call(self, node: Any, values: Mapping[Any, Any]) -> Any:
        if node.target is operator.getitem:
            whole = _node.mapped(node.args[0], values)
            return whole[node.args[1]] if isinstance(whole, list) else whole
        if not hasattr(node.target, "_schema"):
            return self._nested(node, values)
        found = self._operator(node, values)
        if self.gradients:
            return found
        return [value.cut for value in found] if isinstance(found, list) else found.cut

    def _operator(self, node: Any, values: Mapping[Any, Any]) -> Any:
        arguments = _node.arguments(node, values)
        reads = values_in(arguments.values())
        if self.norms.get(node) == "" or not _counted.is_counted(node, arguments):
            alone = _mapped(arguments, self.assembly.flow)
            if self.norms.get(node) != "" and _counted.is_counted(node, alone):
                return self._prepared(node, self._call_of(node, alone), reads)
            if _node.function(node) in _aten.RANDOM:
                return _node.results(node, passed([Value((), RANDOM), *reads], None).cut)
            return _node.results(node, passed(reads, None))
        operands = {name: value for name, value in arguments.items() if name in _aten.OPERANDS}
        stored = [Value((), parameters=value.parameters) for value in values_in(operands.values())]
        call = self._call_of(node, arguments | _mapped(operands, self.assembly.flow))
        try:
            names = self._added(node, call, lambda cost, read: self._add(node, cost, (*read, *stored)))
        except ValueError as problem:
            return self._skipped(node, reads, f": {problem}")
        return _node.results(node, _held(node, names, reads)) if names else self._skipped(node, reads)

    def _call_of(self, node: Any, arguments: Mapping[str, Any]) -> Call:
        out = _node.results(node, Value(None))
        return Call(arguments, out[0].shape if isinstance(out, list) else out.shape)

    def _prepared(self, node: Any, call: Call, reads: Sequence[Value]) -> Any:
        """What an operator on parameters alone gives: they are still to be stored, by what reads the result."""

        def add(cost: Cost, read: Sequence[Value]) -> str:
            name = self.assembly.prepare(self._own_name(node), cost, read)
            self.regions[name] = _checkpoints.region(node)
            return name

        try:
            names = self._added(node, call, add)
        except ValueError:
            names = ()
        names = names or (add(Cost(Op("", UNCOUNTED, output_elements=_elements(call.shape))), call.tensors),)
        made, held = _held(node, names, call.tensors), passed(reads, None)
        cut = tuple(name for name in held.detached if name in held.parameters)
        found = replace(made, sources=(), parameters=held.parameters, made=made.sources, detached=cut)
        return _node.results(node, found)

    def _added(self, node: Any, call: Call, add: Add) -> tuple[str, ...]:
        """Add what a call costs, and return the names of the ops that hold its results; none where no rule knows it."""
        function = _node.function(node)
        if function in _recurrent.OPERATORS:
            return _recurrent.aten(call, operator=function, add=add)
        if function in _losses.OPERATORS:
            return _losses.aten(call, operator=function, add=add)
        if function == _bilinear.OPERATOR:
            return _bilinear.aten(call, add=add)
        if function in _chain.OPERATORS:
            return _chain.aten(call[_chain.OPERATORS[function]], add=add)
        if function == "einsum" and len(call.tensors) > 2:
            return _einsum.chain(call["equation"], call.tensors, call.out, add=add)
        cost = self._cost(node, call)
        return (add(cost, cost.reads or call.tensors),) if cost else ()

    def _add(self, node: Any, cost: Cost, reads: Sequence[Value]) -> str:
        name = self._name(node, cost)
        name = f"{name}.{cost.op.name}" if cost.op.name else name
        added = self.assembly.add(name, cost, reads)
        self.regions[added] = _checkpoints.region(node)
        return added

    def _cost(self, node: Any, call: Call) -> Cost | None:
        if node in self.norms:
            return Cost(ops.norm("", call.elements, 0, style=self.norms[node], affine=False), reads=call.tensors)
        rule = _aten.RULES.get(_node.function(node))
        cost = rule(call) if rule else None
        return self._masked(node, cost) if cost and cost.op.kind == "attention" else cost

    def _masked(self, node: Any, cost: Cost) -> Cost:
        mask = (dict(zip(("query", "key", "value", "attn_mask"), node.args, strict=False)) | node.kwargs).get(
            "attn_mask"
        )
        if mask is None:
            return cost
        if mask not in self.masks:
            self.masks[mask] = _mask.kept_fraction(mask)
        return replace(cost, op=_shapes.masked(cost.op, self.masks[mask]))

    def _nested(self, node: Any, values: Mapping[Any, Any]) -> Any:
        """Read the body of a wrapper; other functions over graphs are not counted, arithmetic on sizes is free."""
        arguments = [_node.mapped(argument, values) for argument in node.args]
        bodies = [i for i, argument in enumerate(arguments) if hasattr(argument, "graph")]
        if _node.function(node) in WRAPPERS:
            enabled = bool(arguments[0]) if _node.function(node) == GRADIENTS else self.gradients
            return self._wrapped(arguments[bodies[0]].graph, arguments[bodies[0] + 1 :], gradients=enabled)
        reads = values_in(arguments)
        if _node.function(node) == _flex.OPERATOR:
            return self._flex(node, arguments, reads)
        if _node.function(node) == "cond" and len(bodies) == 2:
            return self._either(node, [arguments[i].graph for i in bodies], arguments[-1], reads)
        if _node.function(node) == "_vmap_increment_nesting" and arguments[0] != 1:
            self.assembly.uncounted.append(
                f"{_node.module(node)}.vmap (counted once, not {arguments[0]} times)".lstrip(".")
            )
        return self._skipped(node, reads) if bodies else _node.results(node, passed(reads, None))

    def _wrapped(self, body: Any, inputs: Sequence[Any], *, gradients: bool) -> Any:
        before, self.gradients = self.gradients, gradients
        try:
            return self.graph(body, inputs)
        finally:
            self.gradients = before

    def _flex(self, node: Any, arguments: Sequence[Any], reads: Sequence[Value]) -> Any:
        cost, steps = _flex.attention(arguments)
        name = self._add(node, cost, reads)
        if steps:
            self.assembly.uncounted.append(f"{name}.score_mod ({steps} operators a score)")
        return _node.results(node, Value(None, (name,)))

    def _either(self, node: Any, branches: Sequence[Any], inputs: Sequence[Value], reads: Sequence[Value]) -> Any:
        """Read the branch with more MACs of a condition; what the other alone stores is stored too."""
        before, found = self.assembly, []
        for branch in branches:
            self.assembly = before.fork()
            found.append((self.graph(branch, inputs), self.assembly))
        results, self.assembly = max(found, key=lambda pair: sum(op.macs for op in pair[1].ops))
        name = f"{_node.module(node)}.cond".lstrip(".")
        self.assembly.chosen.append(name)
        self.assembly.store(name, reads, None)
        return results

    def _skipped(self, node: Any, reads: Sequence[Value], why: str = "") -> Any:
        module = _node.module(node)
        name = f"{module}.{_node.function(node)}" if module else _node.function(node)
        self.assembly.uncounted.append(f"{name} ({node.target}{why})")
        out = _node.results(node, Value(None))
        names = self.assembly.store(name, reads, (out[0] if isinstance(out, list) else out).shape)
        return _node.results(node, Value(None, names) if names else passed(reads, None))

    def _name(self, node: Any, cost: Cost) -> str:
        """The layer that owns the op's weight or norm scale, else the module that it is, else module.function."""
        module = _node.module(node)
        owned = cost.weight.parameters if cost.weight else ()
        if cost.op.kind == "norm":
            owned = union(value.parameters for value in cost.reads or ())
        if owned:
            names = self.aliases[owned[0]]
            named = _layer_name.layer_name(next((n for n in names if n.startswith(f"{module}.")), names[0]))
            return named or _node.function(node)
        return module if module in self.leaves else self._own_name(node)

    @staticmethod
    def _own_name(node: Any) -> str:
        return f"{_node.module(node)}.{_node.function(node)}".lstrip(".")


def _held(node: Any, names: tuple[str, ...], reads: Sequence[Value]) -> Value:
    """What the results of an op hold: of one that writes into a tensor, the rest of that; repeated elements once."""
    function = _node.function(node)
    sources = union((names, reads[0].sources)) if function in _aten.WRITES else names
    distinct = passed(reads, None).distinct if function in _aten.REPEATS else math.inf
    return Value(None, sources, distinct=distinct)


def _mapped(arguments: Mapping[str, Any], edit: Callable[[Value], Value]) -> dict[str, Any]:
    """Arguments with every Value edited, in lists too."""

    def one(argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return [one(part) for part in argument]
        return edit(argument) if isinstance(argument, Value) else argument

    return {name: one(argument) for name, argument in arguments.items()}


def _elements(shape: Shape | None) -> float:
    return float(math.prod(shape)) if shape else 0.0
