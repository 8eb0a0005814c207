"""What the gradients of one op are: which it has, their sizes and FLOPs, and its result computed anew."""

from dataclasses import replace

from costmodel.workload import op as roles
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.op import Heads, Op
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.rerun import RERUN

BACKWARD_VECTOR_FLOPS = 2
"""Vector FLOPs of a gradient by input over those of the forward: an estimate, after the "approximately twice the
compute" of a backward pass in Kaplan et al., Scaling Laws for Neural Language Models, arXiv 2001.08361, section 2.1."""

BY_WEIGHT, BY_INPUT, RECOMPUTED = ".grad_weight", ".grad_input", ".recompute"
"""What the name of a gradient by weight ends in, of one by input, of a result that is computed anew."""


def trains(op: Op) -> bool:
    """Whether an op has parameters that train; a stored copy's gradient is that of the layer which reads it."""
    vectors = op.vector_elements * op.trained_vectors
    if op.kind == DEQUANTISATION:
        return bool(vectors)
    has_weights = op.weight_elements or op.kind in ("embedding", RERUN)
    return bool(vectors or (has_weights and op.trained_weights))


def rereads(op: Op) -> bool:
    """Whether a gradient reads what the op read: of a product with weights none but theirs does."""
    return bool(op.keeps_inputs and op.trained_weights)


def factors(op: Op, trained: list[bool]) -> tuple[bool, bool]:
    """Which factors of a product have a gradient by input, if anything has: that of one alone reads the other.

    `trained` says of what the op reads whether it has gradients.
    """
    if op.weight_elements or not op.trained_weights:
        return True, False
    one_each = op.kind.startswith(("matmul", "linear", "conv")) and len(trained) == 2 and any(trained)
    return (trained[0], trained[1]) if one_each else (True, True)


def starts(op: Op, trained: int) -> bool:
    """Whether a run's first state is constant: a recurrence reads its inputs' products, and what gave it a state."""
    return op.kind == "recurrence" and bool(op.vector_flops) and trained < 2


def passes_on(op: Op) -> bool:
    """Whether the gradient of each operand is that of the result: of a sum, of tensors or with a parameter."""
    if not op.gradient_ratio:
        return True
    sums = op.vector_flops == op.input_elements + bool(op.vector_elements) * op.output_elements - op.output_elements
    return op.kind == "elementwise" and not op.keeps_inputs and bool(op.vector_flops) and bool(sums)


def recomputed(op: Op, inputs: list[str]) -> Op:
    """An op run again for its result, from the results that are kept; its parameters are stored once."""
    again = _without_parameters(op, f"{op.name}{RECOMPUTED}", tuple(inputs) or op.inputs)
    return replace(again, input_elements=op.input_elements + op.kv_elements + _touched(op))


def by_weight(op: Op, inputs: tuple[str, ...], *, share: float, more: float, again: float) -> Op:
    """Input transposed times output gradient; sums of the latter for a bias, a norm's scale, an embedding's rows.

    A `share` of the executions has it. `more` gradients than one reach the output of each, on average, and are added up
    here; results of the share `again` of them are added to those before.
    """
    gradient = _without_parameters(op, f"{op.name}{BY_WEIGHT}", inputs)
    weighted = bool(op.weight_elements and op.trained_weights)
    vectors = bool(op.vector_elements and op.trained_vectors)
    made = op.weight_elements * op.weight_reads * weighted + op.vector_elements * vectors
    return replace(
        gradient,
        role=roles.BY_WEIGHT,
        count=op.count * share,
        kind=op.kind if weighted or not (op.weight_elements or op.b) else "pooling",
        b=op.b if weighted else 0.0,
        m=op.k if weighted else 1.0,
        n=op.n if weighted else 1.0,
        k=op.m if weighted else 1.0,
        weight_block=0.0,
        input_elements=op.input_elements * bool(op.trained_weights) + (1 + more) * op.output_elements,
        output_elements=made or op.output_elements,
        vector_flops=op.output_elements * (more + (vectors or op.kind == "embedding")) + made * again,
    )


def by_input(
    op: Op, inputs: tuple[str, ...], factors: tuple[bool, bool], *, share: float, more: float, starts: int
) -> Op:
    """Output gradient times weight transposed, or by those factors of a product of activations that have one.

    A `share` of the executions has it, of whose runs `starts` begin a recurrence with a constant: their first steps
    have no product, `b` has so much less on average. `more` gradients than one reach the output of each, on average,
    and are added up: all that there is to do of a sum's.
    """
    gradient = _without_parameters(op, f"{op.name}{BY_INPUT}", inputs)
    weighted = bool(op.weight_elements)
    executions = op.count * share
    steps = max(executions - starts, 0.0) / executions if starts and executions else 1.0
    operands = op.input_elements + op.kv_elements
    made = (
        operands
        if weighted or all(factors) or op.kind == RERUN
        else min(operands, op.b * op.k * (op.m if factors[0] else op.n))
    )
    other = operands - made if made < operands else operands
    read = _touched(op) if weighted else other * op.keeps_inputs + op.output_elements * op.keeps_output
    flops = 0.0 if passes_on(op) else BACKWARD_VECTOR_FLOPS * (op.vector_flops - op.weight_flops) + op.weight_flops
    return replace(
        gradient,
        role=roles.BY_INPUT,
        count=executions,
        b=op.b * steps,
        n=op.n if all(factors) else op.k,
        k=2 * op.k if all(factors) else op.n,
        weight_block=0.0,
        input_elements=(1 + more * (op.kind not in COLLECTIVES)) * op.output_elements + read,
        output_elements=op.output_elements if passes_on(op) else made * op.gradient_ratio,
        heads=Heads(),
        vector_flops=flops + more * op.output_elements,
    )


def _touched(op: Op) -> float:
    """Parameters that one execution reads."""
    return float(op.weight_elements * op.weight_reads + op.vector_elements)


def _without_parameters(op: Op, name: str, inputs: tuple[str, ...]) -> Op:
    return replace(
        op,
        name=name,
        inputs=inputs,
        detached=(),
        weight_elements=0.0,
        vector_elements=0.0,
        kv_elements=0.0,
        weight_reads=1.0,
        weight_flops=0.0,
    )
