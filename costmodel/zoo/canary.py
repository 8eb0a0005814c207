"""Canary 1B, 1B Flash and 180M Flash: FastConformer encoders with Transformer decoders, for ten seconds of speech.

Zelasko et al., Training and Inference Efficiency of Encoder-Decoder Speech Models, arXiv 2503.05931. Layers and widths
are those of the model cards (huggingface.co/nvidia/canary-1b and canary-1b-flash) and of NeMo's
examples/asr/conf/speech_multitask/fast-conformer_aed.yaml; 5248 tokens is the Flash models' vocabulary.
"""

from dataclasses import replace
from functools import partial
from math import ceil

from costmodel.claim import Claim
from costmodel.workload.attention_shapes import Attention
from costmodel.workload.feed_forward_shapes import Mlp
from costmodel.workload.language_model import Block, Conformer, LanguageModel, Norm
from costmodel.workload.module_names import ModuleNames
from costmodel.workload.serving import prefill
from costmodel.zoo._member import member

NAMES = ModuleNames(
    embedding="transf_decoder.embedding.token_embedding",
    embedding_norm="transf_decoder.embedding.layer_norm",
    layers="transf_decoder.decoder.layers",
    final_norm="transf_decoder.decoder.final_layer_norm",
    head="log_softmax.mlp.layer0",
    attention="first_sub_layer",
    q="first_sub_layer.query_net",
    k="first_sub_layer.key_net",
    v="first_sub_layer.value_net",
    out="first_sub_layer.out_projection",
    attention_norm="layer_norm_1",
    cross="second_sub_layer",
    cross_norm="layer_norm_2",
    up="third_sub_layer.dense_in",
    act="third_sub_layer.act_fn",
    down="third_sub_layer.dense_out",
    mlp_norm="layer_norm_3",
)

VOCAB, MEL_BINS, WIDTH, HEADS = 5248, 128, 1024, 8
POSITION_S = 0.08
"""Seconds of speech that a position of the encoder stands for: 8 frames, 10 ms apart."""


def _shape(name: str, encoder_layers: int, encoder_width: int, decoder_layers: int) -> LanguageModel:
    last = f"encoder.layers.{encoder_layers - 1}.norm_out" if encoder_width == WIDTH else "encoder_decoder_proj"
    names = ModuleNames(layers="encoder.layers", final_norm=last)
    encoder = Conformer(encoder_layers, encoder_width, HEADS, MEL_BINS, 0, names)
    attention = Attention(HEADS, HEADS, WIDTH // HEADS, bias="qkvo")
    block = Block(attention, Mlp(4 * WIDTH, "relu", gated=False, bias=True))
    model = LanguageModel(
        name, VOCAB, WIDTH, (block,) * decoder_layers, norm=Norm("layer"), rotary=0.0, embedding_norm=True, tied=True,
        encoder=encoder, head_bias=True, names=NAMES,
    )  # fmt: skip
    return spoken(model, 10.0)


def spoken(model: LanguageModel, audio_s: float) -> LanguageModel:
    """Return the model on `audio_s` seconds of speech; ValueError unless it is positive and the encoder a Conformer."""
    if not isinstance(model.encoder, Conformer) or not audio_s > 0:
        raise ValueError(f"{model.name} must have a Conformer and audio_s be positive, got {audio_s}")
    return replace(model, encoder=replace(model.encoder, positions=ceil(audio_s / POSITION_S)))


MODELS = {
    model.name: model
    for model in (
        _shape("canary-1b", 24, 1024, 24),
        _shape("canary-1b-flash", 32, 1024, 4),
        _shape("canary-180m-flash", 17, 512, 4),
    )
}


def canary(name: str) -> LanguageModel:
    """Return a member by the part of its name after "canary-", as in canary("1b-flash")."""
    return member("canary", MODELS, name)


def parameters(name: str) -> tuple[float, float]:
    """Parameters of the encoder and of the decoder, its keys and values of the encoder's results with it."""
    ops = prefill(MODELS[name], 1, 1).ops
    encoder = sum(op.params for op in ops if op.name.startswith("encoder"))
    return float(encoder), float(sum(op.params for op in ops)) - float(encoder)


def _millions(name: str) -> float:
    return sum(parameters(name)) / 1e6


_CUT = "0.6 million more by the layers, which rounds to the next whole one: cut off there, perhaps"

CLAIMS = tuple(
    Claim("Encoder-decoder speech", f"params-{name}", f"parameters of {name}, millions", source, "analytic", millions,
          partial(_millions, name), rtol=rounding / millions, gap=gap, how="count")
    for name, millions, rounding, source, gap in (
        ("canary-1b", 1000.0, 50.0, "huggingface.co/nvidia/canary-1b, README.md", ""),
        ("canary-1b-flash", 883.0, 0.5, "huggingface.co/nvidia/canary-1b-flash, README.md", _CUT),
        ("canary-180m-flash", 182.0, 0.5, "huggingface.co/nvidia/canary-180m-flash, README.md", _CUT),
    )
)  # fmt: skip
