"""Op: one operation of a network as counts, whatever device runs it."""

from dataclasses import dataclass, fields, replace

import numpy as np

from costmodel.display import called, card
from costmodel.record import Real


@dataclass(frozen=True)
class Window:
    """The sliding window of a convolution or pooling, (1, 1) everywhere else: what line buffers are sized by.

    Padding is pixels around the image, each side its own; elements of an op are those of the image without it.
    """

    kernel_height: int = 1
    kernel_width: int = 1
    stride_height: int = 1
    stride_width: int = 1
    input_height: int = 1
    input_width: int = 1
    dilation_height: int = 1
    dilation_width: int = 1
    padding_top: int = 0
    padding_left: int = 0
    padding_bottom: int = 0
    padding_right: int = 0

    @property
    def rows(self) -> Real:
        """Input rows that the kernel spans."""
        return (self.kernel_height - 1) * self.dilation_height + 1

    @property
    def columns(self) -> Real:
        """Input columns that the kernel spans."""
        return (self.kernel_width - 1) * self.dilation_width + 1

    @property
    def padded_height(self) -> Real:
        """Rows of the image with its padding."""
        return self.padding_top + self.input_height + self.padding_bottom

    @property
    def padded_width(self) -> Real:
        """Columns of the image with its padding."""
        return self.padding_left + self.input_width + self.padding_right

    @property
    def output_height(self) -> Real:
        """Rows of windows."""
        return (self.padded_height - self.rows) // self.stride_height + 1

    @property
    def output_width(self) -> Real:
        """Windows in a row."""
        return (self.padded_width - self.columns) // self.stride_width + 1


@dataclass(frozen=True)
class Heads:
    """How an attention's queries share keys and values, all 0 everywhere else: what its kernel's tiles depend on.

    `kv_heads` of each of `batch` sequences of `keys` tokens, of which a `window` > 0 keeps so many up to each query and
    `causal` those before it.
    """

    batch: Real = 0.0
    kv_heads: Real = 0.0
    keys: Real = 0.0
    window: Real = 0.0
    causal: Real = False


@dataclass(frozen=True)
class Again:
    """How a layer runs again within a pass, all 0 everywhere else: what lies between, a cache may have lost it to.

    `share` of its executions are later runs. At least `between_elements` of weights and of one tensor are touched from
    a run to the next, and `around_elements` from the last one to the first of the next pass.
    """

    share: Real = 0.0
    between_elements: Real = 0.0
    around_elements: Real = 0.0


TEXTS = ("kind", "shares", "role")
"""The other fields that are text."""

NAMES = ("name", "inputs", "detached", "prepared")
"""The fields of an op that are names: what it is called and reads costs nothing."""

PARAMETER = ".parameter"
"""What the name of an input ends in that is a parameter, which trains where no gradient is kept from it."""


FORWARD, BY_WEIGHT, BY_INPUT = "forward", "by_weight", "by_input"
ROLES = ("", FORWARD, BY_WEIGHT, BY_INPUT)


