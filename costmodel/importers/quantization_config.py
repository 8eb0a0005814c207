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

from costmodel.importers.config_fields import ConfigFields, shortened
from costmodel.workload.checkpoint import Checkpoint

Config = Mapping[str, Any]
KEY = "quantization_config"
PLAIN = "bf16"
EXPERTS = (r"\.experts\.",)
"""What transformers holds in MXFP4: the experts of gpt-oss alone."""
MOST_STARS, LONGEST = 3, 100
"""Of a pattern that is searched for in names."""
SECOND_SCALES = ("scales of 32 bits that 256 blocks of NF4 share",)
"""Of double quantisation: QLoRA, section 3."""
FLOATS: Mapping[tuple[Any, Any], str] = {(4, 16): "nvfp4", (4, 32): "mxfp4", (8, 32): "mxfp8_e4m3"}
"""Floats in groups by their bits and group size."""

ALGORITHMS: Mapping[str, str] = {
    "FP8": "fp8_e4m3/fp8_e4m3", "FP8_PER_CHANNEL_PER_TOKEN": "fp8_e4m3/fp8_e4m3", "FP8_PB_WO": f"fp8_e4m3/{PLAIN}",
    "NVFP4": "nvfp4/nvfp4", "W4A16_NVFP4": f"nvfp4/{PLAIN}", "MXFP8": "mxfp8_e4m3/mxfp8_e4m3",
}  # fmt: skip
"""Weights and activations of ModelOpt's algorithms, as vLLM runs its checkpoints (docs, quantization/modelopt)."""
SCHEME = ("num_bits", "type", "strategy", "group_size", "block_structure")
"""What decides the format of one of compressed-tensors' schemes."""
MODELOPT_CACHE = "fp8_e4m3"


class NotReadError(Exception):
    """A scheme that is not read, by the settings that are why."""


def _unread(config: Config, *keys: str) -> NotReadError:
    given = [f"{key}={shortened(config[key])}" for key in keys if config.get(key) is not None]
    return NotReadError(", ".join(given) or f"no {keys[0]}")


def read(fields: ConfigFields) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """Return the formats that a configuration states, None where it states none that is read, and what they leave out.

    The weights of a configuration that is not read count as if there were none, which is told with the setting.
    """
    config = fields.values.get(KEY)
    if config in (None, False, [], {}):
        return None, ()
    fields.used.add(KEY)
    try:
        method = str(_part(config).get("quant_method"))
        if method not in READERS:
            raise _unread(config, "quant_method")
        return READERS[method](config)
    except NotReadError as why:
        return None, (f"{KEY} ({why} is not read; weights count at {PLAIN} unless a precision is chosen)",)


def _gptq(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("dynamic"):
        raise _unread(config, "dynamic")
    blocks = config.get("modules_in_block_to_quantize") or []
    if not isinstance(blocks, list):
        raise _unread(config, "modules_in_block_to_quantize")
    flat = [name for part in blocks for name in (part if isinstance(part, list) else [part])]
    found = Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, only=_paths(flat), results=config.get("lm_head") is True)
    return found, () if config.get("sym", True) is True else _zero_points(config)


def _awq(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    kept = _paths(config.get("modules_to_not_convert"))
    left = _zero_points(config) if config.get("zero_point", True) is True else ()
    return Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, kept), left


