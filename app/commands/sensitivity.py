"""bitfront sensitivity: what each format costs each layer in quality, and how well that adds up."""

import click

from app import complete, options, quality


@click.command("sensitivity")
@options.subject()
@click.option(
    "--formats",
    required=True,
    shell_complete=complete.listed_precisions,
    help="Comma-separated: int4,int8 or pairs such as int4_g128/bf16,bf16.",
)
@click.option("--data", metavar="MODULE:CALLABLE", help="Calibration data of a torch model.")
@quality.options
@click.option("--interactions", is_flag=True, help="Measure every pair of layers and formats: what the sum misses.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    model: str,
    device: str,
    formats: str,
    data: str | None,
    method: str | None,
    ranges: str | None,
    interactions: bool,
    as_json: bool,
) -> None:
    """Print the increase of loss of each layer of MODEL at each format, the other layers as they are.

    A torch model's is measured on --data, or on what its callable returns, beside the loss of random whole
    assignments: how well the sum that a plan minimises orders them. --interactions takes (layers x formats)^2 / 2
    passes over the data.
    """
    import costmodel as cm
    from app.choices import choices_of, names
    from app.progress import bar
    from app.sensitivity import result, show
    from app.text import to_json

    target = cm.device(device)
    with bar("Sensitivities") as progress:
        choices, _ = choices_of(model, names(formats), data, {}, progress, method=method, ranges=ranges)
        found = result(choices, target, interactions=interactions)
    found = {"model": model, "device": device} | found
    if as_json:
        click.echo(to_json(found))
    else:
        show(found)
