"""A vision network's training step equals autograd on timm's, counted by torch.

Where the definition differs: torch multiplies every input channel by every output channel in the weight gradient of a
grouped convolution, which is groups times what the groups' products take.
"""

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from costmodel import zoo


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "mobilenetv2_100"])
def test_a_training_step_has_the_flops_of_autograd(name: str) -> None:
    with torch.device("meta"):
        net, images = timm.create_model(name).eval(), torch.zeros(2, 3, 224, 224)
    with FlopCounterMode(display=False) as counter:
        net(images).sum().backward()

    step = zoo.build(name, batch=2, phase="training")
    groups = {op.name: op.b for op in step.ops if op.kind == "conv" and op.name.endswith(".grad_weight")}
    counted_over = sum((groups[op.name] - 1) * op.flops for op in step.ops if op.name in groups)
    assert sum(op.flops for op in step.ops) + counted_over == counter.get_total_flops()
    assert sum(op.params for op in step.ops) == sum(p.numel() for p in net.parameters())
    assert (counted_over > 0) == (name == "mobilenetv2_100")
