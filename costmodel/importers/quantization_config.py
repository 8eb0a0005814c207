"""What a Hugging Face `quantization_config` says of the formats that a checkpoint's linear layers are held in.

Read as transformers 5's quantizers do (integrations and utils/quantization_config.py): GPTQ, Frantar et al., arXiv
2210.17323; AWQ, Lin et al., arXiv 2306.00978; fp8 with one scale a tensor or a block of 128 x 128; bitsandbytes' NF4,
Dettmers et al., arXiv 2305.14314, and LLM.int8(), arXiv 2208.07339; AutoRound, Cheng et al., arXiv 2309.05516; MXFP4 of
gpt-oss; ModelOpt with one algorithm; compressed-tensors with one group of all linear layers. Anything else is not read.
Scales of whole tensors, channels and blocks of a matrix are left out, as everywhere here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from costmodel.importers.config_fields import ConfigFields
from costmodel.workload.checkpoint import Checkpoint

Config = Mapping[str, Any]
KEY = "quantization_config"
PLAIN = "bf16"
EXPERTS = (r"\.experts\.",)
"""What transformers holds in MXFP4: the experts of gpt-oss alone."""
MOST_STARS, LONGEST = 3, 100
"""Of a pattern that is searched for in names."""
FLOATS: Mapping[tuple[Any, Any], str] = {(4, 16): "nvfp4", (4, 32): "mxfp4", (8, 32): "mxfp8_e4m3"}
"""Floats in groups by their bits and group size."""

ALGORITHMS: Mapping[str, str] = {
    "FP8": "fp8_e4m3/fp8_e4m3", "FP8_PER_CHANNEL_PER_TOKEN": "fp8_e4m3/fp8_e4m3", "FP8_PB_WO": f"fp8_e4m3/{PLAIN}",
    "NVFP4": "nvfp4/nvfp4", "W4A16_NVFP4": f"nvfp4/{PLAIN}", "MXFP8": "mxfp8_e4m3/mxfp8_e4m3",
}  # fmt: skip
"""Weights and activations of ModelOpt's algorithms, as vLLM runs its checkpoints (docs, quantization/modelopt)."""
MODELOPT_CACHE = "fp8_e4m3"


class NotReadError(Exception):
    """A scheme that is not read."""


def read(fields: ConfigFields) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """Return the formats that a configuration states, None where it states none that is read, and what they leave out.

    The key counts as understood where it is read.
    """
    config = fields.values.get(KEY)
    reader = READERS.get(str(config.get("quant_method"))) if isinstance(config, dict) else None
    if reader is None or not isinstance(config, dict):
        return None, ()
    try:
        found, left = reader(config)
    except NotReadError:
        return None, ()
    fields.used.add(KEY)
    return found, left


def _gptq(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("dynamic"):
        raise NotReadError
    blocks = config.get("modules_in_block_to_quantize") or []
    if not isinstance(blocks, list):
        raise NotReadError
    flat = [name for part in blocks for name in (part if isinstance(part, list) else [part])]
    found = Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, only=_paths(flat), results=config.get("lm_head") is True)
    return found, () if config.get("sym", True) is True else _zero_points(config)


def _awq(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    kept = _paths(config.get("modules_to_not_convert"))
    left = _zero_points(config) if config.get("zero_point", True) is True else ()
    return Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, kept), left


