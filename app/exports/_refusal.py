"""How an export says no."""

from costmodel.formats import Format


class UnexpressibleError(ValueError):
    """What a target lacks for a layer; `entries` says for which."""


def unknown(role: str, fmt: Format, known: str) -> UnexpressibleError:
    """The refusal of a format: what it is for, and what the tool has."""
    return UnexpressibleError(f"it has no {fmt.name} {role} there, but {known}")
