"""Divide an op's counts among GPUs."""

from dataclasses import replace

from costmodel.workload.op import Op


def divided(op: Op, degree: int, *names: str) -> Op:
    """Return the op with the counts of those names divided."""
    return replace(op, **{name: getattr(op, name) / degree for name in names})


def require_degree(kind: str, degree: int) -> None:
    """ValueError unless a degree of parallelism is a whole number of at least 1."""
    if isinstance(degree, bool) or degree != int(degree) or degree < 1:
        raise ValueError(f"{kind} parallelism needs a whole number of GPUs of at least 1, got {degree}")
