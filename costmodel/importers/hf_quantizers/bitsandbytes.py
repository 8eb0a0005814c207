"""bitsandbytes: NF4, Dettmers et al., arXiv 2305.14314, its FP4, and LLM.int8(), arXiv 2208.07339."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes

SKIPPED = "llm_int8_skip_modules"
FORMATS = {"nf4": "nf4", "fp4": "fp4_bnb"}


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """4 bits in blocks of 64, or 8 bits on both sides but for features some activation of which is above a threshold.

    Double quantisation has scales of scales, QLoRA, section 3.
    """
    four, eight = config.flag("load_in_4bit", False), config.flag("load_in_8bit", False)
    if four == eight:
        config.reject("load_in_4bit", "true, or load_in_8bit, and not both")
    if eight:
        return _eight_bits(config, wide)
    fmt = config.choice("bnb_4bit_quant_type", FORMATS, "fp4")
    twice = config.flag("bnb_4bit_use_double_quant", False)
    found = _schemes.weights(config, wide, f"{fmt}_dq" if twice else fmt, skipped=SKIPPED)
    return found, (f"scales of 32 bits that 256 blocks of {fmt[:3].upper()} share",) if twice else ()


def _eight_bits(config: ConfigFields, wide: str) -> _schemes.Found:
    threshold = config.value("llm_int8_threshold", 6.0)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not threshold >= 0:
        config.reject("llm_int8_threshold", "a number of at least 0")
    if config.flag("llm_int8_has_fp16_weight", False):
        raise _schemes.unread(config, "llm_int8_has_fp16_weight")
    left = (f"features above llm_int8_threshold={threshold}, multiplied at 16 bits",) if threshold else ()
    return _schemes.weights(config, wide, "int8", "int8", skipped=SKIPPED), left
