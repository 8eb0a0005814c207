"""What exports ask of a number format."""

from app.exports._plan import Layer
from costmodel.formats import Format, get


def is_wide(fmt: Format) -> bool:
    """Whether the format is a float of 16 bits or more: such a tensor stays as the checkpoint has it."""
    return fmt.is_float and fmt.bits >= 16 and not fmt.scale


def stays(layer: Layer) -> bool:
    """Whether a layer stays as the checkpoint has it: its weight, its input, and no weight pruned."""
    return is_wide(layer.precision.weight) and is_wide(layer.precision.activation) and not layer.kept


def is_integer(fmt: Format) -> bool:
    """Whether the format is a signed integer with one scale a channel or a tensor."""
    return fmt.encoding == "integer" and fmt.signed and not fmt.scale


def is_grouped_integer(fmt: Format) -> bool:
    """Whether the format is a signed integer with a floating scale for each group: int4_g128."""
    return fmt.encoding == "integer" and fmt.signed and fmt.scale == "fp16"


def kept_input(layer: Layer) -> Format:
    """The format of a layer's input: unsigned where none was negative over calibration data, as losses are measured."""
    fmt = layer.precision.activation
    return get(f"uint{fmt.bits}") if is_integer(fmt) and layer.low >= 0 else fmt


def group_of(fmt: Format, whole: int) -> int:
    """Elements that share a scale; `whole` is the tool's own word for a channel."""
    return fmt.group_size if fmt.scale else whole
