"""What designs of a space can be asked for: metrics, axes and fields by their names."""

from collections.abc import Sequence

from dse.axes import FIELD, NUMERIC_FIELDS, Axis

BITS = ("weight_bits", "activation_bits", "kv_bits")
METRICS = (
    "latency_s", "energy_j", "examples_per_s", "loss", "weight_bytes", "kv_bytes", "peak_activation_bytes",
    "gradient_bytes", "optimizer_bytes", "footprint_bytes", "bytes_moved", "params", "macs", "flops", "vector_flops",
    "bops", "lut", "ff", "dsp", "bram18", "uram", "cycles", "throughput_per_s", "power_w", "training_loss",
    "vlm_error", "right_answers", "wrong_answers", "fits",
)  # fmt: skip
"""What a design can be asked for; one that its device does not have is nan, and the design is left out."""

FITS = "fits"
"""1 where a device has what a design takes, 0 elsewhere."""

NEEDED = {
    "training_loss": ("tokens", "how many the model is trained on"),
    "vlm_error": ("strategy", "whose visual_tokens say how many tokens an image takes"),
}
"""The axis that a predicted metric reads, and why."""

ANSWERS = ("right_answers", "wrong_answers")
"""Shares of answers, from how often one sample of a model is right and what a strategy makes of samples."""


def known_names(axes: Sequence[Axis]) -> list[str]:
    """What an expression over these axes may read: metrics, axes, bits of a precision, fields of a device."""
    fields = [FIELD + name for name in NUMERIC_FIELDS]
    return list(dict.fromkeys([*METRICS, *(a.name for a in axes), *BITS, *fields, *NUMERIC_FIELDS]))
