"""Which inputs matter: Sobol indices of any metric with confidence intervals, from one shared sample.

First-order and total indices by Saltelli et al., Variance based sensitivity analysis of model output, Computer Physics
Communications 181(2), 2010, doi 10.1016/j.cpc.2009.09.018 (table 2, estimators b and f, the latter Jansen's). A sum of
polynomials of single inputs, whose own indices are known exactly, serves as control variate, so that only what it does
not explain is left to chance (Owen, Monte Carlo theory, methods and examples, 2013, chapter 8.9). It is fitted on one
half of the sample and used on the other, so that it adds no bias.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_legendre
from scipy.stats import qmc

Floats = NDArray[np.float64]

Metric = Callable[[Mapping[str, Floats]], Floats]
"""Maps columns of input values, float64[N] each, to float64[N]."""

DEGREE = 6
"""Of the control variate's polynomials: a judgement; smooth cost models leave little above it."""

RESAMPLES = 400
CONFIDENCE = 0.95
LEAST_SAMPLES = 64


@dataclass(frozen=True)
class Uniform:
    """An input that takes any value from `low` to `high`, or any logarithm between theirs."""

    low: float
    high: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low < self.high):
            raise ValueError(f"low < high must hold, both finite, but got low={self.low}, high={self.high}")
        if self.logarithmic and self.low <= 0:
            raise ValueError(f"a logarithmic input must be above 0, got low={self.low}")

    def at(self, share: Floats) -> Floats:
        """Values at shares within [0, 1) of the range."""
        if self.logarithmic:
            return np.asarray(self.low * (self.high / self.low) ** share)
        return np.asarray(self.low + (self.high - self.low) * share)


@dataclass(frozen=True)
class Levels:
    """An input that takes one of the values, each as often as the others."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("an input must have at least one value, got none")

    def at(self, share: Floats) -> Floats:
        """Values at shares within [0, 1)."""
        place = np.minimum((share * len(self.values)).astype(int), len(self.values) - 1)
        return np.asarray(np.array(self.values, dtype=np.float64)[place])


@dataclass(frozen=True, eq=False)
class Indices:
    """Sobol indices of each input: shares of the variance, with confidence intervals.

    first       float[inputs], what fixing the input alone takes away; `first_low`, `first_high` bound it
    total       float[inputs], what is left when all others are fixed
    mean, variance  of the metric
    evaluations     of the metric in all
    """

    names: tuple[str, ...]
    first: Floats
    first_low: Floats
    first_high: Floats
    total: Floats
    total_low: Floats
    total_high: Floats
    mean: float
    variance: float
    evaluations: int

    def table(self) -> list[dict[str, float | str]]:
        """One row an input, the largest total first."""
        order = np.argsort(-self.total, kind="stable")
        columns = ("first", "first_low", "first_high", "total", "total_low", "total_high")
        return [{"input": self.names[i]} | {c: float(getattr(self, c)[i]) for c in columns} for i in order.tolist()]


def sobol(
    metric: Metric, inputs: Mapping[str, Uniform | Levels], *, samples: int = 1024, seed: int = 0, control: bool = True
) -> Indices:
    """Sobol indices of a metric over independent inputs; it is evaluated samples x (inputs + 2) times, in one call.

    `samples` is rounded up to a power of two. `control` = False leaves out the control variate. ValueError where the
    metric is not finite or does not vary.
    """
    if samples < LEAST_SAMPLES:
        raise ValueError(f"samples must be at least {LEAST_SAMPLES}, got {samples}")
    if not inputs:
        raise ValueError("sobol needs at least one input, got none")
    names, count = tuple(inputs), 1 << (samples - 1).bit_length()
    shares = qmc.Sobol(2 * len(names), rng=np.random.default_rng(seed)).random(count)
    a, b = shares[:, : len(names)], shares[:, len(names) :]
    rows = np.concatenate([a, b, *(_swapped(a, b, i) for i in range(len(names)))])
    values = np.asarray(metric({n: inputs[n].at(rows[:, i]) for i, n in enumerate(names)}), dtype=np.float64)
    _check(values, rows, names, inputs)
    middle = float(values[: 2 * count].mean())
    parts = (values - middle).reshape(len(names) + 2, count)
    terms: tuple[Floats, ...] = _terms(parts)
    if control:
        terms = _controlled(terms, parts, rows.reshape(len(names) + 2, count, -1))
    first, total, variance = terms
    return _estimated(names, first, total, variance, middle, values.size, seed)


def _swapped(a: Floats, b: Floats, i: int) -> Floats:
    mixed = a.copy()
    mixed[:, i] = b[:, i]
    return mixed


def _check(values: Floats, rows: Floats, names: Sequence[str], inputs: Mapping[str, Uniform | Levels]) -> None:
    if values.shape != (len(rows),):
        raise ValueError(f"the metric must return one number a sample, shape ({len(rows)},), got {values.shape}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        at = {n: float(inputs[n].at(rows[wrong[:1], i])[0]) for i, n in enumerate(names)}
        raise ValueError(f"the metric must be finite, got {values[wrong[0]]} at {at}")
    if np.ptp(values) == 0:
        raise ValueError(f"the metric is {values[0]:g} everywhere: no input matters")


def _terms(parts: Floats) -> tuple[Floats, Floats, Floats]:
    """Per-sample terms whose means are the inputs' first-order and total parts of the variance, and the variance."""
    a, b, swapped = parts[0], parts[1], parts[2:]
    return b * (swapped - a), 0.5 * (a - swapped) ** 2, (a**2 + b**2)[None] / 2.0


