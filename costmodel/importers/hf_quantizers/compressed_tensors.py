"""compressed-tensors with one group of all linear layers."""

import re

from costmodel.importers.config_fields import ConfigFields
from costmodel.importers.hf_quantizers import _compressed, _schemes
from costmodel.workload.checkpoint import Checkpoint

LONGEST = 10


def read(config: ConfigFields, wide: str) -> _schemes.Found:
    """The formats of the group's weights, of its inputs and of the cache."""
    groups = config.part("config_groups")
    if len(groups.values) != 1 or config.values.get("transform_config"):
        raise _schemes.unread(config, "transform_config", "config_groups")
    group = groups.part(next(iter(groups.values)))
    if group.value("targets") != ["Linear"] or group.value("output_activations"):
        raise _schemes.unread(group, "targets", "output_activations")
    sparse = _sparse(config)
    if group.value("weights") is None:
        raise _schemes.unread(group, "weights")
    weights = group.part("weights")
    activation = _compressed.tensor(group.part("input_activations")) if group.value("input_activations") else ""
    cache = _compressed.tensor(config.part("kv_cache_scheme")) if config.value("kv_cache_scheme") else ""
    held = _schemes.spelled(_compressed.tensor(weights), wide, activation, cache)
    found = Checkpoint(held, _schemes.rest(wide, cache), _ignored(config), results=True)
    shifted = weights.value("strategy") == "group" and not weights.flag("symmetric", True)
    return found, (*(_schemes.zero_points(weights.count("num_bits")) if shifted else ()), *sparse)


def _sparse(config: ConfigFields) -> tuple[str, ...]:
    """What of structured sparsity the formats do not hold: files of Marlin's layout have the kept half alone."""
    sparsity = config.part("sparsity_config") if config.value("sparsity_config") is not None else None
    if sparsity and sparsity.value("format") not in (None, "dense"):
        raise _schemes.unread(config, "sparsity_config")
    structure = str(sparsity.value("sparsity_structure") or "") if sparsity else ""
    packed = config.value("format") == "marlin-24"
    if not packed and not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", structure[:LONGEST]):
        return ()
    stored = "the file stores the kept half alone, " if packed else ""
    return (f"{'2:4' if packed else structure} sparsity of the weights ({stored}all count)",)


def _ignored(config: ConfigFields) -> tuple[str, ...]:
    """Patterns of names, or of expressions "re:..." as far as they are plain."""
    names = _schemes.texts(config, "ignore")
    whole = [_schemes.expression(name[3:]) for name in names if name.startswith("re:")]
    return (*whole, *(rf"^{re.escape(name)}$" for name in names if not name.startswith("re:")))
