"""A campaign: a device's calls and whole networks measured, a calibration fitted from those rows, and both compared."""

import importlib.util
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from costmodel.catalog import require
from costmodel.hardware import Cpu, Gpu, save
from profilers import end_to_end, pass_timing, rows_file, session
from profilers.call import ROWS_TO_FIT, Call
from profilers.case import Case
from profilers.cases import CPU_CASES, GPU_CASES, MORE_CASES
from profilers.sweep import Backend

ROWS, NETWORKS, PREDICTED, DEVICES = "rows.parquet", "networks.parquet", "networks_predicted.csv", "cpus"
CALIBRATIONS = "calibrations"

SWEEP_SHARE = 0.75
"""Share of the time that goes to single calls, the rest to whole networks."""

PASS_S = 0.4
"""Seconds that a pass of MORE_CASES is timed for."""

TELL_S = 10.0

PERCENT = "{:.1%}".format

UNSEEN = {"all": "pairs", "all, by folds": "folds"}
"""How the rows of an error were kept from the fit that it is of."""


@dataclass(frozen=True)
class Target:
    """What a campaign measures: the device, where torch finds it, its backend, candidates and whole networks.

    Of the candidates each kind gets `first` rows before the next one.
    """

    device: Cpu | Gpu
    where: str
    backend: Backend
    calls: Callable[[int], Sequence[Call]]
    cases: Sequence[Case]
    facts: Mapping[str, Any]
    first: int = 0


def gpu_target() -> Target:
    """The GPU here; RuntimeError or ValueError in one line where there is none, or none that is known."""
    from costmodel import hardware
    from profilers import environment
    from profilers.gpu import candidates
    from profilers.gpu.backend import CudaBackend

    gpu = hardware.gpu(environment.require_gpu())
    shared = environment.describe()
    facts = {name: shared[name] for name in ("driver", "cuda", "cupy", "device_name")}
    return Target(gpu, "cuda", CudaBackend(gpu), lambda seed: candidates.calls(gpu, seed=seed), GPU_CASES, facts)


def cpu_target(seconds: float = 4.0, *, threads: int | None = None) -> Target:
    """This machine's processor on so many of PyTorch's threads (its own number if None), its rates measured first."""
    import torch

    from profilers.cpu import calls, machine
    from profilers.cpu.backend import CpuBackend

    if threads is not None:
        torch.set_num_threads(threads)
    cpu = machine.measure(seconds).cpu
    return Target(
        cpu, "cpu", CpuBackend(cpu), lambda seed: calls.calls(cpu, seed=seed), CPU_CASES, {}, first=ROWS_TO_FIT
    )


def measure(target: Target, out: Path, *, minutes: float, seed: int = 0, tell: Callable[[str], None]) -> None:
    """Measure calls and networks for `minutes` into the folder `out`; `tell` gets a line now and then."""
    if not minutes > 0:
        raise ValueError(f"minutes must be positive, got {minutes}")
    out.mkdir(parents=True, exist_ok=True)
    if isinstance(target.device, Cpu):
        save.write(target.device, out / DEVICES / f"{target.device.name}.toml")
    seconds = minutes * 60.0
    made = session.run(
        target.calls(seed), target.backend, device=target.device.name, seconds=seconds * SWEEP_SHARE,
        out=out / ROWS, facts=target.facts, progress=_every(tell), first=target.first,
    )  # fmt: skip
    tell(f"{made.new} new rows, {len(made.rows)} in all; left out: {_failed(made.failed)}")
    passes_s = seconds * (1.0 - SWEEP_SHARE)
    found = pass_timing.measure(
        target.cases, target.backend, device=target.device.name, where=target.where,
        budget_s=passes_s / len(target.cases), limit_s=passes_s if target.where == "cpu" else math.inf,
        progress=_cases(tell),
    )  # fmt: skip
    tell(f"{len(found.rows)} whole passes; left out: {_failed(found.failed)}")
    rows_file.write(found.rows.assign(**target.facts), out / NETWORKS)


