"""AWQ: Lin et al., arXiv 2306.00978."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes
from costmodel.workload.checkpoint import Checkpoint


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Integers in groups of 128 unless told, with zero points unless told."""
    fmt = _schemes.grouped(config, _schemes.group(config, 128))
    found = Checkpoint(_schemes.spelled(fmt, wide), wide, _schemes.left(config))
    return found, _schemes.zero_points(config.count("bits")) if config.flag("zero_point", True) else ()
