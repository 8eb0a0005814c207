"""What strategies of answers share: a decode that runs several times for each token of an answer, in turn."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costmodel.workload import Workload


def again(workload: Workload, runs: float, covers: str) -> Workload:
    """Return a decode whose ops run `runs` times for each token that counts, of answers that nobody knows.

    ValueError for another pass.
    """
    if workload.phase != "decode":
        raise ValueError(f"only a decode writes answers, {workload.name} is a {workload.phase} pass")
    told = f"{covers}: {workload.covers}" if workload.covers else covers
    return replace(repeated(workload, runs), covers=told, answers=None)


def repeated(workload: Workload, runs: float) -> Workload:
    """Return the pass `runs` times for each token that counts; a model that comes beside it runs as much oftener."""
    return replace(workload.map(lambda op: op.times(runs)), written=workload.written * runs)


def problems(workload: Workload, correct: tuple[float, ...], name: str) -> NDArray[np.float64]:
    """How often a sample is right: float64[problems], as a strategy says, or none for as its workload does.

    ValueError where neither does.
    """
    if correct:
        return np.asarray(correct, dtype=np.float64)
    if workload.answers is None:
        raise ValueError(f"{name} needs how often a sample is right, correct, and {workload.name} does not say")
    return np.array([workload.answers.right])


def require_samples(samples: int) -> None:
    """ValueError unless it is a whole number of at least 1."""
    if samples < 1 or samples != int(samples):
        raise ValueError(f"samples must be a whole number of at least 1, got {samples}")


def require_correct(correct: tuple[float, ...]) -> None:
    """ValueError for what is no probability."""
    outside = [share for share in correct if not 0 <= share <= 1]
    if outside:
        raise ValueError(f"correct must be within [0, 1], got {outside[0]}")
