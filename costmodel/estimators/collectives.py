"""Time of exchanges between GPUs over a link: formulas of latency and bandwidth, on which nothing was measured here.

A ring of n ranks sends (n - 1) / n of a tensor in n - 1 hops to reduce and scatter it, and as much again to gather it;
a tree sends the tensor up and down, in 2 log2 n hops: Thakur, Rabenseifner, Gropp, Optimization of Collective
Communication Operations in MPICH, doi 10.1177/1094342005051521; the volumes also in NVIDIA's nccl-tests,
doc/PERFORMANCE.md. Each collective takes the protocol of the link that is fastest for its size, as NCCL does. Switches
that add on the way (SHARP) and kernels of servers for small messages are not modelled; both are faster.
"""

from dataclasses import replace
from typing import cast

import numpy as np

from costmodel.estimators import traffic
from costmodel.estimators.prediction import Prediction
from costmodel.hardware import Gpu, Link, beyond, link_of
from costmodel.precision import Precision
from costmodel.record import Real
from costmodel.workload import Op
from costmodel.workload.ops.collective import BRINGING

SPREAD = (0.5, 2.0)
"""Factors of the interval around a formula's time: a judgement."""


def ring_all_reduce_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """Sum a tensor that every rank holds, for every rank, around a ring."""
    return time_s(2.0 * _others(ranks) * tensor_bytes, 2.0 * (np.asarray(ranks) - 1), link)


def tree_all_reduce_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """The same up and down a binary tree: fewer hops, and twice the tensor through each rank."""
    return time_s(2.0 * np.asarray(tensor_bytes) * (np.asarray(ranks) > 1), 2.0 * np.ceil(np.log2(ranks)), link)


def all_reduce_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """The faster of ring and tree."""
    ring, tree = (f(tensor_bytes, ranks, link) for f in (ring_all_reduce_s, tree_all_reduce_s))
    return np.minimum(ring, tree)


def reduce_scatter_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """Sum a tensor that every rank holds, a part of it for each."""
    return time_s(_others(ranks) * tensor_bytes, np.asarray(ranks) - 1.0, link)


def all_gather_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """Give every rank the whole tensor of which each holds a part."""
    return reduce_scatter_s(tensor_bytes, ranks, link)


def all_to_all_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """Each rank sends another part of its tensor to each other one."""
    return reduce_scatter_s(tensor_bytes, ranks, link)


def send_s(tensor_bytes: Real, ranks: Real, link: Link) -> Real:
    """One rank sends a tensor to the next, nothing where there is but one."""
    several = np.asarray(ranks) > 1
    return time_s(np.asarray(tensor_bytes) * several, 1.0 * several, link)


FORMULAS = {
    "all_reduce": all_reduce_s,
    "all_gather": all_gather_s,
    "reduce_scatter": reduce_scatter_s,
    "all_to_all": all_to_all_s,
    "send": send_s,
    BRINGING: send_s,
}
"""Seconds of each kind of exchange, of whole tensor bytes, ranks and link; arguments broadcast."""


def time_s(sent_bytes: Real, hops: Real, link: Link) -> Real:
    """Seconds to send bytes from each rank over so many hops by the link's fastest protocol; 0 without a hop."""
    rate = link.bytes_per_s * link.achievable
    each = [p.start_s + p.hop_s * np.asarray(hops) + sent_bytes / (rate * p.share) for p in link.protocols]
    return np.where(np.asarray(hops) > 0, np.minimum.reduce(np.broadcast_arrays(*each)), 0.0)[()]


def predict(op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """Predict one execution of each exchange over the GPU's own link, in the format of activations.

    What is brought from outside its memory may come from its storage. ValueError where it has no link, or neither.
    """
    whole = np.maximum(op.input_elements, op.output_elements)
    tensor_bytes = whole * precision.activation.bits_per_element / traffic.BITS_PER_BYTE
    kinds = np.asarray(op.kind)
    links = {kind: beyond(gpu) if kind == BRINGING else link_of(gpu) for kind in np.unique(kinds).tolist()}
    by_kind = [cast(Real, FORMULAS[kind](tensor_bytes, op.m, over)) for kind, over in links.items()]
    seconds = np.select([kinds == kind for kind in links], by_kind, np.nan)
    low, high = (seconds * factor for factor in SPREAD)
    told = [np.full(np.shape(seconds), f"link formula ({over.name})") for over in links.values()]
    how = np.select([kinds == kind for kind in links], told, "")
    outside = np.ones(np.shape(seconds), dtype=bool)
    return Prediction(seconds, low, high, np.full(np.shape(seconds), "link"), outside, how, 1.0)


def as_it_fetches(found: Prediction, op: Op, precision: Precision, gpu: Gpu) -> Prediction:
    """What one execution takes with what it has brought from outside the GPU's memory meanwhile: the longer of both.

    ValueError where something is fetched and the GPU has nothing to bring it from.
    """
    fetched = np.asarray(op.fetched_elements)
    if not np.any(fetched > 0):
        return found
    link = beyond(gpu)
    sent_bytes = fetched * precision.activation.bits_per_element / traffic.BITS_PER_BYTE
    seconds = np.where(fetched > 0, send_s(sent_bytes, 2, link), 0.0)
    waits = seconds > found.latency_s
    return replace(
        found,
        latency_s=np.maximum(found.latency_s, seconds),
        low_s=np.maximum(found.low_s, SPREAD[0] * seconds),
        high_s=np.maximum(found.high_s, SPREAD[1] * seconds),
        bound=np.where(waits, "link", found.bound),
        how=np.where(waits, f"link formula ({link.name})", found.how),
    )


def _others(ranks: Real) -> Real:
    return (np.asarray(ranks) - 1.0) / ranks
