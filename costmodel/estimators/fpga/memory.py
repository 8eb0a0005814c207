"""Where a layer's weights, lines and queues lie: LUT memory, block RAM or UltraRAM."""

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
from costmodel.estimators.fpga.window import buffer_words, buffers
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op

LUTRAM_WORDS, SRL_WORDS = 64.0, 32.0
"""Words that a LUT holds a bit of, as a memory and as a shift register (AMD, UG474)."""
SHIFTED_WORDS = 256.0
"""Words of a queue of shift registers at most, deeper ones lie in block RAM (FINN, InsertFIFO, max_qsrl_depth)."""


def weight_word_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits of a word of the weight memory, shared scales and places included."""
    each = precision.weight.bits_per_element + places_bits(op, folding)
    return np.ceil(folding.pe * lanes(op, folding) * each)


def weight_place(op: Op, folding: Folding) -> Real:
    """Where weights are: "memory" of the device, "LUT", "BRAM" or "URAM", "" for an op that has no unit for them."""
    deep = np.where(np.asarray(folding.uram) > 0, "URAM", "BRAM")
    here = np.where(weight_depth(op, folding) <= folding.lut_words, "LUT", deep)
    return np.where(on_fabric(op), np.where(np.asarray(folding.streamed) > 0, "memory", here), "")


def weight_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """LUTs of weights of few words."""
    memory = weight_word_bits(op, precision, folding) * np.ceil(weight_depth(op, folding) / LUTRAM_WORDS)
    return np.where(weight_place(op, folding) == "LUT", memory, 0.0)


def weight_bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """Block RAM of deeper weights: constant memories, of all rows together or one a row."""
    memories = np.where(np.asarray(folding.apart) > 0, folding.pe, 1.0)
    bits = np.ceil(weight_word_bits(op, precision, folding) / memories)
    blocks = memories * rom_blocks(weight_depth(op, folding), bits)
    return np.where(weight_place(op, folding) == "BRAM", blocks, 0.0)


def weight_uram(op: Op, precision: Precision, folding: Folding) -> Real:
    """UltraRAM of deeper weights where the folding puts them there; it starts empty and is written."""
    blocks = uram_blocks(weight_depth(op, folding), weight_word_bits(op, precision, folding))
    return np.where(weight_place(op, folding) == "URAM", blocks, 0.0)


def line_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits of a word of a line buffer."""
    return np.ceil(window_lanes(op, folding) * precision.activation.bits_per_element)


def line_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """Shift registers of line buffers of few words."""
    words = buffer_words(op, folding)
    memory = buffers(op, folding) * line_bits(op, precision, folding) * np.ceil(words / SRL_WORDS)
    return np.where(windowed(op) & (words <= folding.line_words), memory, 0.0)


def line_bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """Block RAM of deeper line buffers: a read and a write port."""
    words = buffer_words(op, folding)
    blocks: Real = buffers(op, folding) * ram_blocks(words, line_bits(op, precision, folding))
    return np.where(windowed(op) & (words > folding.line_words), blocks, 0.0)


def stream_bits(op: Op, precision: Precision, folding: Folding) -> Real:
    """Bits that a unit reads a cycle; 0 for an op that is none."""
    bits: Real = np.ceil(_lanes(op, folding) * precision.activation.bits_per_element)
    return np.where(on_fabric(op) | streaming(op), bits, 0.0)


def fifo_lut(op: Op, precision: Precision, folding: Folding) -> Real:
    """Shift registers of the queues before a unit, as wide as what it reads a cycle, and their addresses."""
    bits = stream_bits(op, precision, folding)
    return _queue_lut(bits, folding.queue_words) + _queue_lut(bits, _waiting_words(op, folding))


def fifo_bram18(op: Op, precision: Precision, folding: Folding) -> Real:
    """Block RAM of the queues before a unit that are too deep for shift registers."""
    bits = stream_bits(op, precision, folding)
    return _queue_bram18(bits, folding.queue_words) + _queue_bram18(bits, _waiting_words(op, folding))


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


def _waiting_words(op: Op, folding: Folding) -> Real:
    return np.ceil(folding.waiting / _lanes(op, folding))


def _lanes(op: Op, folding: Folding) -> Real:
    """Elements that a unit reads a cycle."""
    return np.where(streaming(op), folding.pe, window_lanes(op, folding))


def _queue_lut(bits: Real, words: Real) -> Real:
    """FINN, StreamingFIFO.lut_estimation: 2 log2(words) LUTs of addresses."""
    shifted = np.where(np.asarray(words) <= SHIFTED_WORDS, bits * np.ceil(words / SRL_WORDS), 0.0)
    addresses = 2 * np.ceil(np.log2(np.maximum(words, 2.0)))
    return np.where((bits > 0) & (np.asarray(words) > 0), shifted + addresses, 0.0)


def _queue_bram18(bits: Real, words: Real) -> Real:
    return np.where(np.asarray(words) > SHIFTED_WORDS, ram_blocks(words, bits), 0.0)
