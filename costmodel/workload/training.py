"""The pass of one training step: forward, gradients by input, gradients by weight."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.op import Heads, Op
from costmodel.workload.ops.collective import COLLECTIVES
from costmodel.workload.rerun import RERUN, layer_of, runs_of
from costmodel.workload.workload import Workload

BACKWARD_VECTOR_FLOPS = 2
"""Vector FLOPs of a gradient by input over those of the forward: an estimate, after the "approximately twice the
compute" of a backward pass in Kaplan et al., Scaling Laws for Neural Language Models, arXiv 2001.08361, section 2.1."""

INPUT = "network_input"
"""What the gradient of an op reads that reads the network's input and says nothing of it."""

BY_WEIGHT, BY_INPUT, RECOMPUTED = ".grad_weight", ".grad_input", ".recompute"
"""What the name of a gradient by weight ends in, of one by input, of a result that is computed anew."""

COVERS = ", forward and backward, without the optimizer's step"
"""What is said of a training pass beside what its forward covers."""

RECEIVE = "send"
"""The kind of op that brings a tensor from another GPU, before which there are layers to train."""


def nothing(_: Op) -> bool:
    """Recompute no op."""
    return False


def training(workload: Workload, *, recompute: Callable[[Op], bool] = nothing) -> Workload:
    """Return forward and backward of one step: ops of the forward, then `.grad_weight` and `.grad_input` of each.

    An op has a gradient by weight if it has parameters, and one by input if anything before it has; of a layer that
    runs again, each run for itself. FLOPs are those of
    torch's autograd: as many as the forward for each of the two, and twice as many for a product of activations, whose
    scores are taken as kept (a kernel that computes them anew executes half of the forward once more). Gradients store
    no parameters: those that they read count as their input, as do activations that the forward kept for them
    (`Op.keeps_inputs`, `keeps_output`). Weights that are N:M along k are not so along what a gradient sums, unless
    their mask is made for it (Hubara et al., arXiv 2102.08124): zeros are multiplied there. Gradients pass straight
    through what makes weights of stored ones. The optimizer's step is not included.

    Results of ops for which `recompute` holds are not kept but computed anew, as `.recompute`, from those that are,
    be they read or not: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174.
    ValueError for a training pass.
    """
    if workload.phase == "training":
        raise ValueError(f"{workload.name} is a training pass already")
    ops = (*workload.ops, *_backward(workload.ops, recompute))
    covers = f"{workload.covers}{COVERS}" if workload.covers else ""
    return replace(workload, ops=ops, outputs=(), phase="training", covers=covers)


def retrained(workload: Workload, edit: Callable[[Workload], Workload]) -> Workload:
    """Return the training pass of what `edit` makes of the forward of one, with the same results recomputed.

    ValueError for a pass that is no training pass as `training` makes it.
    """
    again = {op.name.removesuffix(RECOMPUTED) for op in workload.ops if op.name.endswith(RECOMPUTED)}
    backward = (i for i, op in enumerate(workload.ops) if op.name.endswith((BY_WEIGHT, BY_INPUT, RECOMPUTED)))
    ops = workload.ops[: next(backward, len(workload.ops))]
    forward = replace(workload, ops=ops, phase="forward", covers=workload.covers.removesuffix(COVERS))
    if training(forward, recompute=lambda op: op.name in again).ops != workload.ops:
        raise ValueError(f"{workload.name} was edited as a training pass: edit its forward pass, then train it")
    return training(edit(forward), recompute=lambda op: op.name in again)


def sources(ops: tuple[Op, ...]) -> list[list[int]]:
    """Return for each op the indices of the ops that it reads; none for what reads the network's input alone."""
    index = {op.name: i for i, op in enumerate(ops)}
    return [
        [index[name] for name in op.inputs if name in index] if op.inputs else list(range(max(i - 1, 0), i))
        for i, op in enumerate(ops)
    ]


def _backward(ops: tuple[Op, ...], recompute: Callable[[Op], bool]) -> Iterator[Op]:
    reads = sources(ops)
    trained = _reaches_parameters(ops, reads)
    runs = runs_of(ops)
    again = [recompute(ops[runs[layer_of(op)][0]]) for op in ops]
    consumers: list[list[str]] = [[] for _ in ops]
    done: set[int] = set()
    for i in reversed(range(len(ops))):
        op, every = ops[i], runs[layer_of(ops[i])]
        fed = {run: n for run in every if (n := _trained_inputs(op, trained, reads[run]))}
        if not (i in fed or _has_parameters(op)):
            continue
        own = [i] if op.keeps_output else []
        for j in _to_recompute(reads[i] + own, reads, again, done):
            done.add(j)
            yield _recomputed(ops[j], [_saved(ops[s], again[s]) for s in reads[j]])
        gradients = tuple(consumers[i]) or ("grad_output",)
        kept = [_saved(ops[j], again[j]) for j in (reads[i] if op.keeps_inputs else []) + own]
        of_network = [] if reads[i] or not op.keeps_inputs else op.inputs or (INPUT,)
        inputs = (*gradients, *kept, *of_network)
        if _has_parameters(op):
            more = _more(consumers, set(every) - fed.keys()) / len(every)
            yield _grad_weight(op, inputs, more=more, again=1 - 1 / len(every))
        if i in fed:
            by_input = _by_input(ops, every, fed, i, inputs=inputs, more=_more(consumers, fed))
            yield from by_input
            for j in reads[i]:
                consumers[j].append(by_input[0].name if by_input else gradients[0])


def _more(consumers: list[list[str]], runs: Iterable[int]) -> int:
    """How many gradients reach the results of these runs, beyond one each: they are added up."""
    return sum(max(len(consumers[run]) - 1, 0) for run in runs)


