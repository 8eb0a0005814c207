"""N:M sparsity reached over a training: masks that fade, or patterns that tighten, until n of every m weights are left.

Bambhaniya et al., Progressive Gradient Flow for Robust N:M Sparsity Training in Transformers, arXiv 2402.04744; the
frames and mask values are those of abhibambhaniya/progressive_gradient_flow_nm_sparsity, readme.md and
timm/sparse_pruning/sparse_functions.py (whose comment has equal frames; its code starts the last with fine-tuning).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import ceil, exp, log2
from typing import ClassVar

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.strategies._graph import named
from costmodel.strategies._layers import is_dense, require_dense, require_matches
from costmodel.strategies._shown import Shown
from costmodel.workload import Op, Workload
from costmodel.workload.training import training

MASKS = "choosing masks and applying them to weights"

KINDS = ("linear", "conv", "experts")
"""Kinds of ops whose weights are pruned, as in nm_sparsity."""


@dataclass(frozen=True)
class Frame:
    """A part of the decay, `share` of its steps, in which n of every m weights are used."""

    share: float
    n: int
    m: int

    @property
    def density(self) -> float:
        """The fraction of weights used."""
        return self.n / self.m

    @property
    def index_bits(self) -> int:
        """Bits that say where among m a kept weight stands; none where all are used."""
        return ceil(log2(self.m)) if self.n < self.m else 0


@dataclass(frozen=True)
class DecayingMask(Shown):
    """Train to n of m: `dense` of the steps dense, then the decay, then `fine_tune` of them at n of m.

    schedule  mdgf_linear, mdgf_exponential: masked weights count max(0, 1 - rate t), exp(-rate t), t from 0 to 1 over
              the decay, and dense products are made as long as that is not 0; sdgf_stepwise: m-1:m, m/2:m, ... n:m in
              equal frames; sdgf_geometric: n m:m m ... down to n:m, as 8:64, 4:32, 2:16, 1:8
    On a training pass: the mean step, in which the forward and the gradient by input use the mean density and the
    gradient by weight reaches all weights, which stay stored and are read whole: a GPU gains no time, and the masks
    themselves are not counted. On any other: the network at the end, n:m. ValueError
    unless 0 < n <= m, and for stepwise m / n a power of two, shares in [0, 1] of sum at most 1, and a rate above 0;
    n = m changes nothing.
    """

    n: int
    m: int
    schedule: str = "sdgf_stepwise"
    dense: float = 0.0
    fine_tune: float = 0.0
    rate: float = 1.0
    layers: tuple[str, ...] = ("*",)
    prunes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 < self.n <= self.m:
            raise ValueError(f"0 < n <= m must hold, got n={self.n}, m={self.m}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}")
        if not (self.dense >= 0 and self.fine_tune >= 0 and self.dense + self.fine_tune <= 1):
            raise ValueError(f"dense and fine_tune must be shares of the steps, got {self.dense}, {self.fine_tune}")
        if not self.rate > 0:
            raise ValueError(f"rate must be above 0, got {self.rate}")
        if self.schedule.startswith("sdgf") and not log2(self.m / self.n).is_integer():
            raise ValueError(f"{self.schedule} halves until n: m / n must be a power of two, got {self.n}:{self.m}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the mean step of a training pass, or the network at the end."""
        if self.n == self.m:
            return workload
        require_matches(workload, self.layers)
        require_dense(workload, self._takes, self.layers)
        taken = {op.name for op in workload.ops if self._takes(op)}
        if workload.phase != "training":
            return workload.map(self._at_the_end, lambda op: op.name in taken)
        users = taken | {f"{name}.grad_input" for name in taken} | {f"{name}.recompute" for name in taken}
        mean = self.mean_density
        masked = workload.map(
            lambda op: replace(op, weight_density=mean, stored_density=1.0), lambda op: op.name in users
        )
        return replace(masked, uncounted=(*workload.uncounted, MASKS))

    @property
    def schedules(self) -> bool:
        """Whether masks decay over a training at all."""
        return self.n < self.m

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The parts of the decay in their order; n = m is one of them alone."""
        return (Frame(1.0, self.n, self.m),) if self.n == self.m else SCHEDULES[self.schedule](self)

    @property
    def mean_density(self) -> float:
        """The mean fraction of weights used over all steps."""
        decay = sum(frame.share * frame.density for frame in self.frames)
        return self.dense + (1 - self.dense - self.fine_tune) * decay + self.fine_tune * self.n / self.m

    def mask_value(self, t: float) -> float:
        """What a masked weight counts after the fraction t of the decay: 0 at n:m, and under a pattern."""
        values = {"mdgf_linear": max(0.0, 1 - self.rate * t), "mdgf_exponential": exp(-self.rate * t)}
        return values.get(self.schedule, 0.0)

    def touches(self, op: Op) -> bool:
        """Whether an op's weights are pruned: a workload's that are sparse already are refused."""
        return self._takes(op) and is_dense(op)

    def _takes(self, op: Op) -> bool:
        dense = op.kind in KINDS and op.weight_elements > 0 and op.k % self.m == 0
        return bool(dense) and named(op, self.layers)

    def _at_the_end(self, op: Op) -> Op:
        last = Frame(1.0, self.n, self.m)
        return replace(op, weight_density=last.density, weight_block=self.m, index_bits=last.index_bits)


def _fading(how: DecayingMask) -> tuple[Frame, ...]:
    """Dense as long as masked weights count: to the end, or until a linear decay is over."""
    over = min(1.0, 1 / how.rate) if how.schedule == "mdgf_linear" else 1.0
    return Frame(over, how.m, how.m), Frame(1 - over, how.n, how.m)


def _stepwise(how: DecayingMask) -> tuple[Frame, ...]:
    count = round(log2(how.m / how.n)) + 1
    kept = [how.m - 1, *(how.m >> i for i in range(1, count))]
    return tuple(Frame(1 / count, n, how.m) for n in kept)


def _geometric(how: DecayingMask) -> tuple[Frame, ...]:
    count = round(log2(how.m / how.n)) + 1
    return tuple(Frame(1 / count, how.n << i, how.m << i) for i in reversed(range(count)))


SCHEDULES: Mapping[str, Callable[[DecayingMask], tuple[Frame, ...]]] = {
    "mdgf_linear": _fading,
    "mdgf_exponential": _fading,
    "sdgf_stepwise": _stepwise,
    "sdgf_geometric": _geometric,
}


def training_flops(how: DecayingMask, workload: Workload) -> float:
    """FLOPs of the mean training step of a forward network."""
    return float(sum(op.flops for op in how(training(workload)).ops))


def _mean_density(how: DecayingMask) -> float:
    """Products of a layer's forward in the mean step over those of the dense one."""
    name, dense = "blocks.0.mlp.fc1", training(zoo.build("vit_tiny_patch16_224"))
    return float(how(dense).op(name).macs / dense.op(name).macs)


