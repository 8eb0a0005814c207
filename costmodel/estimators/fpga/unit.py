"""The unit that a layer becomes on the fabric: height x width weights, of which PE rows and SIMD columns work at once.

Blott et al., FINN-R: An End-to-End Deep-Learning Framework for Fast Exploration of Quantized Neural Networks, ACM TRETS
2018, doi 10.1145/3242897, arXiv 1809.04570. A depthwise or grouped convolution is a unit without shared inputs: every
row has columns of its own (FINN's vector-vector unit, which FINN builds for depthwise layers alone). Routed experts are
one unit with the weights of all of them, which runs those that a token takes one after another (a model of this
project, by structure).
"""

from dataclasses import dataclass, fields

import numpy as np

from costmodel.record import Real
from costmodel.workload import Op

ON_FABRIC = ("linear", "conv", "experts")
"""Kinds of op that become a matrix unit."""
LUT_WORDS, QUEUE_WORDS = 128.0, 32.0
"""Memories of up to so many words are built of LUTs (FINN, bram_estimation); a queue is one shift register deep (FINN's
default before it sizes them by simulation)."""


@dataclass(frozen=True)
class Folding:
    """Rows (`pe`) and columns (`simd`) that each layer's unit handles a cycle; arrays over the ops of a workload.

    Of a pooling or a sum of two tensors, `pe` is the elements that it handles a cycle. `dsp` is 1 where products may
    take DSP blocks, 0 where all stay in LUTs.

    uram          1 where weights too many for LUT memories are in URAM, 0 where they are in block RAM
    streamed      1 where weights come from the device's memory, once for every output
    apart         1 where each of the PE rows has a weight memory of its own, 0 where one word holds all rows' weights
    lut_words     the most words of weights that lie in LUT memories
    line_words    the most words of a line buffer that do
    queue_words   of the queue before the unit
    window_simd   channels a cycle of the sliding-window unit, 0 where it follows the unit behind it
    whole_windows 1 where a sliding-window unit that has a `window_simd` emits whole windows
    padding_simd  channels a cycle of the padding before a sliding-window unit, 0 where it keeps up with that unit
    waiting       elements that wait before a unit that reads two paths, and
    moved         elements that a unit reads of the network's input and writes of its output: `fpga.placed` finds both
    """

    pe: Real
    simd: Real
    dsp: Real = 1.0
    uram: Real = 0.0
    streamed: Real = 0.0
    apart: Real = 0.0
    lut_words: Real = LUT_WORDS
    line_words: Real = LUT_WORDS
    queue_words: Real = QUEUE_WORDS
    waiting: Real = 0.0
    moved: Real = 0.0
    window_simd: Real = 0.0
    whole_windows: Real = 0.0
    padding_simd: Real = 0.0

    def column(self) -> "Folding":
        """The folding with 1-d fields laid along the first axis of a grid [ops, precisions]."""
        columns = (getattr(self, f.name) for f in fields(self))
        return Folding(*(np.reshape(c, (-1, 1)) if np.ndim(c) == 1 else c for c in columns))


def on_fabric(op: Op) -> Real:
    """Whether the op becomes a unit: a product of stored weights with activations."""
    kinds = [np.asarray(op.kind == kind) for kind in ON_FABRIC]
    return np.logical_or.reduce(np.broadcast_arrays(*kinds))


def streaming(op: Op) -> Real:
    """Whether the op becomes a unit that streams `pe` elements a cycle: a pooling, or a sum of two tensors."""
    both = (op.input_elements == 2 * op.output_elements) & (op.vector_flops == op.output_elements)
    return np.asarray(op.kind == "pooling") | (np.asarray(op.kind == "elementwise") & both)


def height(op: Op) -> Real:
    """Rows of the weight matrix over all groups: output channels (FINN's MH), of dynamic filters all, of one expert."""
    return np.where(_dynamic(op), op.full_height, np.where(_routed(op), op.n, op.b * op.n))


def width(op: Op) -> Real:
    """Columns that one output multiplies (FINN's MW): of dynamic filters all, of blocks those kept."""
    return np.where(_dynamic(op), op.full_width, op.k)


def window_width(op: Op) -> Real:
    """Columns of the weight matrix as a window has them, blocks that are left out included."""
    return np.where(np.asarray(op.full_width) > 0, op.full_width, op.k)


def pixels(op: Op) -> Real:
    """Outputs of a row: pixels or tokens, once for each expert that a token takes."""
    alike = np.where(_routed(op), op.b * op.m, op.m)
    return np.where(_dynamic(op), op.output_elements / np.maximum(op.full_height, 1), alike)


def groups(op: Op) -> Real:
    """Parts of the weight matrix without shared inputs; dynamic filters have a b for each image too."""
    dynamic = np.where(np.asarray(op.n) == 1, op.full_height, op.b * op.m / np.maximum(pixels(op), 1))
    return np.where(_dynamic(op), dynamic, np.where(_routed(op), 1.0, op.b))


def matrices(op: Op) -> Real:
    """Weight matrices of height x width that a unit holds, of which an output reads one: a layer's experts, else 1."""
    return np.where(_routed(op), op.b / np.where(_routed(op), op.weight_reads, 1.0), 1.0)


def grouped(op: Op) -> Real:
    """Whether rows do not share their inputs: depthwise and grouped convolutions."""
    return groups(op) > 1


def _routed(op: Op) -> Real:
    return np.asarray(op.kind == "experts")


def _dynamic(op: Op) -> Real:
    return np.asarray(op.full_height) > 0


def windowed(op: Op) -> Real:
    """Whether a sliding-window unit feeds the matrix: convolutions other than 1 x 1 at stride 1 without padding."""
    w = op.window
    sizes = w.kernel_height * w.kernel_width * w.stride_height * w.stride_width
    return np.asarray(op.kind == "conv") & ((sizes > 1) | padded(op))


def padded(op: Op) -> Real:
    """Whether pixels around its images are filled in before its windows."""
    w = op.window
    return np.asarray(w.padded_height > w.input_height) | (w.padded_width > w.input_width)


def channels(op: Op) -> Real:
    """Input channels over all groups; 1 for an op without a matrix."""
    return np.maximum(groups(op) * window_width(op) / (op.window.kernel_height * op.window.kernel_width), 1)


def window_lanes(op: Op, folding: Folding) -> Real:
    """Channels that the sliding-window unit emits a cycle: its own, else the unit's SIMD, or its PE where rows share no
    inputs."""
    own = np.asarray(folding.window_simd)
    follows = np.where(grouped(op), folding.pe, folding.simd)
    return np.minimum(np.where(own > 0, own, follows), channels(op))


def parallel_window(op: Op, folding: Folding) -> Real:
    """Whether whole windows are held in registers: as told, else where the unit eats more than a pixel's channels a
    cycle."""
    follows = np.where(grouped(op), folding.simd > 1, folding.simd > channels(op))
    return np.where(np.asarray(folding.window_simd) > 0, np.asarray(folding.whole_windows) > 0, follows)


def weight_depth(op: Op, folding: Folding) -> Real:
    """Words of the weight memory, each of PE x SIMD weights."""
    return matrices(op) * matrix_depth(op, folding)


def matrix_depth(op: Op, folding: Folding) -> Real:
    """Words that an output reads of it."""
    return height(op) * width(op) / (folding.pe * folding.simd)
