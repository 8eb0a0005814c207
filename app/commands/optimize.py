"""bitfront optimize: each layer's format of least loss within budgets."""

from typing import Any

import click

from app import complete, options, quality, written


@click.command("optimize")
@options.subject()
@click.option(
    "--formats",
    required=True,
    shell_complete=complete.listed_precisions,
    help="Comma-separated: int4,int8 or pairs such as int4_g128/bf16,bf16.",
)
@click.option(
    "--budget",
    multiple=True,
    metavar="METRIC<=VALUE",
    shell_complete=complete.metrics,
    help="As lut<=200e3 or latency_s<=12ms; may repeat.",
)
@click.option(
    "--objective",
    type=click.Choice(["loss", "throughput_per_s", "latency_s"]),
    default="loss",
    show_default=True,
    help="What is least, or most of throughput; on an FPGA each layer's PE and SIMD are chosen with its format for it.",
)
@click.option("--data", metavar="MODULE:CALLABLE", help="Calibration and test data of a torch model.")
@quality.options
@click.option(
    "--tie",
    multiple=True,
    metavar="LAYER,LAYER",
    help="Layers that must share a format, or fused, residual; may repeat.",
)
@click.option("--pin", multiple=True, metavar="LAYER=FORMAT", help="Fix the layers that match a glob; may repeat.")
@click.option("--allow", multiple=True, metavar="LAYER=FORMATS", help="Formats that those layers may take; may repeat.")
@click.option("--conversion", type=float, metavar="LOSS", help="Loss added where a tensor passes between two formats.")
@click.option("--max-formats", type=click.IntRange(1), help="Distinct formats used at most.")
@click.option(
    "--time-limit", type=float, metavar="SECONDS", help="Stop the search then, with the best plan and its proven gap."
)
@options.a_pass
@options.strategy
@options.layout
@click.option(
    "--fit/--no-fit",
    default=None,
    help="On an FPGA: the plan must fit the device, all of which it may take, or need not; by default it does where "
    "there is one that does.",
)
@click.option("--strict", is_flag=True, help="Fail if any part of the model is not counted.")
@click.option("--report", type=written.NewFile(), help="Write an HTML report.")
@click.option("--out", type=written.NewFile(), help="Write the JSON to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    device: str,
    formats: str,
    budget: tuple[str, ...],
    objective: str,
    data: str | None,
    method: str | None,
    ranges: str | None,
    tie: tuple[str, ...],
    pin: tuple[str, ...],
    allow: tuple[str, ...],
    conversion: float | None,
    max_formats: int | None,
    time_limit: float | None,
    strategy: str,
    mapping: str | None,
    folding: str | None,
    laid_for: str | None,
    fit: bool | None,
    report: str | None,
    out: str | None,
    as_json: bool,
    **shape: Any,
) -> None:
    """Choose the number format of each layer of MODEL: least loss within every budget, proven.

    A torch model's loss is measured on --data, or on what its callable returns; other models take a cited data-free
    proxy, and the result says so.

    On an FPGA without a speed asked for, that is in any folding, however slow, and the plan then has the folding made
    for its formats or, where that does not fit, the fastest found; ask for speed by a budget, as throughput_per_s>=500.
    """
    from dataclasses import replace

    import costmodel as cm
    import dse
    from app.choices import by_layer, choices_of, names, ties_of
    from app.fpga_design import layout
    from app.optimization import Question, optimise
    from app.progress import bar, working

    target = cm.device(device)
    budgets = [dse.parse_budget(text) for text in budget]
    lay_out = layout(target, mapping, folding, budgets, laid_for)
    if objective != "loss":
        _require_folding(objective, target, budgets, mapping, folding or laid_for)
    pins, lists = by_layer("--pin", pin), by_layer("--allow", allow)
    with bar("Sensitivities") as progress:
        choices, test = choices_of(
            model, names(formats), data, shape, progress, method=method, ranges=ranges, strategy=strategy
        )
        choices = replace(choices, design=lay_out)
        quality.require_use(method, ranges, scored=test is not None)
        if choices.module is not None:
            choices.sensitivity(choices.options(target))
    question = Question(
        model,
        device,
        target,
        choices,
        budgets,
        ties_of(tie, choices.workload),
        pins,
        {glob: names(formats) for glob, formats in lists.items()},
        conversion,
        max_formats,
        time_limit,
        test,
        objective=objective,
        fit=fit,
        laid_for=laid_for or "",
    )
    with working("Solving"):
        result = optimise(question) | options.edited_by(strategy)
    _deliver(result, report, out, as_json)


def _require_folding(objective: str, target: Any, budgets: Any, mapping: str | None, folding: str | None) -> None:
    """ValueError, before anything is measured, where no folding of an FPGA can be chosen for the objective."""
    from costmodel.hardware import Fpga
    from dse.folding import check

    if not isinstance(target, Fpga):
        return
    if mapping or folding:
        raise ValueError(f"{_laid_out(mapping)} --objective {objective}")
    check(objective, target, budgets)


def _laid_out(mapping: str | None) -> str:
    """Why a layout that was given does not go with a choice of the folding."""
    if mapping == "overlay":
        return "an overlay's array is that of least latency already, and its layers have no folding; leave out"
    if mapping == "streamed":
        return "the search for foldings keeps all weights on the chip; leave out --mapping streamed, or"
    return "--mapping, --folding and --laid-for lay the layers out, which is chosen with"


def _deliver(result: dict[str, Any], report: str | None, out: str | None, as_json: bool) -> None:
    from pathlib import Path

    from app.show import show
    from app.text import to_json
    from costmodel.files import write_atomically

    if report:
        from app.report import write

        write(result, Path(report))
    if out:
        write_atomically(Path(out), to_json(result))
    if as_json:
        click.echo(to_json(result))
    else:
        show(result)
