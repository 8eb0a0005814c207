"""Flip-flops of arithmetic circuits: an accumulator's register, and pipeline registers where there are any."""

import numpy as np

from costmodel.estimators.fpga.adder_tree import tree_registers
from costmodel.estimators.fpga.product_shape import ceil_log2, product_shape
from costmodel.formats import Format
from costmodel.record import Real


def flip_flops(acc_bits: Real) -> Real:
    """Of a circuit that sums into acc_bits (0: none) and has no other register, as the profiler synthesises them."""
    return np.asarray(acc_bits) * 1.0


def pipelined_flip_flops(a: Format, b: Format, *, n: Real = 1, acc_bits: Real = 0) -> Real:
    """Of a dot product with a register after its products, after each level of its tree, and its accumulator."""
    return tree_registers(n, product_shape(a, b).fixed) + flip_flops(acc_bits)


def pipeline_stages(n: Real) -> Real:
    """Cycles from operands to the sum that enters the accumulator, in that pipeline."""
    return 1 + ceil_log2(n)
