"""A model's norm over token vectors as an op."""

from costmodel.workload.language_model import Norm
from costmodel.workload.op import Op
from costmodel.workload.ops import norm


def normalization(name: str, tokens: int, d_model: int, style: Norm, *, source: str) -> Op:
    """Return a norm of `tokens` vectors."""
    return norm(
        name,
        tokens * d_model,
        d_model,
        style=style.style,
        affine=style.affine,
        bias=style.style == "layer" and style.shifts,
        inputs=(source,),
    )


def rms_norm(name: str, tokens: int, features: int, *, source: str) -> Op:
    """Return an RMS norm of `tokens` vectors within a sublayer, whatever the model's own norms are."""
    return norm(name, tokens * features, features, style="rms", bias=False, inputs=(source,))
