"""Where a layer's weights and lines lie: LUT memory, block RAM or UltraRAM."""

import numpy as np

from costmodel.estimators.fpga.block_ram import ram_blocks, rom_blocks, uram_blocks
from costmodel.estimators.fpga.skipping import lanes, places_bits
from costmodel.estimators.fpga.unit import (
    Folding,
    grouped,
    height,
    on_fabric,
    streaming,
    weight_depth,
    window_lanes,
    window_width,
    windowed,
)
from costmodel.estimators.fpga.window import LUTRAM_DEPTH, buffer_words, buffers
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUTRAM_WORDS, SRL_WORDS = 64.0, 32.0
"""Words that a LUT holds a bit of, as a memory and as a shift register (AMD, UG474)."""
FIFO_WORDS = 32.0
"""Words of the queue before every unit, one shift register deep (FINN's default before it sizes them by simulation)."""


def weight_word_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits of a word of the weight memory, shared scales and places included."""
    each = precision.weight.bits_per_element + places_bits(op, folding)
    return np.ceil(folding.pe * lanes(op, folding) * each)


def weight_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs of weights of at most LUTRAM_DEPTH words."""
    depth = weight_depth(op, folding)
    memory = weight_word_bits(op, precision, folding) * np.ceil(depth / LUTRAM_WORDS)
    return np.where(on_fabric(op) & (depth <= LUTRAM_DEPTH), memory, 0.0)


def weight_bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """Block RAM of deeper weights: constant memories."""
    depth = weight_depth(op, folding)
    here = on_fabric(op) & (depth > LUTRAM_DEPTH) & (np.asarray(folding.uram) == 0)
    return np.where(here, rom_blocks(depth, weight_word_bits(op, precision, folding)), 0.0)


def weight_uram(op: Op, precision: Precision, folding: Folding) -> Real:
    """UltraRAM of deeper weights where the folding puts them there; it starts empty and is written."""
    depth = weight_depth(op, folding)
    here = on_fabric(op) & (depth > LUTRAM_DEPTH) & (np.asarray(folding.uram) > 0)
    return np.where(here, uram_blocks(depth, weight_word_bits(op, precision, folding)), 0.0)


def line_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits of a word of a line buffer."""
    return np.ceil(window_lanes(op, folding) * precision.activation.bits_per_element)


def line_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """Shift registers of line buffers of at most LUTRAM_DEPTH words."""
    words = buffer_words(op, folding)
    memory = buffers(op, folding) * line_bits(op, precision, folding) * np.ceil(words / SRL_WORDS)
    return np.where(windowed(op) & (words <= LUTRAM_DEPTH), memory, 0.0)


def line_bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """Block RAM of deeper line buffers: a read and a write port."""
    words = buffer_words(op, folding)
    blocks: Real = buffers(op, folding) * ram_blocks(words, line_bits(op, precision, folding))
    return np.where(windowed(op) & (words > LUTRAM_DEPTH), blocks, 0.0)


def stream_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits that a unit reads a cycle; 0 for an op that is none."""
    lanes: Real = np.where(streaming(op), folding.pe, window_lanes(op, folding))
    bits: Real = np.ceil(lanes * precision.activation.bits_per_element)
    return np.where(on_fabric(op) | streaming(op), bits, 0.0)


def fifo_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """Shift registers of the queue before a unit, as wide as what it reads a cycle, and its two addresses.

    FINN, StreamingFIFO.lut_estimation: 2 log2(words) LUTs of addresses.
    """
    bits = stream_bits(op, precision, folding)
    return np.where(bits > 0, bits * np.ceil(FIFO_WORDS / SRL_WORDS) + 2 * np.ceil(np.log2(FIFO_WORDS)), 0.0)


def converter_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """The width converter from the unit before: a LUT a bit of the word that this one reads.

    FINN, StreamingDataWidthConverter.lut_estimation, of widths of which one divides the other, without its counter of a
    few LUTs. Counted before every unit, as what the unit before writes is not known here: too much where both widths
    are equal, too little where neither divides the other.
    """
    return stream_bits(op, precision, folding)


def replay_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """Shift registers that hold a unit's inputs until all its rows have read them, and a choice of old or new a bit.

    FINN, finn-rtllib/mvu/replay_buffer.sv: none where all rows work at once, or share no inputs.
    """
    words = window_width(op) / folding.simd
    bits = np.ceil(folding.simd * precision.activation.bits_per_element)
    again = on_fabric(op) & (height(op) > folding.pe) & ~grouped(op)
    return np.where(again, bits * (1 + np.where(words > 1, np.ceil(words / SRL_WORDS), 0.0)), 0.0)
