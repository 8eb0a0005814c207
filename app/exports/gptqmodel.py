"""GPTQModel: the arguments of a QuantizeConfig, whose `dynamic` gives each module its own.

Read it with `QuantizeConfig(**json.load(file))`. The schema is that of GPTQModel 7.7.0, `gptqmodel/quantization/
config.py`: `dynamic` maps regular expressions of module names, anchored here, to what differs there; those that start
with "-:" leave their modules as they are, and are moved before all others, so the last one names what it spares.
Weights are symmetric integers of 2 to 8 bits with a scale a group (group_size -1: a row); activations stay as they are.
"""

import json
import re
from collections import Counter
from typing import Any

from app.exports import _header
from app.exports._entries import entries, require_groups, require_kind
from app.exports._formats import group_of, is_grouped_integer, is_integer, is_wide
from app.exports._plan import Chosen, Layer
from app.exports._refusal import unknown
from app.exports._source import Source

TOOL = "GPTQModel 7.7.0"


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 names and formats are all it needs
    """Return the file's content."""
    found = entries(chosen, "GPTQModel", _override)
    quantised = {name: override for name, override in found.items() if override}
    if not quantised:
        raise ValueError("GPTQModel quantises at least one layer, and the plan leaves all as they are")
    common = Counter((o["bits"], o["group_size"]) for o in quantised.values()).most_common(1)[0][0]
    kept = "|".join(map(re.escape, quantised))
    config = {
        "bits": common[0],
        "group_size": common[1],
        "sym": True,
        "lm_head": "lm_head" in quantised,
        "dynamic": {f"^{re.escape(name)}$": override for name, override in quantised.items()}
        | {f"-:^(?!(?:{kept})$)": {}},
        "meta": {"bitfront": _header.fields(chosen, TOOL)},
    }
    return json.dumps(config, indent=1) + "\n"


def _override(layer: Layer) -> dict[str, Any] | None:
    weight, activation = layer.precision.weight, layer.precision.activation
    if not is_wide(activation):
        raise unknown("activation", activation, "16-bit floats alone")
    if is_wide(weight):
        return None
    if not ((is_integer(weight) or is_grouped_integer(weight)) and weight.bits <= 8):
        raise unknown("weight", weight, "integers of 2 to 8 bits")
    require_kind(layer, "linear", "conv")
    if weight.scale:
        require_groups(layer, weight.group_size)
    return {"bits": weight.bits, "group_size": group_of(weight, -1), "sym": True}
