"""How large an exam is."""

from dataclasses import dataclass

from app.exam.subject import BUDGETS


@dataclass(frozen=True)
class Setup:
    """The numbers that an exam's results depend on.

    seeds, epochs, activations  of the digits networks: a network a seed, trained so long; widths of layers' inputs
    pairs, tokens               of MiniLM: (calibration, test) pairs of sentences, cut off at so many tokens
    probes, draws               Hutchinson probes, random plans a size
    resamples                   of the bootstrap
    """

    seeds: int = 5
    epochs: int = 24
    activations: tuple[int, ...] = (8, 3)
    budgets: tuple[int, ...] = BUDGETS
    pairs: tuple[int, int] = (24, 256)
    tokens: int = 24
    minilm_budgets: tuple[int, ...] = (3,)
    probes: int = 8
    digits_probes: int = 64
    draws: int = 2
    resamples: int = 2000


FULL = Setup()

QUICK = Setup(
    seeds=1, epochs=2, activations=(8,), budgets=(3,), pairs=(4, 24), tokens=16, minilm_budgets=(3,), probes=1,
    digits_probes=4, draws=1, resamples=200,
)  # fmt: skip
"""The same exam, too small to conclude anything: for trying it out."""
