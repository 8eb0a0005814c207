"""EControl: five replicas of different digits that exchange the largest of their gradients, with and without memory."""

from collections.abc import Iterator
from typing import Any

from app.study.row import Row
from costmodel.hardware import link
from dse.compression.error_control import compare

REPLICAS, STEPS, RATE = 5, 120, 0.2
SETTINGS = (("none", 1.0), ("none", 0.02), ("compensation", 0.02), ("control", 0.02))
"""How errors are remembered, and the share of gradients that is sent."""
NETWORK = "ib_hdr"
TOLD = {"none": "no memory", "compensation": "error compensation", "control": "EControl"}


def rows(seed: int) -> Iterator[Row]:
    """Yield every setting, bits that a replica sends a step over those of all gradients in float32."""
    import torch

    from app.demo.network import digits, use_one_thread

    use_one_thread()
    data = digits(seed)

    def make() -> Any:
        torch.manual_seed(seed)
        layers = (torch.nn.Flatten(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
        return torch.nn.Sequential(*layers)

    images, labels = data["train"]
    shards = [(images[labels % REPLICAS == i], labels[labels % REPLICAS == i]) for i in range(REPLICAS)]
    found = compare(make, shards, data["test"], SETTINGS, link=link(NETWORK), steps=STEPS, rate=RATE, seed=seed)
    for row in found:
        setting = "all gradients" if row.kept == 1.0 else f"{row.kept:.0%} kept, {TOLD[row.method]}"
        share = row.bits / found[0].bits
        yield Row("digits MLP", setting, "bits a step over all", share, "right answers", row.accuracy, seed)
