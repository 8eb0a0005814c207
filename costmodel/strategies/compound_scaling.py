"""Compound scaling: a network of `factor` times the FLOPs, by depth, width and resolution in a given mix.

Dollar, Singh, Girshick, Fast and Accurate Model Scaling, arXiv 2103.06877: depth s^d, width s^(w/2), resolution
s^(r/2) with d + w + r = 1; "dWr", their fast compound scaling, takes 0.1, 0.8, 0.1 and widens groups with the channels.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from costmodel import zoo
from costmodel.catalog import require
from costmodel.claim import Claim
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.language_model import LanguageModel
from costmodel.workload.serving import passes
from costmodel.zoo._complexity import complexity
from costmodel.zoo._scale import Factors
from costmodel.zoo._scale_language import scaled_language

MIXES = {
    "d": (1.0, 0.0, 0.0),
    "w": (0.0, 1.0, 0.0),
    "r": (0.0, 0.0, 1.0),
    "dw": (0.5, 0.5, 0.0),
    "dr": (0.5, 0.0, 0.5),
    "wr": (0.0, 0.5, 0.5),
    "dwr": (1 / 3, 1 / 3, 1 / 3),
    "dWr": (0.1, 0.8, 0.1),
}
"""Shares of depth, width and resolution in the logarithm of the FLOPs."""


LARGEST = 1e6
"""A larger factor is taken for a slip of the keyboard."""
MOST_OPS = 20_000
"""Ops of a deepened network: ten times those of the deepest of the zoo, whose estimates take a minute on an FPGA."""


def factors(how: str, factor: float) -> Factors:
    """Return the factors of a key of MIXES for `factor` times the FLOPs; UnknownNameError lists near names."""
    depth, width, resolution = MIXES[require("way of scaling", how, MIXES)]
    group = factor ** (width / 2) if how == "dWr" else 1.0
    return Factors(factor**depth, factor ** (width / 2), group, factor ** (resolution / 2))


def ideal_exponents(how: str) -> tuple[float, float, float]:
    """Exponents of FLOPs, parameters and activations of a convolution network, without rounding."""
    depth, width, resolution = MIXES[require("way of scaling", how, MIXES)]
    return depth + width + resolution, depth + width, depth + width / 2 + resolution


def exponents(before: Workload, after: Workload, factor: float) -> tuple[float, float, float]:
    """The logarithms to base `factor` of what FLOPs, parameters and activations grew by."""
    flops, params, activations = (
        math.log(new / old, factor) for old, new in zip(complexity(before), complexity(after), strict=True)
    )
    return flops, params, activations


@dataclass(frozen=True)
class CompoundScaling(Shown):
    """Scale a network of the zoo by a key of MIXES; any other workload is an error.

    Tokens of a language model count as pixels: the context grows with the square of the resolution's factor, as do
    the rows of a learned position table and the positions of an encoder beside its decoder. Whole layers, channels
    and pixels take small networks far from the factor (mobilenetv2_100 by dWr from 2 to 3.1), as does attention by
    more tokens; `covers` says how far. It builds the network anew, so it comes before strategies that edit one.
    ValueError unless factor is positive and at most LARGEST, and where the depth makes more than MOST_OPS ops; a factor
    of 1 changes nothing.
    """

    how: str = "dWr"
    factor: float = 2.0
    reshapes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require("way of scaling", self.how, MIXES)
        if not 0 < self.factor <= LARGEST:
            raise ValueError(f"factor must be positive and at most {LARGEST:.0e}, got {self.factor}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the scaled network for as many images or sequences, of the pixels or tokens that the mix asks for."""
        if self.factor == 1:
            return workload
        if workload.name not in zoo.names() or workload.phase == "training":
            raise ValueError(f"compound_scaling takes a forward pass of a network of the zoo, got {workload.name}")
        self._require_few(workload)
        model = zoo.language_model(workload.name)
        scaled = self._vision(workload) if model is None else self._language(workload, model)
        return replace(scaled, covers="; ".join(filter(None, (scaled.covers, self._grown(workload, scaled)))))

    def _require_few(self, workload: Workload) -> None:
        """ValueError where blocks are repeated into more ops than an estimate can take, before any is built."""
        depth = factors(self.how, self.factor).depth
        ops = len(workload.ops) * depth
        if ops > MOST_OPS:
            times = f"{depth:.4g} times, into some {ops:,.0f} ops of at most {MOST_OPS:,}"
            raise ValueError(
                f"compound_scaling by {self.how} to {self.factor:.4g} times the FLOPs repeats blocks of "
                f"{workload.name} {times}: take a smaller factor, or w, r or wr"
            )

    def _grown(self, before: Workload, after: Workload) -> str:
        """What became of the factor, in words."""
        flops = complexity(after)[0] / complexity(before)[0]
        return f"scaled by {self.how} to {flops:.3g} times the FLOPs, of {self.factor:.4g} asked for"

    def _vision(self, workload: Workload) -> Workload:
        pixels = workload.ops[0].window.input_height
        _require_first(workload, zoo.build(workload.name, batch=workload.batch, resolution=pixels))
        family = next(module for module in zoo.families() if workload.name in module.MODELS)
        grown = factors(self.how, self.factor)
        scaled = family.scaled(workload.name, grown, batch=workload.batch, resolution=pixels)
        assert isinstance(scaled, Workload)
        return scaled

    def _language(self, workload: Workload, model: LanguageModel) -> Workload:
        grown = factors(self.how, self.factor)
        scaled = scaled_language(model, grown)
        context = workload.context or None
        _require_first(workload, passes(model, batch=workload.batch, context=context, phase=workload.phase))
        if context is not None:
            room = scaled.max_context - (workload.phase == "decode")
            context = int(min(max(1, round(context * grown.resolution**2)), room))
        return passes(scaled, batch=workload.batch, context=context, phase=workload.phase)


