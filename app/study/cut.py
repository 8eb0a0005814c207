"""What `app.demo.left_out` leaves out of networks for digits, as rows of a study."""

from collections.abc import Iterator

from app.study.row import Row

NETWORKS = {"cnn": "digits CNN", "vit": "digits ViT"}


def rows(seed: int, method: str) -> Iterator[Row]:
    """Yield the whole network and what one of its methods leaves out, trained on after the cut."""
    from app.demo import left_out

    for row in left_out.rows(seed, getattr(left_out, method)):
        setting = f"{row.method} {row.setting}".strip()
        yield Row(NETWORKS[row.network], setting, "products left", row.macs, "right answers", row.accuracy, seed)
