"""One sitting: the true quality of every arm at one size."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exam.arms import Choice, assignments
from app.exam.subject import WIDTHS, Scores, Subject
from app.exam.tables import input_ranges
from dse.compression import correct_biases, gptq, quantise, reestimate_batch_norms
from dse.sensitivity import Range, apply


def sit(
    subject: Subject,
    losses: Mapping[str, NDArray[np.float64]],
    *,
    budget: int,
    repair: bool,
    draws: int,
    progress: Callable[[int, int], Any] | None = None,
) -> dict[str, Any]:
    """Return the scores of the full network and of each arm at a budget, with and without PTQ repair, and its widths.

    Scores of the random arms are averaged example by example.
    """
    ranges = input_ranges(subject, repair=repair)
    arms = assignments(losses, subject.weights, budget, draws=draws, seed=0)
    scores: dict[tuple[int, ...], Scores] = {}
    for step, choice in enumerate(arms.values()):
        key = tuple(choice.tolist())
        if key not in scores:
            scores[key] = subject.score(quantised(subject, choice, ranges, repair=repair))
        if progress:
            progress(step + 1, len(arms))
    by_arm = {arm: scores[tuple(choice.tolist())] for arm, choice in arms.items()}
    random = [by_arm.pop(arm) for arm in arms if arm.startswith("random")]
    by_arm["random"] = {metric: np.mean([r[metric] for r in random], axis=0) for metric in random[0]}
    weights = subject.weights
    return {
        "subject": subject.name,
        "activation": subject.activation,
        "budget": budget,
        "repair": repair,
        "full": subject.score(subject.module),
        "arms": by_arm,
        "widths": {arm: dict(zip(subject.layers, _widths(choice), strict=True)) for arm, choice in arms.items()},
        "bytes": {arm: float(weights @ _widths(choice)) / 8 for arm, choice in arms.items()},
    }


def quantised(subject: Subject, choice: Choice, ranges: Mapping[str, Range], *, repair: bool) -> Any:
    """The module at a choice: rounded to nearest, or repaired by GPTQ, bias correction and batch-norm re-estimation."""
    precisions = {name: subject.options[o] for name, o in zip(subject.layers, choice.tolist(), strict=True)}
    if not repair:
        return apply(subject.module, precisions, ranges)
    inputs = subject.calibration[0]
    rounded = quantise(subject.module, precisions, ranges, inputs, gptq)
    return reestimate_batch_norms(correct_biases(rounded, subject.module, subject.layers, inputs), inputs)


def _widths(choice: Choice) -> NDArray[np.int64]:
    return np.array(WIDTHS)[choice]