def _fp8(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("fmt", "e4m3") != "e4m3" or config.get("weight_block_size") not in (None, [128, 128]):
        raise NotReadError
    kept = _paths(config.get("modules_to_not_convert")) + _paths(config.get("ignored_layers"))
    return Checkpoint("fp8_e4m3/fp8_e4m3", PLAIN, kept), ()


def _bitsandbytes(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("load_in_8bit") is True:
        return _eight_bits(config)
    four = config.get("load_in_4bit") is True and config.get("bnb_4bit_quant_type") == "nf4"
    if not four or config.get("bnb_4bit_use_double_quant"):
        raise NotReadError
    return Checkpoint(f"nf4/{PLAIN}", PLAIN, _paths(config.get("llm_int8_skip_modules"))), ()


def _eight_bits(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    """Integers on both sides, but for features that some activation of is above a threshold."""
    threshold = config.get("llm_int8_threshold", 6.0)
    held_wide = config.get("llm_int8_has_fp16_weight") not in (None, False)
    if config.get("load_in_4bit") is True or held_wide or not isinstance(threshold, int | float):
        raise NotReadError
    left = (f"features above llm_int8_threshold={threshold}, multiplied at 16 bits",) if threshold else ()
    return Checkpoint("int8/int8", PLAIN, _paths(config.get("llm_int8_skip_modules"))), left


def _auto_round(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    """Layers that `extra_config` gives 16 bits are left; those that it gives other bits than the rest are not read."""
    extra, blocks = config.get("extra_config") or {}, config.get("block_name_to_quantize") or []
    blocks = blocks.split(",") if isinstance(blocks, str) else blocks
    narrow = any(config.get(key, wide) != wide for key, wide in (("data_type", "int"), ("act_bits", 16)))
    if narrow or not isinstance(extra, dict) or not all(_part(v).get("bits") in (16, 32) for v in extra.values()):
        raise NotReadError
    only = tuple(pattern.replace(r"(^|\.)", "^") for pattern in _paths(blocks))
    found = Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, _paths(list(extra)), only=only)
    return found, () if config.get("sym", True) is True else _zero_points(config)


def _modelopt(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    own = _part(config.get("quantization", config))
    algorithm, size = str(own.get("quant_algo")).upper(), own.get("group_size") or 16
    cache = own.get("kv_cache_scheme", own.get("kv_cache_quant_algo"))
    if algorithm not in ALGORITHMS or ("NVFP4" in algorithm and size != 16):
        raise NotReadError
    kv = f"/{MODELOPT_CACHE if cache == 'FP8' else _tensor({'strategy': 'tensor', **_part(cache)})}" if cache else ""
    kept = _wildcards(own.get("ignore", own.get("exclude_modules")))
    return Checkpoint(f"{ALGORITHMS[algorithm]}{kv}", f"{PLAIN}/{PLAIN}{kv}", kept, results=True), ()


def _compressed(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    groups = config.get("config_groups")
    if not isinstance(groups, dict) or len(groups) != 1 or config.get("transform_config"):
        raise NotReadError
    (group,) = groups.values()
    sparsity = config.get("sparsity_config")
    if not isinstance(group, dict) or group.get("targets") != ["Linear"] or group.get("output_activations"):
        raise NotReadError
    if isinstance(sparsity, dict) and sparsity.get("format") not in (None, "dense"):
        raise NotReadError
    weights = _part(group.get("weights"))
    given, cache = group.get("input_activations"), config.get("kv_cache_scheme")
    activation = _tensor(_part(given)) if given else PLAIN
    kv = f"/{_tensor(_part(cache))}" if cache else ""
    found = Checkpoint(
        f"{_tensor(weights)}/{activation}{kv}",
        f"{PLAIN}/{PLAIN}{kv}",
        _ignored(config.get("ignore")),
        results=True,
    )
    shifted = weights.get("strategy") == "group" and not weights.get("symmetric", True)
    return found, _zero_points({"bits": weights["num_bits"]}) if shifted else ()


def _mxfp4(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    return Checkpoint(f"mxfp4/{PLAIN}", PLAIN, _paths(config.get("modules_to_not_convert")), only=EXPERTS), ()


READERS: Mapping[str, Callable[[Config], tuple[Checkpoint, tuple[str, ...]]]] = {
    "gptq": _gptq, "awq": _awq, "fp8": _fp8, "bitsandbytes": _bitsandbytes, "compressed-tensors": _compressed,
    "mxfp4": _mxfp4, "auto-round": _auto_round, "intel/auto-round": _auto_round, "modelopt": _modelopt,
    "modelopt_fp4": _modelopt, "modelopt_mxfp8": _modelopt,
}  # fmt: skip


def _part(scheme: Any) -> dict[str, Any]:
    if not isinstance(scheme, dict):
        raise NotReadError
    return scheme


def _integer(config: Config) -> str:
    """The integers of `bits` and `group_size`, -1 for a scale a row."""
    bits, size = config.get("bits"), config.get("group_size", 128)
    return _grouped(bits, None if size == -1 else size)


def _grouped(bits: Any, size: Any) -> str:
    if type(bits) is not int or not 2 <= bits <= 8:
        raise NotReadError
    if size is None:
        return f"int{bits}"
    if type(size) is not int or not 1 <= size <= 10**6:
        raise NotReadError
    return f"int{bits}_g{size}"


def _tensor(scheme: Config) -> str:
    """The format of one of compressed-tensors' schemes: one scale a tensor, channel, token or group."""
    bits, size = scheme.get("num_bits"), scheme.get("group_size")
    strategy, kind = scheme.get("strategy"), scheme.get("type", "int")
    grouped = strategy in ("group", "tensor_group")
    if kind == "float" and grouped and (bits, size) in FLOATS:
        return FLOATS[bits, size]
    if strategy == "block" and scheme.get("block_structure") != [128, 128]:
        raise NotReadError
    if strategy not in ("tensor", "channel", "token", "block") and not (grouped and kind == "int"):
        raise NotReadError
    if kind == "float" and bits == 8:
        return "fp8_e4m3"
    if kind != "int":
        raise NotReadError
    return _grouped(bits, size if grouped else None)


def _paths(names: Any) -> tuple[str, ...]:
    """Patterns of whole parts of layers' dotted names."""
    if names in (None, []):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NotReadError
    return tuple(rf"(^|\.){re.escape(name)}(\.|$)" for name in names)


def _wildcards(names: Any) -> tuple[str, ...]:
    """Patterns of whole names with stars, or of whole parts of names without."""
    plain = (
        [name for name in names or [] if isinstance(name, str) and "*" not in name]
        if isinstance(names, list)
        else names
    )
    starred = [name for name in names if name not in plain] if isinstance(names, list) else []
    if not all(isinstance(name, str) and name.count("*") <= MOST_STARS and len(name) <= LONGEST for name in starred):
        raise NotReadError
    return _paths(plain) + tuple(f"^{'.*'.join(map(re.escape, name.split('*')))}$" for name in starred)


def _ignored(names: Any) -> tuple[str, ...]:
    """Patterns of compressed-tensors' names, or of its expressions "re:..." as far as they are plain."""
    if names in (None, []):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NotReadError
    return tuple(_expression(name[3:]) if name.startswith("re:") else rf"^{re.escape(name)}$" for name in names)


def _expression(pattern: str) -> str:
    plain = re.fullmatch(r"[\w.*\\^$-]+", pattern) and pattern.count("*") <= MOST_STARS and len(pattern) <= LONGEST
    try:
        re.compile(pattern)
    except re.error:
        plain = None
    if not plain:
        raise NotReadError
    return pattern if pattern.startswith("^") else f"^{pattern}"


def _zero_points(config: Config) -> tuple[str, ...]:
    return (f"zero points of {config['bits']} bits a group of weights",)