@dataclass(frozen=True)
class Op:
    """`count` executions of `b` independent (m, k) x (k, n) products, with the elements they touch.

    kind             the constructor's name: linear, conv, attention, norm, embedding, ...
    inputs           names of the ops whose outputs it reads; empty = the op before it
    detached         names among these, and those of `prepared`, to which no gradient passes
    prepared         names of those of the workload's prepared ops that give its own weights and vectors
    weight_elements  stored weights; `weight_reads` is the fraction of them that one execution touches (embedding rows,
                     routed experts), `weight_density` the fraction that is not zero
    stored_density   the fraction of weights that a training stores, reads and updates where fewer count; 0 = as many
    trained_weights  of the weights that it reads, its own or not, the share that a training step updates; 0 where it
                     multiplies by constants
    trained_vectors  the same of its vector elements
    weight_block     M of N:M sparsity: of every so many weights along k `weight_density` is kept; 0 = no structure
    index_bits       bits stored with each kept weight to say where it stands
    code_bits        bits of a weight's code where what stores it so says; 0 = those of any format
    vector_elements  stored parameters that keep the wide format: biases, norm scales
    kv_elements      cached keys and values that one execution reads, or writes where it reads none
    mask_density     the fraction of an attention's m x n scores that its mask keeps
    vector_flops     additions, multiplications, comparisons outside products, one execution (softmax, norm, activation)
    weight_flops     of the vector FLOPs, those on the weights that it reads, however many tokens there are
    full_height      rows of the whole weight matrix over all groups where an input picks those that run, and
    full_width       its columns, or of a matrix each of whose rows of blocks has columns of its own; 0 = as it runs
    launches         kernels that one execution starts on a GPU: 0 where it runs within the kernel of the op before it
    keeps_inputs     whether a gradient reads the inputs again, and
    keeps_output     whether it reads the result
    gradient_ratio   elements of the gradient by input over those that are read: more where some of a tensor are picked,
                     0 where it is that of the result seen otherwise, as a concatenation's
    recomputed       whether the backward pass computes the result anew where a gradient reads it
    fetched_elements  what one execution has brought over the GPU's link as it runs: the longer of both is its time
    row_elements     of a table that is looked up, the elements of a row
    waits            idle time after each execution over the execution's own, as while other stages of a pipeline work
    role             what the op is in a training pass, a member of ROLES, "" in others: libraries have kernels for each
    shares           the name of the op that stores the weights that this one reads, "" where it stores its own
    again            how a layer runs again within a pass, as `reuse` finds it
    """

    name: str
    kind: str
    inputs: tuple[str, ...] = ()
    count: Real = 1.0
    b: Real = 0.0
    m: Real = 1.0
    n: Real = 1.0
    k: Real = 1.0
    input_elements: Real = 0.0
    weight_elements: Real = 0.0
    vector_elements: Real = 0.0
    kv_elements: Real = 0.0
    output_elements: Real = 0.0
    weight_density: Real = 1.0
    weight_reads: Real = 1.0
    mask_density: Real = 1.0
    vector_flops: Real = 0.0
    window: Window = Window()
    launches: Real = 1.0
    weight_block: Real = 0.0
    index_bits: Real = 0.0
    heads: Heads = Heads()
    full_height: Real = 0.0
    full_width: Real = 0.0
    keeps_inputs: Real = True
    keeps_output: Real = False
    fetched_elements: Real = 0.0
    weight_flops: Real = 0.0
    row_elements: Real = 0.0
    waits: Real = 0.0
    stored_density: Real = 0.0
    code_bits: Real = 0.0
    trained_weights: Real = 1.0
    trained_vectors: Real = 1.0
    gradient_ratio: Real = 1.0
    recomputed: Real = False
    shares: str = ""
    role: str = ""
    again: Again = Again()
    detached: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()

    @property
    def learned(self) -> tuple[str, ...]:
        """Names of the parameters among its inputs that train."""
        return tuple(name for name in self.inputs if name.endswith(PARAMETER) and name not in self.detached)

    @property
    def macs(self) -> Real:
        """Multiply-accumulates of all executions; attention counts the full m x n scores, as torch's counter does."""
        return self.count * self.b * self.m * self.n * self.k * self.weight_density

    @property
    def flops(self) -> Real:
        """Two per MAC; `vector_flops` are apart, as in torch's counter."""
        return 2.0 * self.macs

    @property
    def executed_macs(self) -> Real:
        """MACs that a kernel which skips masked scores executes, zeros among the weights included."""
        return self.count * self.b * self.m * self.n * self.k * self.mask_density

    @property
    def executions(self) -> Real:
        """What totals over all executions are divided by: `count`, or 1 where it is 0, as of a `rerun`."""
        return np.where(self.count > 0, self.count, 1.0)[()]

    @property
    def occupied(self) -> Real:
        """Executions that take as long as all of them and what is waited after them."""
        return self.count * (1.0 + self.waits)

    @property
    def params(self) -> Real:
        """Stored parameters, once however often the op runs; pruned ones do not count."""
        return self.stored_weights + self.vector_elements

    @property
    def trained_params(self) -> Real:
        """Stored parameters that a training step updates."""
        return self.stored_weights * self.trained_weights + self.vector_elements * self.trained_vectors

    @property
    def stored_weights(self) -> Real:
        """Weights that are stored, zeros that a training may make others again included."""
        return self.weight_elements * self.read_density

    @property
    def read_density(self) -> Real:
        """The fraction of weights that products read: all that are stored."""
        return np.maximum(self.weight_density, self.stored_density)

    def _repr_html_(self) -> str:
        numbers = [f for f in fields(self) if isinstance(f.default, float)]
        values = {f.name: v for f in numbers if np.any((v := getattr(self, f.name)) != f.default)}
        reads = ", ".join(self.inputs) if isinstance(self.inputs, tuple) else ""
        derived = {name: getattr(self, name) for name in ("macs", "params")}
        return card(f"Op {called(self.name)}: {called(self.kind)}", {"inputs": reads} | values | derived)

    def times(self, factor: float) -> "Op":
        """The op executed `factor` times as often."""
        return replace(self, count=self.count * factor)
