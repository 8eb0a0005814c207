"""Which strategies change nothing of a workload, leave most of it as it is, or give times that no device reaches."""

from functools import partial
from operator import eq

from costmodel.strategies._graph import named
from costmodel.strategies._kept import KINDS
from costmodel.strategies._named import spelled
from costmodel.strategies._then import Strategy, steps_of
from costmodel.workload import Workload


def idle(strategy: Strategy, workload: Workload) -> tuple[str, ...]:
    """Return the spellings of a strategy's steps that give back what they are given: ops and answers are the same."""
    found = []
    for step in steps_of(strategy):
        edited = step(workload)
        if edited.ops == workload.ops and edited.answers == workload.answers:
            found.append(spelled(step))
        workload = edited
    return tuple(found)


def unreached(strategy: Strategy) -> tuple[str, ...]:
    """Return a sentence for each step of a strategy whose time no device reaches, as its `unreached` has it."""
    found = [(spelled(step), getattr(step, "unreached", "")) for step in steps_of(strategy)]
    return tuple(dict.fromkeys(f"{step}: {why}." for step, why in found if why))


TOLD = 0.1
"""The share of weights left dense from which on it is told: a stem or an odd layer is not."""


UNDIVIDED = "as they are: they do not divide into whole blocks"
"""How most strategies leave layers, and why; others say so in `left`."""


def left_dense(strategy: Strategy, workload: Workload) -> tuple[tuple[str, float, str], ...]:
    """Return the spellings of steps that prune some of the layers which they mean, the share they leave, how, and why.

    Meant are those that its globs name, or for which `means` holds; left are those that it returns as they were, or of
    which `leaves` holds. Shares are of their weights, from TOLD on.
    """
    found = []
    for step in steps_of(strategy):
        edited = step(workload)
        globs = getattr(step, "layers", ()) if getattr(step, "prunes", False) else ()
        means = getattr(step, "means", partial(named, globs=globs))
        meant = {op.name: op for op in workload.ops if op.kind in KINDS and means(op)}
        leaves = getattr(step, "leaves", eq)
        kept = [meant[op.name] for op in edited.ops if op.name in meant and leaves(meant[op.name], op)]
        dense = sum(float(op.weight_elements) for op in kept)
        share = dense / (sum(float(op.weight_elements) for op in meant.values()) or 1.0)
        if TOLD <= share < 1:
            found.append((spelled(step), share, getattr(step, "left", UNDIVIDED)))
        workload = edited
    return tuple(found)
