"""What the points say: each family's cheapest formats within a loss of accuracy, and who is on the front."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from costmodel.formats import get
from dse.pareto import mask

FAMILIES = ("integer", "minifloat", "mixed")
COSTS = ("lut_per_mac", "lut")


def family(pair: str) -> str:
    """integer, minifloat, or mixed, of a weight/activation."""
    floats = sum(get(name).is_float for name in pair.split("/"))
    return ("integer", "mixed", "minifloat")[floats]


def points(accuracy: Mapping[int, Mapping[str, float]], costs: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a pair: its family, mean accuracy over the seeds with its spread, and its costs."""
    rows = []
    for pair, cost in costs.items():
        values = np.array([found[pair] for found in accuracy.values()])
        spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        rows.append({"pair": pair, "family": family(pair), "accuracy": float(values.mean()), "spread": spread, **cost})
    return rows


def reference(accuracy: Mapping[int, Mapping[str, float]]) -> float:
    """Mean accuracy of the trained networks themselves."""
    return float(np.mean([found["fp32"] for found in accuracy.values()]))


def on_front(rows: Sequence[Mapping[str, Any]], cost: str) -> list[Mapping[str, Any]]:
    """The rows that no other beats in both cost and accuracy, cheapest first."""
    kept = mask(np.array([[row[cost], -row["accuracy"]] for row in rows]))
    return sorted((row for row, keep in zip(rows, kept, strict=True) if keep), key=lambda row: float(row[cost]))


def cheapest(rows: Sequence[Mapping[str, Any]], cost: str, least: float) -> dict[str, Mapping[str, Any]]:
    """The cheapest row of each family that has one of at least that accuracy."""
    good = {name: [r for r in rows if r["family"] == name and r["accuracy"] >= least] for name in FAMILIES}
    return {name: min(found, key=lambda row: float(row[cost])) for name, found in good.items() if found}


def sentences(
    name: str, rows: Sequence[Mapping[str, Any]], base: float, allowed: Sequence[float], quality: str = "accuracy"
) -> list[str]:
    """The conclusion of one network, every number computed from its rows."""
    said = []
    for cost, words in (("lut_per_mac", "LUTs a MAC"), ("lut", "LUTs of the whole network")):
        for lost in allowed:
            best = cheapest(rows, cost, base - lost / 100)
            said.append(f"{name}, at most {lost:g} points below fp32 ({base:.2%}), {words}: {_compared(best, cost)}.")
        front = on_front(rows, cost)
        counts = ", ".join(f"{sum(r['family'] == f for r in front)} {f}" for f in FAMILIES)
        said.append(f"{name}, front of {quality} against {words}: {len(front)} pairs, of which {counts}.")
    return said


def _compared(best: Mapping[str, Mapping[str, Any]], cost: str) -> str:
    if not best:
        return "no pair reaches it"
    named = ", ".join(f"{f} {row['pair']} {_told(row, cost)}" for f, row in best.items())
    if lacking := [f for f in ("integer", "minifloat") if f not in best]:
        return f"{named}; no {' and no '.join(lacking)} pair reaches it"
    ratio = best["minifloat"][cost] / best["integer"][cost]
    unsure = sum(_error(best[f], cost) for f in ("integer", "minifloat"))
    if abs(ratio - 1) <= unsure:
        verdict = f"within the models' error of {unsure:.0%}: no difference shown"
    else:
        verdict = "minifloats take more" if ratio > 1 else "minifloats take fewer"
    return f"{named}; minifloat over integer {ratio:.2f}, {verdict}"


def _told(row: Mapping[str, Any], cost: str) -> str:
    return (
        f"{row[cost]:.4g}" if cost == "lut_per_mac" else f"{row[cost]:,.0f}" + " (does not fit)" * bool(row["beyond"])
    )


def unfit(rows: Sequence[Mapping[str, Any]], device: str) -> list[str]:
    """How many whole networks take more than the device has; nothing where all fit."""
    count = sum(bool(row["beyond"]) for row in rows)
    return [
        f"{count} of {len(rows)} pairs take more than {device} has at that throughput: compared, not built."
    ] * bool(count)


def _error(row: Mapping[str, Any], cost: str) -> float:
    """The relative half-width of the row's cost."""
    if cost == "lut_per_mac":
        return float(row["lut_per_mac_error"])
    return float((row["lut_high"] - row["lut_low"]) / 2 / row["lut"])


def conversion(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the stages after accumulators take: for integers a scale or thresholds, for minifloats a conversion back."""
    shares = {
        name: np.array([r["output_lut"] / r["lut"] for r in rows if get(r["pair"].split("/")[1]).is_float == is_float])
        for name, is_float in (("integer", False), ("minifloat", True))
    }
    said = [
        f"to {name} activations {s.mean():.0%} on average ({s.min():.0%} to {s.max():.0%})"
        for name, s in shares.items()
        if s.size
    ]
    return f"Output stages take, of a network's LUTs, {'; '.join(said)}."
