"""bitfront profile: measure a device, to estimate on it."""

import sys
from typing import TYPE_CHECKING, Any

import click

from app import written

if TYPE_CHECKING:
    import pandas as pd

    from app.progress import Tell
    from profilers.fpga import Design, Progress
    from profilers.fpga.hard_blocks import Block

SHOWN = ("design", "sites", "carry_bits", "ff", "levels")
MOST_SHOWN = 20
SHORT_S = 60.0
"""Seconds of synthesis from which those left are told, in lines where nobody sees a bar."""


@click.group("profile")
def command() -> None:
    """Measure the devices of this machine."""


@command.command("cpu")
@click.option("--seconds", type=float, default=4.0, show_default=True, help="How long to measure rates.")
@click.option("--calls", "calls_s", type=float, default=0.0, show_default=True, help="Seconds of library calls.")
@click.option("--threads", type=int, help="PyTorch's threads; as many as it takes by itself if not given.")
@click.option("--out", type=written.NewFile(), help="A TOML path; your own device folder if not given.")
@click.option("--rows", type=written.NewFile(), help="Keep the measured calls (parquet or csv), resumable.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cpu(seconds: float, calls_s: float, threads: int | None, out: str | None, rows: str | None, as_json: bool) -> None:
    """Measure this machine's matrix products and memory copies; write them as a device that --on takes.

    With --calls it also measures the library calls that networks make, and calibrates the latency of `estimate` on this
    device by them, into your own calibrations folder. Kinds of calls get the ten rows of a fit one after another, in
    the order in which networks in fp32, then in bf16 and int8, need them, and what time is left is spent where fits
    disagree most. A minute gave ten kinds on a busy core and all of some thirty on another; those with too few rows are
    told, and take a roofline.
    """
    from dataclasses import asdict
    from pathlib import Path

    from app import profiling
    from app.text import print_table, to_json
    from profilers.cpu import machine

    profiling.check(calls_s, out, threads)
    found = profiling.machine(seconds, threads)
    path = machine.write(found.cpu, Path(out) if out else None)
    record = asdict(found.cpu)
    calibrated = profiling.calls(found.cpu, calls_s, rows) if calls_s > 0 else None
    if as_json:
        spread = {name: rate.timing.spread for name, rate in found.rates.items() if rate.timing}
        calls = {"calls": calibrated.kinds if calibrated else [], "notes": calibrated.notes if calibrated else []}
        more = {"path": str(path), "spread": spread, "busy_share": found.busy_share, "busy": found.busy}
        click.echo(to_json(record | more | calls))
        return
    print_table(f"{found.cpu.name}, written to {path}", profiling.rate_rows(found), ("pipe", "rate", "spread", "runs"))
    if calibrated:
        click.echo()
        if calibrated.kinds:
            print_table(calibrated.title, calibrated.kinds, ("kind", "rows", "MAPE", "median", "coverage"))
        for line in (*calibrated.notes, *(f"written: {written}" for written in calibrated.paths)):
            click.echo(line)
    for line in profiling.warnings(found, calibrated):
        click.echo(f"\nwarning: {line}", err=True)


@command.command("gpu")
@click.option("--minutes", type=float, default=5.0, show_default=True, help="How long to measure.")
@click.option("--out", type=written.NewFile(), required=True, help="Rows (parquet or csv), resumable.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the candidates.")
@click.option("--flush", is_flag=True, help="Overwrite the L2 before every run; left as networks leave it otherwise.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def gpu(minutes: float, out: str, seed: int, flush: bool, as_json: bool) -> None:
    """Measure this machine's GPU: products in every format it has, attention, library calls, bandwidth, launches.

    The next shape is the one about which fits of its kind disagree most. `bitfront calibrate` and `bitfront validate`
    take the rows; a call that was interrupted, or repeated, goes on with what --out holds.
    """
    from pathlib import Path

    from app import profiling
    from app.text import print_table, to_json

    made = profiling.gpu(minutes, Path(out), seed, flush=flush)
    kinds = profiling.kinds(made.rows)
    if as_json:
        click.echo(
            to_json({"out": out, "rows": len(made.rows), "new": made.new, "failed": made.failed, "kinds": kinds})
        )
        return
    print_table(f"{made.new} new rows, {len(made.rows)} in {out}", kinds, ("table", "kind", "rows", "spread"))
    for name, why in made.failed.items():
        click.echo(f"left out: {name}: {why}")


@command.command("fpga")
@click.option("--formats", default="", metavar="A,B,C/D", help="Every pair of these formats; C/D is one pair alone.")
@click.option("--random", type=int, metavar="N", help="N random designs, uniform over --units and kinds of operands.")
@click.option("--like", default="", metavar="FILE", help="The designs of a table: unit, a_format, b_format, n, ...")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random designs.")
@click.option("--units", default="product,dot", show_default=True, help="Units to synthesise, for --formats, --random.")
@click.option(
    "--n",
    default="",
    metavar="N,N",
    help="Terms of dot products: a list for --formats (16), or A:B for --random (1:32).",
)
@click.option("--acc-bits", type=int, help="Accumulator of --formats; the sum's bits and 8 if not given, 0 for none.")
@click.option("--out-format", default="", help="Output of the units of --formats that round to one.")
@click.option("--family", default="xc7", show_default=True, help="xc7 or xcup.")
@click.option("--icarus", is_flag=True, help="Run each design's Verilog in Icarus Verilog too, before synthesis.")
@click.option("--out", type=written.NewFile(), help="Write one row a design (parquet or csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fpga(family: str, icarus: bool, out: str | None, as_json: bool, **spelled: Any) -> None:
    """Synthesise arithmetic units with Yosys, check each netlist against its formats, and count LUT sites.

    Done batches are kept: a command that was interrupted goes on where it stopped. About 2 s a design, minutes for
    dot products of wide floats; what takes over a minute says what it does and how long that takes.
    """
    from pathlib import Path

    from app.fpga_designs import designs
    from app.text import to_json
    from profilers import rows_file

    if out:
        rows_file.check_target(Path(out))
    skipped: list[str] = []
    asked = designs(**spelled, skipped=skipped)
    for line in skipped:
        click.echo(f"bitfront: left out, {line}", err=True)
    if icarus:
        _simulated(asked)
    table, last = _synthesised(asked, family)
    if out:
        rows_file.write(table, Path(out))
    if as_json:
        click.echo(
            to_json(
                {
                    "family": family,
                    "out": out,
                    "cached": last.cached,
                    "skipped": skipped,
                    "designs": table.to_dict("records"),
                }
            )
        )
        return
    _show_designs(table, f"{last.total} designs on {family}, {last.cached} from the cache, {last.elapsed_s:.0f} s", out)


def _simulated(designs: "list[Design]") -> None:
    """Compare every design's Verilog with its formats in Icarus Verilog, and say how many outputs agree."""
    from app.progress import bar
    from profilers.fpga.icarus import verify

    outputs = 0
    with bar("Simulating") as shown:
        for done, design in enumerate(designs, 1):
            outputs += verify(design)
            shown(done, len(designs))
    click.echo(f"Icarus Verilog: {outputs} outputs of {len(designs)} designs are those of their formats", err=True)


def _synthesised(designs: "list[Design]", family: str) -> "tuple[pd.DataFrame, Progress]":
    """The rows, with a bar while they are made, and how the run went; what is done is told where it is interrupted."""
    from app.progress import bar
    from profilers.fpga import Progress, rows

    last = Progress(0, 0, 0, 0.0)
    with bar("Synthesising") as shown:

        def tell(now: Progress) -> None:
            nonlocal last
            last = now
            left = f"about {now.remaining_s / 60:.0f} min left"
            soon = not now.remaining_s >= SHORT_S
            shown(now.done, now.total, now.now if soon else f"{now.now}, {left}")
            if now.now and not (soon or sys.stderr.isatty()):
                click.echo(f"bitfront: {now.done} of {now.total} designs; now {now.now}, {left}", err=True)

        try:
            return rows(designs, family, progress=tell), last
        except KeyboardInterrupt:
            told = f"{last.done} of {last.total} designs are kept" if last.total else "no design was begun"
            raise KeyboardInterrupt(told) from None


def _show_designs(table: "pd.DataFrame", title: str, out: str | None) -> None:
    from app.text import print_table

    first = table[list(SHOWN)].head(MOST_SHOWN).astype(str).to_dict("records")
    print_table(title, [{str(name): cell for name, cell in record.items()} for record in first], SHOWN)
    if len(table) > MOST_SHOWN:
        click.echo(f"\nand {len(table) - MOST_SHOWN} more" + ("" if out else " (all with --out or --json)"))
    if out:
        click.echo(f"\nwritten: {out}")


@command.command("fpga-blocks")
@click.option("--random", type=click.IntRange(1), default=240, show_default=True, help="Memories and multipliers each.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the random shapes.")
@click.option("--family", default="xc7,xcup", show_default=True, help="xc7, xcup or both.")
@click.option("--out", type=written.NewFile(), help="Write one row a block (parquet or csv).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fpga_blocks(random: int, seed: int, family: str, out: str | None, as_json: bool) -> None:
    """Map memories and multipliers with Yosys to block RAM, UltraRAM and DSP blocks, and compare the rules with it.

    Done batches are kept: a command that was interrupted goes on where it stopped. About 1 s a block.
    """
    from pathlib import Path

    import pandas as pd

    from app.progress import bar
    from app.text import print_table, to_json
    from profilers import rows_file
    from profilers.fpga.block_rows import predicted
    from profilers.fpga.sample_blocks import sample

    if out:
        rows_file.check_target(Path(out))
    parts = []
    for name in family.split(","):
        with bar(f"Mapping on {name}") as shown:
            parts.append(_mapped(sample(name, random, seed), name, shown))
    table = pd.concat(parts, ignore_index=True)
    if out:
        rows_file.write(table, Path(out))
    found = predicted(table)
    exact = [
        {"kind": kind, "blocks": len(part), "exact": int((part[f"predicted_{c}"] == part[c]).sum())}
        for kind, part in found.groupby("kind")
        for c in ("uram" if kind == "ultra" else "dsp" if "int" in str(kind) else "bram18",)
    ]
    if as_json:
        click.echo(to_json({"family": family, "out": out, "exact": exact, "blocks": found.to_dict("records")}))
        return
    print_table("Rules against Yosys", exact, ("kind", "blocks", "exact"))


def _mapped(blocks: "list[Block]", family: str, shown: "Tell") -> "pd.DataFrame":
    from profilers.fpga.block_rows import rows

    return rows(blocks, family, progress=lambda now: shown(now.done, now.total))
