"""What a report is made from: a run's folder, a result file, or a plan; each becomes one document."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.report import exploration_section, front_section, optimization_section, origin
from app.report.document import Document, Section
from app.report.shape import SHAPES, check
from app.text import plain
from dse.plan import Plan

NEEDED = {
    "optimization": ("model", "device", "assignment", "totals", "designs", "layers", "fronts", "budgets"),
    "exploration": ("space", "objectives", "front", "columns"),
    "front": ("model", "device", "objectives", "formats", "layers", "points"),
}
"""Keys by which a result is known, and without which it cannot be told."""
SECTIONS = {"optimization": optimization_section.section, "exploration": exploration_section.section,
            "front": front_section.section}  # fmt: skip
MAX_BYTES = 2**30


def document(source: Any, *, title: str = "", lead: str = "") -> Document:
    """Return the report of a plan, a result or several by name as dicts, a run's folder, or a JSON file of them.

    ValueError in one line says what it is not.
    """
    data, name = _data(source)
    runs = results(data, name)
    sections = tuple(_section(key, run, name) for key, run in runs.items())
    told = data if isinstance(data.get("runs"), Mapping) else {}
    title = title or str(told.get("title") or f"bitfront: {' and '.join(s.title for s in sections)}")
    lead = lead or str(told.get("lead") or "")
    kept = {"title": title, "lead": lead, "runs": dict(runs)}
    return Document(title, lead, sections, kept, origin.merged(list(runs.values())))


def results(data: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """The results in what a file holds, by name: it is one, a mapping of some, or a report with some under "runs"."""
    inner = data.get("runs", data)
    if kind_of(data):
        inner = {"run": data}
    if (
        not isinstance(inner, Mapping)
        or not inner
        or not all(isinstance(r, Mapping) and kind_of(r) for r in inner.values())
    ):
        raise ValueError(
            f"{name} holds no result of bitfront optimize --json, front --json, demo or explore, nor their report.json"
        )
    return {str(key): run for key, run in inner.items()}


def read(path: Path) -> dict[str, Any]:
    """What a run's folder or a JSON file holds; ValueError in one line."""
    if path.is_dir():
        from app import runs

        found: dict[str, Any] = plain(runs.ranged(runs.read(path)))
        return found
    if not path.is_file():
        raise ValueError(f"no run or result at {str(path)!r}")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES} bytes")
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is no JSON") from None
    if not isinstance(data, dict):
        raise ValueError(f"{path} must hold a JSON object, got {type(data).__name__}")
    return data


def _data(source: Any) -> tuple[Mapping[str, Any], str]:
    if isinstance(source, Plan):
        from app.optimization import of_plan

        return plain(of_plan(source)), "the plan"
    if isinstance(source, str | Path):
        return read(Path(source)), str(source)
    if not isinstance(source, Mapping):
        raise ValueError(f"a report is of a plan, a result or a path, got {type(source).__name__}")
    return plain(source), "the result"


def kind_of(run: Mapping[str, Any]) -> str:
    """Which of SECTIONS tells a result, "" where it is none."""
    return next((kind for kind, keys in NEEDED.items() if all(key in run for key in keys)), "")


def _section(key: str, run: Mapping[str, Any], name: str) -> Section:
    kind = kind_of(run)
    check(run, SHAPES[kind], f"{name}: {key}")
    try:
        return SECTIONS[kind](key, run)
    except (KeyError, TypeError, AttributeError, IndexError, ZeroDivisionError) as error:
        raise ValueError(f"{name}: {key} is damaged: {type(error).__name__} {error}") from None