def _by_input(
    ops: tuple[Op, ...], every: list[int], fed: dict[int, int], i: int, *, inputs: tuple[str, ...], more: int
) -> list[Op]:
    """The gradient of run i by its input: none where it is that of its result.

    `fed` has how many results with gradients each run reads, of `every` one that reads any. All are counted at the
    first of these.
    """
    if _passes_on(ops[i]) and not more:
        return []
    op = ops[every[0]] if i == min(fed) else ops[i]
    starts = sum(_starts(op, n) for n in fed.values())
    return [_grad_input(op, inputs, share=len(fed) / len(every), more=more / len(fed), starts=starts)]


def _trained_inputs(op: Op, trained: list[bool], reads: list[int]) -> int:
    """How many gradients by an input a run has: what makes weights of stored ones has none by tokens."""
    return 0 if op.kind == DEQUANTISATION else sum(trained[j] for j in reads) + (op.kind == RECEIVE)


def _has_parameters(op: Op) -> bool:
    """Whether an op has parameters to train; a stored copy's gradient is that of the layer which reads it."""
    if op.kind == DEQUANTISATION:
        return bool(op.vector_elements)
    return bool(op.weight_elements or op.vector_elements or op.kind in ("embedding", RERUN))


def _reaches_parameters(ops: tuple[Op, ...], reads: list[list[int]]) -> list[bool]:
    reaches: list[bool] = []
    for op, before in zip(ops, reads, strict=True):
        reaches.append(_has_parameters(op) or op.kind == RECEIVE or any(reaches[j] for j in before))
    return reaches


def _to_recompute(wanted: list[int], reads: list[list[int]], again: list[bool], done: set[int]) -> list[int]:
    """The ops to run again so that the results of `wanted` exist, in forward order."""
    found: set[int] = set()
    pending = list(wanted)
    while pending:
        j = pending.pop()
        if again[j] and j not in done and j not in found:
            found.add(j)
            pending += reads[j]
    return sorted(found)


def _saved(op: Op, recomputed: bool) -> str:
    return f"{op.name}{RECOMPUTED}" if recomputed else op.name


def _touched(op: Op) -> float:
    """Parameters that one execution reads."""
    return float(op.weight_elements * op.weight_reads + op.vector_elements)


def _without_parameters(op: Op, name: str, inputs: tuple[str, ...]) -> Op:
    return replace(
        op,
        name=name,
        inputs=inputs,
        weight_elements=0.0,
        vector_elements=0.0,
        kv_elements=0.0,
        weight_reads=1.0,
        weight_flops=0.0,
    )


def _recomputed(op: Op, inputs: list[str]) -> Op:
    again = _without_parameters(op, f"{op.name}{RECOMPUTED}", tuple(inputs) or op.inputs)
    return replace(again, input_elements=op.input_elements + op.kv_elements + _touched(op))


def _grad_weight(op: Op, inputs: tuple[str, ...], *, more: float, again: float) -> Op:
    """Input transposed times output gradient; sums of the latter for a bias, a norm's scale, an embedding's rows.

    `more` gradients than one reach the output of each execution, on average, and are added up here; results of the
    share `again` of executions are added to those before.
    """
    gradient = _without_parameters(op, f"{op.name}{BY_WEIGHT}", inputs)
    weighted = bool(op.weight_elements)
    return replace(
        gradient,
        m=op.k if weighted else 1.0,
        n=op.n if weighted else 1.0,
        k=op.m if weighted else 1.0,
        weight_block=0.0,
        input_elements=op.input_elements + (1 + more) * op.output_elements,
        output_elements=_touched(op) or op.output_elements,
        vector_flops=op.output_elements * (more + bool(op.vector_elements or op.kind == "embedding"))
        + _touched(op) * again,
    )


def _starts(op: Op, trained: int) -> bool:
    """Whether a run's first state is constant: a recurrence reads its inputs' products, and what gave it a state."""
    return op.kind == "recurrence" and bool(op.vector_flops) and trained < 2


def _passes_on(op: Op) -> bool:
    """Whether an op is a sum, of tensors or with a parameter: the gradient of each operand is that of the result."""
    sums = op.vector_flops == op.input_elements + bool(op.vector_elements) * op.output_elements - op.output_elements
    return op.kind == "elementwise" and not op.keeps_inputs and bool(op.vector_flops) and bool(sums)


def _grad_input(op: Op, inputs: tuple[str, ...], *, share: float, more: float, starts: int) -> Op:
    """Output gradient times weight transposed, or by both operands of a product of activations.

    A `share` of the executions has it, of whose runs `starts` begin a recurrence with a constant: their first steps
    have no product, `b` has so much less on average. `more` gradients than one reach the output of each, on average,
    and are added up: all that there is to do of a sum's.
    """
    gradient = _without_parameters(op, f"{op.name}{BY_INPUT}", inputs)
    weighted = bool(op.weight_elements)
    executions = op.count * share
    steps = max(executions - starts, 0.0) / executions if starts and executions else 1.0
    operands = op.input_elements + op.kv_elements
    read = _touched(op) if weighted else operands * op.keeps_inputs + op.output_elements * op.keeps_output
    flops = 0.0 if _passes_on(op) else BACKWARD_VECTOR_FLOPS * (op.vector_flops - op.weight_flops) + op.weight_flops
    return replace(
        gradient,
        count=executions,
        b=op.b * steps,
        n=op.k if weighted else op.n,
        k=op.n if weighted else 2 * op.k,
        weight_block=0.0,
        input_elements=(1 + more * (op.kind not in COLLECTIVES)) * op.output_elements + read,
        output_elements=op.output_elements if _passes_on(op) else operands,
        heads=Heads(),
        vector_flops=flops + more * op.output_elements,
    )