def measure_more(
    target: Target, out: Path, *, minutes: float, groups: Sequence[str], tell: Callable[[str], None]
) -> None:
    """Measure passes of MORE_CASES' `groups` alone, in turn within `minutes`, into the folder `out`."""
    if not minutes > 0:
        raise ValueError(f"minutes must be positive, got {minutes}")
    out.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + minutes * 60.0
    rows: list[pd.DataFrame] = []
    for group in groups:
        cases = MORE_CASES[require("passes", group, MORE_CASES)]
        found = pass_timing.measure(
            cases, target.backend, device=target.device.name, where=target.where, budget_s=PASS_S,
            limit_s=end - time.monotonic(), progress=_cases(tell),
        )  # fmt: skip
        tell(f"{group}: {len(found.rows)} passes; left out: {_failed(found.failed)}")
        if len(found.rows):
            rows.append(found.rows.assign(**target.facts))
            rows_file.write(pd.concat(rows, ignore_index=True), out / NETWORKS)


def can_fit() -> bool:
    """Whether what fits need is installed here."""
    return importlib.util.find_spec("scipy") is not None


def fit(out: Path) -> str:
    """Fit a calibration from the rows in `out`, into its folder `calibrations`; return tables of errors as text."""
    from costmodel.hardware.calibration import read
    from profilers.fit import TooFewRowsError, calibrate

    rows, passes = rows_file.read(out / ROWS), rows_file.read(out / NETWORKS)
    source, notes = "measured by bitfront's profilers on this device", list[str]()
    with _home(out):
        try:
            paths = calibrate(rows, folder=out / CALIBRATIONS, source=source, tell=notes.append)
        except TooFewRowsError as error:
            paths = []
            notes.append(str(error))
        fitted = {fit.math for path in paths if path.suffix == ".toml" for fit in read(path)}
        calls = _held_out(rows[rows["math"].isin(fitted)])
        networks = end_to_end.predicted(passes)
    rows_file.write(networks, out / PREDICTED)
    told = "".join(f"\n{note}\n" for note in notes)
    return f"{calls}\n\n{_passes(networks)}\n{told}"


def _held_out(rows: pd.DataFrame) -> str:
    """The errors of the kinds that have a fit, of rows that it did not see."""
    from profilers import held_out
    from profilers.fit import validate

    if not len(rows):
        return f"no kind has {ROWS_TO_FIT} rows, which a fit needs at least: measure longer"
    test, stated = held_out.divided(rows)
    held = pd.DataFrame(held_out.table_of(validate(test) if len(test) else test, stated, regimes=False))
    kinds = held[["math", "backend", "regime", "rows", "mape", "median", "p90", "bias", "coverage"]].sort_values("math")
    text = kinds.rename(columns={"regime": "unseen"}).replace({"unseen": UNSEEN})
    return text.to_string(index=False, formatters=dict.fromkeys(kinds.columns[4:], PERCENT))


def _passes(networks: pd.DataFrame) -> str:
    """Whole networks beside their predictions."""
    names = ["network", "precision", "batch", "launched", "latency_s", "predicted_s", "low_s", "high_s", "error"]
    if not len(networks):
        return "no whole network was measured"
    return networks[names].to_string(index=False, formatters={"error": PERCENT}, float_format="{:.4g}".format)


@contextmanager
def _home(out: Path) -> Iterator[None]:
    """Devices and calibrations are those of the folder `out` while the body runs."""
    before = os.environ.get("BITFRONT_HOME")
    os.environ["BITFRONT_HOME"] = str(out)
    try:
        yield
    finally:
        if before is None:
            del os.environ["BITFRONT_HOME"]
        else:
            os.environ["BITFRONT_HOME"] = before


def _every(tell: Callable[[str], None]) -> Callable[[float, float], None]:
    last = -TELL_S

    def progress(gone: float, seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_S:
            last = time.monotonic()
            tell(f"{gone:.0f} of {seconds:.0f} s")

    return progress


def _cases(tell: Callable[[str], None]) -> Callable[[int, int], None]:
    every = _every(lambda _line: tell(line))
    line = ""

    def progress(done: int, count: int) -> None:
        nonlocal line
        line = f"{done} of {count} networks"
        every(float(done), float(count))

    return progress


def _failed(failed: Mapping[str, str]) -> str:
    return "; ".join(f"{name} ({why})" for name, why in failed.items()) or "none"
