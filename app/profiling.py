"""What `bitfront profile cpu` and `gpu` run, with progress and their rows of text."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.progress import bar, working
from app.text import quantity
from costmodel.files import require_folder

if TYPE_CHECKING:
    import pandas as pd

    from costmodel.hardware import Cpu
    from profilers.cpu.machine import Machine
    from profilers.session import Session


@dataclass(frozen=True)
class Calibrated:
    """The calibration of library calls that came of a session: a title, one row a kind, what has none, the files."""

    title: str
    kinds: list[dict[str, Any]]
    notes: list[str]
    paths: list[Path]


def check(calls_s: float, out: str | None, threads: int | None = None) -> None:
    """ValueError where calls, threads or the device's file cannot be as asked: to ask before the work, not after it."""
    from profilers.cpu.topology import logical_cores

    if not calls_s >= 0:
        raise ValueError(f"--calls must be seconds of at least 0, got {calls_s:g}")
    if out and Path(out).suffix != ".toml":
        raise ValueError(f"--out must end in .toml, as a device's file does, got {out!r}")
    if out:
        require_folder(Path(out))
    if threads is not None and not 1 <= threads <= logical_cores():
        raise ValueError(f"threads must be 1 to {logical_cores()}, the cores that there are, got {threads}")


def machine(seconds: float, threads: int | None) -> "Machine":
    """Measure this machine's rates on so many threads."""
    import torch

    from profilers.cpu.machine import measure

    if threads is not None:
        torch.set_num_threads(threads)
    with working("Measuring matrix products and memory copies"):
        return measure(seconds)


def calls(cpu: "Cpu", seconds: float, rows: str | None) -> Calibrated:
    """Measure library calls for so long and write the calibration that they give, and the device of that name with it.

    Its constants are ratios to the rates of this device, which those of an older file would not be.
    """
    from tempfile import TemporaryDirectory

    from costmodel.hardware import save
    from costmodel.hardware.calibration import read
    from costmodel.hardware.load import user_folder
    from profilers import session
    from profilers.call import ROWS_TO_FIT
    from profilers.cpu.backend import CpuBackend
    from profilers.cpu.calls import calls as candidates
    from profilers.fit import calibrate

    drawn = candidates(cpu)
    with TemporaryDirectory() as scratch:
        out = Path(rows) if rows else Path(scratch) / "rows.parquet"
        with _kept(rows), _seconds("Measuring library calls") as progress:
            made = session.run(
                drawn, CpuBackend(cpu), device=cpu.name, seconds=seconds, out=out, progress=progress,
                first=ROWS_TO_FIT,
            )  # fmt: skip
    counts = dict.fromkeys((call.math for call in drawn), 0) | Counter(made.rows.get("math", []))
    notes = _too_few({name: count for name, count in counts.items() if count < ROWS_TO_FIT})
    if len(notes) and max(counts.values(), default=0) < ROWS_TO_FIT:
        return Calibrated("", [], notes, [])
    save.write(cpu, user_folder() / "cpus" / f"{cpu.name}.toml")
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
    return Calibrated(f"{len(made.rows)} calls, errors on folds that a fit did not see", shown, notes, paths)


def _too_few(counts: Mapping[str, int]) -> list[str]:
    """Lines about the kinds that have too few rows for a fit, none where all have enough."""
    from profilers.call import ROWS_TO_FIT

    some = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    none = ", ".join(name for name, count in counts.items() if not count)
    told = f"under {ROWS_TO_FIT} rows, so no fit (more seconds of --calls give more): {some}" if some else ""
    return [line for line in (told, f"not measured: {none}" if none else "") if line]


def warnings(found: "Machine", calibrated: Calibrated | None) -> list[str]:
    """What a reader of the written device must know: an older calibration that other rates were behind, other work."""
    from costmodel.hardware.load import user_folder

    path = user_folder() / "calibrations" / f"{found.cpu.name}_operation.toml"
    lines = []
    if path.is_file() and not (calibrated and calibrated.paths):
        told = f"{path} was fitted to other rates of this device than those just written"
        lines.append(f"{told}; measure its calls again with --calls, or remove it")
    if found.busy:
        lines.append("other processes used this machine meanwhile; measure again when it is idle")
    return lines


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
        found = out and Path(out).is_file()
        told = f"the rows so far are in {out}" if found else f"no row is in {out} yet" if out else ""
        raise KeyboardInterrupt(told or "no row is kept without --rows") from None
