"""A vision network's training step equals autograd on timm's, counted by torch.

Where the definition differs: torch multiplies every input channel by every output channel in the weight gradient of a
grouped convolution, which is groups times what the groups' products take; it computes scores anew in the gradient of
fused attention, which is off here; and it keeps the places of maxima in 8 bytes.
"""

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

import costmodel as cm
from costmodel import zoo
from costmodel.estimators.footprint import alive_bytes


@pytest.mark.parametrize(
    "name", ["resnet18", "vgg16", "mobilenetv2_100", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224"]
)
def test_a_training_step_has_the_flops_of_autograd(name: str) -> None:
    with torch.device("meta"):
        net, images = timm.create_model(name).eval(), torch.zeros(2, 3, 224, 224)
    for module in net.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    with FlopCounterMode(display=False) as counter:
        net(images).sum().backward()

    step = zoo.build(name, batch=2, phase="training")
    groups = {op.name: op.b for op in step.ops if op.kind == "conv" and op.name.endswith(".grad_weight")}
    counted_over = sum((groups[op.name] - 1) * op.flops for op in step.ops if op.name in groups)
    assert sum(op.flops for op in step.ops) + counted_over == counter.get_total_flops()
    assert sum(op.params for op in step.ops) == sum(p.numel() for p in net.parameters())
    assert (counted_over > 0) == (name == "mobilenetv2_100")


def saved_bytes(net: nn.Module, images: torch.Tensor) -> tuple[int, int]:
    """Bytes of distinct tensors that a forward keeps for its backward but parameters, and of places among them."""
    own = {p.untyped_storage()._cdata for p in (*net.parameters(), *net.buffers())}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage()._cdata not in own:
            kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        net(images)
    sizes = {at: tensor.untyped_storage().nbytes() for at, tensor in kept.items()}
    return sum(sizes.values()), sum(sizes[at] for at, tensor in kept.items() if tensor.dtype == torch.int64)


@pytest.mark.parametrize(
    ("name", "device"),
    [("resnet18", "meta"), ("resnet50", "meta"), ("vgg16", "meta"), ("mobilenetv2_100", "meta"),
     ("vit_tiny_patch16_224", "cpu")],
)  # fmt: skip
def test_a_training_step_keeps_what_torch_saves(name: str, device: str) -> None:
    """On a CPU where attention is fused: the meta device keeps its scores."""
    with torch.device(device):
        saved, places = saved_bytes(timm.create_model(name), torch.zeros(2, 3, 224, 224))
    step = zoo.build(name, batch=2, phase="training")
    alive = alive_bytes(step, cm.W32A32)
    forward = int(np.flatnonzero([".grad_" in op.name for op in step.ops])[0])

    assert alive[forward - 1] == pytest.approx(saved - places, rel=0.01)
    assert saved - places <= alive.max() <= 1.2 * saved
    assert (places > 0) == any(op.window.kernel_width > 1 for op in step.ops if op.kind == "pooling")


def test_the_gradient_of_the_first_layer_reads_the_network_s_input() -> None:
    step = zoo.build("resnet18", phase="training")
    assert step.op("conv1.grad_weight").inputs == ("bn1.grad_input", "network_input")
    assert step.op("act1.grad_input").inputs == ("maxpool.grad_input", "act1")
    assert step.op("layer1.0.bn2.grad_input").inputs == ("layer1.0.act2.grad_input", "layer1.0.conv2")
