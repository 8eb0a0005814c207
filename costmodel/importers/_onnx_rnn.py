"""ONNX's recurrent operators: their cells, and what the activations cost that a node names instead of the usual ones.

ONNX operator specification, LSTM, GRU and RNN: f is for the gates, g and h for the cell and the hidden state.
"""

from collections.abc import Sequence

from costmodel.catalog import UnknownNameError
from costmodel.workload.ops.activation import FLOPS
from costmodel.workload.ops.recurrent import STEP_FLOPS

CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh"}
DEFAULTS = {"LSTM": ("sigmoid", "tanh", "tanh"), "GRU": ("sigmoid", "tanh"), "RNN": ("tanh",)}
TIMES = {"LSTM": (3, 1, 1), "GRU": (2, 1), "RNN": (1,)}
"""How often a hidden element takes each activation in a step."""
ACTIVATIONS = {
    "relu": FLOPS["relu"], "tanh": FLOPS["tanh"], "sigmoid": FLOPS["sigmoid"], "leakyrelu": FLOPS["leaky_relu"],
    "hardsigmoid": FLOPS["hardsigmoid"], "elu": FLOPS["elu"], "softplus": FLOPS["softplus"], "softsign": 3,
    "thresholdedrelu": FLOPS["relu"], "affine": 2, "scaledtanh": FLOPS["tanh"] + 2,
}  # fmt: skip
"""Vector FLOPs of the activations that the specification allows."""


def cell(operator: str, activations: Sequence[str] | None) -> tuple[str, float]:
    """Return the cell, and the FLOPs of its step over those of the cell as usual; `activations` are of all directions.

    UnknownNameError for an activation that the specification lacks, ValueError for too few.
    """
    usual, times = DEFAULTS[operator], TIMES[operator]
    named = [name.lower() for name in activations or usual]
    if len(named) % len(usual):
        raise ValueError(f"activations of {operator} must be {len(usual)} a direction, got {list(activations or ())}")
    for name in named:
        if name not in ACTIVATIONS:
            raise UnknownNameError(f"activation of {operator}", name, ACTIVATIONS)
    directions = len(named) // len(usual)
    taken = sum(t * ACTIVATIONS[name] for t, name in zip(times * directions, named, strict=True)) / directions
    step = STEP_FLOPS[CELLS[operator]]
    instead = sum(t * ACTIVATIONS[name] for t, name in zip(times, usual, strict=True))
    return CELLS[operator], (step - instead + taken) / step
