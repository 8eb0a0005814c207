"""Which metrics the axes of Explore show, and how."""

from collections.abc import Sequence
from typing import Any

from app.designs import spoken
from app.web import state
from app.web.state import State
from dse import axes
from dse.axes import FIELD

PLACES = ("x", "y", "z")
AXES = (*PLACES, "log", "per")
"""Parts of a link, each a control explore-NAME."""
NONE = "none"
GROUPS = ("device", "precision", "batch", "context", "strategy", "model")
"""Axes of a space each of whose values may have a front of its own."""


def read(given: State, metrics: Sequence[str], *, per: str) -> dict[str, Any]:
    """The values of the axes' controls, by default latency and loss; ValueError names the field and what it expects."""
    first, second = ("latency_s", "loss") if {"latency_s", "loss"} <= set(metrics) else metrics[:2]
    shown = {
        "x": state.chosen(given, "x", metrics, first),
        "y": state.chosen(given, "y", metrics, second),
        "z": state.chosen(given, "z", [NONE, *metrics], NONE),
        "log": [] if given.get("log") == NONE else state.several(given, "log", PLACES, ("x", "y")),
        "per": state.chosen(given, "per", [NONE, *GROUPS], per),
    }
    named(*(shown[place] for place in PLACES))
    return shown


def told(name: str, value: Any) -> str:
    """A value of a space's axis in words, a device's field by its name in words: memory bandwidth 300 GB/s."""
    field = name.removeprefix(FIELD)
    return (
        axes.told(name, value).replace(f"{field} ", f"{spoken(field)} ", 1) if field != name else axes.told(name, value)
    )


def named(x: Any, y: Any, z: Any) -> tuple[str, ...]:
    """The two or three metrics that are shown; ValueError where one is shown twice."""
    found = tuple(name for name in (x, y, z) if isinstance(name, str) and name != NONE)
    if not 2 <= len(set(found)) == len(found):
        raise ValueError(f"the axes must show two or three different metrics, got {', '.join(found) or 'none'}")
    return found
