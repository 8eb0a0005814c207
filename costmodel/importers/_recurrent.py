"""Recurrent layers of an imported graph: one operator becomes an op by input and an op by state for each layer."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from costmodel.importers._assembly import Cost
from costmodel.importers._aten_rules import Call, values_in
from costmodel.importers._value import Value, union
from costmodel.workload import ops
from costmodel.workload.ops.recurrent import GATES

Add = Callable[[Cost, Sequence[Value]], str]
"""Appends an op that reads the given values, and returns its name."""

OPERATORS = {f"{cell}{suffix}": cell for cell in GATES for suffix in ("", "_cell")}
"""The aten operators, layers and single steps, and their cell."""
PARAMETERS = ("w_ih", "w_hh", "b_ih", "b_hh")


@dataclass(frozen=True)
class Weights:
    """What one layer stores: matrices ([directions,] gates x hidden, features) and vectors by input and by state."""

    by_input: Value
    by_state: Value
    input_vectors: tuple[Value, ...] = ()
    state_vectors: tuple[Value, ...] = ()
    projection: Value | None = None


class _Size(NamedTuple):
    batch: int
    tokens: int
    hidden: int
    directions: int


def layer(
    x: Sequence[Value], weights: Weights, *, batch: int, tokens: int, cell: str, add: Add, states: Sequence[Value] = ()
) -> str:
    """Add the ops of one layer that reads `x` and starts from `states` (none = zeros); return the name of the last.

    ValueError where shapes do not fit.
    """
    *directions, rows, features_in = weights.by_input.dims
    hidden, state = rows // GATES[cell], weights.by_state.dims[-1]
    read = sum(value.elements for value in x)
    if state != (weights.projection.dims[0] if weights.projection else hidden) or read != batch * tokens * features_in:
        raise ValueError(f"weights {weights.by_input.dims} and {weights.by_state.dims} do not fit a {cell}'s input")
    size = _Size(batch, tokens, hidden, math.prod(directions))
    by_input = ops.recurrent_input("", **size._asdict(), features_in=features_in, cell=cell, bias=False)
    name = add(Cost(by_input, weights.by_input), (*x, weights.by_input, *weights.input_vectors))
    projected = 0 if weights.projection is None else state
    by_state = ops.recurrence("", **size._asdict(), cell=cell, projection=projected, bias=False)
    reads = (Value((), (name,)), *states, weights.by_state, *weights.state_vectors)
    name = add(Cost(by_state, weights.by_state), reads)
    if weights.projection is None:
        return name
    narrowed = ops.recurrent_projection("", **size._asdict(), projection=state)
    return add(Cost(narrowed, weights.projection), (Value((), (name,)), weights.projection))


def aten(call: Call, *, operator: str, add: Add) -> tuple[str, ...]:
    """Add the ops of aten's layers or single step, and return the names of the last; ValueError for packed lengths."""
    cell, x = OPERATORS[operator], call["input"]
    states = [value for value in values_in([call["hx"]]) if value.sources]
    if operator.endswith("_cell"):
        w_ih, w_hh, b_ih, b_hh = (call[name] for name in PARAMETERS)
        weights = Weights(w_ih, w_hh, tuple(b for b in (b_ih,) if b), tuple(b for b in (b_hh,) if b))
        return (layer((x,), weights, batch=x.elements // x.dims[-1], tokens=1, cell=cell, add=add, states=states),)
    if x is None:
        raise ValueError("the lengths of its packed sequences depend on data")
    batch, tokens = _sizes(x, batch_first=call["batch_first"])
    directions = 1 + call["bidirectional"]
    reads: tuple[Value, ...] = (x,)
    names: tuple[str, ...] = ()
    stored = _grouped(call["params"], layers=call["num_layers"] * directions, biases=call["has_biases"])
    for i, weights in enumerate(stored):
        if i % directions == 0 and i:
            reads, names = _results(names, weights, batch * tokens), ()
        names = (*names, layer(reads, weights, batch=batch, tokens=tokens, cell=cell, add=add, states=states))
    return names


def _results(names: tuple[str, ...], following: Weights, rows: int) -> tuple[Value, ...]:
    """The results of the layer before, side by side."""
    return (Value((rows, following.by_input.dims[-1]), union((name,) for name in names)),)


def _sizes(x: Value, *, batch_first: bool) -> tuple[int, int]:
    if len(x.dims) == 2:
        return 1, x.dims[0]
    return (x.dims[0], x.dims[1]) if batch_first else (x.dims[1], x.dims[0])


def _grouped(parameters: Sequence[Value], *, layers: int, biases: bool) -> list[Weights]:
    """torch's flat list: w_ih, w_hh, b_ih and b_hh where it has biases, w_hr where it projects."""
    size = len(parameters) // layers
    found = []
    for i in range(0, layers * size, size):
        w_ih, w_hh, *rest = parameters[i : i + size]
        vectors = rest[:2] if biases else []
        found.append(Weights(w_ih, w_hh, tuple(vectors[:1]), tuple(vectors[1:]), *rest[len(vectors) :]))
    return found


def onnx(inputs: Sequence[Value | None], *, cell: str, batch_first: bool, add: Add) -> tuple[str, ...]:
    """Add the ops of an ONNX LSTM, GRU or RNN (X, W, R, B, lengths, states, peepholes), and return the last's name."""
    x, w, r, b, _, hidden, cells, peepholes = [*inputs, *[None] * 8][:8]
    if x is None or w is None or r is None:
        raise ValueError("an input is missing")
    batch, tokens = _sizes(x, batch_first=batch_first)
    weights = Weights(w, r, tuple(v for v in (b,) if v), tuple(v for v in (peepholes,) if v))
    states = [value for value in (hidden, cells) if value is not None and value.sources]
    return (layer((x,), weights, batch=batch, tokens=tokens, cell=cell, add=add, states=states),)
