"""Recurrent layers, LSTM, GRU and plain: one product over all tokens, then one a token that waits for the last."""

from dataclasses import replace

from costmodel.workload.op import Op
from costmodel.workload.ops._sizes import require_counts, require_positive
from costmodel.workload.ops.activation import FLOPS
from costmodel.workload.ops.linear import linear

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""Products by input and by state that a hidden element needs."""
STEP_FLOPS = {
    "lstm": 3 * FLOPS["sigmoid"] + 2 * FLOPS["tanh"] + 8,
    "gru": 2 * FLOPS["sigmoid"] + FLOPS["tanh"] + 8,
    "rnn_tanh": FLOPS["tanh"] + 1,
    "rnn_relu": FLOPS["relu"] + 1,
}
"""Vector FLOPs a hidden element and step: nonlinearities, one sum a gate, and the state's update (LSTM: two products, a
sum and the output's product; GRU: the reset's product and (1 - z) n + z h)."""


def recurrent_input(
    name: str, batch: float, *, tokens: float, features_in: float, hidden: float, cell: str, directions: int = 1,
    bias: bool = True, inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return the products of a recurrent layer's inputs, which no step waits for: m = batch x tokens."""
    require_positive(name, batch=batch, tokens=tokens, hidden=hidden, directions=directions)
    op = linear(name, batch * tokens, features_in, _gates(cell) * hidden, bias=bias, inputs=inputs)
    weights, vectors, results = (directions * n for n in (op.weight_elements, op.vector_elements, op.output_elements))
    return replace(op, b=directions, weight_elements=weights, vector_elements=vectors, output_elements=results)


def recurrence(
    name: str, batch: float, *, tokens: float, hidden: float, cell: str, projection: float = 0, directions: int = 1,
    bias: bool = True, inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return the products of a recurrent layer's state: `tokens` executions of m = batch, one after another.

    MACs: tokens x batch x directions x gates x hidden x (`projection` or hidden), as torch's counter has them. Each
    step reads the weights again, as kernels do that do not pin them on chip (Diamos et al., Persistent RNNs, ICML
    2016): the roofline of `tokens` steps in a row bounds those from below; one that pins them moves them once. What a
    step costs beyond its roofline (a launch, a barrier) is paid `tokens` times. ValueError unless `cell` is in GATES.

    Hochreiter and Schmidhuber, doi 10.1162/neco.1997.9.8.1735; Cho et al., arXiv 1406.1078, equations 5-8.
    """
    require_positive(name, batch=batch, tokens=tokens, hidden=hidden, directions=directions)
    require_counts(name, projection=projection)
    state = projection or hidden
    cells = hidden if cell == "lstm" else 0
    gates = _gates(cell) * hidden
    rows = batch * directions
    return Op(
        name,
        "recurrence",
        inputs,
        count=tokens,
        b=directions,
        m=batch,
        n=gates,
        k=state,
        input_elements=rows * (gates + state + cells),
        weight_elements=directions * gates * state,
        vector_elements=directions * gates if bias else 0,
        output_elements=rows * (hidden + cells),
        vector_flops=STEP_FLOPS[cell] * rows * hidden,
    )


def recurrent_projection(
    name: str, batch: float, *, tokens: float, hidden: float, projection: float, directions: int = 1,
    inputs: tuple[str, ...] = (),
) -> Op:  # fmt: skip
    """Return the product that narrows an LSTM's state after each step: Sak et al., arXiv 1402.1128, section 2.2."""
    require_positive(name, batch=batch, tokens=tokens, hidden=hidden, projection=projection, directions=directions)
    rows = batch * directions
    return Op(
        name,
        "recurrence",
        inputs,
        count=tokens,
        b=directions,
        m=batch,
        n=projection,
        k=hidden,
        input_elements=rows * hidden,
        weight_elements=directions * hidden * projection,
        output_elements=rows * projection,
    )


def _gates(cell: str) -> int:
    if cell not in GATES:
        raise ValueError(f"cell must be one of {', '.join(sorted(GATES))}, got {cell!r}")
    return GATES[cell]
