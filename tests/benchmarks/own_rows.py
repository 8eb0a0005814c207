"""How right predictions are on an H100 that this project measured itself, without and with its software named.

The rows are those of one `make profile-gpu` of eight minutes, PyTorch 2.11 on an H100 SXM. Fits of others' rows, with
other software, answer for `h100_sxm`, fits of these rows for `h100_sxm:torch`; whole passes are in neither.
"""

import pandas as pd

from costmodel.hardware.calibration import FOLDER, calibrations, read
from profilers import end_to_end, rows_file, scores
from profilers.fit import validate
from profilers.split_rows import split

ROWS, NETWORKS = (FOLDER / f"h100_sxm_torch_{name}.parquet" for name in ("rows", "networks"))


def report() -> None:
    """Print both tables."""
    rows, networks = rows_file.read(ROWS), rows_file.read(NETWORKS)
    print(f"\nour own {len(rows)} rows of an H100 under PyTorch, by the calibrations of others' software: %")
    print("family           rows    MAPE  median    bias   cover")
    families = {fit.math for name in ("gemm", "attention") for fit in calibrations(name) if fit.device == "h100_sxm"}
    for part in split(rows.assign(backend="")):
        known = part[part["math"].isin(families)]
        for found in scores.table(validate(known), regimes=False) if len(known) else []:
            told = " ".join(f"{100 * found[name]:7.2f}" for name in ("mape", "median", "bias", "coverage"))
            print(f"{found['math']:20s} {found['rows']:5d} {told} {found['how']}")
    print("\nby the fits to those rows, each row by one that did not see its pair: %")
    for path in sorted(FOLDER.glob("h100_sxm_torch_*.toml")):
        for fit in read(path):
            error = fit.held_out_error
            told = " ".join(f"{100 * error[f'residual_{n}']:7.2f}" for n in ("mape", "median", "bias", "coverage"))
            print(f"{fit.math:20s} {fit.rows:5d} {told} formula alone {100 * error['analytic_mape']:.2f}")
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
