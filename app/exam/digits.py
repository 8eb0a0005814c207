"""scikit-learn's digits on a residual network narrow enough to err, so that losses show."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from app.demo.network import DigitsNet, digits, train
from app.exam.subject import Subject
from dse.sensitivity import predictions, quantisable

CHANNELS = 6
"""Of the stem; the demo's has 12."""

METRICS = {"accuracy": "right answers on held-out images"}
PROXIES = {"divergence": "minus the KL divergence from the network's own answers, on the same images"}


def subject(seed: int, activation: int, *, epochs: int, progress: Callable[[int, int], Any] | None = None) -> Subject:
    """Return the network trained and tested on the split of that seed, with inputs of `activation` bits."""
    data = digits(seed)
    module = train(data["train"], seed=seed, epochs=epochs, width=CHANNELS, progress=progress)
    images = data["calibration"][0]
    targets, truth = predictions(module, images), data["test"]
    reference = predictions(module, truth[0])

    def score(changed: DigitsNet) -> dict[str, Any]:
        with torch.no_grad():
            logits = changed(truth[0]).double()
        divergence = (reference * (reference.log() - logits.log_softmax(1))).sum(1)
        return {
            "accuracy": (logits.argmax(1) == truth[1]).double().numpy(),
            "divergence": -np.asarray(divergence.numpy()),
        }

    def loss(outputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(outputs.double(), answers)

    name = f"digits-seed{seed}-a{activation}"
    return Subject(name, module, quantisable(module), activation, (images, targets), loss, None, score)
