"""Sparsifiner: pairs of tokens of a digits ViT that a low-rank predictor lets attend to each other."""

from collections.abc import Iterator

from app.study import cut
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "pairs")
