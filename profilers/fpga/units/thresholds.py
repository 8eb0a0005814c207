"""How many of 2^bits - 1 ascending thresholds an accumulator reaches, bits those of the unsigned out_format.

Umuroglu and Jahre, Streamlined Deployment for Quantized Neural Networks, arXiv 1709.04060: any monotone function with
few output levels is a set of thresholds. Thresholds are inputs, as from a memory.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profilers.fpga.design import Design
from profilers.fpga.ports import Codes, Input, Ports, wrap
from profilers.fpga.units.product import parameters
from profilers.fpga.units.requantise import checked_output

MOST_BITS = 6


def check(design: Design) -> None:
    """acc_bits and an unsigned out_format of at most 6 bits."""
    out = checked_output(design)
    if design.b_format or out.signed or out.bits > MOST_BITS:
        raise ValueError(f"thresholds takes an unsigned out_format of at most {MOST_BITS} bits, got {design.name}")


def ports(design: Design) -> Ports:
    """Accumulator a, thresholds b in ascending order; y counts."""
    out = checked_output(design)
    inputs = (Input("a", design.acc_bits), Input("b", design.acc_bits, 2**out.bits - 1))
    return Ports(inputs, out.bits, signed=False)


def instance(design: Design) -> str:
    """A binary search over the thresholds."""
    sizes = {"ACC": design.acc_bits, "Y": checked_output(design).bits}
    return f"thresholds #({parameters(sizes)}) search (.a(a), .b(b), .y(y));"


def arrange(design: Design, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same inputs with every row's thresholds in ascending order."""
    ascending = np.sort(wrap(inputs["b"], design.acc_bits, signed=True), axis=-1)
    return inputs | {"b": wrap(ascending, design.acc_bits, signed=False)}


def reference(design: Design, inputs: Codes) -> NDArray[Any]:
    """The number of thresholds <= a."""
    a = wrap(inputs["a"], design.acc_bits, signed=True)
    reached = wrap(inputs["b"], design.acc_bits, signed=True) <= a
    return np.asarray(np.sum(reached, axis=-1).astype(object))
