"""The networks that are timed whole, each with the workload that the zoo counts for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from costmodel import zoo
from costmodel.workload import Workload
from costmodel.workload.language_model import Attention, Block, LanguageModel, Mlp
from costmodel.workload.serving import decode

TOKENS = 128
"""Tokens a sequence of the sentence encoder."""

CONTEXT = 2048
"""Cached tokens of the decoder block."""

LLAMA = LanguageModel("llama-3.1-8b block", 128, 4096, (Block(Attention(32, 8, 128), Mlp(14336)),))


@dataclass(frozen=True)
class Network:
    """A network by name: `workload(batch)` is its counts, `build(batch)` its module and example input on the CPU."""

    name: str
    workload: Callable[[int], Workload]
    build: Callable[[int], tuple[Any, Any]]


def _resnet18(batch: int) -> tuple[Any, Any]:
    from profilers.networks.resnet import resnet

    return resnet((2, 2, 2, 2), bottleneck=False), _images(batch)


def _resnet50(batch: int) -> tuple[Any, Any]:
    from profilers.networks.resnet import resnet

    return resnet((3, 4, 6, 3), bottleneck=True), _images(batch)


def _vit(width: int, heads: int) -> Callable[[int], tuple[Any, Any]]:
    def build(batch: int) -> tuple[Any, Any]:
        from profilers.networks.encoder import VisionTransformer

        return VisionTransformer(width, heads, 12), _images(batch)

    return build


def _minilm(batch: int) -> tuple[Any, Any]:
    import torch

    from profilers.networks.encoder import Bert

    return Bert(384, 12, 1536, 6), torch.randint(30522, (batch, TOKENS))


def _block(batch: int) -> tuple[Any, Any]:
    import torch

    from profilers.networks.llama import DecoderBlock

    return DecoderBlock(4096, 32, 8, 14336, batch, CONTEXT), torch.randn(batch, 1, 4096)


def _block_counts(batch: int) -> Workload:
    """One decode step of one block: without the token table, the last norm and the head."""
    whole = decode(LLAMA, batch=batch, context=CONTEXT)
    ops = whole.ops[1:-2]
    return replace(whole, ops=(replace(ops[0], inputs=()), *ops[1:]), outputs=())


def _images(batch: int) -> Any:
    import torch

    return torch.randn(batch, 3, 224, 224)


NETWORKS: Mapping[str, Network] = {
    network.name: network
    for network in (
        Network("resnet18", lambda batch: zoo.build("resnet18", batch=batch), _resnet18),
        Network("resnet50", lambda batch: zoo.build("resnet50", batch=batch), _resnet50),
        Network("vit_tiny_patch16_224", lambda batch: zoo.build("vit_tiny_patch16_224", batch=batch), _vit(192, 3)),
        Network("vit_base_patch16_224", lambda batch: zoo.build("vit_base_patch16_224", batch=batch), _vit(768, 12)),
        Network("all-minilm-l6-v2", lambda batch: zoo.build("all-minilm-l6-v2", batch=batch, context=TOKENS), _minilm),
        Network("llama-3.1-8b block", _block_counts, _block),
    )
}
