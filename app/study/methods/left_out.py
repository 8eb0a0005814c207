"""Weights, filters, pairs, tokens left out of digits networks: N:M masks, Beta-Rank, FTWT, Sparsifiner, merging."""

from collections.abc import Iterator

from app.study.row import Row

NETWORKS = {"cnn": "digits CNN", "vit": "digits ViT"}


def rows(seed: int) -> Iterator[Row]:
    """Yield what `python -m app.demo.sparsity` draws: a minute or more a seed."""
    from app.demo import left_out

    for row in left_out.rows(seed):
        setting = f"{row.method} {row.setting}".strip()
        yield Row(NETWORKS[row.network], setting, "products left", row.macs, "right answers", row.accuracy, seed)
