"""EControl: gradients exchanged as their largest entries, the rest kept as an error that later steps send.

Gao, Islamov, Stich, EControl: Fast Distributed Optimization with Compression and Error Control, arXiv 2311.05645. Its
abstract prints no number; bits and times here are our accounting of a top-k compressor: each kept entry is sent with
its place, to all others, as every replica keeps other entries and none can add them on the way. Each replica keeps an
estimate of its gradient and an error, built from the one message that it sends.
"""

import numpy as np

from costmodel.claim import NoFigure
from costmodel.estimators.collectives import all_gather_s, all_reduce_s
from costmodel.estimators.traffic import BITS_PER_BYTE
from costmodel.hardware import Link
from costmodel.record import Real

VALUE_BITS = 32.0
"""Bits of a kept entry, as gradients are summed in float32."""

STATE_BYTES = 8.0
"""Bytes a parameter of what a replica keeps: the estimate and the error, in float32."""


def require_kept(kept: Real) -> None:
    """ValueError unless the kept share of entries is above 0 and at most 1."""
    wrong = np.ravel(kept)[~((np.ravel(kept) > 0) & (np.ravel(kept) <= 1))]
    if wrong.size:
        raise ValueError(f"the kept share of gradients must be within 0..1 and above 0, got {wrong[0]}")


def top_k_bits(params: Real, kept: Real, value_bits: Real = VALUE_BITS) -> Real:
    """Bits that one replica sends of so many parameters' gradients: its largest `kept` of them, each with its place.

    ValueError for a share outside (0, 1], or parameters or bits below 0.
    """
    require_kept(kept)
    for name, given in (("params", params), ("value_bits", value_bits)):
        if not np.all(np.asarray(given) >= 0):
            raise ValueError(f"{name} must be at least 0, got {given}")
    entries = np.ceil(params * kept)
    places = np.ceil(np.log2(np.maximum(params, 2.0)))
    return entries * (value_bits + places * (np.asarray(kept) < 1))


def exchange_s(params: Real, kept: Real, replicas: Real, link: Link) -> Real:
    """Seconds until every replica has what all kept: an all-gather, or where all is kept a sum on the way."""
    message = top_k_bits(params, kept) / BITS_PER_BYTE
    gathered = all_gather_s(message * replicas, replicas, link)
    summed = all_reduce_s(params * VALUE_BITS / BITS_PER_BYTE, replicas, link)
    return np.asarray(np.where(np.asarray(kept) < 1, gathered, summed))[()]


def break_even(params: Real, replicas: Real) -> Real:
    """The kept share below which the all-gather moves fewer bytes than a ring's sum of everything."""
    places = np.ceil(np.log2(np.maximum(params, 2.0)))
    return 2.0 / replicas * VALUE_BITS / (VALUE_BITS + places)


UNCLAIMED = (
    NoFigure("EControl", "gradients compressed with their error controlled", "Gao, Islamov, Stich, arXiv 2311.05645, "
             "abstract", "training"),
)  # fmt: skip
