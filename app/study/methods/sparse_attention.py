"""Sparsifiner: pairs of tokens of a digits ViT that a low-rank predictor lets attend to each other."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from app.study import cut
from app.study.row import Row


def notes(found: Sequence[Row]) -> list[str]:
    """Say so where no setting saves a product."""
    whole, *cut_ = (fmean(row.cost for row in found if row.setting == name) for name in _settings(found))
    if not cut_ or min(cut_) < whole:
        return []
    return ["No setting saves products: the predictor takes more than attention to fewer of so few tokens saves."]


def _settings(found: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row.setting for row in found))


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, its products by its strategy."""
    yield from cut.rows(seed, "pairs")
