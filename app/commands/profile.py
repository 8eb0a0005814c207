"""bitfront profile: measure a device, to estimate on it."""

import click


@click.group("profile")
def command() -> None:
    """Measure the devices of this machine."""


@command.command("cpu")
@click.option("--seconds", type=float, default=4.0, show_default=True, help="How long to measure.")
@click.option("--out", type=click.Path(dir_okay=False), help="A TOML path; your own device folder if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cpu(seconds: float, out: str | None, as_json: bool) -> None:
    """Measure this machine's matrix products and memory copies; write them as a device that --on takes."""
    import math
    from dataclasses import asdict
    from pathlib import Path

    from app.progress import working
    from app.text import print_table, quantity, to_json
    from profilers.cpu import machine

    with working("Measuring matrix products and memory copies"):
        found = machine.measure(seconds)
    path = machine.write(found, Path(out) if out else None)
    record = asdict(found)
    if as_json:
        click.echo(to_json(record | {"path": str(path)}))
        return
    peaks = [
        (pipe, quantity("flops_per_s", rate)) for pipe, rate in record["peak_flops"].items() if not math.isnan(rate)
    ]
    rows = [{"pipe": pipe, "rate": rate} for pipe, rate in peaks]
    rows.append({"pipe": "memory", "rate": quantity("memory_bytes_per_s", found.memory_bytes_per_s)})
    print_table(f"{found.name}, written to {path}", rows, ("pipe", "rate"))
