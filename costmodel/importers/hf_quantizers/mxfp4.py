"""MXFP4 of gpt-oss: OpenAI, model card, arXiv 2508.10925, 2.1."""

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _schemes
from costmodel.workload.checkpoint import Checkpoint

EXPERTS = (r"\.experts\.",)
"""What transformers holds in MXFP4: the experts alone."""


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """The weights of the experts."""
    kept = _schemes.left(config)
    return Checkpoint(_schemes.spelled("mxfp4", wide), wide, kept, only=EXPERTS), ()
