"""How the user lays a network out on an FPGA: --mapping, --folding and --laid-for."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costmodel.display import quantity
from costmodel.estimators import fpga
from costmodel.estimators.estimated import Estimate
from costmodel.estimators.fpga import Design, built, folding_file, overlay
from costmodel.hardware import Device, Fpga
from costmodel.precision import Precision, precision
from costmodel.workload import Workload

if TYPE_CHECKING:
    from dse import Budget

Layout = Callable[[Workload, Precision, Fpga], Design]


def layout(
    device: Device,
    mapping: str | None,
    folding: str | None,
    budgets: "Sequence[Budget]" = (),
    laid_for: str | None = None,
) -> Layout:
    """The function that lays a network out; ValueError where the options do not go together or with the device.

    An overlay's array is one whatever its layers' formats, so that `budgets` of resources choose the array.
    """
    if (mapping or folding) and not isinstance(device, Fpga):
        raise ValueError(f"--mapping and --folding are for an FPGA, and {device.name} is none")
    if laid_for:
        return _laid_for(device, mapping, folding, laid_for)
    if folding:
        if mapping == "overlay":
            raise ValueError("--folding lays out a dataflow; an overlay has none")
        if mapping == "streamed":
            raise ValueError('--folding says itself which weights are streamed: "mem_mode": "external"')
        return lambda workload, _, board: folding_file.read(Path(folding), workload, board)
    if mapping == "streamed":
        return partial(fpga.fold, streaming=True)
    return partial(overlay.fit, most={b.metric.name: b.allowed for b in budgets}) if mapping == "overlay" else fpga.fold


def _laid_for(device: Device, mapping: str | None, folding: str | None, laid_for: str) -> Layout:
    if not isinstance(device, Fpga):
        raise ValueError(f"--laid-for is for an FPGA, and {device.name} is none")
    if folding or mapping == "overlay":
        other = "--folding" if folding else "--mapping overlay"
        raise ValueError(f"--laid-for folds a dataflow: leave it out, or {other}")
    return fpga.folded_for(precision(laid_for), streaming=mapping == "streamed")


def told(found: Estimate) -> list[str]:
    """Sentences on an FPGA design: what limits it, what fills the device, and where products and weights are."""
    return _laid_out(found) + _power(found) if isinstance(found.device, Fpga) else []


def _laid_out(found: Estimate) -> list[str]:
    totals, columns = found.totals, found.columns
    slowest = int(columns["cycles"].argmax())
    name, bound = found.workload.ops[slowest].name, str(columns["bound"][slowest])
    if "rows" in totals:
        times = {b: float(columns["latency_s"][columns["bound"] == b].sum()) for b in ("compute", "memory")}
        share = times["memory"] / max(sum(times.values()), 1e-30)
        return [
            f"Overlay: an array of {totals['rows']:.0f} x {totals['columns']:.0f} multipliers, of which"
            f" {totals['utilisation']:.0%} are busy; layers that wait for memory take {share:.0%} of the time. Layers"
            " share its LUTs, DSP blocks and block RAMs, so that none has any of its own.",
            f"Longest layer: {name} ({bound}). {_fullest(found)}",
            f"Products: in DSP blocks in {totals['dsp_columns']:.0f} of {totals['columns']:.0f} columns, as many as"
            f" there are blocks for where they save LUTs, in LUTs in the others. Inputs wait in"
            f" {'UltraRAM' if totals['uram'] else 'block RAM'}.",
        ]
    products, weights = (_counts(columns[c]) for c in ("products_in", "weights_in") if c in columns)
    return [
        f"Dataflow: {name} is the slowest layer ({bound}). {_passing(found)} {_fullest(found)}",
        f"Products: {products}; DSP blocks go where one saves most LUTs, while they last, so that a wider format may "
        f"take fewer LUTs than a narrower one. Weights: {weights}.",
        _built(found),
    ]


def _built(found: Estimate) -> str:
    """What a whole design may take, beyond what budgets and fit are judged by."""
    totals = found.totals
    names = {"lut": "LUTs", "ff": "flip-flops", "bram18": "block RAM"}
    times = ", ".join(f"{factor:g} times the {names[name]}" for name, factor in built.BUILT.items())
    ends = ", ".join(f"{name.upper()} {quantity(name, totals[f'{name}_high'])}" for name in names)
    over = [n.upper() for n in names if totals[f"{n}_high"] > getattr(found.device, n) >= totals[n]]
    beyond = f"; that much {' and '.join(over)} {found.device.name} does not have" if over else ""
    return (
        "Resources are sums over the layers, by which budgets and fit are judged; of two published designs the whole"
        f" took up to {times} counted so: here up to {ends}{beyond}."
    )


def _passing(found: Estimate) -> str:
    """How the latency comes about, and whether memory paces the design."""
    totals, slowest = found.totals, float(found.columns["cycles"].max())
    if not slowest:
        return ""
    low, high = (quantity("latency_s", totals[f"latency_{side}_s"]) for side in ("low", "high"))
    intervals = totals["latency_s"] * totals["clock_hz"] / totals["cycles"]
    paced = "" if totals["cycles"] <= slowest else " Memory paces it: input, output and streamed weights take longer."
    return (
        f"From its first input to its last output a pass takes {intervals:.1f} intervals, as windows fill while other"
        f" layers work ({low} to {high}, if all are slowed to the slowest's rate).{paced}"
    )


def _power(found: Estimate) -> list[str]:
    """Where the chip's static power comes from; nothing where it is not known."""
    totals = found.totals
    if "static_power_w" not in totals or not isinstance(found.device, Fpga):
        return []
    source = found.device.sources.get("static_w", "a TOML without a source")
    dynamic = quantity("power_w", totals["dynamic_power_w"])
    return [
        f"Power: {quantity('power_w', totals['static_power_w'])} static ({source}) and {dynamic} dynamic at"
        f" {found.device.toggle_rate:.1%} of signals changing in a cycle (--toggle-rate), together"
        f" {quantity('power_w', totals['power_low_w'])} to {quantity('power_w', totals['power_high_w'])}; a processor"
        " beside the fabric and the board are not counted, nor static power in the energy."
    ]


def _fullest(found: Estimate) -> str:
    shares = {
        name: found.totals[name] / have
        for name in ("lut", "ff", "dsp", "bram18", "uram")
        if (have := getattr(found.device, name)) and name in found.totals
    }
    name = max(shares, key=lambda n: shares[n])
    return f"Of the device's {name.upper()} it takes {shares[name]:.0%}, of every other resource less."


def _counts(column: Any) -> str:
    counts: Mapping[str, int] = {}
    for place in column.tolist():
        counts = {**counts, place: counts.get(place, 0) + 1} if place else counts
    return ", ".join(f"{count} layer{'s' * (count > 1)} in {place}" for place, count in counts.items()) or "none"
