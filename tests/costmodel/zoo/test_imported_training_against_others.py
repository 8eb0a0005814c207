"""The training step of networks that others wrote, imported, equals autograd on them, counted by torch.

They have learned queries, latents, weights that are made of others, and tables that layers read.
"""

from collections.abc import Callable
from typing import Any

import pytest
import timm.models
import torch
import transformers
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from costmodel.importers import torch_export
from costmodel.workload.training import training

IMAGES, TOKENS = {"pixel_values": torch.zeros(2, 3, 32, 32)}, {"input_ids": torch.ones(2, 12, dtype=torch.long)}
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
PERCEIVER = {"num_latents": 8, "d_latents": 32, "d_model": 24, "num_blocks": 1, "num_self_attends_per_block": 2}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8}


def vision_transformer() -> nn.Module:
    net = timm.models.VisionTransformer(
        img_size=32, patch_size=8, embed_dim=24, depth=1, num_heads=2, global_pool="map", class_token=False
    )
    for module in net.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False
    return net


def of(name: str, **fields: Any) -> Callable[[], nn.Module]:
    """A model of transformers by its configuration."""
    settings = getattr(transformers, f"{name.removesuffix('Model')}Config")

    def build() -> nn.Module:
        return getattr(transformers, name)(settings(**fields, attn_implementation="eager"))

    return build


NETS: dict[str, tuple[Callable[[], nn.Module], dict[str, Tensor] | Tensor]] = {
    "attention pooling": (vision_transformer, IMAGES["pixel_values"]),
    "probe": (of("SiglipVisionModel", **SMALL, image_size=32, patch_size=8), IMAGES),
    "latents": (of("PerceiverModel", **PERCEIVER, num_self_attention_heads=4, num_cross_attention_heads=4),
        {"inputs": torch.zeros(2, 12, 24)}),
    "relative table": (of("DebertaV2Model", **SMALL, **DEBERTA, vocab_size=99, norm_rel_ebd="layer_norm"), TOKENS),
    "relative places": (of("XLNetModel", d_model=32, n_layer=2, n_head=4, d_inner=64, vocab_size=99), TOKENS),
    "pooled queries": (of("FunnelModel", vocab_size=99, block_sizes=[1, 1], d_model=32, n_head=4, d_head=8, d_inner=64),
        TOKENS),
}  # fmt: skip


@pytest.mark.parametrize("kind", NETS)
def test_a_step_is_that_of_autograd(kind: str) -> None:
    build, inputs = NETS[kind]
    net = build().eval()
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        found = net(**inputs) if isinstance(inputs, dict) else net(inputs)
        results = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor) and leaf.requires_grad]
        torch.autograd.backward([result.sum() for result in results])
    step = training(torch_export.read(net, inputs))
    assert sum(op.flops for op in step.ops) == counter.get_total_flops()
    trained = sum(p.numel() for p in net.parameters() if p.grad is not None)
    assert sum(op.trained_params for op in step.ops) == pytest.approx(trained, rel=1e-12)
