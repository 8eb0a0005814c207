"""One sitting: the true quality of every arm at one size."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.exam.arms import Choice
from app.exam.subject import WIDTHS, Scores, Subject
from app.exam.tables import input_ranges
from dse.compression import correct_biases, gptq, quantise, reestimate_batch_norms
from dse.sensitivity import Range, apply, mean_loss


def sit(
    subject: Subject,
    arms: Mapping[str, Choice],
    *,
    budget: int,
    repair: bool,
    progress: Callable[[int, int], Any] | None = None,
) -> dict[str, Any]:
    """Return the scores of the full network and of each arm, quantised with PTQ repair or without, and its widths."""
    ranges = input_ranges(subject, repair=repair)
    scores: dict[tuple[int, ...], Scores] = {}
    for step, choice in enumerate(arms.values()):
        key = tuple(choice.tolist())
        if key not in scores:
            scores[key] = subject.score(quantised(subject, choice, ranges, repair=repair))
        if progress:
            progress(step + 1, len(arms))
    return {
        "subject": subject.name,
        "activation": subject.activation,
        "budget": budget,
        "repair": repair,
        "full": subject.score(subject.module),
        "arms": {arm: scores[tuple(choice.tolist())] for arm, choice in arms.items()},
        "widths": {arm: dict(zip(subject.layers, _widths(choice), strict=True)) for arm, choice in arms.items()},
        "bytes": {arm: float(subject.weights @ _widths(choice)) / 8 for arm, choice in arms.items()},
    }


def better(subject: Subject, choices: Sequence[Choice], *, repair: bool) -> Choice:
    """The choice with the least loss on the calibration data, where it is quantised whole; the first of equals."""
    ranges = input_ranges(subject, repair=repair)
    size = len(subject.calibration[1])
    lost = [
        mean_loss(
            quantised(subject, choice, ranges, repair=repair),
            subject.calibration,
            loss_fn=subject.loss_fn,
            batch_size=size,
        )
        for choice in choices
    ]
    return choices[int(np.argmin(lost))]


def quantised(subject: Subject, choice: Choice, ranges: Mapping[str, Range], *, repair: bool) -> Any:
    """The module at a choice: rounded to nearest, or repaired by GPTQ, bias correction and batch-norm re-estimation."""
    if not repair:
        return apply(subject.module, subject.precisions(choice), ranges)
    inputs = subject.calibration[0]
    rounded = quantise(subject.module, subject.precisions(choice), ranges, inputs, gptq)
    return reestimate_batch_norms(correct_biases(rounded, subject.module, subject.layers, inputs), inputs)


def _widths(choice: Choice) -> NDArray[np.int64]:
    return np.array(WIDTHS)[choice]
