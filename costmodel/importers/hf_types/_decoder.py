"""What the configurations of decoders like Llama have in common."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from costmodel.importers.config_fields import MAX_LAYERS, ConfigFields
from costmodel.importers.hf_types._activations import ACTIVATIONS
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp, Moe
from costmodel.workload.language_model import Block, LanguageModel, Norm
from costmodel.workload.module_names import LLAMA, ModuleNames

WINDOWED = "sliding_attention"
FULL = "full_attention"


def layers(fields: ConfigFields) -> int:
    """The number of layers."""
    return fields.count("num_hidden_layers", high=MAX_LAYERS)


def biased(fields: ConfigFields, *, default: bool = False) -> str:
    """The projections of an attention that have biases, all or none, by `attention_bias`."""
    return "qkvo" if fields.flag("attention_bias", default) else ""


def attention(
    fields: ConfigFields,
    *,
    kv_heads: int,
    null_is_heads: bool = True,
    head_dim: int | None = None,
    bias: str = "",
    **shape: Any,
) -> Attention:
    """Heads and their width; a missing count of key-value heads is `kv_heads`, 0 for as many as heads.

    One that is null is as many as heads too, or refused unless `null_is_heads`, as in transformers.

    Without a `head_dim` of its own or by default, a head's width is hidden_size / num_attention_heads.
    """
    heads = fields.count("num_attention_heads")
    if head_dim is None and fields.value("head_dim") is None:
        head_dim = shared_width(fields)
    null = fields.value("num_key_value_heads", heads) is None
    if null and not null_is_heads:
        fields.reject("num_key_value_heads", "an integer")
    kv = fields.count("num_key_value_heads", heads if kv_heads == 0 or null else kv_heads)
    return Attention(heads, kv, fields.count("head_dim", head_dim), bias=bias, **shape)


def shared_width(fields: ConfigFields) -> int:
    """The width of a head where all of them share hidden_size."""
    heads, d_model = fields.count("num_attention_heads"), fields.count("hidden_size")
    if d_model % heads:
        fields.reject("hidden_size", f"a multiple of num_attention_heads ({heads})")
    return d_model // heads


def mlp(
    fields: ConfigFields, *, key: str = "hidden_act", default: str = "silu", width: int | None = None, **shape: Any
) -> Mlp:
    """The MLP, gated unless told otherwise; `width` where the file does not say it."""
    return Mlp(fields.count("intermediate_size", width), fields.choice(key, ACTIVATIONS, default), **shape)


def some_experts(
    fields: ConfigFields, depth: int, *, experts: int, experts_per_token: int, d_ff: int, **shared: Any
) -> list[Mlp | Moe]:
    """Qwen's MLPs: every `decoder_sparse_step`-th layer that is not among `mlp_only_layers` has experts."""
    dense = mlp(fields)
    moe = Moe(
        experts=fields.count("num_local_experts", fields.count("num_experts", experts)),
        experts_per_token=fields.count("num_experts_per_tok", experts_per_token),
        d_ff=fields.count("moe_intermediate_size", d_ff),
        function=dense.function,
        **shared,
    )
    step = fields.count("decoder_sparse_step", 1, high=MAX_LAYERS)
    only = fields.indices("mlp_only_layers", depth)
    return [dense if i in only or (i + 1) % step else moe for i in range(depth)]


def all_experts(
    fields: ConfigFields, *, experts: int, experts_per_token: int, key: str = "num_experts", **shape: Any
) -> Moe:
    """The experts of a model whose layers all have them, and no other width: `intermediate_size`."""
    names = (key, *({"num_experts", "num_local_experts"} - {key}))
    spelled = next((name for name in names if name in fields.values), key)
    return Moe(
        experts=fields.count(spelled, experts),
        experts_per_token=fields.count("num_experts_per_tok", experts_per_token),
        d_ff=fields.count("intermediate_size"),
        function=fields.choice("hidden_act", ACTIVATIONS, "silu"),
        **shape,
    )


def rotary(fields: ConfigFields, key: str, default: float) -> float:
    """The turned fraction of a head, `key`, which newer files keep among the rotary parameters."""
    parameters = fields.values.get("rope_parameters")
    inner = ConfigFields(fields.path, parameters if isinstance(parameters, dict) else {})
    return inner.fraction("partial_rotary_factor", fields.fraction(key, default))


def turned(fields: ConfigFields, depth: int) -> list[bool]:
    """Which layers have a rotary embedding: 1 in the file's list, all but each fourth where it has none."""
    interval = fields.count("no_rope_layer_interval", 4, high=MAX_LAYERS)
    listed = fields.value("no_rope_layers")
    fields.used.add("no_rope_layers")
    if listed in (None, []):
        return [(i + 1) % interval != 0 for i in range(depth)]
    if not isinstance(listed, list) or len(listed) < depth or any(each not in (0, 1) for each in listed):
        fields.reject("no_rope_layers", f"a list of {depth} zeros and ones")
    return [bool(each) for each in listed[:depth]]


def window(fields: ConfigFields) -> int:
    """Tokens that a windowed layer sees, 0 for all."""
    return fields.count("sliding_window", 0, low=0)


def windows(fields: ConfigFields, depth: int, *, size: int, default: Sequence[bool]) -> list[int]:
    """Each layer's window: those that `layer_types`, or `default`, says slide have `size`."""
    kinds = fields.texts("layer_types", depth, (WINDOWED, FULL))
    slides = [kind == WINDOWED for kind in kinds] if kinds else default
    return [size if slide else 0 for slide in slides]


def decoder(
    fields: ConfigFields,
    name: str,
    *,
    attention: Attention,
    mlps: Sequence[Mlp | Moe],
    windows: Sequence[int] | None = None,
    tied: bool = False,
    norm: Norm | None = None,
    rotary: float = 1.0,
    turned: Sequence[bool] | None = None,
    names: ModuleNames = LLAMA,
    uncounted: tuple[str, ...] = (),
) -> LanguageModel:
    """A decoder whose layers may differ in window (None: none has one), MLP, and in whether queries and keys are
    `turned` (None: in all)."""
    each = zip(windows or [0] * len(mlps), turned or [True] * len(mlps), mlps, strict=True)
    blocks = [Block(replace(attention, window=w, turned=t), m) for w, t, m in each]
    return LanguageModel(
        name,
        fields.count("vocab_size"),
        fields.count("hidden_size"),
        tuple(blocks),
        norm=norm or Norm(),
        rotary=rotary,
        tied=fields.flag("tie_word_embeddings", tied),
        names=names,
        uncounted=uncounted,
    )
