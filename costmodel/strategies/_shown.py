"""How a strategy shows in a notebook."""

from dataclasses import fields
from typing import Any

from costmodel import display


class Shown:
    """A strategy of which a notebook shows the fields and the first line of what it does."""

    def _repr_html_(self) -> str:
        values = {f.name: _told(f.name, getattr(self, f.name)) for f in fields(self) if f.init}  # type: ignore[arg-type]
        does = (type(self).__doc__ or "").partition("\n")[0]
        return display.card(f"Strategy {type(self).__name__}", values, notes=(does,))


def _told(name: str, value: Any) -> Any:
    """Parts of a tuple one after another, and a share as it is written: 0.5 is no 500 m."""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) and not display.unit(name) else value
