"""What a Hugging Face `quantization_config` says of the formats that a checkpoint's layers are held in."""

from collections.abc import Mapping

from costmodel import catalog
from costmodel.importers import hf_quantizers
from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers._schemes import NotReadError, unread
from costmodel.workload.checkpoint import Checkpoint

KEY = "quantization_config"
METHOD = "quant_method"
WIDE = {"float16": "fp16", "torch.float16": "fp16"}
"""Formats beside quantised weights by the model's `dtype`; kernels for these take 16 bits where it has more."""
PLAIN = "bf16"
SPELLED = {
    "intel/auto-round": "auto_round", "modelopt_fp4": "modelopt", "modelopt_mxfp8": "modelopt",
}  # fmt: skip
"""Files of methods that are not called as they are."""
KNOWN = (
    "aqlm", "fouroversix", "fp_quant", "gemma", "gguf", "higgs", "metal", "mxfp8", "nvfp4", "quark", "sinq", "spqr",
    "vptq",
)  # fmt: skip
"""Further methods of transformers, of which no file is here."""


def read(fields: ConfigFields) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """Return the formats that a configuration states, None where it states none that is read, and what they leave out.

    The weights of a configuration that is not read count as if there were none, which is told with the setting.
    ValueError for a method that no one knows, and for a setting that cannot be.
    """
    if fields.values.get(KEY) in (None, False, [], {}):
        return None, ()
    config = fields.part(KEY)
    try:
        file = _file(config)
        found: tuple[Checkpoint, tuple[str, ...]] = catalog.modules(hf_quantizers)[file].read(config, _wide(fields))
        return found
    except NotReadError as why:
        told = f"{why}" if str(why).startswith("no ") else f"{why} is not read"
        return None, (f"{KEY} ({told}; weights count at {PLAIN} unless a precision is chosen)",)


def _file(config: ConfigFields) -> str:
    """The file of a configuration's method."""
    files = catalog.modules(hf_quantizers)
    if config.values.get(METHOD) is None:
        if config.values.get("load_in_4bit") or config.values.get("load_in_8bit"):
            return "bitsandbytes"
        raise NotReadError(f"no {METHOD}")
    method = config.text(METHOD)
    file = SPELLED.get(method, method.replace("-", "_"))
    if method in KNOWN:
        raise unread(config, METHOD)
    if file not in files:
        config.reject(METHOD, f"one of {', '.join(sorted([*files, *KNOWN]))}")
    return file


def _wide(fields: ConfigFields) -> str:
    """The format of what is not quantised."""
    told: Mapping[str, object] = {key: fields.values.get(key) for key in ("dtype", "torch_dtype")}
    return next((WIDE[value] for value in told.values() if isinstance(value, str) and value in WIDE), PLAIN)
