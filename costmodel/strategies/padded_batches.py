"""Padding: sequences of unequal length run as long as the longest of their batch, unless buckets keep like with like.

Zelasko et al., Training and Inference Efficiency of Encoder-Decoder Speech Models, arXiv 2503.05931, of which the
abstract's figures are listed; batches are simulated here on lengths with a lognormal distribution.
"""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import Claim
from costmodel.strategies._longer import longer
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload

EXAMPLES_SEEN = 20_000
WIDEST = 5.0
"""Lengths of a larger spread are taken for slips of the keyboard: one in six is beyond 148 times the median."""

Batches = tuple[NDArray[np.int64], ...]


def lengths(spread: float, examples: int = EXAMPLES_SEEN, *, seed: int = 0) -> NDArray[np.float64]:
    """Lognormal lengths with mean 1, whose logarithms have standard deviation `spread`: float64[examples]."""
    drawn = np.random.default_rng(seed).standard_normal(examples)
    return np.exp(spread * drawn - spread**2 / 2)


def batches(by: ArrayLike, batch: int, buckets: tuple[int, ...]) -> Batches:
    """Batches of `batch` indices each in order of arrival, within buckets of equally many examples.

    `by` is float64[examples] or [examples, dimensions], `buckets` how many each dimension has: the second divides each
    of the first, as two-dimensional bucketing by audio and by text does. A bucket's last batch may be smaller.
    """
    keys = np.asarray(by, dtype=np.float64)
    keys = keys.reshape(len(keys), -1)
    groups = [np.arange(len(keys))]
    for dimension, count in enumerate(buckets):
        groups = [part for group in groups for part in _quantiles(group, keys[group, dimension], count)]
    return tuple(group[i : i + batch] for group in groups for i in range(0, len(group), batch))


def waste(lengths: NDArray[np.float64], found: Batches) -> float:
    """Share of what batches compute that is padding: 1 - sum of lengths / sum of (size x longest)."""
    return 1.0 - float(lengths.sum()) / sum(len(indices) * float(lengths[indices].max()) for indices in found)


def batch_gain(lengths: NDArray[np.float64], batch: int, buckets: int) -> float:
    """Mean batch size over `batch`, where each bucket's batches hold what the longest bucket's do at `batch` examples.

    Memory is taken as linear in batch x longest; `batch` must fit the longest example there is.
    """
    room = batch * float(lengths.max())
    sizes = [
        np.floor(room / float(lengths[group].max())) for group in _quantiles(np.arange(len(lengths)), lengths, buckets)
    ]
    return len(sizes) / float(sum(1.0 / size for size in sizes)) / batch


def _quantiles(group: NDArray[np.int64], keys: NDArray[np.float64], count: int) -> list[NDArray[np.int64]]:
    """The group in `count` parts by rank of its keys, each in order of arrival."""
    order = np.argsort(keys, kind="stable")
    return [group[np.sort(part)] for part in np.array_split(order, count) if len(part)]


@dataclass(frozen=True)
class PaddedBatches(Shown):
    """Make sequences as long as the longest of their batch, with lengths of this `spread` in `buckets` buckets.

    The pass given is one of the mean length; the longest is the mean over batches that the padding makes. Tokens of a
    prefill, an encode or a forward pass become more, a decode's caches longer: its own tokens have no padding. Weights
    are read as often. A spread of 0, or batches of one, change nothing. ValueError for a spread outside of [0, WIDEST],
    fewer than one bucket and a step of several passes; others are those of `longer`.
    """

    spread: float = 0.6
    buckets: int = 1
    pads: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.spread <= WIDEST or self.buckets < 1:
            limits = f"spread must be within 0..{WIDEST:g} and buckets >= 1 must hold"
            raise ValueError(f"{limits}, got {self.spread} and {self.buckets}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its padding."""
        if workload.passes > 1:
            each = workload.batch // workload.passes
            raise ValueError(
                f"a step of {workload.name} has {workload.batch} sequences in passes of {each}, of which padding is: "
                "padded_batches comes before distributed_training"
            )
        share = _simulated(self.spread, self.buckets, workload.batch)
        return longer(workload, 1.0 / (1.0 - share)) if share > 0 else workload


@cache
def _simulated(spread: float, buckets: int, batch: int) -> float:
    if spread == 0 or batch == 1:
        return 0.0
    drawn = lengths(spread)
    return waste(drawn, batches(drawn, batch, (buckets,)))


_ABSTRACT = "Zelasko et al., arXiv 2503.05931, abstract: Canary-1B"

CLAIMS = (
    Claim("Encoder-decoder speech", "padding", "computation on padding, %, or more", _ABSTRACT, "hardware", 50.0),
    Claim("Encoder-decoder speech", "batch-gain", "average batch size over the original's", _ABSTRACT, "hardware", 5.0),
    Claim("Encoder-decoder speech", "gpus", "GPUs saved at the same time of training", _ABSTRACT, "hardware", 4.0),
    Claim("Encoder-decoder speech", "time", "time of training saved on the same GPUs", _ABSTRACT, "hardware", 2.0),
)  # fmt: skip

EXAMPLES = (PaddedBatches(0.6), PaddedBatches(0.6, 30))
IDENTITIES = (PaddedBatches(0.0),)
