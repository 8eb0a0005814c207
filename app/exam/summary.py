"""What an exam found: losses of quality with bootstrap intervals, and which differences are more than chance.

Efron, Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals. Networks (seeds) and
examples are drawn again with replacement, the same draws for all arms.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

DOWNSTREAM = {"digits": ("accuracy",), "minilm": ("rank", "retrieval")}
"""The metrics that count; `app.exam.digits` and `app.exam.minilm` say what they are."""

PROXIES = {"digits": ("divergence",), "minilm": ("cosine",)}

GOAL_BITS, GOAL_ACTIVATION, GOAL_RATIO = 3, 8, 0.5
"""At 3-bit weights the plan's loss is to be at most half the uniform plan's, on every downstream metric."""

LEVEL = 0.95

Floats = NDArray[np.float64]


def summarise(sittings: Iterable[Mapping[str, Any]], *, resamples: int) -> dict[str, Any]:
    """Return {"rows": a row an arm and metric, "goal": ..., "misleading": proxies that improved while quality fell}.

    A row's loss is the full network's mean score minus the arm's, with its interval; `verdict` against the uniform arm
    is better or worse only where the two intervals do not overlap, else undecided. `difference_*` is the interval of
    the paired difference uniform minus arm, which is narrower.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for sitting in _joined(sittings):
        kind = sitting["subject"].split("-")[0]
        groups[kind, sitting["activation"], sitting["budget"], sitting["repair"]].append(sitting)
    rows = [row for key, group in groups.items() for row in _rows(key, group, resamples)]
    return {"rows": rows, "goal": _goal(rows), "misleading": _misleading(rows)}


def _joined(sittings: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Sittings of one network at one size as one, with the arms of all."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for sitting in sittings:
        key = tuple(sitting[name] for name in ("subject", "activation", "budget", "repair"))
        whole = found.setdefault(key, {**sitting, "arms": {}, "bytes": {}})
        whole["arms"] |= sitting["arms"]
        whole["bytes"] |= sitting["bytes"]
    return [sitting | {"arms": _averaged(sitting["arms"])} for sitting in found.values()]


def _averaged(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The arms, with one for all random plans: the mean of their scores, example by example."""
    random = [scores for arm, scores in arms.items() if arm.startswith("random")]
    kept = {arm: scores for arm, scores in arms.items() if not arm.startswith("random")}
    return kept | {"random": {metric: np.mean([r[metric] for r in random], axis=0) for metric in random[0]}}


def _rows(key: tuple[Any, ...], group: list[Mapping[str, Any]], resamples: int) -> list[dict[str, Any]]:
    kind, activation, budget, repair = key
    rows = []
    for metric in (*DOWNSTREAM[kind], *PROXIES[kind]):
        arms = {arm: _drops(group, arm, metric) for arm in group[0]["arms"]}
        drawn = _drawn(arms, resamples)
        for arm, drops in arms.items():
            low, high = _interval(drawn[arm])
            uniform = _interval(drawn["uniform"])
            ratio = _interval(drawn[arm] / drawn["uniform"]) if uniform[0] > 0 else (None, None)
            difference = _interval(drawn["uniform"] - drawn[arm])
            rows.append(
                {"subject": kind, "activation": activation, "weights": budget, "repair": repair, "metric": metric}
                | {"arm": arm, "loss": float(np.mean([d.mean() for d in drops])), "low": low, "high": high}
                | {"difference_low": difference[0], "difference_high": difference[1]}
                | {"ratio_low": ratio[0], "ratio_high": ratio[1], "networks": len(drops), "examples": len(drops[0])}
                | {
                    "bytes": _mean_bytes(group, arm),
                    "full": float(np.mean([np.mean(s["full"][metric]) for s in group])),
                }
                | {"verdict": _verdict((low, high), uniform)}
            )
    return rows


def _drops(group: list[Mapping[str, Any]], arm: str, metric: str) -> list[Floats]:
    """The full network's score minus the arm's, an array a network."""
    return [np.subtract(s["full"][metric], s["arms"][arm][metric]) for s in group]


def _mean_bytes(group: list[Mapping[str, Any]], arm: str) -> float:
    """Of an arm, over networks; the random arm is an average over several plans."""
    draws = [name for name in group[0]["bytes"] if name == arm or (arm == "random" and name.startswith("random "))]
    return float(np.mean([sitting["bytes"][name] for sitting in group for name in draws]))


def _drawn(arms: Mapping[str, list[Floats]], resamples: int) -> dict[str, Floats]:
    """The mean loss of each arm in each resample."""
    random = np.random.default_rng(0)
    networks, found = len(arms["uniform"]), {arm: np.zeros(resamples) for arm in arms}
    for resample in range(resamples):
        for network in random.integers(networks, size=networks):
            examples = random.integers(len(arms["uniform"][network]), size=len(arms["uniform"][network]))
            for arm, drops in arms.items():
                found[arm][resample] += drops[network][examples].mean() / networks
    return found


def _interval(drawn: Floats) -> tuple[float, float]:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _verdict(mine: tuple[float, float], uniform: tuple[float, float]) -> str:
    if mine[1] < uniform[0]:
        return "better"
    return "worse" if mine[0] > uniform[1] else "undecided"


def _goal(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The plan's loss over the uniform plan's where the goal is set, and whether it is met.

    Where the uniform plan's own loss is within chance of none, there is nothing to halve: `met` is None.
    """
    found = []
    for row in rows:
        at_goal = (
            row["weights"] == GOAL_BITS
            and row["activation"] == GOAL_ACTIVATION
            and row["arm"] in ("plan", "plan refined")
        )
        if at_goal and row["metric"] in DOWNSTREAM[row["subject"]]:
            uniform = _uniform(rows, row)
            kept = {
                key: row[key]
                for key in ("subject", "metric", "repair", "arm", "loss", "ratio_low", "ratio_high", "verdict")
            }
            ratio = row["loss"] / uniform["loss"] if uniform["low"] > 0 else None
            met = None if ratio is None else ratio <= GOAL_RATIO
            found.append(kept | {"uniform": uniform["loss"], "ratio": ratio, "goal": GOAL_RATIO, "met": met})
    return found


def _misleading(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Arms better than uniform in a proxy and worse in a downstream metric of the same networks, beyond chance."""
    found = []
    for proxy in (r for r in rows if r["metric"] in PROXIES[r["subject"]] and r["verdict"] == "better"):
        for row in rows:
            same = all(row[key] == proxy[key] for key in ("subject", "activation", "weights", "repair", "arm"))
            if same and row["metric"] in DOWNSTREAM[row["subject"]] and row["verdict"] == "worse":
                found.append(row | {"proxy": proxy["metric"]})
    return found


def _uniform(rows: list[dict[str, Any]], like: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("subject", "activation", "weights", "repair", "metric")
    return next(r for r in rows if r["arm"] == "uniform" and all(r[key] == like[key] for key in keys))
