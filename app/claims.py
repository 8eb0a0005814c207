"""Published claims as rows: what the command prints, the page shows and README sums up."""

import math
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

import dse.compression
from costmodel import published
from costmodel.catalog import UnknownNameError
from costmodel.claim import Claim, NoFigure
from costmodel.published import claims

VERDICTS = ("reproduced", "contradicted", "hardware", "training")


def rows(pattern: str = "*") -> list[dict[str, Any]]:
    """One row a claim of the systems that a glob names; what was not computed is None.

    UnknownNameError where no system matches.
    """
    every = claims()
    found = [claim for claim in every if fnmatchcase(claim.system.lower(), pattern.lower())]
    if not found:
        raise UnknownNameError("system", pattern, {claim.system for claim in every})
    return [_row(claim) for claim in found]


def unclaimed() -> tuple[NoFigure, ...]:
    """The systems modelled here of which no figure of cost could be read, by name."""
    return published.unclaimed(dse.compression)


def count(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many rows have each verdict."""
    times = Counter(row["verdict"] for row in found)
    return {verdict: times[verdict] for verdict in VERDICTS}


def summary(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a system: how many of its claims have each verdict."""
    systems = dict.fromkeys(row["system"] for row in found)
    return [{"system": name, **count([row for row in found if row["system"] == name])} for name in systems]


def _row(claim: Claim) -> dict[str, Any]:
    row = {
        "system": claim.system,
        "id": claim.id,
        "quantity": claim.quantity,
        "published": claim.published,
        "reproduced": _known(claim.reproduced()),
        "rel_error": _known(claim.rel_error()),
        "rtol": claim.rtol,
        "kind": claim.kind,
        "verdict": claim.verdict(),
        "source": claim.source,
    }
    return row | {"gap": claim.gap} if claim.gap else row


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
