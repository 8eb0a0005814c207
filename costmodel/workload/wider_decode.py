"""A decode pass with more in each op: what several tokens of a sequence and several sequences have in common."""

from collections.abc import Callable, Mapping

from costmodel.record import changed
from costmodel.workload.dequantisation import DEQUANTISATION, on_tokens, reread
from costmodel.workload.op import Op
from costmodel.workload.ops.collective import COLLECTIVES, bringing
from costmodel.workload.ops.moe import rerouted
from costmodel.workload.workload import Workload

BY_ELEMENT = ("norm", "elementwise", "activation", "softmax", *COLLECTIVES)
"""Kinds of ops that grow in their elements alone."""

Rule = Callable[[Op, int, int], Op]
"""What so many times as much, of a pass of that batch, makes of an op on as many more elements."""


def wider_decode(workload: Workload, times: int, attention: Rule, *, what: str) -> tuple[Op, ...]:
    """Return the ops of a decode pass with `times` as many of `what`: weights are read once for all of them.

    An expert may serve several. `attention` is the rule of what differs. ValueError for a number that is not whole or
    below 1, a pass that is no decode or whose experts left memory, or an op of a kind that is not known here (a
    recurrence takes one token after another).
    """
    if times < 1 or times != int(times):
        raise ValueError(f"{what} must be a whole number of at least 1, got {times}")
    if workload.phase != "decode":
        raise ValueError(f"only a decode has more {what} at once, {workload.name} is a {workload.phase} pass")
    if times == 1:
        return workload.ops
    if load := bringing(workload.ops):
        raise ValueError(f"{load} brings what its batch misses; take more {what} before experts leave memory")
    rules = {**RULES, "attention": attention}
    return reread(workload.ops, tuple(_widened(op, times, workload.batch, rules, what) for op in workload.ops))


def _widened(op: Op, times: int, batch: int, rules: Mapping[str, Rule], what: str) -> Op:
    if op.kind == DEQUANTISATION:
        return op
    if op.kind not in rules:
        raise ValueError(f"no rule says what more {what} make of {op.kind} {op.name}")
    return rules[op.kind](_repeated(op, times), times, batch)


def _repeated(op: Op, times: int) -> Op:
    """The op on so many times the elements; what of its product grows depends on its kind."""
    return changed(
        op,
        input_elements=op.input_elements * times,
        output_elements=op.output_elements * times,
        vector_flops=on_tokens(op, times),
    )


def _same(op: Op, times: int, batch: int) -> Op:  # noqa: ARG001
    return op


def _linear(op: Op, times: int, batch: int) -> Op:  # noqa: ARG001
    return changed(op, m=op.m * times)


def _embedding(op: Op, times: int, batch: int) -> Op:  # noqa: ARG001
    return changed(op, weight_reads=min(1.0, op.weight_reads * times))


def _experts(op: Op, times: int, batch: int) -> Op:
    return rerouted(op, batch * times, op.b * op.m / batch)


RULES: Mapping[str, Rule] = {
    "linear": _linear, "experts": _experts, "embedding": _embedding, **dict.fromkeys(BY_ELEMENT, _same),
}  # fmt: skip
