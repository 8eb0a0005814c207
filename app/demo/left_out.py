"""Ways to leave something out of two networks for digits: what each costs by its strategy, and what it loses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from costmodel import strategies as cut
from costmodel.importers import torch_export
from costmodel.workload import Workload
from dse import compression
from dse.compression.decaying_mask import Trained
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


Method = Callable[[Subject], Iterator[Row]]


def rows(seed: int, only: Method | None = None) -> Iterator[Row]:
    """Yield the rows of both networks, trained from a seed; of one method those of its network alone."""
    wanted = {net: [method for method in METHODS[net] if only in (None, method)] for net in METHODS}
    for subject in subjects(seed, tuple(net for net, methods in wanted.items() if methods)):
        yield subject.row("whole", "", subject.whole, subject.module)
        for method in wanted[subject.network]:
            yield from method(subject)


def subjects(seed: int, networks: Sequence[str]) -> Iterator[Subject]:
    """Yield those of "cnn" and "vit" that are asked for, trained from a seed."""
    from app.demo.network import digits, train, use_one_thread
    from app.demo.transformer import train_transformer

    use_one_thread()
    data = digits(seed)
    for network, trained in (("cnn", train), ("vit", train_transformer)):
        if network not in networks:
            continue
        module: Any = trained(data["train"], seed=seed)
        whole = torch_export.read(module, (data["test"][0][:1],))
        yield Subject(network, module, whole, data, seed)


def masks(on: Subject) -> Iterator[Row]:
    """One of four weights, by three schedules."""
    for how, done in decayed(on):
        yield on.row("1:4 weights", how.schedule, how(on.whole), done.module)


def decayed(on: Subject) -> Iterator[tuple[cut.DecayingMask, Trained]]:
    """The same schedules, each with the network that it trained."""
    for schedule in ("sdgf_stepwise", "mdgf_linear", "mdgf_exponential"):
        how = cut.DecayingMask(1, 4, schedule, fine_tune=0.3)
        layers = [op.name for op in on.whole.ops if how.touches(op)]
        yield how, compression.train_decaying(on.module, layers, how, on.data["train"], epochs=TUNED)


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
        how = cut.SparseAttention(keep, reduce_tokens=4, class_tokens=1)
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


METHODS: dict[str, tuple[Method, ...]] = {"cnn": (masks, filters, dynamic_filters), "vit": (pairs, tokens)}
