"""The pass of one training step: forward, gradients by input, gradients by weight."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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

    An op has a gradient by weight if it has parameters that train, and one by input if anything before it has
    (`Op.trained_weights`, `trained_vectors`); of a layer that runs again, each run for itself. FLOPs are those of
    torch's autograd: as many as the forward for each of the two, and twice as many for a product of activations, whose
    scores are taken as kept (a kernel that computes them anew executes half of the forward once more). Gradients store
    no parameters: those that they read count as their input, as do activations that the forward kept for them
    (`Op.keeps_inputs`, `keeps_output`); a product with weights that do not train reads no inputs again. Weights that
    are N:M along k are not so along what a gradient sums, unless their mask is made for it (Hubara et al., arXiv
    2102.08124): zeros are multiplied there. Gradients pass straight through what makes weights of stored ones. The
    optimizer's step is not included.

    Results of ops for which `recompute` holds are not kept but computed anew, as `.recompute`, from those that are,
    be they read or not: Chen et al., Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174. Those of
    `Op.recomputed` are where a gradient needs them, as under torch.utils.checkpoint, which stops early.
    ValueError for a training pass, and where parameters are kept from training and none is left that does.
    """
    if workload.phase == "training":
        raise ValueError(f"{workload.name} is a training pass already")
    ops = (*workload.ops, *_backward(workload.ops, recompute))
    covers = f"{workload.covers}{COVERS}{_of_which(workload)}" if workload.covers else ""
    return replace(workload, ops=ops, phase="training", covers=covers)


def retrained(workload: Workload, edit: Callable[[Workload], Workload]) -> Workload:
    """Return the training pass of what `edit` makes of the forward of one, with the same results recomputed.

    ValueError for a pass that is no training pass as `training` makes it.
    """
    again = {op.name.removesuffix(RECOMPUTED) for op in workload.ops if op.name.endswith(RECOMPUTED)}
    ops = workload.ops[: forward_end(workload) + 1]
    forward = replace(workload, ops=ops, phase="forward", covers=workload.covers.partition(COVERS)[0])
    if training(forward, recompute=lambda op: op.name in again).ops != workload.ops:
        raise ValueError(f"{workload.name} was edited as a training pass: edit its forward pass, then train it")
    return training(edit(forward), recompute=lambda op: op.name in again)


def _of_which(workload: Workload) -> str:
    """How many parameters train, where not all do."""
    params, trained = (float(sum(getattr(op, which) for op in workload.ops)) for which in ("params", "trained_params"))
    if trained < params and not any(map(_trains, workload.ops)):
        raise ValueError(f"no parameter of {workload.name} trains: requires_grad is False of all {params:,.0f}")
    return f"; {trained:,.0f} of {params:,.0f} parameters train" if trained < params else ""


def forward_end(workload: Workload) -> int:
    """The index of the last op of the forward pass, after which a training pass has gradients."""
    if workload.phase != "training":
        return len(workload.ops) - 1
    ends = BY_WEIGHT, BY_INPUT, RECOMPUTED
    return next((i for i, op in enumerate(workload.ops) if op.name.endswith(ends)), len(workload.ops)) - 1


def sources(ops: tuple[Op, ...]) -> list[list[int]]:
    """Return for each op the indices of the ops that it reads; none for what reads the network's input alone."""
    index = {op.name: i for i, op in enumerate(ops)}
    return [
        [index[name] for name in op.inputs if name in index] if op.inputs else list(range(max(i - 1, 0), i))
        for i, op in enumerate(ops)
    ]


def _backward(ops: tuple[Op, ...], recompute: Callable[[Op], bool]) -> Iterator[Op]:
    reads, runs = sources(ops), runs_of(ops)
    index = {op.name: i for i, op in enumerate(ops)}
    trains = [_trains(ops[runs[layer_of(op)][0]]) for op in ops]
    trained = _reach_parameters(ops, reads, trains)
    again = [layer.recomputed or recompute(layer) for layer in (ops[runs[layer_of(op)][0]] for op in ops)]
    consumers: list[list[str]] = [[] for _ in ops]
    done: set[int] = set()
    for i in reversed(range(len(ops))):
        op, every = ops[i], runs[layer_of(ops[i])]
        fed = {run: n for run in every if (n := _trained_inputs(op, trained, reads[run]))}
        if not (i in fed or trains[i]):
            continue
        gradients = tuple(consumers[i]) or ("grad_output",)
        layer = ops[every[0]]
        factors = _factors(layer, [name in index and trained[index[name]] for name in op.inputs])
        read = [j for j in reads[i] if all(factors) or layer.weight_elements or not trained[j]] if _rereads(op) else []
        kept = read + [i] * bool(op.keeps_output)
        for j in _to_recompute(kept + [j for j in reads[i] if not ops[j].recomputed], reads, again, done):
            yield _recomputed(ops[j], [_saved(ops[s], again[s]) for s in reads[j]])
        inputs = (*gradients, *(_saved(ops[j], again[j]) for j in kept), *_of_network(op, index))
        if trains[i]:
            more = _more(consumers, set(every) - fed.keys()) / len(every)
            yield _grad_weight(op, inputs, more=more, again=1 - 1 / len(every))
        if i in fed:
            by_input = _by_input(ops, every, fed, i, inputs=inputs, more=_more(consumers, fed), factors=factors)
            yield from by_input
            _reach(consumers, reads[i], by_input[0].name if by_input else gradients[0])


