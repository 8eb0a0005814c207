"""N:M sparsity: of every m weights in a row along k, n are kept, each stored with its place among the m.

Mishra et al., Accelerating Sparse Deep Neural Networks, arXiv 2104.08378, section 3: 2:4, two bits of place a weight.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import ceil, log2
from typing import ClassVar

from costmodel.claim import Claim
from costmodel.estimators import traffic
from costmodel.hardware import gpu
from costmodel.precision import precision
from costmodel.record import changed
from costmodel.strategies._layers import is_dense, sparsified
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.ops import linear

KINDS = ("linear", "conv", "experts")
"""Kinds of ops whose weights are pruned; depthwise convolutions have too few along k."""


@dataclass(frozen=True)
class NMSparsity(Shown):
    """Keep n of every m weights of the dense layers that a glob of `layers` matches and whose k is a multiple of m.

    A training pass keeps its mask: gradients of pruned weights are skipped, where those of `decaying_mask` reach all.
    Latency gains where the GPU has a pipe for it (`Gpu.sparse_speedup`, 2:4 alone); elsewhere zeros are multiplied.
    ValueError unless 0 < n <= m; n = m changes nothing.
    """

    n: int
    m: int
    layers: tuple[str, ...] = ("*",)
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.n <= self.m:
            raise ValueError(f"0 < n <= m must hold, got n={self.n}, m={self.m}")

    @property
    def alike(self) -> bool:
        """Whether ops that differ in name alone are pruned alike."""
        return self.layers == ("*",)

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its layers pruned."""
        return sparsified(workload, self.prune, self._takes, self.layers) if self.n < self.m else workload

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are pruned: a workload's that are sparse already are refused."""
        return self._takes(op) and is_dense(op)

    def _takes(self, op: Op) -> bool:
        dense = op.kind in KINDS and op.weight_elements > 0 and op.k % self.m == 0
        return bool(dense) and any(fnmatchcase(op.name, pattern) for pattern in self.layers)

    def prune(self, op: Op) -> Op:
        """The op with n of m weights."""
        return changed(op, weight_density=self.n / self.m, weight_block=self.m, index_bits=ceil(log2(self.m)))


def _stored(spelling: str) -> float:
    """Stored weights of a 2:4 layer over those of the dense one."""
    dense, used = linear("fc", 1, 64, 64, bias=False), precision(spelling)
    return float(traffic.weight_bytes(NMSparsity(2, 4).prune(dense), used) / traffic.weight_bytes(dense, used))


def _sparse_peak() -> float:
    a100 = gpu("a100_sxm")
    return float(a100.peak_flops.fp16 * a100.sparse_speedup / 1e12)


_TORCH = "PyTorch 2.2, torch/sparse/semi_structured.py, compression factors in sixteenths"

CLAIMS = (
    Claim("2:4 sparsity", "nm-16-bit", "stored over dense, 16-bit weights", _TORCH, "analytic", 9 / 16,
          lambda: _stored("bf16"), rtol=0.0),
    Claim("2:4 sparsity", "nm-8-bit", "stored over dense, 8-bit weights", _TORCH, "analytic", 10 / 16,
          lambda: _stored("w8a8"), rtol=0.0),
    Claim("2:4 sparsity", "nm-a100-peak", "sparse fp16 peak of an A100, TFLOP/s",
          "NVIDIA, Accelerating Inference with Sparsity Using the Ampere Architecture and TensorRT, 2021, table 1",
          "analytic", 624.0, _sparse_peak, how="definition"),
)  # fmt: skip

EXAMPLES = (NMSparsity(2, 4), NMSparsity(1, 8))
IDENTITIES = (NMSparsity(4, 4),)
