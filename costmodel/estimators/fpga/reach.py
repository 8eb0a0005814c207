"""What part of its input each output of an op needs, in the order in which a stream brings pixels or tokens."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from costmodel.estimators.fpga.unit import channels, on_fabric, pixels
from costmodel.workload import Op, Window, Workload

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_STEPS = 2**15
"""Outputs of one image that are followed one by one; more are followed in groups of equal size."""


@dataclass(frozen=True)
class Paths:
    """The ops that each op reads (none: the network's input), the fraction of an image's input that each of its outputs
    needs before it can be made, the last output of each op read (or part of the network's input) that it so needs, and
    the ops whose results leave the network."""

    reads: tuple[tuple[int, ...], ...]
    needs: tuple[Floats, ...]
    parts: tuple[tuple[Ints, ...], ...]
    ends: tuple[int, ...]

    @property
    def outputs(self) -> Floats:
        """Outputs of one image that each op is followed by."""
        return np.array([float(len(each)) for each in self.needs])


@lru_cache(maxsize=64)
def paths(workload: Workload) -> Paths:
    """What each output of each op waits for."""
    needed: list[Floats] = []
    for op, read in zip(workload.ops, reads(workload), strict=True):
        needed.append(_needs(op, workload.batch, [len(needed[j]) for j in read]))
    index = {op.name: i for i, op in enumerate(workload.ops)}
    ends = tuple(index[name] for name in workload.outputs) or (len(workload.ops) - 1,)
    known: dict[tuple[int, int], Ints] = {}
    parts = []
    for op, each, read in zip(workload.ops, needed, reads(workload), strict=True):
        steps = [len(needed[j]) for j in read] or [input_steps(op, workload.batch)]
        for count in steps:
            if (id(each), count) not in known:
                known[id(each), count] = np.clip(np.ceil(each * count - 1e-9).astype(np.int64), 1, count) - 1
        parts.append(tuple(known[id(each), count] for count in steps))
    return Paths(reads(workload), tuple(needed), tuple(parts), ends)


@lru_cache(maxsize=64)
def reads(workload: Workload) -> tuple[tuple[int, ...], ...]:
    """The ops whose results each op reads, none where that is the network's input."""
    index = {op.name: i for i, op in enumerate(workload.ops)}
    return tuple(
        tuple(index[name] for name in op.inputs if name in index) if op.inputs else tuple(range(max(i - 1, 0), i))
        for i, op in enumerate(workload.ops)
    )


def input_steps(op: Op, batch: int) -> int:
    """How many pixels or tokens of an image an op reads."""
    area = op.window.input_height * op.window.input_width
    read = area if area > 1 else op.input_elements / batch / float(channels(op)) if on_fabric(op) else 1
    return _steps(read)


def _needs(op: Op, batch: int, held: list[int]) -> Floats:
    """An op without a matrix or a window passes its input on at its length; an attention needs all of its keys."""
    if op.kind == "attention":
        return np.ones(_steps(_outputs(op, batch)))
    if not (bool(on_fabric(op)) or op.kind == "pooling"):
        return _evenly(max(held, default=1))
    w = op.window
    area = w.input_height * w.input_width
    if area == 1:
        return _evenly(_outputs(op, batch))
    images = op.input_elements / area if op.kind == "pooling" else batch
    found = _windowed(w, round((op.output_elements if op.kind == "pooling" else float(pixels(op))) / images))
    return _evenly(_outputs(op, batch)) if found is None else found


def _outputs(op: Op, batch: int) -> float:
    return float(op.count * pixels(op)) / batch if op.kind != "pooling" else 1.0


def _steps(number: float) -> int:
    return int(np.clip(round(number), 1, MOST_STEPS))


@lru_cache(maxsize=4096)
def _evenly(number: float) -> Floats:
    steps = _steps(number)
    found = np.arange(1.0, steps + 1) / steps
    found.flags.writeable = False
    return found


@lru_cache(maxsize=4096)
def _windowed(w: Window, outputs: int) -> Floats | None:
    """Of a window in row-major order; None where it has not so many outputs."""
    across = int(w.output_width)
    if across * w.output_height != outputs:
        return None
    steps = _steps(outputs)
    at = np.ceil(np.arange(1, steps + 1) * (outputs / steps)).astype(np.int64) - 1
    row = np.clip(at // across * w.stride_height + w.rows - 1 - w.padding_top, 0, w.input_height - 1)
    column = np.clip(at % across * w.stride_width + w.columns - 1 - w.padding_left, 0, w.input_width - 1)
    needed: Floats = np.maximum.accumulate((row * w.input_width + column + 1) / (w.input_height * w.input_width))
    needed.flags.writeable = False
    return needed
