"""Serving a language model: throughput, latencies and cost of batches of requests, from those of single passes.

Two ways to batch. Synchronous: a batch's prompts are read together, then all its tokens are written together; the next
batch waits. Continuous (Yu et al., Orca, OSDI 2022): a request joins the running batch as another leaves it, so that
each stops the others for one prefill in the decodes of its answer. A prompt's pass writes an answer's first token:
decodes are one fewer. Requests arrive evenly and all
have the same lengths; a decode's cost is that at the mean context. Chunked or separate prefills, shared prefixes and
queues of bursts are not modelled, nor the time that a server's own code takes between passes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costmodel.record import Real

Floats = NDArray[np.float64]

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Requests:
    """Tokens of each request's prompt and of its answer; ValueError unless both are at least 1."""

    prompt: int
    output: int

    def __post_init__(self) -> None:
        for name in ("prompt", "output"):
            value = getattr(self, name)
            if value != int(value) or value < 1:
                raise ValueError(f"{name} must be a whole number of tokens of at least 1, got {value}")

    @property
    def mean_context(self) -> int:
        """Tokens cached before a decode, on average over an answer's."""
        return self.prompt + (self.output - 1) // 2

    @property
    def decodes(self) -> int:
        """Decodes of an answer: its first token is the prefill's."""
        return self.output - 1

    @property
    def longest(self) -> int:
        """Tokens that a request's cache grows to."""
        return self.prompt + self.output


@dataclass(frozen=True)
class Served:
    """What requests see, and tokens written a second; numbers or arrays alike. One token has none further: 0 s."""

    ttft_s: Real
    tpot_s: Real
    tokens_per_s: Real


def synchronous(prefill_s: Real, decode_s: Real, batch: Real, requests: Requests) -> Served:
    """A batch at a time: `prefill_s` and `decode_s` are of the whole batch."""
    further_s = (decode_s if requests.decodes else 0.0) + 0.0 * prefill_s
    return Served(prefill_s, further_s, batch * requests.output / (prefill_s + requests.decodes * decode_s))


def continuous(prefill_s: Real, decode_s: Real, batch: Real, requests: Requests) -> Served:
    """Requests join and leave: `prefill_s` is of one request, `decode_s` of the batch.

    A request waits for the decode in progress, is read, and then has its tokens at the pace of decodes and of the
    others' prefills between them. Answers of one token are prefills alone, one after another.
    """
    if not requests.decodes:
        nothing = 0.0 * (decode_s + batch)
        return Served(prefill_s + nothing, 0.0 * prefill_s + nothing, 1.0 / prefill_s + nothing)
    tpot_s = decode_s + (batch - 1) * prefill_s / requests.decodes
    return Served(
        prefill_s + decode_s, tpot_s, batch * requests.output / (requests.decodes * decode_s + batch * prefill_s)
    )


MODES: Mapping[str, Callable[[Real, Real, Real, Requests], Served]] = {
    "continuous": continuous,
    "synchronous": synchronous,
}
"""How requests are batched; a continuous prefill is of one request, a synchronous one of all."""


def cost_per_million(tokens_per_s: Real, gpus: Real, price_per_gpu_hour: Real) -> Real:
    """Price of a million tokens written, in the currency of the price of one GPU for an hour.

    ValueError unless the price is positive and finite.
    """
    if not 0 < price_per_gpu_hour < np.inf:
        raise ValueError(f"a price must be a positive number an hour and GPU, got {price_per_gpu_hour}")
    return price_per_gpu_hour * gpus / SECONDS_PER_HOUR / tokens_per_s * 1e6
