"""How right predictions are on two GPUs that this project measured itself, without and with the software named.

The rows are those of one `make profile-gpu` of eight minutes, PyTorch 2.11 on an H100 SXM. Fits of others' rows, with
other software, answer for `h100_sxm`, fits of these rows for `h100_sxm:torch`; whole passes are in neither. On an H200,
two minutes of other shapes, no fit saw anything: `h200_sxm:torch` is the H100's fits by the spec sheet, which were
committed before it was measured.

The rows have no board power. What those sessions wrote as such was nvmlDeviceGetPowerUsage after 20 ms, on these boards
the mean of the last second: of the dozens of calls before a row (its logarithm correlated by 0.96 with that of the row
before), so the column is gone. profilers/gpu/power.py tells how sessions measure it now.
"""

import pandas as pd

from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import end_to_end, rows_file, scores
from profilers.fit import validate
from profilers.split_rows import split


def report() -> None:
    """Print the tables of both devices."""
    _h100()
    rows = rows_file.read(FOLDER / "h200_sxm_torch_rows.parquet")
    print(f"\nan H200: {len(rows)} rows under PyTorch by h200_sxm:torch, none of which a fit saw: %")
    _families(rows)
    _passes("h200_sxm")


def _h100() -> None:
    rows = rows_file.read(FOLDER / "h100_sxm_torch_rows.parquet")
    print(f"\nour own {len(rows)} rows of an H100 under PyTorch, by the calibrations of others' software: %")
    families = {fit.math for name in ("gemm", "attention") for fit in calibrations(name) if fit.device == "h100_sxm"}
    _families(rows[rows["math"].isin(families)].assign(backend=""))
    print("\nby the fits to those rows, each row by one that did not see its pair: %")
    for path in sorted(FOLDER.glob("h100_sxm_torch_*.toml")):
        for fit in read(path):
            error = fit.held_out_error
            told = " ".join(f"{100 * error[f'residual_{n}']:7.2f}" for n in ("mape", "median", "bias", "coverage"))
            print(f"{fit.math:20s} {fit.rows:5d} {told} formula alone {100 * error['analytic_mape']:.2f}")
    _passes("h100_sxm")


def _families(rows: pd.DataFrame) -> None:
    print("family                rows    MAPE  median    bias   cover")
    for part in split(rows):
        for found in scores.table(validate(part), regimes=False):
            told = " ".join(f"{100 * found[name]:7.2f}" for name in ("mape", "median", "bias", "coverage"))
            print(f"{found['math']:20s} {found['rows']:5d} {told} {found['how']}")


def _passes(device: str) -> None:
    networks = rows_file.read(FOLDER / f"{device}_torch_networks.parquet")
    print("\nwhole passes: error without and with the software named, %; how many their intervals hold")
    unnamed, named = (end_to_end.predicted(networks.assign(backend=name)) for name in ("", "torch"))
    for launched, own in unnamed.groupby("launched"):
        print(f"{launched}: {_held(own)} and {_held(named.loc[own.index])} of {len(own)} are within their intervals")
    for keys, at in unnamed.groupby(["launched", "network", "precision"]).groups.items():
        told = " | ".join(" ".join(f"{100 * error:6.1f}" for error in done.loc[at].error) for done in (unnamed, named))
        held = " ".join(f"{_held(done.loc[at])}/{len(at)}" for done in (unnamed, named))
        print(f"{keys[0]:6s} {keys[1]:21s} {keys[2]:5s} batches {list(unnamed.loc[at].batch)}: {told}   held {held}")


def _held(done: pd.DataFrame) -> int:
    return int(((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).sum())
