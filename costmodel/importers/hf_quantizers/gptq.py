"""GPTQ: Frantar et al., arXiv 2210.17323."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes
from costmodel.workload.checkpoint import Checkpoint


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Integers in groups of 128 unless told; the last layer only where `lm_head` says so."""
    if config.values.get("dynamic"):
        raise _schemes.unread(config, "dynamic")
    blocks = config.value("modules_in_block_to_quantize") or []
    if not isinstance(blocks, list):
        config.reject("modules_in_block_to_quantize", "a list of names, or of lists of them")
    flat = [name for part in blocks for name in (part if isinstance(part, list) else [part])]
    if not all(isinstance(name, str) for name in flat):
        config.reject("modules_in_block_to_quantize", "a list of names, or of lists of them")
    fmt = _schemes.grouped(config, _schemes.group(config, 128))
    only, results = _schemes.parts(flat), config.flag("lm_head", False)
    found = Checkpoint(_schemes.spelled(fmt, wide), wide, only=only, results=results)
    return found, () if config.flag("sym", True) else _schemes.zero_points(config.count("bits"))
