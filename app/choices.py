"""The choices that a command line spells: a model, formats, and data where the model is a torch module."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import dse
from app import data as data_source
from costmodel import models, strategies
from costmodel.strategies._beside import PREFIXES
from costmodel.workload import Workload
from dse.neighbours import AUTOMATIC


def names(text: str) -> list[str]:
    """The parts of a comma-separated list."""
    return [part.strip() for part in text.split(",") if part.strip()]


def ties_of(groups: Sequence[str], workload: Workload) -> list[list[str]]:
    """Read --tie values: layers by name, or `fused` and `residual` for those that `dse.neighbours` finds."""
    found: list[list[str]] = []
    for group in groups:
        automatic = AUTOMATIC.get(group.strip())
        found += [list(tie) for tie in automatic(workload)] if automatic else [names(group)]
    return found


def by_layer(option: str, edits: Sequence[str]) -> dict[str, str]:
    """Read LAYER=VALUE edits; ValueError names the option where the sign is missing, or a layer is given two values."""
    found: dict[str, str] = {}
    for edit in edits:
        glob, equals, value = edit.partition("=")
        if not (equals and glob.strip() and value.strip()):
            raise ValueError(f"{option} must be LAYER=FORMAT, got {edit!r}")
        if found.setdefault(glob.strip(), value.strip()) != value.strip():
            raise ValueError(f"{option} gives {glob.strip()} both {found[glob.strip()]} and {value.strip()}")
    return found


def choices_of(
    model: str,
    formats: list[str],
    data: str | None,
    shape: dict[str, Any],
    progress: Callable[[int, int], Any] | None = None,
    *,
    method: str | None = None,
    ranges: str | None = None,
    strategy: str | None = None,
) -> tuple[dse.Choices, Any]:
    """Return the choices of a model, and the data held out for accuracy (None where there is none).

    method, ranges  as `dse.choices` takes them, for torch models with data
    strategy        what edits a network before its layers are allocated formats; not of one whose loss is measured
    """
    edit = _edits(strategy or "none")
    how: dict[str, Any] = {"method": method or "", "ranges": ranges or "min-max"}
    scheme, target = models.split(model)
    if scheme != "torch":
        if data:
            raise ValueError(f"--data measures a torch model's loss; {model} has no weights")
        return dse.choices(edit(models.load(model, **shape)), formats, **how), None
    from costmodel.importers import torch_export

    shape, of_phase = models.phased(shape, "a torch model")
    for key in ("resolution", "context", "dims"):
        if shape.get(key):
            raise ValueError(f"a torch model's shape is that of its inputs; {key} does not apply")
    loaded = torch_export.load(target)
    given = data_source.load(data) if data else loaded.data
    if given is None:
        inputs = torch_export.batched(loaded.inputs, shape.get("batch"))
        workload = torch_export.read(loaded.module, inputs, name=model, strict=bool(shape.get("strict")))
        return dse.choices(edit(of_phase(workload)), formats, **how), None
    _require_plain(strategy, model)
    calibration, test = data_source.split(given)
    batch = shape.get("batch") or 1
    found = dse.choices(loaded.module, formats, calibration, batch=batch, progress=progress, **how)
    if shape.get("strict") and found.workload.uncounted:
        raise ValueError(f"{model} has parts that are not counted: {', '.join(found.workload.uncounted)}")
    return replace(found, workload=of_phase(found.workload)), test


def _require_plain(strategy: str | None, model: str) -> None:
    """ValueError for a strategy where a model's loss is measured."""
    if strategy not in (None, "none"):
        raise ValueError(f"the loss of {model} is measured as it is, --strategy edits networks without data")


def _edits(spelled: str) -> Callable[[Workload], Workload]:
    """A strategy that puts no model beside the network; ValueError where it does, whose formats decide no loss here."""
    edit = strategies.strategy(spelled)

    def edited(workload: Workload) -> Workload:
        found = edit(workload)
        aside = next((op.name for op in found.ops if op.name.startswith(PREFIXES)), "")
        if aside:
            raise ValueError(f"{spelled} puts {aside} beside {workload.name}: allocate formats to each model by itself")
        return found

    return edited