def _fp8(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("fmt", "e4m3") != "e4m3" or config.get("weight_block_size") not in (None, [128, 128]):
        raise _unread(config, "fmt", "weight_block_size")
    kept = _paths(config.get("modules_to_not_convert")) + _paths(config.get("ignored_layers"))
    return Checkpoint("fp8_e4m3/fp8_e4m3", PLAIN, kept), ()


def _bitsandbytes(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    if config.get("load_in_8bit") is True:
        return _eight_bits(config)
    if config.get("load_in_4bit") is not True or config.get("bnb_4bit_quant_type") != "nf4":
        raise _unread(config, "bnb_4bit_quant_type", "load_in_4bit")
    twice = config.get("bnb_4bit_use_double_quant") or False
    if not isinstance(twice, bool):
        raise _unread(config, "bnb_4bit_use_double_quant")
    found = Checkpoint(f"{'nf4_dq' if twice else 'nf4'}/{PLAIN}", PLAIN, _paths(config.get("llm_int8_skip_modules")))
    return found, SECOND_SCALES if twice else ()


def _eight_bits(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    """Integers on both sides, but for features that some activation of is above a threshold."""
    threshold = config.get("llm_int8_threshold", 6.0)
    held_wide = config.get("llm_int8_has_fp16_weight") not in (None, False)
    if config.get("load_in_4bit") is True or held_wide or not isinstance(threshold, int | float):
        raise _unread(config, "load_in_4bit", "llm_int8_has_fp16_weight", "llm_int8_threshold")
    left = (f"features above llm_int8_threshold={threshold}, multiplied at 16 bits",) if threshold else ()
    return Checkpoint("int8/int8", PLAIN, _paths(config.get("llm_int8_skip_modules"))), left


def _auto_round(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    """Layers that `extra_config` gives 16 bits are left; those that it gives other bits than the rest are not read."""
    extra, blocks = config.get("extra_config") or {}, config.get("block_name_to_quantize") or []
    blocks = blocks.split(",") if isinstance(blocks, str) else blocks
    narrow = any(config.get(key, wide) != wide for key, wide in (("data_type", "int"), ("act_bits", 16)))
    if narrow or not isinstance(extra, dict) or not all(_part(v).get("bits") in (16, 32) for v in extra.values()):
        raise _unread(config, "data_type", "act_bits", "extra_config")
    only = tuple(pattern.replace(r"(^|\.)", "^") for pattern in _paths(blocks))
    found = Checkpoint(f"{_integer(config)}/{PLAIN}", PLAIN, _paths(list(extra)), only=only)
    return found, () if config.get("sym", True) is True else _zero_points(config)


def _modelopt(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    own = _part(config.get("quantization", config))
    algorithm, size = str(own.get("quant_algo")).upper(), own.get("group_size") or 16
    cache = own.get("kv_cache_scheme", own.get("kv_cache_quant_algo"))
    if algorithm not in ALGORITHMS or ("NVFP4" in algorithm and size != 16):
        raise _unread(own, "quant_algo", "group_size")
    kv = f"/{MODELOPT_CACHE if cache == 'FP8' else _tensor({'strategy': 'tensor', **_part(cache)})}" if cache else ""
    kept = _wildcards(own.get("ignore", own.get("exclude_modules")))
    return Checkpoint(f"{ALGORITHMS[algorithm]}{kv}", f"{PLAIN}/{PLAIN}{kv}", kept, results=True), ()


def _compressed(config: Config) -> tuple[Checkpoint, tuple[str, ...]]:
    groups = config.get("config_groups")
    if not isinstance(groups, dict) or len(groups) != 1 or config.get("transform_config"):
        raise _unread(config, "transform_config", "config_groups")
    (group,) = groups.values()
    sparsity = config.get("sparsity_config")
    if not isinstance(group, dict) or group.get("targets") != ["Linear"] or group.get("output_activations"):
        raise _unread(_part(group), "targets", "output_activations")
    if isinstance(sparsity, dict) and sparsity.get("format") not in (None, "dense"):
        raise _unread(config, "sparsity_config")
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
        raise NotReadError(f"{shortened(scheme)} for an object")
    return scheme


def _integer(config: Config) -> str:
    """The integers of `bits` and `group_size`, -1 for a scale a row."""
    bits, size = config.get("bits"), config.get("group_size", 128)
    return _grouped(bits, None if size == -1 else size)


def _grouped(bits: Any, size: Any) -> str:
    if type(bits) is not int or not 2 <= bits <= 8:
        raise NotReadError(f"bits={shortened(bits)}")
    if size is None:
        return f"int{bits}"
    if type(size) is not int or not 1 <= size <= 10**6:
        raise NotReadError(f"group_size={shortened(size)}")
    return f"int{bits}_g{size}"


def _tensor(scheme: Config) -> str:
    """The format of one of compressed-tensors' schemes: one scale a tensor, channel, token or group."""
    bits, size = scheme.get("num_bits"), scheme.get("group_size")
    strategy, kind = scheme.get("strategy"), scheme.get("type", "int")
    grouped = strategy in ("group", "tensor_group")
    if kind == "float" and grouped and (bits, size) in FLOATS:
        return FLOATS[bits, size]
    if strategy == "block" and scheme.get("block_structure") != [128, 128]:
        raise _unread(scheme, *SCHEME)
    if strategy not in ("tensor", "channel", "token", "block") and not (grouped and kind == "int"):
        raise _unread(scheme, *SCHEME)
    if kind == "float" and bits == 8:
        return "fp8_e4m3"
    if kind != "int":
        raise _unread(scheme, *SCHEME)
    return _grouped(bits, size if grouped else None)


def _paths(names: Any) -> tuple[str, ...]:
    """Patterns of whole parts of layers' dotted names."""
    if names in (None, []):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NotReadError(f"the layers {shortened(names)}")
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
        raise NotReadError(f"the layers {shortened(names)}")
    return _paths(plain) + tuple(f"^{'.*'.join(map(re.escape, name.split('*')))}$" for name in starred)


def _ignored(names: Any) -> tuple[str, ...]:
    """Patterns of compressed-tensors' names, or of its expressions "re:..." as far as they are plain."""
    if names in (None, []):
        return ()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise NotReadError(f"the layers {shortened(names)}")
    return tuple(_expression(name[3:]) if name.startswith("re:") else rf"^{re.escape(name)}$" for name in names)


def _expression(pattern: str) -> str:
    plain = re.fullmatch(r"[\w.*\\^$-]+", pattern) and pattern.count("*") <= MOST_STARS and len(pattern) <= LONGEST
    try:
        re.compile(pattern)
    except re.error:
        plain = None
    if not plain:
        raise NotReadError(f"the expression {shortened(pattern)}")
    return pattern if pattern.startswith("^") else f"^{pattern}"


def _zero_points(config: Config) -> tuple[str, ...]:
    return (f"zero points of {config['bits']} bits a group of weights",)
