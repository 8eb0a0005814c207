"""python -m app.demo.sparsity: what leaving out weights, filters, pairs and tokens costs and loses on digits.

Products and parameters are those of the strategies in `costmodel.strategies` on the networks as imported, right answers
those of the same networks, trained, cut and trained again: both sides of each trade-off from one run (a minute a seed).
Networks so small say which way a method goes, not how far.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from app.text import print_table, to_json
from costmodel import strategies as cut
from costmodel.files import write_atomically
from costmodel.importers import torch_export
from costmodel.workload import Workload
from dse import compression
from dse.sensitivity.evaluate import accuracy

TUNED = 6
"""Epochs of training after or during a cut: a quarter of the first training's."""


@dataclass(frozen=True)
class Row:
    """One way to cut one network from one seed: shares of the whole one's products and parameters, right answers."""

    network: str
    method: str
    setting: str
    macs: float
    params: float
    accuracy: float
    seed: int


@dataclass(frozen=True)
class Subject:
    """A trained network, the pass it makes on one image, and its data."""

    network: str
    module: Any
    whole: Workload
    data: Any
    seed: int

    def row(self, method: str, setting: str, net: Workload, module: Any) -> Row:
        """What a cut network costs by its pass and answers right on held-out images."""
        macs, params = (
            sum(getattr(op, name) for op in net.ops) / sum(getattr(op, name) for op in self.whole.ops)
            for name in ("macs", "params")
        )
        return Row(self.network, method, setting, macs, params, accuracy(module, self.data["test"]), self.seed)


def rows(seed: int) -> Iterator[Row]:
    """Yield the rows of both networks, trained from a seed."""
    from app.demo.network import digits, train, use_one_thread
    from app.demo.transformer import train_transformer

    use_one_thread()
    data = digits(seed)
    for network, trained in (("cnn", train), ("vit", train_transformer)):
        module: Any = trained(data["train"], seed=seed)
        whole = torch_export.read(module, (data["test"][0][:1],))
        subject = Subject(network, module, whole, data, seed)
        yield subject.row("whole", "", whole, module)
        for method in METHODS[network]:
            yield from method(subject)


def masks(on: Subject) -> Iterator[Row]:
    """One of four weights, by three schedules."""
    for schedule in ("sdgf_stepwise", "mdgf_linear", "mdgf_exponential"):
        how = cut.DecayingMask(1, 4, schedule, fine_tune=0.3)
        layers = [op.name for op in on.whole.ops if how.touches(op)]
        done = compression.train_decaying(on.module, layers, how, on.data["train"], epochs=TUNED)
        yield on.row("1:4 weights", schedule, how(on.whole), done.module)


def filters(on: Subject) -> Iterator[Row]:
    """Part of the channels of every layer, chosen by two scores."""
    convolutions = [op.name for op in on.whole.ops if op.kind == "conv"]
    for score in compression.SCORES:
        scores = compression.filter_scores(on.module, convolutions, on.data["calibration"][0], score=score)
        for keep in (0.7, 0.5, 0.3):
            pruned = cut.FilterPruning(keep)(on.whole)
            zeros = compression.zeros(on.whole, pruned, scores, on.module)
            tuned = compression.fine_tune(on.module, on.data["train"], epochs=TUNED, masks=zeros)
            yield on.row(f"filters by {score}", f"keep {keep}", pruned, tuned)


def dynamic_filters(on: Subject) -> Iterator[Row]:
    """Filters of each block's first convolution by input."""
    gates = {conv: norm for conv, norm in compression.norms_of(on.whole).items() if conv.endswith(".conv1")}
    for mass in (0.9, 0.7, 0.5):
        fired = compression.fire_together(on.module, gates, on.data["train"], mass=mass, epochs=TUNED)
        how = cut.DynamicFilters(fired.keep, tuple(gates), deviation=fired.deviation)
        yield on.row("dynamic filters", f"mass {mass}", how(on.whole), fired.module)


def pairs(on: Subject) -> Iterator[Row]:
    """Attention to part of the keys."""
    attentions = [f"blocks.{i}.attn" for i in range(len(on.module.blocks))]
    for keep in (0.5, 0.25):
        how = cut.SparseAttention(keep, reduce_tokens=4)
        sparse = compression.predict_connectivity(on.module, attentions, how, on.data["train"], epochs=TUNED)
        yield on.row("sparse attention", f"keep {keep}", how(on.whole), sparse)


def tokens(on: Subject) -> Iterator[Row]:
    """Merged tokens, and pruned ones with and without more training."""
    blocks = [f"blocks.{i}" for i in range(len(on.module.blocks))]
    for r in (1, 2, 4):
        merging = cut.TokenMerging(r)
        merged = compression.with_fewer_tokens(on.module, blocks, merging)
        yield on.row("token merging", f"r = {r}", merging(on.whole), merged)
    for keep in (0.7, 0.5):
        pruning = cut.TokenPruning(keep, at=(0, 1))
        fewer = compression.with_fewer_tokens(on.module, blocks, pruning)
        yield on.row("token pruning", f"keep {keep}", pruning(on.whole), fewer)
        tuned = compression.fine_tune(fewer, on.data["train"], epochs=TUNED)
        yield on.row("token pruning, trained on", f"keep {keep}", pruning(on.whole), tuned)


METHODS = {"cnn": (masks, filters, dynamic_filters), "vit": (pairs, tokens)}
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
    from app.figures.style import CONFIG

    told = [asdict(row) for row in found]
    parts: list[str] = []
    for network in METHODS:
        drawn = figure(told, network=network, title=TITLES[network])
        parts.append(drawn.to_html(full_html=False, config=CONFIG, include_plotlyjs=not parts))
    return f"<!doctype html><meta charset=utf-8><title>What was left out</title><body>{''.join(parts)}</body>"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 2 and one line for a number of seeds below 1 or a page without a folder."""
    parser = argparse.ArgumentParser(prog="python -m app.demo.sparsity", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="networks a kind, each from another seed")
    parser.add_argument("--json", action="store_true", help="every row as JSON")
    parser.add_argument("--html", type=Path, help="a page with a figure a network")
    given = parser.parse_args(arguments)
    wrong = f"seeds must be at least 1, got {given.seeds}" if given.seeds < 1 else ""
    if given.html and not given.html.parent.is_dir():
        wrong = f"no folder {str(given.html.parent)!r} to write {given.html.name!r} in"
    if wrong:
        print(f"app.demo.sparsity: {wrong}", file=sys.stderr)
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
