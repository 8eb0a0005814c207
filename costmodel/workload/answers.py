"""Answers: how often what a pass writes is right, so that what it costs and what it is worth go together."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answers:
    """Probabilities that an answer is right and that it is wrong; the rest is that there is none.

    ValueError where one is outside [0, 1] or both are more than 1.
    """

    right: float
    wrong: float

    def __post_init__(self) -> None:
        if not (0 <= self.right <= 1 and 0 <= self.wrong <= 1 and self.right + self.wrong <= 1 + 1e-9):
            raise ValueError(f"right and wrong must be probabilities of at most 1 in all, got {self}")


def sampled(correct: float) -> Answers:
    """One sample of a model that is right so often; ValueError for a number outside [0, 1]."""
    if not 0 <= correct <= 1:
        raise ValueError(f"correct must be within [0, 1], got {correct}")
    return Answers(correct, 1.0 - correct)
