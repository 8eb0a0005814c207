"""Single designs of a space, anywhere on it: what sampling, indices and searches evaluate, and their full estimates."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from costmodel.estimators import energy, roofline
from costmodel.estimators.estimate import estimate
from costmodel.estimators.estimated import Estimate
from costmodel.hardware import Device, Fpga
from costmodel.precision import precision
from costmodel.record import stack, unstack
from costmodel.workload import Workload
from dse import passes
from dse.axes import FIELD
from dse.devices import chosen_devices, device_batches
from dse.evaluation import Grid, evaluate
from dse.predicted import predicted
from dse.space import Space

Floats = NDArray[np.float64]


def metrics(
    space: Space,
    positions: Mapping[str, ArrayLike],
    names: tuple[str, ...],
    fields: Mapping[str, ArrayLike] | None = None,
) -> dict[str, Floats]:
    """Return metrics of designs by their positions on the axes: {name: float64[designs]}.

    positions  {axis: int[designs]}, each within its axis; an axis that is not named is at its first value
    fields     {"device.FIELD": float[designs]}, values between or beyond those of an axis, or of a field without one

    Designs of one workload and precision are evaluated together. What a device does not have or cannot run is nan.
    """
    given = {**positions, **(fields or {})}
    count = int(np.broadcast_shapes(*(np.shape(values) for values in given.values()), (1,))[0])
    at = {a.name: np.broadcast_to(np.asarray(positions.get(a.name, 0)), count) for a in space.axes}
    values = {a.name: np.array(a.values)[at[a.name]] for a in space.axes if a.name.startswith(FIELD)}
    values |= {name: np.broadcast_to(np.asarray(v, dtype=np.float64), count) for name, v in (fields or {}).items()}
    outer = [a for a in space.axes if not a.name.startswith("device")]
    found = {name: np.full(count, np.nan) for name in names}
    keys, which = np.unique(np.stack([at[a.name] for a in outer]), axis=1, return_inverse=True)
    for i, key in enumerate(keys.T.tolist()):
        rows = np.flatnonzero(which.ravel() == i)
        design = {a.name: a.values[position] for a, position in zip(outer, key, strict=True)}
        chosen = precision(design.pop("precision"))
        varied = {name: column[rows] for name, column in values.items()}
        for where, batch in chosen_devices(space, at["device"][rows], varied):
            columns = evaluate(passes.build(design), Grid((chosen,), batch), names, space.latency)
            for name, column in columns.items():
                found[name][rows[where]] = column[0]
        for name, column in predicted(passes.build(design), [chosen], design, names).items():
            found[name][rows] = column[0]
    return found


def estimate_of(space: Space, index: int) -> Estimate:
    """What costmodel.estimate says of one design: layers, intervals, sources; ValueError where it cannot run."""
    workload, device = parts_of(space, index)
    return estimate(workload, space.design(index)["precision"], device)


def as_swept(space: Space, found: Estimate) -> dict[str, float]:
    """What a sweep of the space gives a design, of one precision or a layer's own, where it is not the estimate's:
    {metric: value}, empty where its latency is the estimate's."""
    if space.latency != "roofline" or isinstance(found.device, Fpga):
        return {}
    op, used = stack(found.workload.ops), stack(found.precisions)
    latency_s = float(np.sum(roofline.latency_s(op, used, found.device)))
    energy_j = float(np.sum(energy.energy_j(op, used, found.device)))
    told = {"latency_s": latency_s, "examples_per_s": found.workload.batch / latency_s}
    return told | ({"energy_j": energy_j} if np.isfinite(energy_j) else {})


def parts_of(space: Space, index: int) -> tuple[Workload, Device]:
    """The workload and the device of a design."""
    ((_, batch),) = device_batches(space, np.array([index % space.inner()[1]]))
    design = space.design(index)
    outer = {name: value for name, value in design.items() if name != "precision" and not name.startswith("device")}
    return passes.build(outer).workload, unstack(batch)[0]


def random_positions(space: Space, count: int, seed: int) -> dict[str, NDArray[np.int64]]:
    """Positions of designs drawn from the product, each as likely as the others: {axis: int64[count]}."""
    return space.positions(np.random.default_rng(seed).integers(0, space.size, count))
