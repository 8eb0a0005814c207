"""Token merging and pruning: tokens of a digits ViT merged or left out, with and without more training."""

from collections.abc import Iterator

from app.study import cut
from app.study.row import Row


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "tokens")
