"""Gather the ops of an imported graph into a workload: names, parameters counted once, what was not counted."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

from costmodel.importers._value import Shape, Value, detached, union
from costmodel.workload import Op, Workload
from costmodel.workload.op import PARAMETER
from costmodel.workload.rerun import rerun

PREPARED = ".prepared"
"""What the name of an op ends in that reads parameters alone."""
MEAN_FIELDS = ("m", "input_elements", "output_elements", "vector_flops", "mask_density")


@dataclass(frozen=True)
class Cost:
    """An op without inputs, parameters; the tensor that is its weight; what it reads (None = every argument).

    The op's name is that of a part of what is called after it, "" where that is all.
    """

    op: Op
    weight: Value | None = None
    reads: tuple[Value, ...] | None = None


class Assembly:
    """Ops in execution order, how many elements of each parameter no op has stored yet, and which are not to train.

    Of the conditions that are `chosen`, by name, a branch was taken. What parameters alone give is `prepared`.

    A weight that several ops read is stored once. Where they are one layer run again (same kind, same matrix, or norms
    of the same scale) they become one op that runs `count` times, of their mean shape, at the place of the first, and a
    `rerun` at that of each other. An embedding hands its table to a linear layer that shares it. Any other second
    reader has the weight among its inputs.
    """

    def __init__(self, parameters: Mapping[str, int], frozen: Collection[str] = ()) -> None:
        self.parameters = parameters
        self.frozen = frozenset(frozen)
        self.left: dict[str, float] = dict(parameters)
        self.ops: list[Op] = []
        self.prepared: list[Op] = []
        self.uncounted: list[str] = []
        self.chosen: list[str] = []
        self._names: Counter[str] = Counter()
        self._layers: dict[tuple[object, ...], int] = {}
        self._runs: Counter[int] = Counter()

    def fork(self) -> "Assembly":
        """A copy that goes on without changing this one."""
        twin = Assembly(self.parameters)
        vars(twin).update({name: copy(value) for name, value in vars(self).items()})
        return twin

    def add(self, name: str, cost: Cost, reads: Sequence[Value]) -> str:
        """Add an op and return its name, numbered where `name` is taken."""
        weight, held = cost.weight, cost.weight.parameters if cost.weight else ()
        own = [p for value in reads for p in value.parameters if p not in held]
        held_by = (*reads, *((weight,) if weight else ()))
        made, cut = union(value.made for value in held_by), detached(held_by)
        sources = union((*value.sources, *(value.made if weight is None else ())) for value in held_by)
        share, vectors = self._trained(own, cut), self.take(own)
        inputs, unpassed = sources or held or ("constants",), tuple(name for name in cut if name in (*sources, *made))
        op = replace(cost.op, vector_elements=vectors, trained_vectors=share, inputs=inputs, detached=unpassed)
        if weight is not None and made:
            op = replace(op, prepared=made)
        if weight is None:
            return self._add_norm(name, op, reads) if op.kind == "norm" else self._append(name, op)
        if not weight.is_parameter:
            return self._append(name, borrowed(op) if weight.sources else replace(op, trained_weights=0.0))
        return self._add_layer(name, replace(op, trained_weights=self._trained(weight.parameters, cut)), weight)

    def flow(self, value: Value) -> Value:
        """What parameters alone give as an activation: the prepared ops that made it or the parameters themselves."""
        if value.sources or not value.parameters:
            return value
        if value.made:
            return replace(value, sources=value.made, parameters=(), made=())
        cut = tuple(f"{p}{PARAMETER}" for p in value.parameters if p in self.frozen or p in value.detached)
        named = tuple(f"{p}{PARAMETER}" for p in value.parameters)
        return replace(value, sources=named, parameters=(), detached=cut)

    def prepare(self, name: str, cost: Cost, reads: Sequence[Value]) -> str:
        """Add an op that reads parameters alone, each as `flow` gives it, and return its name."""
        inputs, cut = union(value.sources for value in reads), detached(reads)
        unpassed = tuple(name for name in cut if name in inputs)
        op = replace(cost.op, inputs=inputs, detached=unpassed, name=self._unique(f"{name}{PREPARED}"))
        self.prepared.append(op)
        return op.name

    def result(self, value: Value) -> Value:
        """A result of the network; what parameters alone give is read by an op that costs nothing."""
        if value.sources or not value.made:
            return value
        op = Op("", "elementwise", gradient_ratio=0.0, launches=0.0)
        name = self.add(value.made[0].removesuffix(PREPARED), Cost(op), (value,))
        return replace(value, sources=(name,), detached=(name,) if set(value.made) <= set(value.detached) else ())

    def take(self, parameters: Iterable[str]) -> float:
        """Mark all that is left of the parameters as stored, and return how many elements that is."""
        taken = 0.0
        for parameter in parameters:
            taken += self.left[parameter]
            self.left[parameter] = 0.0
        return taken

    def _trained(self, parameters: Iterable[str], cut: Collection[str] = ()) -> float:
        """Of what is left of parameters, or of all where nothing is, the share that trains; 1 of none."""
        names = list(dict.fromkeys(parameters))
        sizes = {p: self.left[p] for p in names} if any(self.left[p] for p in names) else self.parameters
        trained = sum(sizes[p] for p in names if p not in self.frozen and p not in cut)
        return trained / sum(sizes[p] for p in names) if trained < sum(sizes[p] for p in names) else 1.0

    def store(self, name: str, reads: Sequence[Value], out: Shape | None) -> tuple[str, ...]:
        """Add a row without arithmetic for what is not counted, and return its name; none where it has no parameter."""
        if not any(self.left[p] for value in reads for p in value.parameters):
            return ()
        known = sum(value.stored for value in reads if value.sources and value.shape is not None)
        made = float(math.prod(out)) if out else 0.0
        return (self.add(name, Cost(Op("", "elementwise", input_elements=known, output_elements=made)), reads),)

    def workload(
        self, name: str, *, outputs: Sequence[str], batch: int, strict: bool, cut: Collection[str] = ()
    ) -> Workload:
        """Return the workload; ValueError lists what is not counted if `strict`."""
        uncounted = (*self.uncounted, *self._unread())
        if strict and uncounted:
            raise ValueError(f"{name} has parts that are not counted: {', '.join(uncounted)}")
        if not self.ops:
            why = f"; not counted: {', '.join(uncounted[:4])}" if uncounted else ""
            raise ValueError(f"{name} has no op that costs anything{why}")
        known = tuple(dict.fromkeys(o for o in outputs if o in self._names))
        found = Workload(name, tuple(self.ops), outputs=known, uncounted=uncounted, batch=batch)
        return replace(found, detached=tuple(o for o in known if o in cut), prepared=tuple(self.prepared))

    def _add_norm(self, name: str, op: Op, reads: Sequence[Value]) -> str:
        scales = tuple(p for value in reads for p in value.parameters)
        layer = (scales, op.kind)
        if scales and not op.vector_elements and layer in self._layers:
            return self._run_again(self._layers[layer], op)
        self._layers.setdefault(layer, len(self.ops))
        return self._append(name, op)

    def _add_layer(self, name: str, op: Op, weight: Value) -> str:
        left = sum(self.left[p] for p in weight.parameters)
        layer: tuple[object, ...] = (weight.parameters, op.kind, op.b, op.n, op.k, bool(op.trained_weights))
        table = self._layers.get((weight.parameters, "embedding", 0.0, 1.0, 1.0, bool(op.trained_weights)))
        kept = self._layers.get((*layer[:-1], False)) if op.trained_weights else None
        if left:
            op = self._storing(op, weight, min(op.weight_elements, left))
        elif layer in self._layers:
            return self._run_again(self._layers[layer], op, weight)
        elif kept is not None and self.ops[kept].weight_elements:
            first = self.ops[kept]
            op = replace(op, weight_elements=first.weight_elements)
            self.ops[kept] = self._reading(first, replace(weight, detached=(*weight.parameters, *weight.made)))
        elif table is not None and op.kind == "linear" and self.ops[table].weight_elements:
            head = self._append(name, op)
            self.ops[table] = replace(borrowed(self.ops[table]), shares=head)
            self._layers[layer] = len(self.ops) - 1
            return head
        else:
            op = self._reading(op, weight)
        self._layers.setdefault(layer, len(self.ops))
        return self._append(name, op)

    def _storing(self, op: Op, weight: Value, stored: float) -> Op:
        """Take `stored` elements of one parameter; or all that a weight is made of, those beyond it as vectors."""
        if len(weight.parameters) == 1 and not weight.made:
            self.left[weight.parameters[0]] -= stored
            return replace(op, weight_elements=stored)
        trained = op.trained_weights * sum(self.left[p] for p in weight.parameters)
        vectors = op.vector_elements + self.take(weight.parameters) - stored
        share = min(trained / stored, 1.0)
        beyond = op.vector_elements * op.trained_vectors + trained - share * stored
        op = replace(op, weight_elements=stored, trained_weights=share, vector_elements=vectors)
        return replace(op, trained_vectors=min(beyond / vectors, 1.0) if vectors else 1.0)

    def _reading(self, op: Op, weight: Value) -> Op:
        """The op with a weight that another one stores: it is one of its inputs."""
        if op.kind == "embedding":
            return borrowed(op)
        read = self.flow(weight)
        inputs, cut = union((op.inputs, read.sources)), union((op.detached, read.detached))
        own = tuple(name for name in op.prepared if name not in weight.made)
        return replace(borrowed(op), inputs=inputs, detached=cut, prepared=own)

    def _run_again(self, index: int, op: Op, weight: Value | None = None) -> str:
        first = self.ops[index]
        if not first.weight_elements:
            op = borrowed(op) if weight is None else self._reading(op, weight)
        times = first.count + op.count
        mean = {f: getattr(first, f) + (getattr(op, f) - getattr(first, f)) * op.count / times for f in MEAN_FIELDS}
        vectors = first.vector_elements + op.vector_elements
        trained = {f: max(getattr(first, f), getattr(op, f)) for f in ("trained_weights", "trained_vectors")}
        self.ops[index] = replace(first, count=times, vector_elements=vectors, **mean, **trained)
        self._runs[index] += 1
        again = rerun(first, op, self._runs[index] + 1)
        return self._append(again.name, again)

    def _append(self, name: str, op: Op) -> str:
        self.ops.append(replace(op, name=self._unique(name)))
        return self.ops[-1].name

    def _unique(self, name: str) -> str:
        unique = name
        while unique in self._names:
            unique = f"{name}_{self._names[name]}"
            self._names[name] += 1
        self._names[unique] = 1
        return unique

    def _unread(self) -> tuple[str, ...]:
        return tuple(
            f"{name} (parameter: no op reads {self.left[name]:.0f} of its {size} elements)"
            for name, size in self.parameters.items()
            if self.left[name]
        )


def borrowed(op: Op) -> Op:
    """The op with its weight stored elsewhere: what it reads of it counts as input."""
    read = op.weight_elements * op.weight_reads
    return replace(op, weight_elements=0.0, input_elements=op.input_elements + read)
