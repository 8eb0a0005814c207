"""Whisper's audio encoder as ops: Radford et al., arXiv 2212.04356, section 2.2."""

from costmodel.workload.language_model import Encoder, Norm
from costmodel.workload.op import Op
from costmodel.workload.ops import activation, conv, elementwise, embedding
from costmodel.workload.transformer.block import block
from costmodel.workload.transformer.normalization import normalization
from costmodel.workload.transformer.span import Span

KERNEL, STRIDE = 3, 2


def audio_encoder(shape: Encoder, batch: int, *, d_model: int, style: Norm) -> list[Op]:
    """Return two convolutions of width 3, the second of stride 2, positions, and the blocks."""
    span = Span(batch, queries=shape.positions, keys=shape.positions, causal=False)
    ops = _front_end(shape, batch, d_model=d_model)
    for i, part in enumerate(shape.blocks):
        layer, source = f"{shape.names.layers}.{i}", ops[-1].name
        ops += block(layer, part, span, d_model=d_model, style=style, rotary=0.0, names=shape.names, source=source)
    return [*ops, normalization(shape.names.final_norm, span.tokens, d_model, style, source=ops[-1].name)]


def _front_end(shape: Encoder, batch: int, *, d_model: int) -> list[Op]:
    frames, source, channels = STRIDE * shape.positions, "input_features", shape.mel_bins
    ops: list[Op] = []
    for name, stride in (("conv1", 1), ("conv2", STRIDE)):
        ops.append(
            conv(
                f"model.encoder.{name}",
                batch,
                channels,
                d_model,
                input_size=(1, frames),
                kernel=(1, KERNEL),
                stride=(1, stride),
                padding=(0, KERNEL // 2),
                bias=True,
                inputs=(source,),
            )
        )
        channels = d_model
        ops.append(
            activation(f"model.encoder.{name}.gelu", ops[-1].output_elements, function="gelu", inputs=(ops[-1].name,))
        )
        source = ops[-1].name
    table = embedding(shape.names.positions, shape.positions, shape.positions, d_model, inputs=("position_ids",))
    summed = elementwise("model.encoder.sum", batch * shape.positions * d_model, inputs=(source, shape.names.positions))
    return [*ops, table, summed]
