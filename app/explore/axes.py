"""Which metrics the axes of Explore show, and how."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.designs import spoken
from app.web import state
from app.web.state import State
from dse import axes
from dse.axes import FIELD
from dse.space import Space

PLACES = ("x", "y", "z")
AXES = (*PLACES, "log", "per")
"""Parts of a link, each a control explore-NAME."""
NONE = "none"
LARGEST, LARGEST_EXPONENT = 1e300, 300.0
"""Ends of an axis that a link may have: float64 holds their differences."""
FARTHEST = 1e3
"""A camera's place that a link may have, in edges of the cube that holds three axes."""
FLAT = "the two ends of x and the two of y, exponents of ten of a logarithmic one, as -3,-1,0,2.5"
DEEP = "x, y, z of where three axes are seen from, of what is looked at and of what is up, as 1.5,1.5,0.9,0,0,0,0,0,1"
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


def read_zoom(given: State, shown: Mapping[str, Any]) -> list[float] | None:
    """The ends of both axes that a link shows, exponents of ten of a logarithmic one; none where it shows all.

    Of three axes the camera's eye, center and up, x, y and z each, in plotly's units. ValueError says what it expects.
    """
    spelled = given.get("zoom", "")
    if not spelled:
        return None
    try:
        ends = [float(end) for end in spelled.split(",")]
    except ValueError:
        ends = []
    if shown["z"] == NONE:
        most = [LARGEST_EXPONENT if letter in shown["log"] else LARGEST for letter in "xxyy"]
        fine = len(ends) == 4 and ends[0] != ends[1] and ends[2] != ends[3]
    else:
        most = [FARTHEST] * 9
        fine = len(ends) == 9 and ends[:3] != ends[3:6] and any(ends[6:])
    if not fine or not all(abs(end) <= bound for end, bound in zip(ends, most, strict=True)):
        raise ValueError(f"zoom must be {FLAT if shown['z'] == NONE else DEEP}, got {spelled[:40]!r}")
    return ends


def grouped(space: Space) -> str:
    """The axis whose values have fronts of their own in a run: the first such that Explore has, "none" without."""
    return next((name for name in space.groups if name in GROUPS and len(space.axis(name).values) > 1), NONE)


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
