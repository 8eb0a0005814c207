"""The networks of a study: for digits, trained in the run, or a sentence encoder with its published weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from costmodel.workload import Workload

MINILM = "minilm"
"""MiniLM (app.exam.encoder); other networks are widths of app.demo.network.DigitsNet."""
CALIBRATION, TEST, TOKENS = 32, 75, 32
"""Pairs of a summary and a paragraph that MiniLM is calibrated and judged on, and tokens of each at most."""

Network = int | str


@dataclass(frozen=True, eq=False)
class Trained:
    """A module, its layers to quantise, inputs that say where to cut off theirs, and its quality, at most 1."""

    module: Any
    layers: tuple[str, ...]
    inputs: Any
    score: Callable[[Any], float]


def trained(network: Network, seed: int) -> Trained:
    """Train a network for digits from a seed, or load MiniLM, whose 36 linear layers are quantised."""
    return _minilm() if network == MINILM else _digits(int(network), seed)


def seeds(network: Network, asked: tuple[int, ...]) -> tuple[int, ...]:
    """The seeds that a network has: of published weights the first alone."""
    return asked[:1] if network == MINILM else asked


def quality(network: Network) -> str:
    """What its score is, in words."""
    return "rank agreement with the full network" if network == MINILM else "accuracy"


def examples(network: Network) -> str:
    """What it handles a second."""
    return f"sentences of {TOKENS} tokens" if network == MINILM else "images"


def positive(network: Network) -> bool:
    """Whether its layers' inputs are never negative, so that integers are unsigned ones: they follow a ReLU."""
    return network != MINILM


@cache
def workload(network: Network) -> Workload:
    """What of it becomes units on the fabric: all of a network for digits, MiniLM's linear layers."""
    return _minilm_layers() if network == MINILM else _digits_layers(int(network))


def _digits(width: int, seed: int) -> Trained:
    from app.demo import network
    from dse.sensitivity import accuracy, quantisable

    data = network.digits(seed)
    module = network.train(data["train"], seed=seed, width=width)
    return Trained(module, quantisable(module), data["calibration"][0], lambda changed: accuracy(changed, data["test"]))


def _digits_layers(width: int) -> Workload:
    import torch

    from app.demo.network import DigitsNet
    from costmodel.importers import torch_export

    module: Any = DigitsNet(width).eval()
    return torch_export.read(module, (torch.zeros(1, 1, 8, 8),), name=f"digits of width {width}")


def _minilm() -> Trained:
    from app.exam import minilm

    subject = minilm.subject(CALIBRATION, TEST, TOKENS)
    layers = tuple(name for name in subject.layers if "embeddings" not in name)
    return Trained(subject.module, layers, subject.calibration[0], lambda m: float(subject.score(m)["rank"].mean()))


def _minilm_layers() -> Workload:
    from app.exam import encoder
    from costmodel.workload.ops import linear
    from dse.sensitivity import quantisable

    module = encoder.load()
    shapes = {name: module.get_parameter(f"{name}.weight").shape for name in quantisable(module)}
    chosen = {name: shape for name, shape in shapes.items() if "embeddings" not in name}
    ops = (linear(name, TOKENS, int(k), int(n), bias=False) for name, (n, k) in chosen.items())
    return Workload("MiniLM's linear layers", tuple(ops))
