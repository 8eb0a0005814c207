"""Which whole networks are timed: those of every campaign, and more, by group, to see how predictions carry."""

from collections.abc import Mapping
from itertools import product

from profilers.case import FORWARD, TRAINING, Case

GPU_CASES: tuple[Case, ...] = tuple(
    Case(name, fmt, batch)
    for name, fmts, batches in (
        ("resnet50", ("bf16", "fp16", "fp32"), (1, 8, 64)),
        ("vit_base_patch16_224", ("bf16", "fp16", "fp8", "int8", "int4"), (1, 8, 64)),
        ("llama-3.1-8b block", ("bf16", "fp8", "int4"), (1, 16, 64)),
        ("llama-3.1-8b block", ("int8",), (32, 64, 128)),
    )
    for fmt in fmts
    for batch in batches
)
"""PyTorch has no narrow convolutions on a GPU, and its int8 product takes more than 16 rows there."""

CPU_CASES: tuple[Case, ...] = tuple(
    Case(name, fmt, batch)
    for name in ("resnet18", "vit_tiny_patch16_224", "all-minilm-l6-v2")
    for fmt in ("fp32", "bf16")
    for batch in (1, 4)
)

OTHERS = (
    "mobilenetv2_100", "resnet18", "efficientnet_b0", "regnety_032", "swin_tiny_patch4_window7_224", "vgg16",
    "deit_small_patch16_224", "mobilenetv3_large_100", "resnet101", "regnetx_032", "efficientnet_b4",
    "vit_large_patch16_224",
)  # fmt: skip
EXPERTS = ("mixtral-8x7b experts", "qwen3-30b-a3b experts", "deepseek-v2-lite experts")

MORE_CASES: Mapping[str, tuple[Case, ...]] = {
    "others": tuple(Case(name, fmt, batch) for name, fmt, batch in product(OTHERS, ("bf16", "fp32"), (1, 32))),
    "experts": tuple(Case(name, "bf16", tokens) for name, tokens in product(EXPERTS, (1, 16, 128, 1024, 4096))),
    "prompts": tuple(Case("llama-3.1-8b prompt block", fmt, batch)
                     for fmt, batch in product(("bf16", "fp8", "int8"), (1, 4))),
    "training": tuple(Case(name, fmt, batch, TRAINING) for name, fmt, batch in (
        ("resnet50", "bf16", 32), ("resnet50", "bf16", 128), ("resnet50", "fp32", 32),
        ("vit_base_patch16_224", "bf16", 8), ("vit_base_patch16_224", "bf16", 64),
        ("all-minilm-l6-v2", "bf16", 64), ("mobilenetv2_100", "bf16", 64), ("swin_tiny_patch4_window7_224", "bf16", 32),
        ("vit_base_patch16_224", "fp32", 8), ("efficientnet_b0", "bf16", 64))),
    "compiled": tuple(Case(name, "bf16", batch, FORWARD, True) for name, batch in (
        ("llama-3.1-8b block", 1), ("vit_base_patch16_224", 1), ("resnet50", 1), ("resnet50", 64),
        ("vit_base_patch16_224", 64), ("llama-3.1-8b block", 64), ("mobilenetv2_100", 1), ("mobilenetv2_100", 32),
        ("resnet50", 8), ("vit_base_patch16_224", 8), ("llama-3.1-8b block", 16),
        ("swin_tiny_patch4_window7_224", 32), ("efficientnet_b0", 32))),
}  # fmt: skip
"""Networks of timm, routed experts, prompts, training, and what a compiler makes of networks. The first two formats of
a network follow one another, so that where time is short few are left out."""
