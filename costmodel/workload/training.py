"""The pass of one training step: forward, gradients by input, gradients by weight."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from costmodel.workload import gradients
from costmodel.workload.dequantisation import DEQUANTISATION
from costmodel.workload.gradients import BY_INPUT, BY_WEIGHT, RECOMPUTED, rereads
from costmodel.workload.op import FORWARD, Op
from costmodel.workload.prepared import among_others
from costmodel.workload.rerun import layer_of, runs_of
from costmodel.workload.workload import Workload

INPUT = "network_input"
"""What the gradient of an op reads that reads the network's input and says nothing of it."""

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
    ValueError for a pass that none is of (training, decode, encode), and where parameters are kept from training and
    none is left that does.
    """
    if workload.phase == "training":
        raise ValueError(f"{workload.name} is a training pass already")
    if workload.phase in ("decode", "encode"):
        raise ValueError(f"{workload.name}: a training step is of a forward pass, got phase {workload.phase!r}")
    workload = among_others(workload)
    forward, dead = _reached(workload)
    workload = replace(workload, ops=forward)
    prepared = {op.name for op in workload.prepared}
    ops = (*(replace(op, role=FORWARD) for op in forward), *_backward(forward, recompute, dead, prepared))
    covers = f"{workload.covers}{COVERS}{_of_which(workload)}" if workload.covers else ""
    return replace(workload, ops=ops, phase="training", covers=covers)


def _reached(workload: Workload) -> tuple[tuple[Op, ...], frozenset[int]]:
    """The ops, and which of them no gradient reaches, as all that reads them is detached: those pass none on, and their
    layer trains only by its other runs."""
    ops, reads = list(workload.ops), sources(workload.ops)
    index = {op.name: i for i, op in enumerate(ops)}
    read_by: list[list[int]] = [[] for _ in ops]
    for i, read in enumerate(reads):
        for j in (*read, *(index[name] for name in ops[i].prepared if name in index)):
            read_by[j].append(i)
    outputs, dead = set(workload.outputs) - set(workload.detached), set[int]()
    for i in reversed(range(len(ops))):
        op, before = ops[i], tuple(ops[j].name for j in reads[i])
        ends = read_by[i] or op.name in workload.detached
        if ends and op.name not in outputs and all(op.name in ops[j].detached for j in read_by[i]):
            ops[i] = replace(op, detached=(*before, *op.learned))
            dead.add(i)
    for runs in runs_of(ops).values():
        if dead.issuperset(runs):
            ops[runs[0]] = replace(ops[runs[0]], trained_weights=0.0, trained_vectors=0.0)
    return tuple(ops), frozenset(dead)


def retrained(workload: Workload, edit: Callable[[Workload], Workload]) -> Workload:
    """Return the training pass of what `edit` makes of the forward of one, with the same results recomputed.

    ValueError for a pass that is no training pass as `training` makes it.
    """
    again = {op.name.removesuffix(RECOMPUTED) for op in workload.ops if op.name.endswith(RECOMPUTED)}
    prepared, end = {op.name for op in workload.prepared}, forward_end(workload) + 1
    ops = tuple(replace(op, role="") for op in workload.ops[:end] if op.name not in prepared)
    uncounted = tuple(name for name in workload.uncounted if name not in prepared)
    covers = workload.covers.partition(COVERS)[0]
    forward = replace(workload, ops=ops, phase="forward", covers=covers, uncounted=uncounted)
    if training(forward, recompute=lambda op: op.name in again).ops != workload.ops:
        raise ValueError(f"{workload.name} was edited as a training pass: edit its forward pass, then train it")
    return training(edit(forward), recompute=lambda op: op.name in again)


def _of_which(workload: Workload) -> str:
    """How many parameters train, where not all do."""
    params, trained = (float(sum(getattr(op, which) for op in workload.ops)) for which in ("params", "trained_params"))
    if trained < params and not any(map(gradients.trains, workload.ops)):
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


def _backward(
    ops: tuple[Op, ...], recompute: Callable[[Op], bool], dead: frozenset[int], prepared: Collection[str]
) -> Iterator[Op]:
    reads, runs = sources(ops), runs_of(ops)
    flows = [[j for j in read if ops[j].name not in op.detached] for op, read in zip(ops, reads, strict=True)]
    index, done = {op.name: i for i, op in enumerate(ops)}, set[int]()
    needs = [
        [*read, *(index[name] for name in op.prepared if name in index)] for op, read in zip(ops, reads, strict=True)
    ]
    trains = [i not in dead and gradients.trains(ops[runs[layer_of(op)][0]]) for i, op in enumerate(ops)]
    trained = _reach_parameters(ops, flows, trains)
    again = [layer.recomputed or recompute(layer) for layer in (ops[runs[layer_of(op)][0]] for op in ops)]
    consumers: list[list[str]] = [[] for _ in ops]
    for i in reversed(range(len(ops))):
        op, every = ops[i], runs[layer_of(ops[i])]
        fed = {run: n for run in every if (n := _trained_inputs(op, trained, flows[run]) + len(ops[run].learned))}
        if not (i in fed or trains[i]) or (op.name in prepared and not consumers[i]):
            continue
        reached = tuple(consumers[i]) or ("grad_output",)
        live = {*op.learned, *(ops[j].name for j in flows[i] if trained[j])}
        factors = gradients.factors(ops[every[0]], [name in live for name in op.inputs])
        whole = all(factors) or ops[every[0]].weight_elements
        kept = _kept(op, i, [j for j in reads[i] if whole or ops[j].name not in live])
        for j in _to_recompute(kept + [j for j in needs[i] if not ops[j].recomputed], needs, again, done):
            yield gradients.recomputed(ops[j], [_saved(ops[s], again[s]) for s in reads[j]])
        inputs = (*reached, *(_saved(ops[j], again[j]) for j in kept), *_of_network(op, index))
        if taught := [run for run in every if trains[run]] if trains[i] else []:
            yield _by_weight(ops, every, taught, i, inputs=inputs, more=_more(consumers, set(taught).difference(fed)))
            _reach(
                consumers,
                [j for j in needs[i] if ops[j].name in {*op.prepared}.difference(op.detached)],
                f"{op.name}{BY_WEIGHT}",
            )
        if i in fed:
            yield from (
                by_input := _by_input(ops, every, fed, i, inputs=inputs, more=_more(consumers, fed), factors=factors)
            )
            _reach(consumers, flows[i], by_input[0].name if by_input else reached[0])


def _by_weight(
    ops: tuple[Op, ...], every: list[int], taught: list[int], i: int, *, inputs: tuple[str, ...], more: int
) -> Op:
    """The gradient of run i by its layer's weights: of `every` run the first `taught` one counts for all of those."""
    op, count = ops[every[0]] if i == taught[0] else ops[i], len(taught)
    return gradients.by_weight(op, inputs, share=count / len(every), more=more / count, again=1 - 1 / count)


