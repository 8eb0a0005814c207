"""What the range beside a value is: of a GPU or CPU the interval that holds 90 % of what is measured; of an FPGA
bounds, each of its own kind, of which no share of designs is known."""

from collections.abc import Container, Iterable

from costmodel.estimators.fpga.built import BUILT
from costmodel.estimators.fpga.energy import OFF_BY
from dse.curves import ends

SURE = "90\u00a0%"
HOLDS = f"A range beside a value holds {SURE} of what is measured"
BOUNDS = f"Ranges beside values are bounds, no {SURE} intervals"
RESOURCES = (
    f"of LUTs, flip-flops and block RAM up to {', '.join(f'{factor:g}' for factor in BUILT.values())} times what is "
    "counted, the most of two published designs once built, of LUTs down to their error in synthesis"
)
DATAFLOW = "of latency from a pass without pipeline registers to one whose stages are all slowed to the slowest's rate"
OVERLAY = "of latency from an array that fills and drains in no time to one that waits for memory before it computes"
POWER = f"of power {1 / OFF_BY:g} to {OFF_BY:g} times what is dynamic, as fewer or more signals change, and the static"
LAYERS, ARRAY = "of a layer's LUTs their error in synthesis", "of LUTs their error in synthesis"


def short(metric: str, totals: Container[str]) -> str:
    """What a total's range is, in the few words that stand beside it."""
    return _kind(metric, totals)[0]


def words(metric: str, totals: Container[str]) -> str:
    """The same at length, as a clause."""
    return _kind(metric, totals)[1]


def said(totals: Container[str], shown: Iterable[str], *, layers: bool = False) -> str:
    """The ranges of those of the shown totals that have one, and of layers where these stand beside, in a sentence; ""
    where there is none."""
    ranged = [name for name in shown if all(end in totals for end in ends(name))]
    told = dict.fromkeys(words(name, totals) for name in ranged)
    told |= {LAYERS: None} if layers and _on_fpga(totals) and not _overlay(totals) else {}
    if not told:
        return ""
    return f"{BOUNDS}: {'; '.join(told)}." if _on_fpga(totals) else f"{HOLDS}."


def _on_fpga(totals: Container[str]) -> bool:
    return "lut" in totals


def _overlay(totals: Container[str]) -> bool:
    return "rows" in totals


def _kind(metric: str, totals: Container[str]) -> tuple[str, str]:
    if not _on_fpga(totals):
        return SURE, HOLDS
    if metric == "power_w":
        return "by activity", POWER
    if metric in BUILT:
        return ("error", ARRAY) if _overlay(totals) else ("once built", RESOURCES)
    return ("memory waits", OVERLAY) if _overlay(totals) else ("if slowed", DATAFLOW)
