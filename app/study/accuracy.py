"""Quality on held-out data of a trained network at every pair of weight and activation format, kept as it is found."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from app.study import networks
from app.study.question import Question
from costmodel.files import write_atomically
from costmodel.precision import precision

Found = dict[str, float]
REFERENCE = "fp32"
KEPT_EVERY = 20
"""Pairs between two writes of what is found."""


def measure(question: Question, folder: Path, tell: Callable[[int, int], Any]) -> dict[str, dict[int, Found]]:
    """Quality by network, seed, and weight/activation ("fp32" for the trained network itself).

    What is in the folder already is not measured again; an interrupted study goes on there.
    """
    each = len(question.pairs) + 1
    runs = [(name, asked, seed) for name, asked in question.networks for seed in networks.seeds(asked, question.seeds)]
    found: dict[str, dict[int, Found]] = {}
    for i, (name, asked, seed) in enumerate(runs):
        path = folder / f"accuracy_{name}_{asked}_{seed}.json"
        told = partial(_add, tell, i * each, len(runs) * each)
        found.setdefault(name, {})[seed] = _one(question, asked, seed, path, told)
    return found


def _add(tell: Callable[[int, int], Any], before: int, total: int, done: int) -> None:
    tell(before + done, total)


def _one(question: Question, asked: networks.Network, seed: int, path: Path, tell: Callable[[int], Any]) -> Found:
    found: Found = json.loads(path.read_text()) if path.is_file() else {}
    wanted = [f"{w}/{a}" for w, a in question.pairs]
    missing = [pair for pair in wanted if pair not in found]
    if missing or REFERENCE not in found:
        _fill(found, missing, networks.trained(asked, seed), path, tell)
    return {pair: found[pair] for pair in (REFERENCE, *wanted)}


def _fill(found: Found, missing: list[str], own: networks.Trained, path: Path, tell: Callable[[int], Any]) -> None:
    from dse.sensitivity import apply, observe
    from dse.sensitivity.clipping import clip, least_squares

    found[REFERENCE] = own.score(own.module)
    formats = sorted({pair.split("/")[1] for pair in missing})
    ranges = clip(own.module, observe(own.module, own.layers, own.inputs), own.inputs, formats, least_squares)
    for i, pair in enumerate(missing, 1):
        found[pair] = own.score(apply(own.module, dict.fromkeys(own.layers, precision(pair)), ranges))
        if i % KEPT_EVERY == 0 or i == len(missing):
            write_atomically(path, json.dumps(found, indent=1))
        tell(len(found))
