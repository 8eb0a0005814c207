"""How right predictions are on two GPUs that this project measured itself, without and with their own fits.

The rows are those of `make profile-gpu` under PyTorch 2.11: eight minutes on an H100 SXM and some four of convolutions,
gradients and further networks later, two and then nine on H200 SXMs. Fits of others' rows, with other software, answer
for `h100_sxm`, fits of these rows for `h100_sxm:torch` and `h200_sxm:torch`; whole passes are in neither. On the H200
the H100's fits, the first of which were committed before any H200 was measured, are tried too, by the spec sheet.

Board power is of 79 other products of an H100 and of 74 of the H200s' second session. The H100's first has none:
what it wrote was nvmlDeviceGetPowerUsage after 20 ms, on these boards the mean of the last second: of the dozens
of calls before a row (its logarithm correlated by 0.96 with that of the row before). profilers/gpu/power.py tells how
sessions measure it now.
"""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import pandas as pd

from costmodel.hardware import calibration
from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import end_to_end, rows_file, scores
from profilers.case import GRAPH, Case
from profilers.cases import GPU_CASES, MORE_CASES
from profilers.fit import validate
from profilers.split_rows import split


def report() -> None:
    """Print the tables of both devices."""
    rows = rows_file.read(FOLDER / "h100_sxm_torch_rows.parquet")
    print(f"\nour own {len(rows)} rows of an H100 under PyTorch, by the calibrations of others' software: %")
    families = {fit.math for name in ("gemm", "attention") for fit in calibrations(name) if fit.device == "h100_sxm"}
    _families(rows[rows["math"].isin(families)].assign(backend=""))
    _own_fits("h100_sxm")
    networks = rows_file.read(FOLDER / "h100_sxm_torch_networks.parquet")
    usual = _of(networks, GPU_CASES)
    unnamed, named = (end_to_end.predicted(usual.assign(backend=name)) for name in ("", "torch"))
    _passes({"by others' software": unnamed, "by its own fits": named})
    for group, cases in MORE_CASES.items():
        own = _of(networks, cases)
        print(f"\n{group}:", end="")
        _passes({"as run": end_to_end.predicted(own[own.launched == GRAPH])})

    rows = rows_file.read(FOLDER / "h200_sxm_torch_rows.parquet")
    print(f"\nour own {len(rows)} rows of H200s under PyTorch by the H100's fits, none of which saw them: %")
    _families(rows, level="spec")
    _own_fits("h200_sxm")
    networks = rows_file.read(FOLDER / "h200_sxm_torch_networks.parquet")
    _passes({"by the H100's fits": _by_others(networks), "by its own": end_to_end.predicted(networks)})
    for name in ("h100_sxm_power_rows", "h200_sxm_torch_rows"):
        rows = rows_file.read(FOLDER / f"{name}.parquet")
        _power(rows[rows["power_w"].notna()].reset_index(drop=True))


def _of(networks: pd.DataFrame, cases: Sequence[Case]) -> pd.DataFrame:
    """The rows of some cases."""
    wanted = {(*case[:4], case.software("torch")) for case in cases}
    named = zip(*(networks[name] for name in ("network", "precision", "batch", "run", "backend")), strict=True)
    return networks[[case in wanted for case in named]].reset_index(drop=True)


def _power(rows: pd.DataFrame) -> None:
    """Board power told by the energy counter: by fits without the device, of rows unseen by its own, of all rows."""
    device = rows["gpu"].iloc[0]
    plain = ~rows["math"].str.endswith("_wo")
    print(f"\npower of {len(rows)} products on {device}: error in %, mean, median and bias, and what intervals hold")
    for level, what in (("spec", "by other devices"), ("auto", "by all fits, which saw these rows")):
        done = validate(rows, level)
        error = done.predicted_w / done.power_w - 1.0
        held = (done.low_w <= done.power_w) & (done.power_w <= done.high_w)
        for kinds, at in (("of plain kinds", plain), ("dequantising", ~plain)):
            figures = (error[at].abs().mean(), error[at].abs().median(), error[at].mean(), held[at].mean())
            told = " ".join(f"{100 * figure:6.1f}" for figure in figures)
            print(f"{what:34s} {kinds:15s} {at.sum():3d} {told}")
    for fit in calibrations("power"):
        if fit.device == device and "carried_mape" in fit.held_out_error:
            unseen = fit.held_out_error
            told = " ".join(
                f"{100 * unseen[f'{n}_{m}']:6.1f}" for n in ("analytic", "carried") for m in ("mape", "median")
            )
            print(
                f"{fit.math:10s} {fit.rows:3d} rows: mean and median where its (n, k) was not seen, and carried {told}"
            )


def _by_others(networks: pd.DataFrame) -> pd.DataFrame:
    """The passes predicted as if the device's own fits under that software did not exist."""
    with tempfile.TemporaryDirectory() as folder:
        for path in FOLDER.glob("*"):
            if not path.name.startswith("h200_sxm_torch_"):
                shutil.copy(path, folder)
        with mock.patch.object(calibration, "FOLDER", Path(folder)):
            return end_to_end.predicted(networks)


def _own_fits(device: str) -> None:
    print("\nby the fits to those rows, each row by one that did not see its pair: %")
    for path in sorted(FOLDER.glob(f"{device}_torch_*.toml")):
        for fit in read(path):
            error = fit.held_out_error
            told = " ".join(f"{100 * error[f'residual_{n}']:7.2f}" for n in ("mape", "median", "bias", "coverage"))
            alone = f"formula alone {100 * error['analytic_mape']:.2f}"
            print(f"{fit.math:20s} {fit.rows:5d} {told} {alone} {fit.how}")


def _families(rows: pd.DataFrame, level: str = "auto") -> None:
    print("family                rows    MAPE  median    bias   cover")
    for part in split(rows):
        for found in scores.table(validate(part, level), regimes=False):
            told = " ".join(f"{100 * found[name]:7.2f}" for name in ("mape", "median", "bias", "coverage"))
            print(f"{found['math']:20s} {found['rows']:5d} {told} {found['how']}")


def _passes(tries: Mapping[str, pd.DataFrame]) -> None:
    print("\nwhole passes: error in % and how many their intervals hold, " + " | ".join(tries))
    first = next(iter(tries.values()))
    for launched, own in first.groupby("launched"):
        held = ", ".join(f"{_held(done.loc[own.index])} {name}" for name, done in tries.items())
        print(f"{launched}: of {len(own)} within their intervals {held}")
    for keys, at in first.groupby(["launched", "network", "precision"]).groups.items():
        told = " | ".join(" ".join(f"{100 * error:6.1f}" for error in done.loc[at].error) for done in tries.values())
        held = " ".join(f"{_held(done.loc[at])}/{len(at)}" for done in tries.values())
        print(f"{keys[0]:6s} {keys[1]:21s} {keys[2]:5s} batches {list(first.loc[at].batch)}: {told}   held {held}")


def _held(done: pd.DataFrame) -> int:
    return int(((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).sum())
