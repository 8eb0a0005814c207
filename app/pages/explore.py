"""Explore: a space of designs, its front, and any design in detail."""

from typing import Any

from dash import Dash

from app.web.parts import note, panel
from app.web.state import State

NAME = "Explore"
ORDER = 1


def layout(state: State) -> Any:  # noqa: ARG001
    """The page for a state."""
    return panel("Designs", note("Choose a model and devices."))


def register(app: Dash) -> None:
    """Add the page's callbacks."""
