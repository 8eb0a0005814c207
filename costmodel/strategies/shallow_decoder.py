"""Encoder-decoder speech models with layers moved from the decoder, which runs a token at a time, to the encoder.

Zelasko et al., Training and Inference Efficiency of Encoder-Decoder Speech Models, arXiv 2503.05931: Canary-1B has 24
and 24 layers, Canary-1B-Flash 32 and 4.
"""

from dataclasses import dataclass, replace
from typing import ClassVar

from costmodel import zoo
from costmodel.claim import Claim
from costmodel.estimators.estimate import estimate
from costmodel.hardware import Gpu
from costmodel.precision import Precision
from costmodel.strategies._shown import Shown
from costmodel.workload import Workload
from costmodel.workload.language_model import Block, Conformer, Encoder, LanguageModel, TextEncoder
from costmodel.workload.serving import decode, encode, passes


@dataclass(frozen=True)
class ShallowDecoder(Shown):
    """An encoder-decoder of the zoo with so many layers each, the first of them or repeats of the last; 0 keeps them.

    It builds the pass anew, so it comes before strategies that edit one. ValueError for negative numbers and for models
    without an encoder beside the decoder.
    """

    encoder_layers: int = 0
    decoder_layers: int = 0
    reshapes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if min(self.encoder_layers, self.decoder_layers) < 0:
            raise ValueError(f"layers must be at least 0, got {self.encoder_layers} and {self.decoder_layers}")

    def __call__(self, workload: Workload) -> Workload:
        """Return the pass of the model with other numbers of layers."""
        if self == ShallowDecoder():
            return workload
        model = zoo.language_model(workload.name) if workload.name in zoo.names() else None
        if model is None or model.encoder is None:
            raise ValueError(
                f"shallow_decoder takes the zoo's models with an encoder and a decoder, got {workload.name}"
            )
        keys = next((int(op.n) for op in workload.ops if op.kind == "attention" and op.heads.causal), 0)
        context = keys - (workload.phase == "decode") if workload.phase != "encode" else None
        if workload.ops != passes(model, batch=workload.batch, phase=workload.phase, context=context).ops:
            raise ValueError(f"shallow_decoder builds {workload.name} anew, so it must be the first strategy")
        return passes(self.resized(model), batch=workload.batch, phase=workload.phase, context=context)

    def resized(self, model: LanguageModel) -> LanguageModel:
        """Return the model with other numbers of layers."""
        assert model.encoder is not None
        blocks = _resized(model.blocks, self.decoder_layers or model.layers)
        return replace(model, blocks=blocks, encoder=_encoder(model.encoder, self.encoder_layers))


def _encoder(shape: Encoder | TextEncoder | Conformer, layers: int) -> Encoder | TextEncoder | Conformer:
    if not layers:
        return shape
    if not isinstance(shape, Conformer):
        return replace(shape, blocks=_resized(shape.blocks, layers))
    last = f"{shape.names.layers}.{shape.layers - 1}.norm_out"
    names = shape.names
    if names.final_norm == last:
        names = replace(names, final_norm=f"{names.layers}.{layers - 1}.norm_out")
    return replace(shape, layers=layers, names=names)


def _resized(blocks: tuple[Block, ...], layers: int) -> tuple[Block, ...]:
    return (blocks + (blocks[-1],) * layers)[:layers]


def transcription_s(model: LanguageModel, precision: Precision, gpu: Gpu, *, tokens: int, batch: int = 1) -> float:
    """Seconds to encode a batch of speech and decode `tokens` of each, one after another, at their mean context."""
    encoding = estimate(encode(model, batch), precision, gpu).totals["latency_s"]
    step = estimate(decode(model, batch, max(1, tokens // 2)), precision, gpu).totals["latency_s"]
    return encoding + tokens * step


def rtfx(model: LanguageModel, precision: Precision, gpu: Gpu, *, audio_s: float, tokens: int, batch: int = 1) -> float:
    """Inverse real-time factor: seconds of speech transcribed a second, `audio_s` being what the encoder holds."""
    return batch * audio_s / transcription_s(model, precision, gpu, tokens=tokens, batch=batch)


CLAIMS = (
    Claim("Encoder-decoder speech", "rtfx", "inverse real-time factor of Canary-1B-Flash over Canary-1B's",
          "Zelasko et al., arXiv 2503.05931, abstract", "hardware", 3.0),
    Claim("Encoder-decoder speech", "rtfx-flash", "inverse real-time factor of Canary-1B-Flash, at least",
          "huggingface.co/nvidia/canary-1b-flash, README.md", "hardware", 1000.0),
)  # fmt: skip

EXAMPLES = (ShallowDecoder(5, 2), ShallowDecoder(decoder_layers=1))
IDENTITIES = (ShallowDecoder(),)
