"""What sizes the constructors of ops take."""

from math import isfinite


def require_positive(name: str, **sizes: float) -> None:
    """ValueError with the op's name where a size is not a positive number."""
    _require(name, "positive", {what: size for what, size in sizes.items() if not size > 0}, sizes)


def require_counts(name: str, **sizes: float) -> None:
    """ValueError with the op's name where a size is negative or no number."""
    _require(name, "zero or more", {what: size for what, size in sizes.items() if not size >= 0}, sizes)


def _require(name: str, wanted: str, wrong: dict[str, float], sizes: dict[str, float]) -> None:
    wrong |= {what: size for what, size in sizes.items() if not isfinite(size)}
    if wrong:
        what, size = next(iter(wrong.items()))
        raise ValueError(f"{name}: {what} must be {wanted} and finite, got {size}")
