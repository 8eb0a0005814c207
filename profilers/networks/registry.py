"""The networks that are timed whole, each with the workload that the zoo counts for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from costmodel import zoo
from costmodel.workload import Workload
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel
from costmodel.workload.serving import decode, prefill
from profilers.networks.network import Network

TOKENS = 128
"""Tokens a sequence of the sentence encoder."""

CONTEXT = 2048
"""Cached tokens of the decoder block, or those of the prompt that it reads."""

EXPERTS = {"mixtral-8x7b": 0, "qwen3-30b-a3b": 0, "deepseek-v2-lite": 1}
"""Models whose routed experts are timed, and the first layer that has any."""

LLAMA = LanguageModel("llama-3.1-8b block", 128, 4096, (Block(Attention(32, 8, 128), Mlp(14336)),))


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


def _block(batch: int, tokens: int) -> tuple[Any, Any]:
    import torch

    from profilers.networks.llama import DecoderBlock, PromptBlock

    block = DecoderBlock if tokens == 1 else PromptBlock
    return block(4096, 32, 8, 14336, batch, CONTEXT), torch.randn(batch, tokens, 4096)


def _one_block(whole: Workload) -> Workload:
    """A pass without the token table, the last norm and the head."""
    ops = whole.ops[1:-2]
    return replace(whole, ops=(replace(ops[0], inputs=()), *ops[1:]), outputs=())


def _experts(model: str, layer: int) -> Network:
    """The grouped products of one layer's experts and what is between them, without router; `batch` is tokens."""
    language = zoo.language_model(model)
    assert language is not None
    moe = language.blocks[layer].mlp
    assert isinstance(moe, Moe)
    start = f"{language.names.layers}.{layer}.mlp.experts."

    def workload(batch: int) -> Workload:
        whole = decode(language, batch=batch)
        ops = [op for op in whole.ops if op.name.startswith(start) and not op.name.endswith(".combine")]
        return replace(whole, ops=(replace(ops[0], inputs=()), *ops[1:]), outputs=())

    def build(batch: int) -> tuple[Any, Any]:
        import torch

        from profilers.networks.experts import Experts

        module = Experts(moe.experts, moe.experts_per_token, language.d_model, moe.d_ff, batch)
        return module, torch.randn(batch * moe.experts_per_token, language.d_model)

    return Network(f"{model} experts", workload, build)


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
        Network(
            "llama-3.1-8b block",
            lambda batch: _one_block(decode(LLAMA, batch=batch, context=CONTEXT)),
            partial(_block, tokens=1),
        ),
        Network(
            "llama-3.1-8b prompt block",
            lambda batch: _one_block(prefill(LLAMA, batch=batch, context=CONTEXT)),
            partial(_block, tokens=CONTEXT),
        ),
        *(_experts(model, layer) for model, layer in EXPERTS.items()),
    )
}