_CODE = "abhibambhaniya/progressive_gradient_flow_nm_sparsity, timm/sparse_pruning/sparse_functions.py"
_README = "abhibambhaniya/progressive_gradient_flow_nm_sparsity, readme.md"
_ABSTRACT = "Bambhaniya et al., Progressive Gradient Flow, arXiv 2402.04744, abstract"

CLAIMS = (
    Claim("Progressive gradient flow", "stepwise-1-16", "mean density over SdGf-Stepwise to 1:16", f"{_CODE}, frames "
          "15:16, 8:16, 4:16, 2:16, 1:16 of equal time, mean computed", "analytic", 0.375,
          lambda: _mean_density(DecayingMask(1, 16)), rtol=1e-9, how="evaluated"),
    Claim("Progressive gradient flow", "stepwise-1-8", "mean density over SdGf-Stepwise to 1:8", f"{_README}, "
          "7:8, 4:8, 2:8, 1:8, mean computed", "analytic", 0.4375,
          lambda: _mean_density(DecayingMask(1, 8)), rtol=1e-9, how="evaluated"),
    Claim("Progressive gradient flow", "geometric-1-8", "mean density over SdGf-Geometric to 1:8", f"{_README}, "
          "8:64, 4:32, 2:16, 1:8, mean computed", "analytic", 0.125,
          lambda: _mean_density(DecayingMask(1, 8, "sdgf_geometric")), rtol=1e-9, how="evaluated"),
    Claim("Progressive gradient flow", "stepwise-frames-1-16", "frames of SdGf-Stepwise to 1:16", _CODE, "analytic", 5,
          lambda: len(DecayingMask(1, 16).frames), rtol=0.0, how="definition"),
    Claim("Progressive gradient flow", "geometric-widest-1-8", "M of the first pattern of SdGf-Geometric to 1:8",
          _README, "analytic", 64, lambda: DecayingMask(1, 8, "sdgf_geometric").frames[0].m, rtol=0.0,
          how="definition"),
    Claim("Progressive gradient flow", "iso-flop-gain", "gain of accuracy at equal training FLOPs, points, up to",
          _ABSTRACT, "training", 2),
    Claim("Progressive gradient flow", "vision-gain", "gain of quality of vision models at high sparsity, %, up to",
          _ABSTRACT, "training", 2),
    Claim("Progressive gradient flow", "language-gain", "gain of quality of language models at high sparsity, %, up to",
          _ABSTRACT, "training", 5),
)  # fmt: skip

EXAMPLES = (
    DecayingMask(1, 8),
    DecayingMask(2, 4, "mdgf_linear", dense=0.1, fine_tune=0.2, rate=2.0),
    DecayingMask(1, 4, "sdgf_geometric"),
)
IDENTITIES = (DecayingMask(4, 4),)
