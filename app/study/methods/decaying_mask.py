"""Progressive Gradient Flow: one of four weights of a digits CNN left, by three schedules of its training."""

from collections.abc import Iterator

from app.study import cut
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "masks")
