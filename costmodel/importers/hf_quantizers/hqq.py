"""HQQ: Badri and Shaji, Half-Quadratic Quantization of Large Machine Learning Models, mobiusml.github.io/hqq_blog."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

SKIPPED = "skip_modules"
WIDTHS = (8, 4, 3, 2, 1)
OF_SCALES = ("scale_quant_params", "zero_quant_params")
ZERO_POINT_BITS = 16


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Integers, and zero points as wide as their scales; settings of single layers are not read."""
    own = config.part("quant_config")
    if "weight_quant_params" not in own.values or any(own.values.get(key) for key in OF_SCALES):
        raise _schemes.unread(config, "quant_config")
    params = own.part("weight_quant_params")
    if params.value("nbits", 4) not in WIDTHS:
        params.reject("nbits", f"one of {', '.join(map(str, WIDTHS))}")
    fmt = _schemes.grouped(params, _schemes.group(params, None), bits="nbits", low=1)
    return _schemes.weights(config, wide, fmt, skipped=SKIPPED), _schemes.zero_points(ZERO_POINT_BITS)
