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

NO_FIGURE = "no figure read"
"""What stands in a row for a system of which none was."""

VERDICTS = ("reproduced", "contradicted", "hardware", "training")
"""Of a published figure; what is no independent one, of which nothing but agreement can be said, is a check."""


def rows(pattern: str = "*", *, checks: bool = False) -> list[dict[str, Any]]:
    """One row a published figure of the systems that a glob names, or a check; what was not computed is None.

    Checks are figures that nobody printed, that constants here were chosen to give, or definitions. A system of which
    no figure was read has a row among the figures, published None. UnknownNameError where no system matches, ValueError
    where one does that has none of what was asked for.
    """
    every: list[Claim | NoFigure] = [*claims(), *unclaimed()]
    named = [one for one in every if fnmatchcase(one.system.lower(), pattern.lower())]
    if not named:
        raise UnknownNameError("system", pattern, {one.system for one in every})
    found = [one for one in named if (isinstance(one, Claim) and one.verdict() == "check") == checks]
    if not found:
        told = "checks: leave --checks out" if checks else "published figures: --checks lists what it has"
        raise ValueError(f"{pattern} has no {told}")
    return [_row(one) if isinstance(one, Claim) else _without_figure(one) for one in found]


def unclaimed() -> tuple[NoFigure, ...]:
    """The systems modelled here of which no figure of cost could be read, by name."""
    return published.unclaimed(dse.compression)


def count(found: Sequence[dict[str, Any]]) -> dict[str, int]:
    """How many published figures have each verdict."""
    times = Counter(row["verdict"] for row in found if row["published"] is not None)
    return {verdict: times[verdict] for verdict in VERDICTS}


def summary(found: Sequence[dict[str, Any]], checked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a system: how many of its published figures have each verdict, and how many checks there are."""
    systems = sorted({row["system"] for row in (*found, *checked) if row["published"] is not None})
    checks = Counter(row["system"] for row in checked)
    by_system = {name: [row for row in found if row["system"] == name] for name in systems}
    return [{"system": name, **count(by_system[name]), "checks": checks[name]} for name in systems]


def written(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it is read: figures in the unit that their quantity names, without prefixes."""
    numbers = {name: _number(row[name]) for name in ("published", "reproduced")}
    numbers |= {"verdict": row["gap"]} if row["published"] is None else {}
    off = "-" if row["rel_error"] is None else f"{row['rel_error']:.2%}"
    return row | numbers | {"difference": off}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.5g}"


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


def _without_figure(system: NoFigure) -> dict[str, Any]:
    unknown = dict.fromkeys(("published", "reproduced", "rel_error", "rtol"))
    told = {"system": system.system, "id": "none", "quantity": system.what}
    kinds = {"kind": system.kind, "how": "", "verdict": system.kind, "source": system.source}
    return told | unknown | kinds | {"gap": NO_FIGURE}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
