"""python -m app.demo.sparsity: what leaving out weights, filters, pairs and tokens costs and loses on digits.

Products and parameters are those of the strategies in `costmodel.strategies` on the networks as imported, right answers
those of the same networks, trained, cut and trained again: both sides of each trade-off from one run (a minute a seed).
Networks so small say which way a method goes, not how far.
"""

import argparse
import sys
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from app.demo.left_out import METHODS, Row, rows
from app.text import print_table, to_json
from costmodel.files import require_folder, write_atomically

TITLES = {"cnn": "A residual network on digits", "vit": "A vision transformer on digits"}


def summary(found: list[Row]) -> list[dict[str, Any]]:
    """One row a setting: means over seeds, and the span of right answers."""

    def key(row: Row) -> tuple[str, str, str]:
        return row.network, row.method, row.setting

    order = list(dict.fromkeys(map(key, found)))
    listed = []
    for names, group in groupby(sorted(found, key=lambda row: order.index(key(row))), key):
        same = list(group)
        mean = {name: sum(getattr(row, name) for row in same) / len(same) for name in ("macs", "params", "accuracy")}
        right = [row.accuracy for row in same]
        shown = {"macs": f"{mean['macs']:.3f}", "params": f"{mean['params']:.3f}", "accuracy": mean["accuracy"]}
        listed.append(dict(zip(("network", "method", "setting"), names, strict=True)) | shown
                      | {"over seeds": f"{min(right):.2%} to {max(right):.2%}"})  # fmt: skip
    return listed


def page(found: list[Row]) -> str:
    """Return an HTML page with a figure a network, for itself."""
    from app.figures.cut import cut as figure
    from app.report.drawing import drawing, embed

    told = [asdict(row) for row in found]
    parts = [embed(figure(told, network=network, title=TITLES[network])) for network in METHODS]
    return f"<!doctype html><meta charset=utf-8><title>What was left out</title><body>{''.join(parts)}{drawing()}"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 and one line for a number of seeds below 1 or a page without a folder."""
    parser = argparse.ArgumentParser(prog="python -m app.demo.sparsity", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="networks a kind, each from another seed")
    parser.add_argument("--json", action="store_true", help="every row as JSON")
    parser.add_argument("--html", type=Path, help="a page with a figure a network")
    given = parser.parse_args(arguments)
    try:
        if given.seeds < 1:
            raise ValueError(f"seeds must be at least 1, got {given.seeds}")
        if given.html:
            require_folder(given.html)
    except ValueError as error:
        print(f"app.demo.sparsity: {error}", file=sys.stderr)
        return 2
    found = [row for seed in range(given.seeds) for row in rows(seed)]
    if given.html:
        write_atomically(given.html, page(found))
    if given.json:
        print(to_json([asdict(row) for row in found]))
        return 0
    columns = ["network", "method", "setting", "macs", "params", "accuracy"] + ["over seeds"] * (given.seeds > 1)
    print_table("Shares of the whole network, and right answers", summary(found), columns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
