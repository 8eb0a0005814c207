"""Divide an op's counts among GPUs."""

from dataclasses import replace

from costmodel.workload.op import Op


def divided(op: Op, degree: int, *names: str) -> Op:
    """Return the op with the counts of those names divided."""
    return replace(op, **{name: getattr(op, name) / degree for name in names})


def require_degree(kind: str, degree: int) -> None:
    """ValueError unless a degree of parallelism is a whole number of at least 1."""
    if not _counts(degree):
        raise ValueError(f"{kind} parallelism needs a whole number of GPUs of at least 1, got {degree}")


def require_count(name: str, count: int, of: str) -> None:
    """ValueError unless so many of what is named in words are a whole number of at least 1."""
    if not _counts(count):
        raise ValueError(f"{name} must be a whole number of {of} of at least 1, got {count}")


def _counts(number: float) -> bool:
    return not isinstance(number, bool) and number >= 1 and number % 1 == 0
