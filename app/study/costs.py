"""What a pair of formats costs: LUTs a MAC, and of a whole network at a fixed throughput, nothing in DSP blocks."""

from dataclasses import replace
from typing import Any

import numpy as np

from app.results import fitting, misfit
from app.study import networks
from app.study.question import Question
from costmodel import hardware
from costmodel.estimators import fpga
from costmodel.estimators.estimate import estimate
from costmodel.estimators.fpga.layer import lut_parts
from costmodel.formats import get
from costmodel.precision import Precision, precision
from costmodel.record import stack
from costmodel.workload import Workload
from costmodel.workload.ops import linear

Costs = dict[str, Any]


def costs(question: Question, name: str) -> dict[str, Costs]:
    """By weight/activation: lut_per_mac and its relative error; of the network lut, its limits, its outputs'
    part, and what it takes too much of (`beyond`, "" where it fits).

    Where activations follow a ReLU, integers are unsigned ones.
    """
    asked = dict(question.networks)[name]
    workload, per_s = networks.workload(asked), question.throughput_per_s(name)
    device = replace(hardware.fpga(question.device), dsp=0)
    edit = _unsigned if networks.positive(asked) else str
    used = {f"{w}/{a}": precision(f"{w}/{edit(a)}") for w, a in question.pairs}
    return {pair: _pair(question, workload, device, each, per_s) for pair, each in used.items()}


def _pair(
    question: Question, workload: Workload, device: hardware.Fpga, used: Precision, throughput_per_s: float
) -> Costs:
    layers = stack([used] * len(workload.ops))
    folding = fpga.fold(workload, layers, device, throughput_per_s=throughput_per_s)
    found = estimate(workload, used, device, folding=folding)
    parts = lut_parts(workload.batch_of_ops, layers, folding, kind=device.dsp_kind)
    mac, error = lut_per_mac(used, device, question.terms)
    return {
        "lut_per_mac": mac,
        "lut_per_mac_error": error,
        **{total: found.totals[total] for total in ("lut", "ff", "bram18", "weight_bytes")},
        **{end: float(found.columns[end].sum()) for end in ("lut_low", "lut_high")},
        "beyond": misfit(fitting(found.totals, device)),
        "output_lut": float(np.sum(parts["output"])),
        "dot_lut": float(np.sum(parts["dot"])),
    }


def lut_per_mac(used: Precision, device: hardware.Fpga, terms: int) -> tuple[float, float]:
    """LUTs of one row of `terms` products with its tree and accumulator, a product, and their relative error."""
    from costmodel.estimators.fpga.dot import dot_error

    op = linear("row", 1, 16 * terms, 1, bias=False)
    parts = lut_parts(op, used, fpga.Folding(1, terms, 0.0), kind=device.dsp_kind)
    return float(parts["dot"]) / terms, float(dot_error(used, in_dsp=np.asarray(False)))


def _unsigned(activation: str) -> str:
    return f"u{activation}" if get(activation).encoding == "integer" else activation
