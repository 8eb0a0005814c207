"""Rules for where layers' inputs are cut off, by name, for all activation formats among some options."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from costmodel.catalog import require
from costmodel.precision import Precision
from dse.sensitivity.calls import Data
from dse.sensitivity.clipping import clip, least_squares, percentile
from dse.sensitivity.learned_limits import learn
from dse.sensitivity.predictions import own
from dse.sensitivity.ranges import Range
from dse.sensitivity.round_trip import is_static

if TYPE_CHECKING:
    import torch

RULES = ("min-max", "percentile", "mse", "learned")
PERCENT = 99.9
"""Of the magnitudes, what a percentile keeps unless told (a judgement)."""


def parse(rule: str) -> tuple[str, float]:
    """Read "percentile:99.99" or a name alone into the name and the percent; UnknownNameError, ValueError."""
    name, colon, percent = rule.partition(":")
    require("rule for ranges", name, RULES)
    if colon and name != "percentile":
        raise ValueError(f"{name} ranges take no number, got {rule!r}")
    try:
        kept = float(percent) if colon else PERCENT
        percentile(kept)
    except ValueError:
        raise ValueError(f"a percentile is above 0 and at most 100, got {rule!r}") from None
    return name, kept


def cut(
    module: "torch.nn.Module", data: Data, options: Sequence[Precision], ranges: Mapping[str, Range], rule: str
) -> dict[str, Range]:
    """Return ranges with a limit for each activation format with a calibrated scale, by a rule as `parse` reads it.

    "learned" lowers the divergence from the network's own answers (`predictions.own`) from where "mse" leaves it, for
    each activation format with all layers at the option of widest weights that has it.
    """
    name, kept = parse(rule)
    formats = list(dict.fromkeys(o.activation for o in options if is_static(o.activation)))
    if name == "min-max" or not formats:
        return dict(ranges)
    found = clip(module, ranges, data[0], formats, percentile(kept) if name == "percentile" else least_squares)
    if name != "learned":
        return found
    answers, task = own(module, data)
    for fmt in formats:
        widest = max((o for o in options if o.activation == fmt), key=lambda o: o.weight.bits)
        learned = learn(module, answers, dict.fromkeys(found, widest), found, loss_fn=task.loss)
        found = {n: replace(r, limits={**r.limits, fmt.name: learned[n].limits[fmt.name]}) for n, r in found.items()}
    return found
