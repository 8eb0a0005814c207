"""FINN: the folding configuration of a dataflow, for build_dataflow's folding_config_file.

The keys are those of FINN v0.10.1, read in its repository (Xilinx/finn): `custom_op/fpgadataflow/
matrixvectoractivation.py` has the attributes PE, SIMD, resType, ram_style, and `tests/benchmark/mobilenet_v1/
folding_config` and `resnet50/folding_config` whole files. Units are named as FINN numbers its HLS units in the order of
the layers, so that specialize_layers_config_file must ask for preferred_impl_style hls; windows, thresholds and queues
take FINN's own settings. The plan must be for an FPGA, its layers laid out as a dataflow; `bitfront estimate --folding`
reads the file. The formats themselves travel in the model: export QONNX too.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.exports import _header
from app.exports._entries import entries
from app.exports._formats import is_integer
from app.exports._plan import Chosen, Layer
from app.exports._refusal import UnexpressibleError, unknown
from app.exports._source import Source
from costmodel.estimators.fpga.folding_file import ABOUT

TOOL = "FINN v0.10.1"
UNITS = ("linear", "conv")
STREAMS = {"pooling": "Pool_hls", "elementwise": "AddStreams_hls"}
MEMORIES = {"LUT": "distributed", "BRAM": "block", "URAM": "ultra"}


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 the plan holds the folding
    """Return the file's content; ValueError where the plan holds no folding."""
    entries(chosen, "FINN", _require_integers)
    config: dict[str, Any] = {ABOUT: _header.fields(chosen, TOOL), "Defaults": {}}
    counts: Counter[str] = Counter()
    for row in chosen.rows:
        unit = _unit(row)
        if unit:
            config[f"{unit}_{counts[unit]}"] = _settings(chosen, row)
            counts[unit] += 1
    if not counts:
        raise ValueError("FINN needs a plan for an FPGA, as bitfront optimize --json prints it: this one has no layers")
    return json.dumps(config, indent=1) + "\n"


def _require_integers(layer: Layer) -> None:
    for role, fmt in (("weight", layer.precision.weight), ("activation", layer.precision.activation)):
        if not (is_integer(fmt) or fmt.name in ("binary", "ternary")):
            raise unknown(role, fmt, "integers without groups, binary and ternary")
    if layer.kind == "embedding":
        raise UnexpressibleError("it has no unit that looks rows up")
    if layer.b > 1 and layer.n > 1:
        raise UnexpressibleError("its vector-vector units are for depthwise convolutions, and this one has groups")


def _unit(row: Mapping[str, Any]) -> str:
    """FINN's name of the unit that an op becomes, "" where it becomes none."""
    if row.get("kind") in UNITS:
        return "VVAU_hls" if row.get("b", 1) > 1 else "MVAU_hls"
    return STREAMS.get(row.get("kind", ""), "") if row.get("pe") else ""


def _settings(chosen: Chosen, row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("kind") in STREAMS:
        return {"PE": int(row["pe"])}
    if not {"pe", "simd", "products_in", "weights_in"} <= set(row):
        where = f" on {chosen.device}" if chosen.device else ""
        raise ValueError(f"FINN needs the plan of a dataflow on an FPGA: layer {row['name']!r} has no PE{where}")
    memory = MEMORIES[row["weights_in"]]
    settings = {
        "PE": int(row["pe"]),
        "SIMD": int(row["simd"]),
        "resType": "dsp" if row["products_in"] == "DSP" else "lut",
        "mem_mode": "internal_decoupled",
        "ram_style": memory,
    }
    return settings | ({"runtime_writeable_weights": 1} if memory == "ultra" else {})
