"""The devices of a space by their flat positions, as batches of one class that the same can bring weights to."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.hardware import Device, brings, joined
from costmodel.record import map_fields, stack, unstack
from dse.axes import FIELD
from dse.space import Space


def device_positions(space: Space, at: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Positions on the device's axis and its fields' axes of the flat positions `at` over all of them."""
    axes = [axis for axis in space.axes if axis.name.startswith("device")]
    parts = np.unravel_index(at, tuple(len(axis.values) for axis in axes))
    return {axis.name: part for axis, part in zip(axes, parts, strict=True)}


def device_batches(space: Space, at: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], Device]]:
    """The devices at flat positions as one batch a kind, each with where its members are in `at`."""
    positions = device_positions(space, at)
    chosen = positions.pop("device")
    return chosen_devices(space, chosen, {n: np.array(space.axis(n).values)[at] for n, at in positions.items()})


def chosen_devices(
    space: Space, chosen: NDArray[np.int64], fields: Mapping[str, NDArray[np.float64]]
) -> list[tuple[NDArray[np.int64], Device]]:
    """Devices by their positions on their axis, with fields replaced, as `device_batches` gives them."""
    kinds = [(type(device), joined(device), brings(device)) for device in space.devices]
    found = []
    for kind in dict.fromkeys(kinds):
        members = [i for i, other in enumerate(kinds) if other == kind]
        where = np.flatnonzero(np.isin(chosen, members))
        if where.size:
            batch: Any = stack([space.devices[i] for i in members])
            batch = map_fields(batch, itemgetter(np.searchsorted(members, chosen[where])))
            for name, values in fields.items():
                batch = with_field(batch, name.removeprefix(FIELD).split("."), values[where])
            found.append((where, batch))
    return found


def first_devices(space: Space) -> list[Device]:
    """Each device of a space, its fields at the first values of their axes."""
    count = len(space.devices)
    fields = {a.name: np.full(count, a.values[0]) for a in space.axes if a.name.startswith(FIELD)}
    found: dict[int, Device] = {}
    for where, batch in chosen_devices(space, np.arange(count), fields):
        found |= dict(zip(where.tolist(), unstack(batch), strict=True))
    return [found[i] for i in range(count)]


def with_field(record: Any, path: list[str], values: Any) -> Any:
    """The record, or batch, with one numeric field replaced; ValueError where its class has no such field."""
    first, *rest = path
    if not hasattr(record, first):
        raise ValueError(f"a {type(record).__name__} has no {first}, which an axis varies")
    value = with_field(getattr(record, first), rest, values) if rest else values
    return type(record)(**{**record.__dict__, first: value})