def _reach(consumers: list[list[str]], reads: list[int], gradient: str) -> None:
    """Note a gradient by what an op reads as one that reaches it."""
    for j in reads:
        consumers[j].append(gradient)


def _more(consumers: list[list[str]], runs: Iterable[int]) -> int:
    """How many gradients reach the results of these runs, beyond one each: they are added up."""
    return sum(max(len(consumers[run]) - 1, 0) for run in runs)


def _by_input(
    ops: tuple[Op, ...],
    every: list[int],
    fed: dict[int, int],
    i: int,
    *,
    inputs: tuple[str, ...],
    more: int,
    factors: tuple[bool, bool],
) -> list[Op]:
    """The gradient of run i by its input: none where it is that of its result.

    `fed` has how many results with gradients each run reads, of `every` one that reads any. All are counted at the
    first of these.
    """
    if _passes_on(ops[i]) and not more:
        return []
    op = ops[every[0]] if i == min(fed) else ops[i]
    starts = sum(_starts(op, n) for n in fed.values())
    share = len(fed) / len(every)
    return [_grad_input(op, inputs, factors, share=share, more=more / len(fed), starts=starts)]


def _trained_inputs(op: Op, trained: list[bool], reads: list[int]) -> int:
    """How many gradients by an input a run has: what makes weights of stored ones has none by tokens."""
    return 0 if op.kind == DEQUANTISATION else sum(trained[j] for j in reads) + (op.kind == RECEIVE)


def _factors(op: Op, trained: list[bool]) -> tuple[bool, bool]:
    """Which factors of a product have a gradient by input, if anything has: that of one alone reads the other.

    `trained` says of what the op reads whether it has gradients.
    """
    if op.weight_elements or not op.trained_weights:
        return True, False
    one_each = op.kind == "matmul" and len(trained) == 2 and any(trained)
    return (trained[0], trained[1]) if one_each else (True, True)


def _of_network(op: Op, index: Mapping[str, int]) -> list[str]:
    """What a gradient reads of the network's inputs."""
    first = not op.inputs and not index[op.name]
    return [name for name in (*op.inputs, *[INPUT] * first) if name not in index] if _rereads(op) else []


def _rereads(op: Op) -> bool:
    """Whether a gradient reads what the op read: of a product with weights none but theirs does."""
    return bool(op.keeps_inputs and op.trained_weights)


def _trains(op: Op) -> bool:
    """Whether an op has parameters that train; a stored copy's gradient is that of the layer which reads it."""
    vectors = op.vector_elements * op.trained_vectors
    if op.kind == DEQUANTISATION:
        return bool(vectors)
    has_weights = op.weight_elements or op.kind in ("embedding", RERUN)
    return bool(vectors or (has_weights and op.trained_weights))


def _reach_parameters(ops: tuple[Op, ...], reads: list[list[int]], trains: list[bool]) -> list[bool]:
    reaches: list[bool] = []
    for op, before, own in zip(ops, reads, trains, strict=True):
        reaches.append(own or op.kind == RECEIVE or any(reaches[j] for j in before))
    return reaches


def _to_recompute(wanted: list[int], reads: list[list[int]], again: list[bool], done: set[int]) -> list[int]:
    """The ops to run again so that the results of `wanted` exist, in forward order; `done` has them from then on."""
    found: set[int] = set()
    pending = list(wanted)
    while pending:
        j = pending.pop()
        if again[j] and j not in done and j not in found:
            found.add(j)
            pending += reads[j]
    done |= found
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
    weighted = bool(op.weight_elements and op.trained_weights)
    vectors = bool(op.vector_elements and op.trained_vectors)
    made = op.weight_elements * op.weight_reads * weighted + op.vector_elements * vectors
    return replace(
        gradient,
        kind=op.kind if weighted or not op.weight_elements else "pooling",
        b=op.b if weighted or not op.weight_elements else 0.0,
        m=op.k if weighted else 1.0,
        n=op.n if weighted else 1.0,
        k=op.m if weighted else 1.0,
        weight_block=0.0,
        input_elements=op.input_elements * bool(op.trained_weights) + (1 + more) * op.output_elements,
        output_elements=made or op.output_elements,
        vector_flops=op.output_elements * (more + (vectors or op.kind == "embedding")) + made * again,
    )


def _starts(op: Op, trained: int) -> bool:
    """Whether a run's first state is constant: a recurrence reads its inputs' products, and what gave it a state."""
    return op.kind == "recurrence" and bool(op.vector_flops) and trained < 2


def _passes_on(op: Op) -> bool:
    """Whether the gradient of each operand is that of the result: of a sum, of tensors or with a parameter."""
    if not op.gradient_ratio:
        return True
    sums = op.vector_flops == op.input_elements + bool(op.vector_elements) * op.output_elements - op.output_elements
    return op.kind == "elementwise" and not op.keeps_inputs and bool(op.vector_flops) and bool(sums)


def _grad_input(
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
    flops = 0.0 if _passes_on(op) else BACKWARD_VECTOR_FLOPS * (op.vector_flops - op.weight_flops) + op.weight_flops
    return replace(
        gradient,
        count=executions,
        b=op.b * steps,
        n=op.n if all(factors) else op.k,
        k=2 * op.k if all(factors) else op.n,
        weight_block=0.0,
        input_elements=(1 + more * (op.kind not in COLLECTIVES)) * op.output_elements + read,
        output_elements=op.output_elements if _passes_on(op) else made * op.gradient_ratio,
        heads=Heads(),
        vector_flops=flops + more * op.output_elements,
    )