def _require_first(workload: Workload, built: Workload) -> None:
    if workload.ops != built.ops:
        raise ValueError(f"compound_scaling builds {workload.name} anew, so it must be the first strategy")


_SCALER = "facebookresearch/pycls, pycls/models/scaler.py (arXiv 2103.06877), run on EfficientNet-B0 at s = 4"
_LAW = "Dollar, Singh, Girshick, arXiv 2103.06877, with d s^ed, w s^(ew/2), r s^(er/2)"
_QUANTITIES = ("FLOPs", "parameters", "activations")
_RUN = (
    ("d", (1.01, 0.96, 0.88)),
    ("w", (0.96, 0.89, 0.5)),
    ("r", (1.0, 0.0, 1.0)),
    ("dw", (0.98, 0.94, 0.67)),
    ("dr", (1.02, 0.48, 0.93)),
    ("wr", (0.98, 0.44, 0.76)),
    ("dwr", (1.07, 0.66, 0.84)),
    ("dWr", (0.92, 0.79, 0.49)),
)
_IDEAL = (
    ("d", (1.0, 1.0, 1.0)),
    ("w", (1.0, 1.0, 0.5)),
    ("r", (1.0, 0.0, 1.0)),
    ("dwr", (1.0, 0.667, 0.833)),
    ("dWr", (1.0, 0.9, 0.6)),
)


def _exponent(how: str, quantity: int) -> float:
    base = zoo.build("efficientnet_b0")
    return exponents(base, CompoundScaling(how, 4.0)(base), 4.0)[quantity]


def _ideal(how: str, quantity: int) -> float:
    return ideal_exponents(how)[quantity]


CLAIMS = tuple(
    Claim("Fast model scaling", f"{name}-{how}-{_QUANTITIES[i]}",
          f"exponent of {_QUANTITIES[i]} of {of} scaled by {how}", source, "analytic",
          value, partial(compute, how, i), rtol=0.012, how=kind)
    for name, kind, of, source, rows, compute in (
        ("run", "run", "EfficientNet-B0", _SCALER, _RUN, _exponent),
        ("ideal", "definition", "networks", _LAW, _IDEAL, _ideal))
    for how, values in rows
    for i, value in enumerate(values)
)  # fmt: skip

EXAMPLES = (CompoundScaling("dWr", 2.0), CompoundScaling("dwr", 4.0), CompoundScaling("r", 2.0))
IDENTITIES = (CompoundScaling("dwr", 1.0),)
