"""bitfront estimate: what a model costs on a device at a precision."""

from typing import TYPE_CHECKING, Any

import click

from app import complete, options

if TYPE_CHECKING:
    from costmodel import Estimate
    from costmodel.hardware import Device
    from costmodel.strategies._then import Strategy
    from costmodel.workload import Workload

LAYERS = (
    "name", "kind", "precision", "macs", "flops", "vector_flops", "bops", "weight_bytes", "kv_bytes", "bytes_moved",
    "cycles", "latency_s", "within", "energy_j", "lut", "ff", "dsp", "bram18", "uram", "pe", "simd", "products_in",
    "weights_in", "bound", "source",
)  # fmt: skip
"""Columns of the table of layers; --json has all. `within` is the 90 % interval of a latency."""
SPARE = (
    "vector_flops", "flops", "bops", "kind", "ff", "energy_j", "uram", "simd", "pe", "kv_bytes", "bytes_moved", "macs",
    "weights_in", "weight_bytes", "bram18", "products_in", "cycles", "source", "within",
)  # fmt: skip
"""Those that a narrow terminal leaves out, the first first."""


@click.command("estimate")
@options.subject()
@click.option(
    "--precision",
    shell_complete=complete.precisions,
    help="w8a8, w4a16, or weight/activation[/kv] in formats; bf16, or what a QONNX file states, if not given.",
)
@click.option("--assign", multiple=True, metavar="LAYER=PRECISION", help="Give the layers that match a glob their own.")
@options.a_pass
@options.strategy
@options.layout
@click.option("--toggle-rate", type=float, help="On an FPGA: share of signals that change in a cycle.")
@click.option("--strict", is_flag=True, help="Fail if any part of the model is not counted.")
@click.option("--layers", is_flag=True, help="Print one row a layer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    device: str,
    precision: str | None,
    assign: tuple[str, ...],
    strategy: str,
    mapping: str | None,
    folding: str | None,
    laid_for: str | None,
    toggle_rate: float | None,
    as_json: bool,
    layers: bool,
    **shape: Any,
) -> None:
    """Estimate parameters, MACs, memory, latency and energy, or FPGA resources, of MODEL.

    MODEL is zoo:NAME, torch:module:callable, onnx:FILE or hf:CONFIG.json.
    """
    import costmodel as cm
    from app.fpga_design import layout, told
    from app.results import as_dict, assignment, unfit
    from app.text import to_json

    target = _toggling(cm.device(device), toggle_rate)
    lay_out = layout(target, mapping, folding, laid_for=laid_for)
    edit, network = cm.strategies.strategy(strategy), _read(model, shape)
    workload = edit(network)
    given = precision
    if given == "":
        raise ValueError("--precision must be a precision, as w8a8 or int4_g128/bf16, got ''")
    chosen, precision = assignment(workload, given, assign)
    try:
        found = cm.estimate(workload, chosen, target, design=lay_out)
    except ValueError as error:
        if hint := _hint(str(error), given, precision, workload):
            raise ValueError(f"{error}; {hint}") from None
        raise
    result = as_dict(found, model=model, device=device, precision=precision)
    result |= {
        "strategy": strategy,
        "assumed": list(found.assumed),
        "notes": _idle(edit, network) + unfit(result, "It") + told(found) + _left_out(folding, network),
        **({"answers": vars(workload.answers)} if workload.answers else {}),
    }
    if as_json:
        click.echo(to_json(result))
    else:
        _show(found, result, layers=layers)


FROM_FILE = "that is as the file states: give another with --precision, as int8/fp16"
"""Of what a device lacks for a format that a model's file states."""


