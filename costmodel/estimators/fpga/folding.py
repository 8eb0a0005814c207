"""Choose PE and SIMD of every layer: a balanced pipeline that fits the device."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from costmodel.estimators.fpga.covering import covering
from costmodel.estimators.fpga.folding_streamed import streamed
from costmodel.estimators.fpga.folding_tables import (
    BRAM,
    BRAM18,
    CYCLES,
    DSP,
    FLAGS,
    LUT,
    MEMORY,
    MOVED,
    RESOURCES,
    ULTRA,
    URAM,
    Floats,
    Tables,
    candidates,
    tables,
)
from costmodel.estimators.fpga.unit import Folding
from costmodel.hardware import Fpga
from costmodel.precision import Precision
from costmodel.record import unstack
from costmodel.workload import Workload

DEARER = np.array([
    [1, 1, 1, 1],
    [3, 1, 1, 1], [1, 3, 1, 1], [1, 1, 3, 1], [1, 1, 1, 3], [10, 1, 1, 1], [1, 10, 1, 1], [1, 1, 10, 1],
    [3, 3, 1, 1], [3, 1, 3, 1], [1, 3, 3, 1], [1, 0, 0, 0],
], dtype=np.float64)  # fmt: skip
"""Factors of the resources' prices in the order tried at each target: at one price a plan may lack a resource while
others are left. The last asks for the fewest LUTs, as an asked throughput does. Chosen on 4 networks of the zoo in
int2, int4, int6 and int8 on 10 boards: beside equal prices alone, a third of these get faster, none slower."""

ROUNDING = 1e-12
"""Relative error within which a throughput computed from a number of cycles still asks for that number."""


def fold(
    workload: Workload,
    precision: Precision,
    device: Fpga,
    *,
    utilisation: float = 0.7,
    throughput_per_s: float | None = None,
    streaming: bool = False,
) -> Folding:
    """Return a folding of every layer, PE dividing its height and SIMD its width; `precision` is one or a batch of ops.

    Without `throughput_per_s` the slowest layer is as fast as LUT, DSP, BRAM and URAM within `utilisation` x device
    allow: each layer takes the cheapest folding, by its shares of the device, that keeps up with it. With it every
    layer keeps up with that rate of images or sequences for the fewest LUTs; where that does not fit, for less of what
    is short if that does. DSP blocks go to the layers where one saves most LUTs, while they last; weights move to URAM
    where a block of it saves most block RAM, or else those of any layers that make the rest fit. With `streaming`,
    where that is not enough, others come from the device's memory so that the rest fits: those that it brings first of
    all, which may pace the units, at an asked throughput those that it brings in time. A resource of which even the
    smallest design needs more than that share may be used whole. Where it needs more than there is, the network does
    not fit, and its totals show it: no folding is then taken that needs more of that resource than the smallest does.
    ValueError where no folding, or not the memory, reaches the throughput, or it is not above 0.
    """
    if throughput_per_s is not None and not throughput_per_s > 0:
        raise ValueError(f"throughput_per_s must be above 0, got {throughput_per_s}")
    used = [precision] * len(workload.ops) if isinstance(precision.math_pipe, str) else unstack(precision)
    known = tuple(replace(each, output=each.written) for each in used)
    return _fold(workload, known, device, utilisation, throughput_per_s, streaming)


def folded_for(made: Precision, *, streaming: bool = False) -> Callable[[Workload, Precision, Fpga], Folding]:
    """What folds a network as `fold` does where all its layers have one precision, whatever they have."""
    return lambda workload, _, device: fold(workload, made, device, streaming=streaming)


@lru_cache(maxsize=16)
def _fold(
    workload: Workload,
    precision: tuple[Precision, ...],
    device: Fpga,
    utilisation: float,
    throughput_per_s: float | None,
    streaming: bool,
) -> Folding:
    """The folding for the precision of each op; do not edit."""
    limits = _limits(device.usable(utilisation))
    price = np.array([1.0, 0.0, 0.0, 0.0]) if throughput_per_s else 1 / np.maximum(limits, 1e-9)
    places = (BRAM, *[ULTRA] * bool(limits[3]), *[MEMORY] * streaming)
    units = [i for i, op in enumerate(workload.ops) if candidates(op)]
    if not units:
        return _spread(workload, units, np.empty((0, MOVED + 1)))
    known = tables(workload, precision, device, units, price, places)
    if throughput_per_s:
        target = workload.batch * device.clock_hz / throughput_per_s * (1 + ROUNDING)
        fastest = max(known[0, BRAM].fastest, np.ceil(known[0, BRAM].rows[:, 0, MOVED].sum()))
        if target < fastest:
            most = workload.batch * device.clock_hz / fastest
            raise ValueError(f"throughput_per_s must be at most {most:.6g} on {device.name}, got {throughput_per_s}")
        return _spread(workload, units, _left_in_dsp(_asked(known, target, limits), known, limits))
    reached = _reachable(known, limits, _limits(device))
    return _spread(workload, units, _left_in_dsp(_fastest(known, reached, price * DEARER), known, reached))


def _plan(known: Tables, target: float, limits: Floats) -> Floats:
    """One candidate a layer at that target, of the first price."""
    return next(_plans(known, target, target, limits))


def _plans(
    known: Tables, target: float, brought: float, limits: Floats, most: Floats | None = None
) -> Iterator[Floats]:
    """One candidate a layer at that target, at each price, of which the memory brings all within `brought` cycles; none
    of those that take more than `most` of a resource wherever weights are."""
    places = [place for place in (BRAM, ULTRA) if (0, place) in known]
    onchip = [_in_dsp(known[0, place].within(target)[0], known[1, place].within(target)[0], limits) for place in places]
    away = [known[key].within(target)[0] if key in known else onchip[0] for key in ((0, MEMORY), (1, MEMORY))]
    for plain, ultra, luts, blocks in zip(onchip[0], onchip[-1], *away, strict=True):
        least = np.minimum.reduce([plain, ultra, luts, blocks])[:, RESOURCES].sum(axis=0)
        if most is None or (least <= most).all():
            plan = streamed(_in_uram(plain, ultra, limits), luts, brought, limits)
            out = (plan[:, 4] > 0) & (blocks[:, BRAM18] <= luts[:, BRAM18])
            left = limits - plan[~out][:, RESOURCES].sum(axis=0)
            plan[out] = _in_dsp(luts[out], blocks[out], left)
            yield plan


def _in_dsp(luts: Floats, blocks: Floats, limits: Floats) -> Floats:
    """Products in DSP blocks where they save most LUTs a block, until none is left; of plans [..., layers, columns]."""
    saved = (luts[..., LUT] - blocks[..., LUT]) / np.maximum(blocks[..., DSP], 1e-9)
    order = np.argsort(-saved, axis=-1, kind="stable")
    lasts = np.empty(order.shape, dtype=bool)
    taken = np.cumsum(np.take_along_axis(blocks[..., DSP], order, axis=-1), axis=-1)
    np.put_along_axis(lasts, order, taken <= limits[1], axis=-1)
    return np.where((lasts & (saved >= 0))[..., None], blocks, luts)


def _left_in_dsp(plan: Floats, known: Tables, limits: Floats) -> Floats:
    """The plan with products in the DSP blocks that are left, where that alone saves LUTs: in `_in_dsp` the candidates
    differ in their foldings too, and one in DSP blocks that is cheaper for its block RAM may take more LUTs."""
    luts, blocks = (known[dsp, BRAM].folded_alike(plan) for dsp in (0, 1))
    moved, inside = plan.copy(), plan[:, 2] > 0
    moved[:, [2, DSP]] = blocks[:, [2, DSP]]
    moved[:, LUT] += blocks[:, LUT] - luts[:, LUT]
    left = limits - np.array([0.0, plan[:, DSP].sum(), 0.0, 0.0])
    found = plan.copy()
    found[~inside] = _in_dsp(plan[~inside], moved[~inside], left)
    return found


def _in_uram(plain: Floats, moved: Floats, limits: Floats) -> Floats:
    """Weights in URAM where a block of it saves most block RAM, until the rest fits or none goes into what is left;
    where it then does not, those of fewest blocks of URAM that make it fit, if there are so many."""
    saved = plain[:, BRAM18] - moved[:, BRAM18]
    order = np.argsort(-saved / np.maximum(moved[:, URAM], 1e-9), kind="stable")
    short, left, layers = plain[:, BRAM18].sum() - limits[2], limits[3], []
    over, plan = short, plain.copy()
    for layer in order[saved[order] > 0].tolist():
        if over > 0 and moved[layer, URAM] <= left:
            layers.append(layer)
            over, left = over - saved[layer], left - moved[layer, URAM]
    if over > 0:
        movable = np.flatnonzero(saved > 0)
        others = movable[covering(saved[movable], moved[movable, URAM], short)]
        fits = saved[others].sum() >= short and moved[others, URAM].sum() <= limits[3]
        layers = others.tolist() if fits else layers
    plan[layers] = moved[layers]
    return plan


def _reachable(known: Tables, limits: Floats, whole: Floats) -> Floats:
    """The limits, each raised to the whole device, or to what the smallest design needs, where that is more.

    Where LUTs or block RAM are short at these limits, DSP blocks or URAM may be used whole to save them.
    """
    onchip = {key: table for key, table in known.items() if key[1] != MEMORY}
    short = _plan(onchip, np.inf, limits)[:, RESOURCES].sum(axis=0) > limits
    short |= short[[0, 0, 2, 2]]
    raised = np.where(short, whole, limits)
    needs: Floats = _plan(known, np.inf, raised)[:, RESOURCES].sum(axis=0)
    return np.maximum(raised, needs)


def _asked(known: Tables, target: float, limits: Floats) -> Floats:
    """The plan at a target of fewest LUTs; where it does not fit, the first that does at prices of all resources."""
    first = _plan(known, target, limits)
    if np.all(first[:, RESOURCES].sum(axis=0) <= limits):
        return first
    prices = DEARER / np.maximum(limits, 1e-9)
    priced = {key: table.priced(prices) for key, table in known.items()}
    plans = _plans(priced, target, target, limits, limits)
    return next((plan for plan in plans if np.all(plan[:, RESOURCES].sum(axis=0) <= limits)), first)


def _fastest(known: Tables, limits: Floats, prices: Floats) -> Floats:
    """The fastest plan that fits, by the first price: at targets in the cycles that some candidate takes, the least
    first.

    What fits is not monotone in the target: a slower unit may take fewer LUTs but more block RAM. What all layers need
    at least of each resource is, and rules out the targets before the first one tried. Between two targets units are
    the same, and the memory may pace them: of weights that it brings before the next one, those that it brings first.
    """
    plain = known[0, BRAM]
    targets = np.unique(plain.rows[..., CYCLES])
    targets = targets[targets >= plain.fastest]
    first = bisect_left(targets, True, key=lambda target: bool(np.all(_least(known, target) <= limits)))
    priced = {key: table.priced(prices) for key, table in known.items()}
    within = targets[first:].tolist()
    for target, following in zip(within, [*within[1:], np.inf], strict=True):
        best, interval = None, np.inf
        for plan in _plans(priced, target, following - 1.0, limits, limits):
            brought = np.ceil(plan[:, MOVED].sum())
            if brought < interval and np.all(plan[:, RESOURCES].sum(axis=0) <= limits):
                best, interval = plan, brought
            if best is not None and interval <= target:
                break
        if best is not None:
            return best
    return _plan(known, np.inf, limits)


def _least(known: Tables, target: float) -> Floats:
    """Of each resource the least that any plan within the target takes."""
    each = np.stack([table.least(target) for table in known.values()])
    total: Floats = each.min(axis=0).sum(axis=0)
    return total


def _limits(device: Fpga) -> Floats:
    return np.array([device.lut, device.dsp, device.bram18, device.uram], dtype=np.float64)


def _spread(workload: Workload, units: list[int], plan: Floats) -> Folding:
    """The plan over all ops, a folding of ones where an op is no unit."""
    columns = np.tile([[1.0], [1.0], [1.0], [0.0], [0.0]], len(workload.ops))
    columns[:, units] = plan[:, FLAGS].T
    return Folding(*columns)
