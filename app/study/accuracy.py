"""Test accuracy of a trained network at every pair of weight and activation format, kept as it is found."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from app.demo import network
from app.study.question import Question
from costmodel.files import write_atomically
from costmodel.precision import precision

Found = dict[str, float]
REFERENCE = "fp32"
KEPT_EVERY = 20
"""Pairs between two writes of what is found."""


def measure(question: Question, folder: Path, tell: Callable[[int, int], Any]) -> dict[str, dict[int, Found]]:
    """Accuracy by network, seed, and weight/activation ("fp32" for the trained network itself).

    What is in the folder already is not measured again; an interrupted study goes on there.
    """
    total, done = len(question.networks) * len(question.seeds) * (len(question.pairs) + 1), 0
    found: dict[str, dict[int, Found]] = {}
    for name, width in question.networks:
        for seed in question.seeds:
            path = folder / f"accuracy_{name}_{width}_{seed}.json"
            found.setdefault(name, {})[seed] = _one(question, width, seed, path, partial(_add, tell, done, total))
            done += len(question.pairs) + 1
    return found


def _add(tell: Callable[[int, int], Any], before: int, total: int, done: int) -> None:
    tell(before + done, total)


def _one(question: Question, width: int, seed: int, path: Path, tell: Callable[[int], Any]) -> Found:
    found: Found = json.loads(path.read_text()) if path.is_file() else {}
    wanted = [f"{w}/{a}" for w, a in question.pairs]
    missing = [pair for pair in wanted if pair not in found]
    if missing or REFERENCE not in found:
        _fill(found, missing, width, seed, path, tell)
    return {pair: found[pair] for pair in (REFERENCE, *wanted)}


def _fill(found: Found, missing: list[str], width: int, seed: int, path: Path, tell: Callable[[int], Any]) -> None:
    from dse.sensitivity import accuracy, apply, observe, quantisable
    from dse.sensitivity.clipping import clip, least_squares

    data = network.digits(seed)
    module = network.train(data["train"], seed=seed, width=width)
    found[REFERENCE] = accuracy(module, data["test"])
    layers, images = quantisable(module), data["calibration"][0]
    formats = sorted({pair.split("/")[1] for pair in missing})
    ranges = clip(module, observe(module, layers, images), images, formats, least_squares)
    for i, pair in enumerate(missing, 1):
        twin = apply(module, dict.fromkeys(layers, precision(pair)), ranges)
        found[pair] = accuracy(twin, data["test"])
        if i % KEPT_EVERY == 0 or i == len(missing):
            write_atomically(path, json.dumps(found, indent=1))
        tell(len(found))
