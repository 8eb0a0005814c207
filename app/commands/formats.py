"""bitfront formats: the number formats by name."""

import click


@click.command("formats")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List the number formats; e{E}m{M} and int{bits}_g{N} name any other."""
    from app.text import print_table, to_json
    from costmodel import formats

    fields = ("name", "encoding", "bits", "bits_per_element", "exponent_bits", "mantissa_bits", "group_size", "scale")
    rows = [{f: getattr(formats.get(name), f) for f in fields} for name in formats.names()]
    if as_json:
        click.echo(to_json(rows))
    else:
        print_table("Number formats", rows, fields)
