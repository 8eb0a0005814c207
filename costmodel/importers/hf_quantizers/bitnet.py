"""BitNet b1.58: Ma et al., arXiv 2402.17764: weights of -1, 0 and 1 in 2 bits, activations of 8 bits a token."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

NORMED = ("norms before each quantised layer",)


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Ternary weights as they are stored; those that are made anew from wide ones in each pass are not read."""
    _schemes.must_be(config, "quantization_mode", "offline", "offline")
    normed = config.flag("use_rms_norm", False)
    return _schemes.weights(config, wide, "ternary", "int8"), NORMED if normed else ()
