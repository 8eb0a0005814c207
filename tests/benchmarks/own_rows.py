"""How right the shipped calibrations are on an H100 that this project measured itself, and what a fit to its rows adds.

The rows are those of one `make profile-gpu` of eight minutes, PyTorch 2.11 on an H100 SXM: none of them is in a shipped
calibration, whose rows others measured with other software.
"""

import tempfile
from pathlib import Path

import pandas as pd

from costmodel.hardware.calibration import FOLDER
from profilers import campaign, end_to_end, rows_file, scores
from profilers.fit import calibrate, validate
from profilers.split_rows import split

ROWS, NETWORKS = (FOLDER / f"h100_sxm_torch_{name}.parquet" for name in ("rows", "networks"))

SHIPPED = ("bfloat16", "fp8", "fp8_static", "int8_wo", "int4_wo", "sq", "ctx_bfloat16", "gen_bfloat16")


def report() -> None:
    """Print both tables."""
    rows, networks = rows_file.read(ROWS), rows_file.read(NETWORKS)
    print(f"\nour own {len(rows)} rows of an H100 under PyTorch, by the shipped calibrations: %")
    for part in split(rows):
        known = part[part["math"].isin(SHIPPED)]
        for found in scores.table(validate(known), regimes=False) if len(known) else []:
            told = " ".join(f"{100 * found[name]:7.2f}" for name in ("mape", "median", "bias", "coverage"))
            print(f"{found['math']:14s} {found['rows']:5d} {told} {found['how']}")
    print(
        "\nwhole passes: error of the shipped calibrations and of a fit to those rows, %; how many their intervals hold"
    )
    shipped = end_to_end.predicted(networks)
    with tempfile.TemporaryDirectory() as folder:
        calibrate(rows, folder=Path(folder) / campaign.CALIBRATIONS)
        with campaign._home(Path(folder)):
            own = end_to_end.predicted(networks)
    for keys, at in shipped.groupby(["launched", "network", "precision"]).groups.items():
        told = " ".join(f"{100 * error:6.1f}" for done in (shipped, own) for error in done.loc[at].error)
        held = " ".join(f"{_held(done.loc[at])}/{len(at)}" for done in (shipped, own))
        print(f"{keys[0]:6s} {keys[1]:21s} {keys[2]:5s} batches {list(shipped.loc[at].batch)}: {told}   held {held}")


def _held(done: pd.DataFrame) -> int:
    return int(((done.low_s <= done.latency_s) & (done.latency_s <= done.high_s)).sum())
