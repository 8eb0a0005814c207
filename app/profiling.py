"""What `bitfront profile cpu` and `gpu` run, with progress and their rows of text."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli import EXIT_INTERRUPTED
from app.progress import bar, working
from app.text import quantity

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.hardware import Cpu
    from profilers.cpu.machine import Machine
    from profilers.session import Session


@dataclass(frozen=True)
class Calibrated:
    """The calibration of library calls that came of a session: a title, one row a kind, and the files."""

    title: str
    kinds: list[dict[str, Any]]
    paths: list[Path]


def check(calls_s: float, out: str | None) -> None:
    """ValueError where calls or their device's file cannot be as asked: to ask before the work, not after it."""
    if not calls_s >= 0:
        raise ValueError(f"--calls must be seconds of at least 0, got {calls_s:g}")
    if out and Path(out).suffix != ".toml":
        raise ValueError(f"--out must end in .toml, as a device's file does, got {out!r}")


def machine(seconds: float, threads: int | None) -> "Machine":
    """Measure this machine's rates on so many threads."""
    import torch

    from profilers.cpu.machine import measure

    if threads is not None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        torch.set_num_threads(threads)
    with working("Measuring matrix products and memory copies"):
        return measure(seconds)


def calls(cpu: "Cpu", seconds: float, rows: str | None) -> Calibrated:
    """Measure library calls for so long and write the calibration that they give."""
    from tempfile import TemporaryDirectory

    from costmodel.hardware import save
    from costmodel.hardware.calibration import read
    from costmodel.hardware.load import user_folder
    from profilers import session
    from profilers.cpu.backend import CpuBackend
    from profilers.cpu.calls import calls as candidates
    from profilers.fit import calibrate

    with TemporaryDirectory() as scratch:
        out = Path(rows) if rows else Path(scratch) / "rows.parquet"
        with _kept(rows), _seconds("Measuring library calls") as progress:
            made = session.run(
                candidates(cpu), CpuBackend(cpu), device=cpu.name, seconds=seconds, out=out, progress=progress
            )
    known = user_folder() / "cpus" / f"{cpu.name}.toml"
    if not known.is_file():
        save.write(cpu, known)
    with bar("Fitting") as tell:
        paths = calibrate(made.rows, progress=tell)
    fits = [fit for path in paths if path.suffix == ".toml" for fit in read(path)]
    shown = [
        {
            "kind": fit.math,
            "rows": str(fit.rows),
            **{h: f"{fit.held_out_error[f'residual_{h.lower()}']:.1%}" for h in ("MAPE", "median", "coverage")},
        }
        for fit in fits
    ]
    return Calibrated(f"{len(made.rows)} calls, errors on folds that a fit did not see", shown, paths)


def gpu(minutes: float, out: Path, seed: int, *, flush: bool) -> "Session":
    """Measure the GPU here for so long; one line where there is none."""
    from costmodel import hardware
    from profilers import environment, rows_file, session

    rows_file.check_target(out)
    if not minutes > 0:
        raise ValueError(f"minutes must be positive, got {minutes}")
    try:
        name = environment.require_gpu()
    except RuntimeError as error:
        raise ValueError(str(error)) from None
    from profilers.gpu import candidates
    from profilers.gpu.backend import CudaBackend

    found = hardware.gpu(name)
    shared = environment.describe()
    facts = {key: shared[key] for key in ("driver", "cuda", "cupy", "device_name")}
    backend = CudaBackend(found, flush=flush)
    with _kept(str(out)), _seconds("Measuring") as progress:
        return session.run(
            candidates.calls(found, seed=seed), backend, device=name, seconds=minutes * 60.0, out=out, facts=facts,
            progress=progress,
        )  # fmt: skip


def rate_rows(found: "Machine") -> list[dict[str, str]]:
    """One row of text a rate, with how far runs spread."""
    rows = []
    for name, rate in found.rates.items():
        if rate.timing is None or math.isnan(rate.per_s):
            continue
        unit = "memory_bytes_per_s" if name == "memory" else "flops_per_s"
        spread = rate.timing.latency_s / rate.timing.least_s - 1.0
        rows.append({
            "pipe": name, "rate": quantity(unit, rate.per_s), "spread": f"median run +{spread:.0%}",
            "runs": str(rate.timing.runs),
        })  # fmt: skip
    return rows


def kinds(rows: "pd.DataFrame") -> list[dict[str, str]]:
    """One row of text a table and kind of a session's rows."""
    grouped = rows.groupby(["table", "math"], sort=True)["spread"]
    return [
        {"table": str(table), "kind": str(name), "rows": str(len(part)), "spread": f"{part.median():.1%}"}
        for (table, name), part in grouped
    ]


@contextmanager
def _seconds(what: str) -> Iterator[Callable[[float, float], None]]:
    with bar(what) as tell:
        yield lambda gone, of: tell(round(gone), round(of))


@contextmanager
def _kept(out: str | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        told = f"the rows so far are in {out}" if out else "nothing is kept without --rows"
        click.echo(f"bitfront: interrupted; {told}", err=True)
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
