"""How sharply the loss rises around a network's answers: the worst loss within a box around its logits.

Keskar et al., On Large-Batch Training for Deep Learning, arXiv 1609.04836, metric 2.1, whose box |d| <= e (|x| + 1) is
laid around the logits rather than the weights, as Lee et al., arXiv 2405.18710, do for language models (their exact
formula could not be read).
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

RADIUS = 5e-4
"""epsilon of the box (Keskar et al., section 2.2.2)."""


def cross_entropy(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
    """Return the loss of each row: float64[rows] of logits [rows, classes] and labels int[rows]."""
    z = np.asarray(logits, dtype=np.float64)
    top = z.max(axis=1, keepdims=True)
    normal = np.log(np.exp(z - top).sum(axis=1)) + top[:, 0]
    return np.asarray(normal - z[np.arange(len(z)), np.asarray(labels)])


def sharpness(logits: ArrayLike, labels: ArrayLike, *, radius: float = RADIUS) -> float:
    """Return 100 (worst mean loss within the box - loss) / (1 + loss); nan where logits are not finite.

    The loss falls in the right logit and rises in every other, so that the worst is a corner of the box: no search.
    ValueError for a radius below 0 or shapes that do not fit.
    """
    z, right = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if radius < 0 or z.ndim != 2 or right.shape != z.shape[:1]:
        raise ValueError(f"logits [rows, classes], labels [rows], radius >= 0, got {z.shape}, {right.shape}, {radius}")
    if not np.isfinite(z).all():
        return float("nan")
    step = radius * (np.abs(z) + 1)
    step[np.arange(len(z)), right] *= -1
    loss, worst = cross_entropy(z, right).mean(), cross_entropy(z + step, right).mean()
    return float(100 * (worst - loss) / (1 + loss))
