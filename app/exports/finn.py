"""FINN: the folding configuration of a dataflow, for build_dataflow's folding_config_file.

The keys are those of FINN v0.10.1, read in its repository (Xilinx/finn): `custom_op/fpgadataflow/
matrixvectoractivation.py` has the attributes PE, SIMD, resType, ram_style, and `tests/benchmark/mobilenet_v1/
folding_config` and `resnet50/folding_config` whole files. Units are named as FINN numbers its HLS units in the order of
the layers, so that specialize_layers_config_file must ask for preferred_impl_style hls of these, of poolings as
InferPool makes them; sliding-window units are RTL, which alone emits whole windows. Their SIMD and parallel_window are
those that keep up with the units that they feed, as the plan counts them: FINN's own, a pixel's channels a cycle, may
be many times slower. FMPadding is FINN's own too, a padded pixel a cycle, and never slower than what reads it. Width
converters, thresholds and queues take FINN's own settings and are not in the plan's cycles. The plan must be for an
FPGA, its layers laid out as a dataflow; `bitfront estimate --folding` reads the file. The formats themselves travel in
the model: export QONNX too.
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
from costmodel.estimators.fpga.folding_windows import keeps_up

TOOL = "FINN v0.10.1"
UNITS = ("linear", "conv")
STREAMS = {"pooling": "Pool_hls", "elementwise": "AddStreams_hls"}
WINDOW, SAMPLER = "ConvolutionInputGenerator_rtl", "DownSampler_hls"
HOW = (
    "MVAU, VVAU, Pool and AddStreams units as HLS (specialize_layers_config_file: preferred_impl_style hls), "
    "ConvolutionInputGenerator units as RTL; padding, width converters and thresholds take FINN's own settings"
)
WIDEST_STREAM = 8191
"""Bits of a stream of an HLS unit: FINN asserts it of AP_INT_MAX_W (hlsbackend.py, get_ap_int_max_w)."""
MEMORIES = {"LUT": "distributed", "BRAM": "block", "URAM": "ultra"}


def render(chosen: Chosen, source: Source) -> str:  # noqa: ARG001 the plan holds the folding
    """Return the file's content; ValueError where the plan holds no folding."""
    entries(chosen, "FINN", _require_integers)
    config: dict[str, Any] = {ABOUT: _header.fields(chosen, TOOL) | {"takes": HOW}, "Defaults": {}}
    counts: Counter[str] = Counter()
    for row in chosen.rows:
        if unit := _unit(row):
            for name, settings in {**_window(row), unit: _settings(chosen, row)}.items():
                config[f"{name}_{counts[name]}"] = settings
                counts[name] += 1
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


def _window(row: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """The sliding-window unit before an op's unit, by FINN's name; empty where there is none.

    ValueError where FINN has none such, or the plan does not tell the window.
    """
    told = row.get("kind") != "conv" or "pe" not in row or "window" in row
    _require(told, row, "this plan does not tell the window that it slides over its input")
    window, pixel = row.get("window", {}), int(row.get("channels", 0))
    sizes = [window.get(f"{of}_{side}", 1) for of in ("kernel", "stride") for side in ("height", "width")]
    if max(sizes) == 1 or not row.get("pe"):
        return {}
    pe, simd = int(row["pe"]), int(row.get("simd") or 1)
    if row["kind"] == "pooling":
        _require(not pixel % pe, row, f"its PE {pe} does not divide its {pixel} channels")
        return {WINDOW: {"SIMD": pe, "parallel_window": 0}} if max(sizes[:2]) > 1 else {}
    if max(sizes[:2]) > 1:
        return {WINDOW: keeps_up(pixel, pe, simd, depthwise=row.get("b", 1) > 1)}
    height, width = (
        sum(window.get(key, 0) for key in (f"padding_{first}", f"input_{side}", f"padding_{last}"))
        for side, first, last in (("height", "top", "bottom"), ("width", "left", "right"))
    )
    square = (height == width and sizes[2] == sizes[3]) or 1 in (height, width)
    _require(square, row, f"its down-sampler takes square images at one stride, not {height} x {width} at {sizes[2:]}")
    return {SAMPLER: {"SIMD": keeps_up(pixel, pe, simd, depthwise=False)["SIMD"]}}


def _require(holds: bool, row: Mapping[str, Any], told: str) -> None:
    if not holds:
        raise ValueError(f"FINN cannot express layer {row['name']!r}: {told}")


def _settings(chosen: Chosen, row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("kind") in STREAMS:
        return {"PE": int(row["pe"])}
    if not {"pe", "simd", "products_in", "weights_in"} <= set(row):
        where = f" on {chosen.device}" if chosen.device else ""
        raise ValueError(f"FINN needs the plan of a dataflow on an FPGA: layer {row['name']!r} has no PE{where}")
    wide = int(row["simd"]) * float(row.get("activation_bits", 1))
    told = (
        f"SIMD {row['simd']} x {row.get('activation_bits')} bits of input; its HLS units take {WIDEST_STREAM} at most"
    )
    _require(wide <= WIDEST_STREAM, row, told)
    memory = MEMORIES.get(row["weights_in"])
    settings = {
        "PE": int(row["pe"]),
        "SIMD": int(row["simd"]),
        "resType": "dsp" if row["products_in"] == "DSP" else "lut",
        "mem_mode": "internal_decoupled" if memory else "external",
        "ram_style": memory or "auto",
    }
    return settings | ({"runtime_writeable_weights": 1} if memory == "ultra" else {})
