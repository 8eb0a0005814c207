"""Pipeline parallelism: the layers of a network in stages, one a GPU.

Huang et al., GPipe, arXiv 1811.06965: each stage receives the activations of the one before it.
"""

import re
from collections import defaultdict
from dataclasses import replace

from costmodel.workload.dequantisation import entry
from costmodel.workload.op import Op
from costmodel.workload.ops import collective
from costmodel.workload.parallel.divide import require_degree
from costmodel.workload.workload import Workload

STACK_SHARE = 0.5
"""Of a network's MACs its numbered layers must have so much to be taken for its stack."""

_NUMBERED = re.compile(r"^(.*?)\.(\d+)\.")


def pipeline_parallel(workload: Workload, stages: int, stage: int = -1, *, chunks: int = 1) -> Workload:
    """Return one stage of a pass, with as many layers as every other; -1 is the last, which holds the head.

    What precedes the stack is of the first stage, what follows it of the last; every stage but the first receives its
    input, once for each of the `chunks` of layers that it has in turn with the others. ValueError where the stages do
    not divide the layers or the chunks those of a stage, the network has no stack of numbered layers or is a stage.
    """
    require_degree("pipeline", stages)
    if not -stages <= stage < stages:
        raise ValueError(f"stage must be within -{stages}..{stages - 1}, got {stage}")
    if stages == 1:
        return workload
    if cut := stage_by(workload):
        raise ValueError(f"{workload.name} is a stage already, as {cut} says: cut it once, into more stages")
    layer_of, layers = _layers(workload)
    if layers % stages:
        raise ValueError(f"{stages} stages do not divide the {layers} layers of {workload.name}")
    each, at = layers // stages, stage % stages
    if each % chunks:
        raise ValueError(f"{chunks} chunks do not divide the {each} layers that a stage of {workload.name} has")
    kept = tuple(op for op, layer in zip(workload.ops, layer_of, strict=True) if min(layer // each, stages - 1) == at)
    names = {op.name for op in kept}
    elsewhere = {op.name for op in workload.ops} - names
    first = [_received(kept, chunks)] if at else []
    kept = tuple(_rewired(op, elsewhere) for op in kept)
    outputs = tuple(name for name in workload.outputs if name in names)
    covers = f"{workload.covers}, stage {at + 1} of {stages}" if workload.covers else ""
    return replace(workload, ops=(*first, *kept), outputs=outputs, covers=covers)


def in_turn(workload: Workload, stages: int, stage: int = -1) -> Workload:
    """Return one stage of a pass, whose layers wait for those of the others as one batch passes through all in turn.

    What precedes and follows the stack is counted where it is: a pass takes as long as the last stage, which has the
    head, to the few look-ups of the first. Errors are those of `pipeline_parallel`.
    """
    part = pipeline_parallel(workload, stages, stage)
    if stages == 1:
        return workload
    others = dict.fromkeys(_stacked(workload), stages - 1.0) | {RECEIVED: stages - 2.0}
    ops = tuple(replace(op, waits=op.waits + others.get(op.name, 0.0) * (1.0 + op.waits)) for op in part.ops)
    covers = f"{part.covers}, in the time of a batch that passes through all of them" if part.covers else ""
    return replace(part, ops=ops, covers=covers)


def is_stage(workload: Workload) -> bool:
    """Whether a pass is a stage of one: it receives its input from another, or waits for others."""
    return bool(stage_by(workload))


def stage_by(workload: Workload) -> str:
    """The op of a stage that receives its input from another, or waits for others; empty where there is none."""
    return next((op.name for op in workload.ops if op.name == RECEIVED or op.waits > 0), "")


RECEIVED = "stage.receive"


def _received(kept: tuple[Op, ...], chunks: int) -> Op:
    """What the stage before sends: the tensor that the first op of each chunk reads, as often as it runs."""
    first = kept[entry(kept)]
    return collective(RECEIVED, "send", first.input_elements, 2).times(first.count * chunks)


def _rewired(op: Op, elsewhere: set[str]) -> Op:
    """The op reading what was received instead of ops of other stages."""
    return replace(op, inputs=tuple(dict.fromkeys(RECEIVED if name in elsewhere else name for name in op.inputs)))


def _stacked(workload: Workload) -> set[str]:
    """Names of the ops of the stack's layers."""
    found, stack = _stack(workload)
    return {op.name for op, match in zip(workload.ops, found, strict=True) if match and match[1] == stack}


def _layers(workload: Workload) -> tuple[list[int], int]:
    """The layer of each op, 0 before the stack and one past the last after it; and how many layers there are."""
    found, stack = _stack(workload)
    numbers = [int(match[2]) if match and match[1] == stack else -1 for match in found]
    layers, past = max(numbers) + 1, False
    placed = []
    for number in numbers:
        past = past or number == layers - 1
        placed.append(number if number >= 0 else (layers if past else 0))
    return placed, layers


def _stack(workload: Workload) -> tuple[list[re.Match[str] | None], str]:
    """The numbered layer that each op is in, and the name of the stack that has most of the MACs."""
    found = [_NUMBERED.match(op.name) for op in workload.ops]
    macs: defaultdict[str, float] = defaultdict(float)
    for op, match in zip(workload.ops, found, strict=True):
        if match:
            macs[match[1]] += op.macs
    stack = max(macs, key=lambda name: macs[name], default="")
    total = sum(op.macs for op in workload.ops)
    if not macs or macs[stack] < STACK_SHARE * total:
        raise ValueError(f"pipeline parallelism needs a stack of numbered layers, {workload.name} has none")
    return found, stack
