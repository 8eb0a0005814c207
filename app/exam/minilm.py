"""MiniLM on documentation: does a quantised encoder still order and find sentences as the full one does?"""

from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.exam import docs, encoder
from app.exam.subject import Subject
from dse.sensitivity import observe, quantisable

ACTIVATION = 8

BATCH = 64

METRICS = {
    "rank": "mean over sentences of Spearman's correlation of its similarities to all others with the full network's",
    "retrieval": "share of summaries whose nearest paragraph is their own",
}
PROXIES = {"cosine": "mean cosine of a sentence's embedding with the full network's"}


@cache
def subject(calibration: int, test: int, most_tokens: int) -> Subject:
    """Return MiniLM with `calibration` and `test` pairs of sentences, cut off at `most_tokens`."""
    module = encoder.load()
    fitting, held_out = docs.split(calibration, test)
    inputs = encoder.tokens([text for pair in fitting for text in pair], most_tokens)
    with torch.no_grad():
        targets = module(*inputs).double()
    reached = observe(module, quantisable(module), inputs)
    sentences = [pair[side] for side in (0, 1) for pair in held_out]
    truth = _embed(module, sentences, most_tokens)

    def score(changed: Any) -> dict[str, NDArray[np.float64]]:
        found = truth if changed is module else _embed(changed, sentences, most_tokens)
        return {
            "rank": rank_agreement(found @ found.T, truth @ truth.T),
            "retrieval": own_is_nearest(found[:test] @ found[test:].T),
            "cosine": (found * truth).sum(1).numpy(),
        }

    return Subject("minilm", module, tuple(reached), ACTIVATION, (inputs, targets), similarity_loss, cosine_loss, score)


def similarity_loss(found: Tensor, targets: Tensor) -> Tensor:
    """The mean squared change of the similarities between a batch's sentences."""
    wide = found.double()
    return (wide @ wide.T - targets @ targets.T).square().mean()


def cosine_loss(found: Tensor, targets: Tensor) -> Tensor:
    """One minus the mean cosine of embeddings with their targets."""
    return 1 - (found.double() * targets).sum(1).mean()


def rank_agreement(found: Tensor, truth: Tensor) -> NDArray[np.float64]:
    """Spearman's correlation of each row [N] of two square matrices [N, N], the diagonal left out."""
    from scipy.stats import rankdata

    others = ~np.eye(len(found), dtype=bool)
    ranks = [rankdata(m.numpy()[others].reshape(len(m), -1), axis=1) for m in (found, truth)]
    a, b = (r - r.mean(axis=1, keepdims=True) for r in ranks)
    return np.asarray((a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1)))


def own_is_nearest(similarities: Tensor) -> NDArray[np.float64]:
    """1 for each row whose largest entry is on the diagonal, else 0."""
    return np.asarray((similarities.argmax(1) == torch.arange(len(similarities))).double().numpy())


def _embed(module: Any, sentences: list[str], most_tokens: int) -> Tensor:
    """Embeddings float64, sentences of like length in one batch."""
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    found = torch.empty(len(sentences), 384, dtype=torch.float64)
    with torch.no_grad():
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            found[rows] = module(*encoder.tokens([sentences[i] for i in rows], most_tokens)).double()
    return found
