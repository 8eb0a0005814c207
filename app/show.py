"""A result of an optimisation on the terminal."""

from collections.abc import Mapping
from typing import Any

import click

from app.designs import same, spoken
from app.results import broken, misfit, sure, unfit
from app.text import print_table, some

COSTS = ("weight_bytes", "latency_s", "energy_j", "lut", "dsp", "bram18", "uram", "throughput_per_s")


def show(result: Mapping[str, Any]) -> None:
    """Print the designs, the chosen formats of the layers, and how sure the plan is."""
    _designs(result)
    click.echo()
    _plan(result)
    click.echo()
    if result["budgets"]:
        because = f": {result['budgets_from']}" if "budgets_from" in result else ""
        did = "keeps" if "fixed" in result else "was chosen under"
        click.echo(f"The plan {did} {' and '.join(result['budgets'])}{because}.")
    by = "" if "fixed" in result else f" ({result['solver']})"
    click.echo(f"The plan is {sure(result)}{by}; loss {result['loss_source']}.")
    for sentence in (*_doubts(result), *_layout(result), *result["notes"], *_counted(result)):
        click.echo(sentence)


def _designs(result: Mapping[str, Any]) -> None:
    """Print a row a design, with what it takes too much of where one does not fit."""
    costs = [c for c in COSTS if c in result["totals"]]
    shown = [d for d in result["designs"] if _tells(d, result)]
    rows = [
        {"design": d["name"], "loss": d["loss"]}
        | {key: d[key] for key in ("accuracy", "r2") if key in d}
        | {c: d["totals"].get(c) for c in costs}
        | {"does not fit": misfit(d), "breaks": broken(d, result["budgets"])}
        for d in shown
    ]
    scores = [key for key in ("accuracy", "r2") if any(key in row for row in rows)]
    unfit = [column for column in ("does not fit", "breaks") if any(row[column] for row in rows)]
    columns = ["design", *scores, "loss", *costs, *unfit]
    print_table(f"{result['model']} on {result['device']}", rows, columns)
    if left := len(result["designs"]) - len(shown):
        why = "the same as another design, or as accurate as the uniform one to a standard error"
        click.echo(f"{left} more plans at a uniform design's size are in the report: {why}.")


def _tells(design: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a design is worth a row: of plans at a uniform one's size, those that differ from it beyond chance."""
    if not design["kind"].startswith("plan at"):
        return True
    others = [d for d in result["designs"] if d["name"] != design["name"]]
    uniform: Mapping[str, Any] = next((d for d in others if d["name"] == design["name"].rpartition(" of ")[2]), {})
    if not {"accuracy"} <= set(uniform) & set(design):
        return True
    beyond = abs(design["accuracy"] - uniform["accuracy"]) > result.get("accuracy_standard_error", 0.0)
    return beyond and not any(same(design, d) for d in others if not d["kind"].startswith("plan at"))


def _doubts(result: Mapping[str, Any]) -> list[str]:
    """How well the losses add up, and whether the plan fits."""
    said = []
    if "additivity" in result:
        found = result["additivity"]
        said.append(
            f"Summed losses order {found['assignments']} random assignments, measured whole, "
            f"with a rank correlation of {found['spearman']:.2f}."
        )
        said += [f"Beware: {found['warning']}."] if found["warning"] else []
    said += measured(result)
    return said + unfit(result, "The plan")


def _layout(result: Mapping[str, Any]) -> list[str]:
    """Which formats and which folding the plan has."""
    taken = ", ".join(f"{s} as {name}" for s, name in result["formats"].items() if s != name)
    folding = [folding_of(result)] if "folding_of" in result else []
    return [*folding, *([f"Formats were taken as: {taken}."] if taken else [])]


def _counted(result: Mapping[str, Any]) -> list[str]:
    """What had no choice, and what is and is not counted."""
    said = []
    if result["not_chosen"]:
        said.append(f"No choice, at {next(iter(result['not_chosen'].values()))}: {some(list(result['not_chosen']))}.")
    if result["covers"]:
        said.append(f"Counted: {result['covers']}.")
    if result["uncounted"]:
        said.append(f"Not counted: {some(result['uncounted'])}.")
    return said


def measured(result: Mapping[str, Any]) -> list[str]:
    """How sure measured scores are, and which uniform designs beat the plan; nothing where none were measured."""
    if not {"tested", "measured_better"} <= set(result):
        return []
    said = [f"R2 is that of {result['tested']} held-out examples."]
    if "accuracy_standard_error" in result:
        said = [
            f"Accuracy is that of {result['tested']} held-out examples: which ones were held out moves the plan's by "
            f"{result['accuracy_standard_error']:.2%} either way (one standard error)."
        ]
    if result["measured_better"]:
        said.append(
            f"Measured so, {' and '.join(map(spoken, result['measured_better']))} did better within the same budgets."
        )
    return said + (_misled(result) if "accuracy_standard_error" in result else [])


def _misled(result: Mapping[str, Any]) -> list[str]:
    """Where a plan of a smaller loss than the uniform design of its size is measured to be worse than it."""
    uniform = {design["name"]: design for design in result["designs"] if design["kind"] == "uniform"}
    said = []
    for plan in result["designs"]:
        size, _, name = plan["name"].removeprefix("plan at ").partition(" of ")
        other = uniform.get(name)
        if other is None or plan["loss"] >= other["loss"]:
            continue
        lost = other["accuracy"] - plan["accuracy"]
        if lost > result["accuracy_standard_error"]:
            said.append(
                f"At {spoken(f'{size} of {name}')} the plan is right on {lost:.2%} less, though its loss is smaller "
                f"({plan['loss']:.4g} against {other['loss']:.4g}): losses of single layers do not add up there."
            )
    return said


def folding_of(result: Mapping[str, Any]) -> str:
    """Which folding or array the plan has, and what its proof holds for."""
    tried = ", ".join(result["foldings_tried"])
    if len(result["foldings_tried"]) == 1:
        return f"PE and SIMD are those made for {tried}, as asked, whatever formats the layers have."
    if "rows" in result["totals"]:
        return f"The array is the one made for {result['folding_of']}, the best of those for {tried}."
    return (
        f"PE and SIMD are those made for {result['folding_of']}, the best of the foldings for {tried}; "
        "a budget or --objective of throughput_per_s or latency_s chooses them a layer."
    )


def _plan(result: Mapping[str, Any]) -> None:
    """Print the format of each layer and, where it has a unit of its own, that unit's folding."""
    units = {row["name"]: f"{row['pe']} x {row['simd']}" for row in result["layers"] if row.get("pe")}
    rows = [{"layer": k, "format": v, "PE x SIMD": units.get(k, "")} for k, v in result["assignment"].items()]
    print_table("Plan", rows, ["layer", "format", *["PE x SIMD"] * bool(units)])
