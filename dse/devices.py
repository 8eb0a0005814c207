"""The devices of a space by their flat positions, as batches of one class."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.hardware import Device
from costmodel.record import map_fields, stack
from dse.axes import FIELD
from dse.space import Space


def device_positions(space: Space, at: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Positions on the device's axis and its fields' axes of the flat positions `at` over all of them."""
    axes = [axis for axis in space.axes if axis.name.startswith("device")]
    parts = np.unravel_index(at, tuple(len(axis.values) for axis in axes))
    return {axis.name: part for axis, part in zip(axes, parts, strict=True)}


def device_batches(space: Space, at: NDArray[np.int64]) -> list[tuple[NDArray[np.int64], Device]]:
    """The devices at flat positions as one batch a class, each with where its members are in `at`."""
    positions = device_positions(space, at)
    chosen = positions.pop("device")
    return chosen_devices(space, chosen, {n: np.array(space.axis(n).values)[at] for n, at in positions.items()})


def chosen_devices(
    space: Space, chosen: NDArray[np.int64], fields: Mapping[str, NDArray[np.float64]]
) -> list[tuple[NDArray[np.int64], Device]]:
    """Devices by their positions on their axis, with fields replaced, as `device_batches` gives them."""
    classes = [type(device) for device in space.devices]
    found = []
    for cls in dict.fromkeys(classes):
        members = [i for i, kind in enumerate(classes) if kind is cls]
        where = np.flatnonzero(np.isin(chosen, members))
        if where.size:
            batch: Any = stack([space.devices[i] for i in members])
            batch = map_fields(batch, itemgetter(np.searchsorted(members, chosen[where])))
            for name, values in fields.items():
                batch = with_field(batch, name.removeprefix(FIELD).split("."), values[where])
            found.append((where, batch))
    return found


def with_field(record: Any, path: list[str], values: Any) -> Any:
    """The record, or batch, with one numeric field replaced; ValueError where its class has no such field."""
    first, *rest = path
    if not hasattr(record, first):
        raise ValueError(f"a {type(record).__name__} has no {first}, which an axis varies")
    value = with_field(getattr(record, first), rest, values) if rest else values
    return type(record)(**{**record.__dict__, first: value})
