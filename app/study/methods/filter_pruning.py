"""Beta-Rank: filters of a digits CNN left out by its score and by their size, the rest trained on."""

from collections.abc import Iterator

from app.study import cut
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "filters")
