"""NVIDIA's ModelOpt with one algorithm for all layers, as vLLM runs its checkpoints (docs, quantization/modelopt)."""

from collections.abc import Mapping

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _compressed, _schemes
from costmodel.workload.checkpoint import Checkpoint

ALGORITHMS: Mapping[str, tuple[str, str]] = {
    "FP8": ("fp8_e4m3", "fp8_e4m3"), "FP8_PER_CHANNEL_PER_TOKEN": ("fp8_e4m3", "fp8_e4m3"),
    "FP8_PB_WO": ("fp8_e4m3", ""), "NVFP4": ("nvfp4", "nvfp4"), "W4A16_NVFP4": ("nvfp4", ""),
    "MXFP8": ("mxfp8_e4m3", "mxfp8_e4m3"),
}  # fmt: skip
"""Weights and activations, "" for wide ones."""
CACHE = "fp8_e4m3"
BLOCK = 16
"""Of NVFP4."""


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """Layers by `quant_algo`, and the cache by its own scheme."""
    own = config.part("quantization") if "quantization" in config.values else config
    algorithm, size = str(own.value("quant_algo")).upper(), own.value("group_size") or BLOCK
    if algorithm not in ALGORITHMS or ("NVFP4" in algorithm and size != BLOCK):
        raise _schemes.unread(own, "quant_algo", "group_size")
    cache = _cache(own)
    weight, activation = ALGORITHMS[algorithm]
    kept = _schemes.wildcards(own, "ignore" if own.value("ignore") is not None else "exclude_modules")
    held = _schemes.spelled(weight, wide, activation, cache)
    return Checkpoint(held, _schemes.rest(wide, cache), kept, results=True), ()


def _cache(own: ConfigFields) -> str:
    key = "kv_cache_scheme" if "kv_cache_scheme" in own.values else "kv_cache_quant_algo"
    scheme = own.value(key)
    if not scheme:
        return ""
    if isinstance(scheme, str):
        _schemes.must_be(own, key, "", "FP8")
        return CACHE
    return _compressed.tensor(own.part(key, strategy="tensor"))
