"""A language model with three blocks for a long run of equal ones: the first, one for all between, the last."""

from dataclasses import replace
from itertools import groupby

from costmodel.workload.language_model import LanguageModel
from costmodel.workload.op import Op

KEPT = 3
"""Blocks of a run: its ends have other neighbours than those between."""


def thinned(model: LanguageModel) -> tuple[LanguageModel, tuple[int, ...]]:
    """Return the model with fewer blocks, and how many blocks of `model` each of them stands for."""
    blocks, times = [], []
    for block, run in groupby(model.blocks):
        count = len(list(run))
        kept = min(count, KEPT)
        blocks += [block] * kept
        times += [1, count - 2, 1] if count > KEPT else [1] * kept
    return replace(model, blocks=tuple(blocks)), tuple(times)


def times_of(op: Op, model: LanguageModel, times: tuple[int, ...]) -> int:
    """How many ops of the whole model one of the thinned model's passes stands for: those of its block's."""
    inside = op.name.removeprefix(f"{model.names.layers}.")
    return times[int(inside.partition(".")[0])] if inside != op.name else 1