def _hint(error: str, given: str | None, precision: str, workload: "Workload") -> str:
    """What to give where a format that nobody asked for does not do."""
    from app.results import DEFAULT

    if f"got {DEFAULT} " not in error and " pipe, which " not in error:
        return ""
    if given is None and precision == DEFAULT:
        return f"{DEFAULT} is the default: give --precision, as w8a8"
    if workload.stated and f"got {DEFAULT} " in error:
        return "the file states no format of its weights or its inputs: give both with --assign LAYER=int8/int8"
    if given is None and workload.stated:
        rest = f"needs at {DEFAULT}/{DEFAULT};" in error
        return f"{DEFAULT} is what the file does not state: give it with --assign '*=fp16'" if rest else FROM_FILE
    return ""


def _read(model: str, shape: dict[str, Any]) -> "Workload":
    """Read the model, with a sign of life where that takes seconds."""
    from costmodel import models

    if models.split(model)[0] not in ("torch", "onnx"):
        return models.load(model, **shape)
    from app.progress import working

    with working(f"Reading {model}"):
        return models.load(model, **shape)


def _toggling(device: "Device", toggle_rate: float | None) -> "Device":
    """The device at the toggle rate of a design on it."""
    from dataclasses import replace

    from costmodel.hardware import Fpga

    if toggle_rate is None:
        return device
    if not isinstance(device, Fpga):
        raise ValueError(f"--toggle-rate is for an FPGA, and {device.name} is none")
    if not 0 <= toggle_rate <= 1:
        raise ValueError(f"--toggle-rate must be within [0, 1], got {toggle_rate}")
    return replace(device, toggle_rate=toggle_rate)


def _left_out(folding: str | None, network: "Workload") -> list[str]:
    """Sentences on what a folding's file asks for and is not modelled, or does not say."""
    from pathlib import Path

    from costmodel.estimators.fpga import folding_file

    return folding_file.left_out(Path(folding), network) if folding else []


def _idle(edit: "Strategy", network: "Workload") -> list[str]:
    """A sentence for each strategy that changes nothing, leaves much dense, or gives times of no device."""
    from costmodel.strategies import idle, left_dense, unreached

    name = f"{network.name} ({network.phase}, batch {network.batch})"
    told = [f"{step} leaves {name} as it is: it touches none of its layers." for step in idle(edit, network)]
    for step, share, how in left_dense(edit, network):
        told.append(f"{step} leaves layers with {share:.0%} of the weights of {name} {how}.")
    return [*dict.fromkeys(told), *unreached(edit)]


def _of_layer(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of layers: its source in a word or two, its interval as one text."""
    from app.text import within

    told = {"source": str(row["source"]).split(" (")[0]} if row.get("source") else {}
    if "latency_low_s" in row:
        told["within"] = within("latency_s", row["latency_low_s"], row["latency_high_s"])
    return row | told


def _show(found: "Estimate", result: dict[str, Any], *, layers: bool) -> None:
    from app.results import at, share
    from app.text import print_table, quantity, some

    if layers:
        rows = [_of_layer(row) for row in found.table()]
        names = [c for c in LAYERS if any(row.get(c) for row in rows)]
        left_out = print_table("Layers", rows, names, spare=SPARE)
        click.echo(f"\nMore of each layer with --json{': ' * bool(left_out)}{', '.join(left_out)}.\n")
    totals = [
        {"total": name, "value": quantity(name, value), "of device": share(name, value, found.device)}
        for name, value in result["totals"].items()
    ]
    columns = ["total", "value"] + ["of device"] * any(row["of device"] for row in totals)
    workload, how = found.workload, f"{at(result['precision'])} on {result['device']}"
    print_table(f"{workload.name} ({workload.phase}, batch {workload.batch}) {how}", totals, columns)
    if workload.covers:
        click.echo(f"\nCounted: {workload.covers}.")
    if "answers" in result:
        click.echo("\nAnswers: {right:.1%} right, {wrong:.1%} wrong.".format(**result["answers"]))
    if "latency_sources" in result:
        click.echo(f"\n{found.latency_told}")
    for sentence in (*found.assumed, *result["notes"]):
        click.echo(f"\n{sentence}")
    if found.uncounted:
        click.echo(f"\nNot counted: {some(found.uncounted)}")
