"""Metrics of many choices of one problem at once, those that do not add up over layers among them."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.footprint import peaks_bytes
from costmodel.hardware import Fpga
from dse.moments import always_bytes
from dse.outputs import coupled, several
from dse.passed import Passed, taken
from dse.pipelines import PACED
from dse.problem import Problem
from dse.rates import rate_per_s

Floats = NDArray[np.float64]
Choices = NDArray[np.int64]

RATES = ("throughput_per_s", "examples_per_s")


def columns(problem: Problem, choices: Choices, names: Collection[str]) -> dict[str, Floats]:
    """Return the named metrics of choices int[choices, layers]: {name: float64[choices]}, nan where there is none.

    They are the totals of `problem.estimate` and the problem's loss, quicker: sums of its tables, on an FPGA with
    outputs as they are read.
    """
    layers = np.arange(len(problem.layers))
    found = {n: t[layers, choices].sum(axis=1) for n, t in {"loss": problem.loss, **problem.costs}.items()}
    if problem.pipeline and {*PACED, *RATES} & set(names) and len(choices):
        found |= problem.pipeline.values(choices)
    if (read := coupled(problem, {*names} & {*problem.costs})) and len(choices):
        found |= Passed(problem, read).totals(choices)
    found["macs"] = np.full(len(choices), float(problem.workload.batch_of_ops.macs.sum()))
    if {"footprint_bytes", "peak_activation_bytes"} & set(names):
        found |= _footprint(problem, choices)
    if set(RATES) & set(names):
        found |= _rates(problem, found)
    return {name: found.get(name, np.full(len(choices), np.nan)) for name in names}


def _footprint(problem: Problem, choices: Choices) -> dict[str, Floats]:
    """Bytes of live activations, and of all that is in memory at once as `costmodel.estimators.footprint` has it."""
    bits = np.array([float(option.activation.bits_per_element) for option in problem.options])
    every = [problem.laid(option).written.bits_per_element for option in range(len(problem.options))]
    result = np.array([np.broadcast_to(each, len(problem.workload.ops)) for each in every])
    used = np.where(problem.follows >= 0, choices[:, problem.follows], problem.rest)
    read, written = (each.T for each in taken(problem, choices)) if several(problem) else (used, used)
    activations = peaks_bytes(problem.workload, bits[read], result[written, np.arange(len(problem.workload.ops))])
    always = always_bytes(problem)[np.arange(len(problem.layers)), choices].sum(axis=1)
    return {"peak_activation_bytes": activations, "footprint_bytes": activations + always}


def _rates(problem: Problem, known: dict[str, Floats]) -> dict[str, Floats]:
    """Examples a second, on an FPGA under both names."""
    if problem.pipeline is None:
        rates = rate_per_s(known["latency_s"], problem.workload.batch)
    else:
        rates = rate_per_s(known["throughput_per_s"])
    return dict.fromkeys(RATES if isinstance(problem.device, Fpga) else RATES[1:], rates)