def _kept(op: Op, i: int, reads: list[int]) -> list[int]:
    """What the gradients of op i read again, of what it read and its result."""
    return (reads if rereads(op) else []) + [i] * bool(op.keeps_output)


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
    if gradients.passes_on(ops[i]) and not more:
        return []
    op = ops[every[0]] if i == min(fed) else ops[i]
    starts = sum(gradients.starts(op, n) for n in fed.values())
    share = len(fed) / len(every)
    return [gradients.by_input(op, inputs, factors, share=share, more=more / len(fed), starts=starts)]


def _trained_inputs(op: Op, trained: list[bool], reads: list[int]) -> int:
    """How many gradients by an input a run has: what makes weights of stored ones has none by tokens."""
    return 0 if op.kind == DEQUANTISATION else sum(trained[j] for j in reads) + (op.kind == RECEIVE)


def _of_network(op: Op, index: Mapping[str, int]) -> list[str]:
    """What a gradient reads of the network's inputs."""
    first = not op.inputs and not index[op.name]
    return [name for name in (*op.inputs, *[INPUT] * first) if name not in index] if rereads(op) else []


def _reach_parameters(ops: tuple[Op, ...], reads: list[list[int]], trains: list[bool]) -> list[bool]:
    reaches: list[bool] = []
    for op, before, own in zip(ops, reads, trains, strict=True):
        reaches.append(bool(own or op.learned or op.kind == RECEIVE or any(reaches[j] for j in before)))
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
