"""Padding: sequences of unequal length run as long as the longest of their batch, unless buckets keep like with like.

Zelasko et al., Training and Inference Efficiency of Encoder-Decoder Speech Models, arXiv 2503.05931, of which the
abstract's figures are listed; lengths have a lognormal distribution here.
"""

import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.claim import Claim
from costmodel.strategies._longer import longer
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload

WIDEST, MOST_BUCKETS = 5.0, 10_000
"""Larger ones are taken for slips of the keyboard: of that spread one length in six is beyond 148 times the median."""
CELLS, FARTHEST = 2_000, 10.0
"""Parts of the integral over lengths, and how many standard deviations of their logarithm from its ends it goes."""

Batches = tuple[NDArray[np.int64], ...]


def lengths(spread: float, examples: int = 20_000, *, seed: int = 0) -> NDArray[np.float64]:
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


@cache
def expected_waste(spread: float, batch: int, buckets: int) -> float:
    """What `waste` tends to with ever more lengths of this `spread`, in whole batches of `batch` and equal buckets.

    The longest of a batch is in the mean the integral of 1 - F^batch, F the distribution of lengths in its bucket,
    from 0 on: over z = (log length + spread^2 / 2) / spread here, of which the buckets are quantiles.
    """
    if spread == 0 or batch == 1:
        return 0.0
    normal = NormalDist()
    ends = [normal.inv_cdf(i / buckets) for i in range(1, buckets)]
    cells = np.union1d(np.linspace(-FARTHEST, FARTHEST + spread, CELLS + 1), ends)
    nodes, weights = np.polynomial.legendre.leggauss(4)
    half = np.diff(cells)[:, None] / 2
    z = cells[:-1, None] + half * (1 + nodes)
    bucket = np.searchsorted(ends, z)
    longer = buckets * np.vectorize(math.erfc)(z / math.sqrt(2)) / 2 - (buckets - 1 - bucket)
    any_longer = -np.expm1(batch * np.log1p(-np.clip(longer, 0.0, 1 - 2**-53)))
    starts = np.exp(spread * np.array([-FARTHEST, *ends]) - spread**2 / 2)
    beyond = np.sum(half * weights * any_longer * spread * np.exp(spread * z - spread**2 / 2))
    return max(0.0, 1.0 - buckets / float(starts.sum() + beyond))


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
    buckets outside of [1, MOST_BUCKETS] and a step of several passes; others are those of `longer`.
    """

    spread: float = 0.6
    buckets: int = 1
    pads: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not (0 <= self.spread <= WIDEST and 1 <= self.buckets <= MOST_BUCKETS):
            limits = f"spread must be within 0..{WIDEST:g} and buckets within 1..{MOST_BUCKETS}"
            raise ValueError(f"{limits}, got {self.spread} and {self.buckets}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the workload with its padding."""
        if workload.passes > 1:
            each = workload.batch // workload.passes
            raise ValueError(
                f"a step of {workload.name} has {workload.batch} sequences in passes of {each}, of which padding is: "
                "padded_batches comes before distributed_training"
            )
        share = expected_waste(self.spread, workload.batch, self.buckets)
        return longer(workload, 1.0 / (1.0 - share)) if share > 0 else workload


_ABSTRACT = "Zelasko et al., arXiv 2503.05931, abstract: Canary-1B"

CLAIMS = (
    Claim("Encoder-decoder speech", "padding", "computation on padding, %, or more", _ABSTRACT, "hardware", 50.0),
    Claim("Encoder-decoder speech", "batch-gain", "average batch size over the original's", _ABSTRACT, "hardware", 5.0),
    Claim("Encoder-decoder speech", "gpus", "GPUs saved at the same time of training", _ABSTRACT, "hardware", 4.0),
    Claim("Encoder-decoder speech", "time", "time of training saved on the same GPUs", _ABSTRACT, "hardware", 2.0),
)  # fmt: skip

EXAMPLES = (PaddedBatches(0.6), PaddedBatches(0.6, 30))
IDENTITIES = (PaddedBatches(0.0),)
