"""What torch counts on timm's own networks, on the meta device: the reference for the vision zoo.

`conftest.py` beside it makes timm importable where torchvision's compiled operators are missing.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

BY_IMAGE_SIZE = ("vit_", "deit_", "swin_")
"""Families whose parameters depend on the image size, so that timm builds them for one."""


@dataclass
class Counted:
    """Totals of a network, and by module name: FLOPs, parameters of its own, elements read and made."""

    params: int
    flops: int
    flops_of: dict[str, int]
    params_of: dict[str, int]
    inputs_of: dict[str, int] = field(default_factory=dict)
    outputs_of: dict[str, int] = field(default_factory=dict)


@cache
def default_resolution(name: str) -> int:
    """Pixels a side of the input that timm's default weights of that name were trained on."""
    import timm

    return int(timm.get_pretrained_cfg(name).input_size[1])


@cache
def count(name: str, *, batch: int = 1, resolution: int | None = None) -> Counted:
    """Build a network on the meta device, run it once there, and count."""
    import timm
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    resolution = resolution or default_resolution(name)
    options: dict[str, Any] = {"img_size": resolution} if name.startswith(BY_IMAGE_SIZE) else {}
    with torch.device("meta"):
        network = timm.create_model(name, **options).eval()
        image = torch.empty(batch, 3, resolution, resolution)
    elements = _watch(network)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    root = f"{type(network).__name__}."
    return Counted(
        params=sum(p.numel() for p in network.parameters()),
        flops=counter.get_total_flops(),
        flops_of={m.removeprefix(root): sum(c.values()) for m, c in counter.get_flop_counts().items()},
        params_of={name: sum(p.numel() for p in m.parameters(recurse=False)) for name, m in network.named_modules()},
        inputs_of={module: read for module, (read, _) in elements.items()},
        outputs_of={module: made for module, (_, made) in elements.items()},
    )


def _watch(network: Any) -> dict[str, tuple[int, int]]:
    """Fill a table with the elements that each module reads and makes when the network runs."""
    elements: dict[str, tuple[int, int]] = {}
    for name, module in network.named_modules():

        def note(_: Any, inputs: Any, output: Any, name: str = name) -> None:
            elements[name] = (inputs[0].numel(), output.numel())

        module.register_forward_hook(note)
    return elements
