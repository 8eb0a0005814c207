"""AutoRound: Cheng et al., arXiv 2309.05516."""

from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.importers.hf_quantizers import _schemes
from costmodel.workload.checkpoint import Checkpoint

KEPT_BITS = (16, 32)


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Integers in groups of 128 unless told; layers that `extra_config` gives 16 bits are left.

    Those that it gives other bits than the rest are not read.
    """
    extra, blocks = config.value("extra_config") or {}, config.value("block_name_to_quantize") or []
    if not isinstance(extra, dict) or not all(isinstance(value, dict) for value in extra.values()):
        config.reject("extra_config", "an object of objects by the names of layers")
    if any(value.get("bits") not in KEPT_BITS for value in extra.values()):
        raise _schemes.NotReadError(f"extra_config={shortened(extra)}")
    for key, value in (("data_type", "int"), ("act_bits", 16)):
        _schemes.must_be(config, key, value, value)
    blocks = blocks.split(",") if isinstance(blocks, str) else blocks
    if not isinstance(blocks, list) or not all(isinstance(name, str) for name in blocks):
        config.reject("block_name_to_quantize", "names, in a list or between commas")
    only = tuple(pattern.replace(r"(^|\.)", "^") for pattern in _schemes.parts(blocks))
    fmt = _schemes.grouped(config, _schemes.group(config, 128))
    found = Checkpoint(_schemes.spelled(fmt, wide), wide, _schemes.parts(list(extra)), only=only)
    return found, () if config.flag("sym", True) else _schemes.zero_points(config.count("bits"))
