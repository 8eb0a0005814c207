"""FTWT: filters of a digits CNN that a predictor picks for each image, trained with what fired."""

from collections.abc import Iterator

from app.study import cut
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "dynamic_filters")
