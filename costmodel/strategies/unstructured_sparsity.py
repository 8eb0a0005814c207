"""Unstructured sparsity: any weights are zero, the others are stored with their places, and zeros are multiplied.

Load as sparse, compute as dense: Xia et al., Flash-LLM, arXiv 2309.10285, section 3; matrix units cannot skip single
zeros, so what a GPU gains is memory and its traffic. Storage formats: `_places`.
"""

from dataclasses import dataclass, replace

import numpy as np

from costmodel.claim import Claim
from costmodel.estimators import roofline, traffic
from costmodel.hardware import Device, Fpga
from costmodel.precision import W32A32, Precision
from costmodel.record import Real
from costmodel.strategies._kept import Kept
from costmodel.strategies._places import places
from costmodel.workload import Op
from costmodel.workload.ops import linear

KERNELS = ("dense", "skip", "blocks")
"""How zeros are treated: multiplied on the matrix units; skipped on the vector units; whole blocks of them skipped."""


@dataclass(frozen=True)
class UnstructuredSparsity(Kept):
    """Keep the fraction `density` of the weights of the dense layers that a glob of `layers` matches, wherever.

    Fields and errors are those of `Kept`.
    """

    def prune(self, op: Op) -> Op:
        """The op with that fraction of its weights, each with its place."""
        bits = places(op, self.storage, self.index_width).index_bits(self.density)
        return replace(op, weight_density=self.density, index_bits=float(bits))


def density_that_pays(
    op: Op, precision: Precision, device: Device, *, storage: str = "bitmask", kernel: str = "dense",
    index_width: int = 0, block: int = 1, efficiency: float = 1.0,
) -> Real:  # fmt: skip
    """The density below which the sparse op is faster than the dense one by the roofline; 0 where none is.

    `kernel` is one of KERNELS, which reaches `efficiency` of the rate of its units. Solved: every term of the sparse
    time is linear in the density, so each gives a bound and the least of them counts. Fields may be arrays. ValueError
    for a kernel not of KERNELS, an efficiency outside (0, 1], and an FPGA, which has no roofline.
    """
    if isinstance(device, Fpga):
        raise ValueError(f"the density that pays is read off a roofline, which the FPGA {device.name} has none of")
    if kernel not in KERNELS or not 0 < efficiency <= 1:
        raise ValueError(f"kernel must be one of {', '.join(KERNELS)} at an efficiency in (0, 1], got {kernel!r}, "
                         f"{efficiency}")  # fmt: skip
    dense_s, compute_s = roofline.latency_s(op, precision, device), roofline.compute_s(op, precision, device)
    at_vector_s = 2.0 * op.executed_macs / device.peak_flops.vector
    spent_s, a_density_s = {
        "dense": (compute_s / efficiency, 0.0),
        "skip": (0.0, at_vector_s / efficiency),
        "blocks": (0.0, compute_s / efficiency),
    }[kernel]
    stored = places(op, storage, index_width, block)
    a_bit_s = op.count * op.weight_elements * op.weight_reads / traffic.BITS_PER_BYTE / device.memory_bytes_per_s
    weight_bits = traffic.weight_bits(op, precision)
    rest_s = roofline.memory_s(op, precision, device) - a_bit_s * weight_bits
    bounds = (
        _below(dense_s, spent_s, a_density_s),
        _below(dense_s, rest_s + a_bit_s * stored.all_bits, a_bit_s * (weight_bits + stored.kept_bits)),
        _below(dense_s, roofline.vector_s(op, device), 0.0),
    )
    return np.clip(np.minimum(np.minimum(bounds[0], bounds[1]), bounds[2]), 0.0, 1.0)[()]


def _below(limit_s: Real, fixed_s: Real, a_density_s: Real) -> Real:
    """The density at which fixed + a_density x density is the limit: none if the fixed part reaches it already."""
    rate = np.broadcast_arrays(np.asarray(a_density_s, dtype=float), limit_s)[0]
    room = np.asarray(limit_s - fixed_s, dtype=float)
    quotient = np.divide(room, rate, out=np.full(np.shape(rate), np.inf), where=rate > 0)
    return np.where(room > 0, quotient, 0.0)


_MATRIX = linear("matrix", 1, 10_000, 10_000, bias=False)
"""The example of PyTorch's note: 10,000 x 10,000 in fp32, of which 100,000 are not zero."""


def _bytes(storage: str) -> float:
    pruned = UnstructuredSparsity(0.001, storage, 64).prune(_MATRIX) if storage else _MATRIX
    return float(traffic.weight_bytes(pruned, W32A32))


_TORCH = "PyTorch, docs/source/sparse.rst, notes on memory consumption"
_FLASH = "Xia et al., Flash-LLM, arXiv 2309.10285, abstract"

CLAIMS = (
    Claim("Sparse storage", "coo-bytes", "bytes of 100,000 of 10,000 x 10,000 fp32 values, 64-bit COO", _TORCH,
          "analytic", 2_000_000, lambda: _bytes("coo"), rtol=1e-12),
    Claim("Sparse storage", "csr-bytes", "bytes of 100,000 of 10,000 x 10,000 fp32 values, 64-bit CSR", _TORCH,
          "analytic", 1_280_000, lambda: _bytes("csr"), rtol=1e-12),
    Claim("Sparse storage", "coo-saving", "dense bytes over those in COO", _TORCH, "analytic", 200,
          lambda: _bytes("") / _bytes("coo"), rtol=1e-12),
    Claim("Sparse storage", "csr-saving", "dense bytes over those in CSR", _TORCH, "analytic", 310,
          lambda: _bytes("") / _bytes("csr"), rtol=0.01),
    Claim("Sparse storage", "csr-over-coo", "bytes in COO over those in CSR", _TORCH, "analytic", 1.6,
          lambda: _bytes("coo") / _bytes("csr"), rtol=0.025),
    Claim("Flash-LLM", "sputnik", "speed of a sparse product over Sputnik's, mean", _FLASH, "hardware", 2.9),
    Claim("Flash-LLM", "sparta", "speed of a sparse product over SparTA's, mean", _FLASH, "hardware", 1.5),
    Claim("Flash-LLM", "deepspeed", "tokens a GPU-second over DeepSpeed's on OPT, up to", _FLASH, "hardware", 3.8),
    Claim("Flash-LLM", "fastertransformer", "tokens a GPU-second over FasterTransformer's on OPT, up to", _FLASH,
          "hardware", 3.6),
)  # fmt: skip

EXAMPLES = (
    UnstructuredSparsity(0.5),
    UnstructuredSparsity(0.2, "csr", 16),
    UnstructuredSparsity(0.1, "coo", layers=("layer3.*", "*.mlp.*")),
)
IDENTITIES = (UnstructuredSparsity(1.0), UnstructuredSparsity(1.0, "csr"))
