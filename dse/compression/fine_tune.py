"""Training of what a compression left: cross entropy by default, after each step what must stay zero is zero again."""

import copy
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dse.sensitivity.calls import Data, LossFn, as_tuple, checked
from dse.sensitivity.tasks import decide

if TYPE_CHECKING:
    import torch


def fine_tune(
    module: "torch.nn.Module", data: Data, *, epochs: int, masks: "Mapping[str, torch.Tensor] | None" = None,
    learning_rate: float = 2e-3, batch_size: int = 64, seed: int = 0, loss_fn: "LossFn | None" = None,
) -> "torch.nn.Module":  # fmt: skip
    """Return a trained twin whose masked parameters are zero; 0 epochs mask alone.

    ValueError for a negative number of epochs, and on data that is no pair of tensors of one length.
    """
    if epochs < 0:
        raise ValueError(f"epochs must be at least 0, got {epochs}")
    twin = copy.deepcopy(module)
    hold(twin, masks or {})

    score = loss_fn or decide(module, data).loss

    def step(_: float, arguments: "tuple[torch.Tensor, ...]", answers: "torch.Tensor") -> "torch.Tensor":
        return score(twin(*arguments), answers)

    run(twin, data, step, after=lambda: hold(twin, masks or {}), epochs=epochs, learning_rate=learning_rate,
        batch_size=batch_size, seed=seed)  # fmt: skip
    return twin.eval()


def run(
    module: "torch.nn.Module", data: Data, step: "Callable[..., torch.Tensor]", *, epochs: int, learning_rate: float,
    after: Callable[[], None] = lambda: None, batch_size: int = 64, seed: int = 0,
) -> None:  # fmt: skip
    """Minimise `step(fraction of training done, inputs of a batch, targets)` over a module's parameters, in place."""
    import torch

    inputs, targets = checked(data)
    generator = torch.Generator().manual_seed(seed)
    steps = epochs * -(-len(targets) // batch_size)
    optimizer = torch.optim.AdamW(module.parameters(), lr=learning_rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    module.train()
    done = 0
    for _ in range(epochs):
        for rows in torch.randperm(len(targets), generator=generator).split(batch_size):
            optimizer.zero_grad()
            step(done / steps, tuple(x[rows] for x in as_tuple(inputs)), targets[rows]).backward()
            optimizer.step()
            after()
            schedule.step()
            done += 1


def hold(module: "torch.nn.Module", masks: "Mapping[str, torch.Tensor]") -> None:
    """Set the masked elements of a module's parameters to zero."""
    import torch

    with torch.no_grad():
        for name, mask in masks.items():
            module.get_parameter(name).mul_(mask)
