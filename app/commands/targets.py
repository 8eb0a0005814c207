"""bitfront targets: the devices by name."""

from typing import Any

import click


@click.command("targets")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """List GPUs, FPGAs, measured CPUs and links between GPUs, with where their figures come from."""
    from dataclasses import asdict

    from app.text import print_table, to_json
    from costmodel import hardware

    pairs = [(k, n) for k in ("gpu", "fpga", "cpu") for n in hardware.names(k)] + [
        ("link", n) for n in hardware.links()
    ]
    found: list[tuple[str, Any]] = []
    for kind, name in pairs:
        try:
            found.append((kind, hardware.link(name) if kind == "link" else hardware.device(name)))
        except ValueError as error:
            click.echo(f"bitfront: left out: {error}", err=True)
    if as_json:
        click.echo(to_json([{"kind": kind} | asdict(device) for kind, device in found]))
        return
    for kind, columns in (
        ("gpu", ("name", "fp16", "bf16", "int8", "fp8", "memory_bytes", "memory_bytes_per_s")),
        ("fpga", ("name", "lut", "ff", "dsp", "bram18", "uram", "dsp_kind")),
        ("cpu", ("name", "fp32", "bf16", "int8", "memory_bytes", "memory_bytes_per_s")),
        ("link", ("name", "bytes_per_s")),
    ):
        rows = [asdict(d) | (asdict(d).get("peak_flops") or {}) for k, d in found if k == kind]
        if rows:
            print_table(kind.upper(), rows, columns)
            click.echo()