def _controlled(terms: tuple[Floats, ...], parts: Floats, shares: Floats) -> tuple[Floats, ...]:
    """The terms less those of a fitted additive polynomial, plus that one's exact parts; halves fit for each other."""
    count = parts.shape[1]
    half = np.arange(count) < count // 2
    terms = tuple(each.copy() for each in terms)
    for own in (half, ~half):
        coefficients = _fit(shares[:2, ~own], parts[:2, ~own])
        known = np.einsum("psij,ij->ps", _basis(shares[:, own]), coefficients)
        exact = (coefficients**2).sum(axis=1)[:, None]
        for each, of_known, true in zip(terms, _terms(known), (exact, exact, exact.sum()), strict=True):
            spread = of_known - of_known.mean(axis=1, keepdims=True)
            joint = (spread * each[:, own]).sum(axis=1, keepdims=True)
            scale = joint / np.maximum((spread**2).sum(axis=1, keepdims=True), 1e-300)
            each[:, own] -= scale * (of_known - true)
    return terms


def _basis(shares: Floats) -> Floats:
    """Orthonormal Legendre polynomials of degree 1..DEGREE of each share: float[..., inputs, DEGREE]."""
    x = 2.0 * shares - 1.0
    return np.stack([np.sqrt(2 * d + 1) * eval_legendre(d, x) for d in range(1, DEGREE + 1)], axis=-1)


def _fit(shares: Floats, values: Floats) -> Floats:
    """Coefficients float[inputs, DEGREE] of the additive polynomial, by least squares."""
    basis = _basis(shares).reshape(-1, shares.shape[-1] * DEGREE)
    found = np.asarray(np.linalg.lstsq(basis, values.reshape(-1), rcond=None)[0], dtype=np.float64)
    return found.reshape(shares.shape[-1], DEGREE)


def _estimated(
    names: tuple[str, ...], first: Floats, total: Floats, variance: Floats, mean: float, evaluations: int, seed: int
) -> Indices:
    """Ratios of means, and percentile intervals of resampled ones."""
    count = first.shape[1]
    weights = np.random.default_rng(seed + 1).multinomial(count, np.full(count, 1.0 / count), RESAMPLES) / count
    spread = weights @ variance[0]
    tails = (50 * (1 - CONFIDENCE), 100 - 50 * (1 - CONFIDENCE))
    low, high = {}, {}
    for name, terms in (("first", first), ("total", total)):
        low[name], high[name] = np.percentile((weights @ terms.T) / spread[:, None], tails, axis=0)
    whole = float(variance.mean())
    return Indices(
        names, first.mean(axis=1) / whole, low["first"], high["first"], total.mean(axis=1) / whole, low["total"],
        high["total"], mean, whole, evaluations,
    )  # fmt: skip


def exact(values: Floats, names: Sequence[str]) -> Indices:
    """Sobol indices of a metric known on a whole grid, float64[one axis an input]: no sample, so no interval.

    Each input takes each of its values equally often. ValueError where the metric is not finite or does not vary.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != len(names) or not names:
        raise ValueError(f"values must have an axis for each of {len(names)} inputs, got shape {values.shape}")
    if not np.isfinite(values).all():
        unknown = int((~np.isfinite(values)).sum())
        raise ValueError(f"the metric must be finite on the whole grid, {unknown} of {values.size} designs lack it")
    whole = float(values.var())
    if np.ptp(values) == 0:
        raise ValueError(f"the metric is {values.flat[0]:g} everywhere: no input matters")
    others = [tuple(j for j in range(values.ndim) if j != i) for i in range(values.ndim)]
    first = np.array([values.mean(axis=axes).var() for axes in others]) / whole
    total = np.array([values.var(axis=i).mean() for i in range(values.ndim)]) / whole
    return Indices(
        tuple(names), first, first, first, total, total, total, float(values.mean()), whole, values.size
    )  # fmt: skip
