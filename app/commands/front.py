"""bitfront front: the exact Pareto front of one model, or the front that a run of the explorer found."""

from typing import Any

import click

from app import complete, options, quality, written


@click.command("front")
@options.subject(device_required=False)
@click.option(
    "--formats",
    shell_complete=complete.listed_precisions,
    help="Comma-separated: int4,int8 or pairs such as int4_g128/bf16,bf16.",
)
@click.option(
    "--objectives",
    default="loss,weight_bytes",
    show_default=True,
    help="Two or more metrics, as loss,throughput_per_s or lut,power_w.",
)
@click.option("--data", metavar="MODULE:CALLABLE", help="Calibration data of a torch model.")
@quality.options
@click.option(
    "--tie",
    multiple=True,
    metavar="LAYER,LAYER",
    help="Layers that must share a format, or fused, residual; may repeat.",
)
@click.option(
    "--budget",
    multiple=True,
    metavar="METRIC<=VALUE",
    shell_complete=complete.metrics,
    help="The front of plans within it, of loss with what --conversion adds; may repeat.",
)
@click.option("--pin", multiple=True, metavar="LAYER=FORMAT", help="Fix the layers that match a glob; may repeat.")
@click.option("--allow", multiple=True, metavar="LAYER=FORMATS", help="Formats that those layers may take; may repeat.")
@click.option("--conversion", type=float, metavar="LOSS", help="Loss added where a tensor passes between two formats.")
@click.option("--max-formats", type=click.IntRange(1), help="Distinct formats used at most.")
@click.option("--fit", is_flag=True, help="On an FPGA: the front of the plans that fit the device.")
@options.a_pass
@options.strategy
@options.layout
@click.option("--robust", is_flag=True, help="Of a run: each point's probability of staying on the front.")
@click.option("--stream", "streamed", is_flag=True, help="Print each point as a JSON line once it is proven.")
@click.option("--points", type=written.NewFile(), help="Keep proven points in a file; a killed run goes on.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    device: str | None,
    formats: str | None,
    objectives: str,
    data: str | None,
    method: str | None,
    ranges: str | None,
    tie: tuple[str, ...],
    budget: tuple[str, ...],
    pin: tuple[str, ...],
    allow: tuple[str, ...],
    conversion: float | None,
    max_formats: int | None,
    fit: bool,
    strategy: str,
    mapping: str | None,
    folding: str | None,
    laid_for: str | None,
    robust: bool,
    streamed: bool,
    points: str | None,
    as_json: bool,
    **shape: Any,
) -> None:
    """Find every trade between objectives that no other choice of formats for MODEL's layers beats, each proven.

    On an FPGA objectives and budgets that depend on its folding are proven among the foldings made for each format;
    bitfront optimize with a budget of speed chooses formats and foldings together.

    Where MODEL is the folder of a run of bitfront explore, print the front that it found.
    """
    from pathlib import Path

    if robust or Path(model).is_dir():
        from app.runs import print_front

        return print_front(_of_a_run(Path(model)), as_json=as_json, robust=robust)
    if device is None or formats is None:
        raise click.UsageError(f"the front of a model needs --on and --formats; {model!r} is no folder of a run")
    from app.choices import names, ties_of
    from app.front_told import as_dict, show
    from app.text import to_json
    from costmodel.catalog import require
    from dse.metric import METRICS

    metrics = [METRICS[require("metric", name, METRICS)] for name in names(objectives)]
    quality_of = {"method": method, "ranges": ranges, "strategy": strategy}
    budgets = _budgets(budget, device, fit=fit)
    problems, within = _problems(
        model, device, names(formats), data, quality_of, (mapping, folding, laid_for), metrics, budgets, shape
    )
    problems = _restricted(problems, pin, allow)
    kept = {"subject_to": budgets, "conversion": conversion, "max_formats": max_formats}
    kept["ties"] = ties_of(tie, problems[0].workload)
    if streamed:
        return _stream(problems, metrics, kept, points)
    found = _found(problems, metrics, kept, points)
    if as_json:
        click.echo(to_json(as_dict(model, device, problems, found, within) | options.edited_by(strategy)))
    else:
        show(f"{model} on {device}: {len(found.points)} points", problems, found, within)
    return None


def _of_a_run(folder: Any) -> Any:
    """The folder of a run; click.UsageError for options of the front of a model, which a run has already."""
    from click.core import ParameterSource

    context = click.get_current_context()
    for option in context.command.params:
        given = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if folder.is_dir() and given and option.name not in ("model", "robust", "as_json"):
            raise click.UsageError(
                f"{option.opts[0]} is for the front of a model, {str(folder)!r} is the folder of a run"
            )
    return folder


def _budgets(texts: tuple[str, ...], device: str, *, fit: bool) -> Any:
    """The budgets, with `fit` those of the device's resources too."""
    import costmodel as cm
    from costmodel.hardware import Fpga
    from dse.folding_options import RESOURCES
    from dse.metric import METRICS, parse_budget

    found = [parse_budget(text) for text in texts]
    if fit:
        target = cm.device(device)
        if not isinstance(target, Fpga):
            raise ValueError(f"--fit is for an FPGA, and {target.name} is none")
        found += [METRICS[name] <= float(getattr(target, name)) for name in RESOURCES]
    return found


def _restricted(problems: Any, pin: tuple[str, ...], allow: tuple[str, ...]) -> Any:
    """The problems with layers pinned or limited to formats."""
    from app.choices import by_layer, names
    from dse.restrictions import restricted

    pins, lists = by_layer("--pin", pin), by_layer("--allow", allow)
    return [restricted(each, pins, {glob: names(listed) for glob, listed in lists.items()}) for each in problems]


def _found(problems: Any, metrics: Any, kept: dict[str, Any], file: str | None) -> Any:
    """The whole front, its points kept in a file as they are proven."""
    from app.progress import working
    from dse import front

    with working("Proving points"):
        return front(problems, metrics, file=file, **kept)


def _problems(
    model: str,
    device: str,
    formats: list[str],
    data: str | None,
    quality_of: dict[str, str | None],
    design: tuple[str | None, str | None, str | None],
    metrics: Any,
    budgets: Any,
    shape: dict[str, Any],
) -> Any:
    """The choices of the model on the device, laid out by mapping, folding and laid_for, or for each format in turn;
    and what points are proven among, as `Plan.proven_within`."""
    from dataclasses import replace

    import costmodel as cm
    from app.choices import choices_of
    from app.fpga_design import layout
    from app.progress import bar
    from dse.foldings import among, laid_out

    quality.require_use(quality_of["method"], quality_of["ranges"], scored=False)
    target = cm.device(device)
    mapping, folding, laid_for = design
    lay_out = layout(target, mapping, folding, budgets, laid_for)
    with bar("Sensitivities") as progress:
        choices, _ = choices_of(model, formats, data, shape, progress, **quality_of)
        asked = [*metrics, *(budget.metric for budget in budgets)]
        laid = replace(choices, design=lay_out)
        problems = laid_out(laid, target, asked, budgets)
        return problems, among(laid, problems, asked)


def _stream(problems: Any, metrics: Any, kept: dict[str, Any], file: str | None) -> None:
    """Print each point as it is proven."""
    import json

    from app.front_told import origin
    from dse import fronts

    names = [metric.name for metric in metrics]
    for point in fronts.stream(problems, metrics, file=file, **kept):
        values = dict(zip(names, point.values, strict=True))
        click.echo(json.dumps(values | origin(problems, point.origin) | {"choice": list(point.choice)}))
