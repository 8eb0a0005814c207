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
"""Of a published figure; what is no independent one, of which nothing but agreement can be said, is a check."""


def rows(pattern: str = "*", *, checks: bool = False) -> list[dict[str, Any]]:
    """One row a published figure of the systems that a glob names, or a check; what was not computed is None.

    Checks are figures that nobody printed, that constants here were chosen to give, or definitions.
    UnknownNameError where no system matches.
    """
    every = [claim for claim in claims() if (claim.verdict() == "check") == checks]
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


def summary(found: Sequence[dict[str, Any]], checked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a system: how many of its published figures have each verdict, and how many checks there are."""
    systems = sorted({row["system"] for row in (*found, *checked)})
    checks = Counter(row["system"] for row in checked)
    by_system = {name: [row for row in found if row["system"] == name] for name in systems}
    return [{"system": name, **count(by_system[name]), "checks": checks[name]} for name in systems]


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
        "how": claim.how if claim.kind == "analytic" else "",
        "verdict": claim.verdict(),
        "source": claim.source,
    }
    return row | {"gap": claim.gap} if claim.gap else row


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
