"""Metrics of many choices of one problem at once, those that do not add up over layers among them."""

from collections.abc import Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.footprint import peak_activation_bytes
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import map_fields, stack
from dse.moments import always_bytes
from dse.outputs import coupled
from dse.passed import Passed
from dse.problem import Problem

Floats = NDArray[np.float64]
Choices = NDArray[np.int64]

RATES = ("throughput_per_s", "examples_per_s")


def columns(problem: Problem, choices: Choices, names: Collection[str]) -> dict[str, Floats]:
    """Return the named metrics of choices int[choices, layers]: {name: float64[choices]}, nan where there is none.

    They are the totals of `problem.estimate` and the problem's loss, quicker: sums of its tables, on an FPGA with
    outputs as they are read, the most bytes alive from activations' widths alone. Rates on an FPGA are estimated choice
    by choice.
    """
    layers = np.arange(len(problem.layers))
    found = {n: t[layers, choices].sum(axis=1) for n, t in {"loss": problem.loss, **problem.costs}.items()}
    found |= {n: t[layers, choices].max(axis=1) for n, t in problem.slowest.items() if n != "throughput_per_s"}
    if (read := coupled(problem, {*names} & {*problem.costs})) and len(choices):
        found |= Passed(problem, read).totals(choices)
    found["macs"] = np.full(len(choices), float(problem.workload.batch_of_ops.macs.sum()))
    if {"footprint_bytes", "peak_activation_bytes"} & set(names):
        found |= _footprint(problem, choices)
    if set(RATES) & set(names):
        found |= _rates(problem, choices, found)
    return {name: found.get(name, np.full(len(choices), np.nan)) for name in names}


def _footprint(problem: Problem, choices: Choices) -> dict[str, Floats]:
    """Bytes of live activations, and of all that is in memory at once as `costmodel.estimators.footprint` has it."""
    options = stack(problem.options)
    activations = np.array([_peak(problem, options, choice) for choice in choices])
    always = always_bytes(problem)[np.arange(len(problem.layers)), choices].sum(axis=1)
    return {"peak_activation_bytes": activations, "footprint_bytes": activations + always}


def _peak(problem: Problem, options: Precision, choice: Choices) -> float:
    taken = np.where(problem.follows >= 0, choice[problem.follows], problem.rest)
    return peak_activation_bytes(problem.workload, map_fields(options, partial(np.take, indices=taken)))


def _rates(problem: Problem, choices: Choices, known: dict[str, Floats]) -> dict[str, Floats]:
    """Examples a second, on an FPGA under both names: a pipeline's are of its slowest layer at its slowest clock."""
    batch = problem.workload.batch
    if not isinstance(problem.device, Fpga):
        return {"examples_per_s": batch / known["latency_s"]}
    rates = np.array([problem.estimate(choice).totals.get("throughput_per_s", np.nan) for choice in choices])
    return {"throughput_per_s": rates, "examples_per_s": rates}
