"""What calibrations from 120 and 600 rows of a device without fits hold: own_device_rows.py GEMM.parquet.

A GPU of the table stands as one of a name of its own, with the spec sheet and nothing else of it but DRAWS draws of
rows from a third of the pairs; rows of the other pairs are predicted. The fits of that GPU itself are left out.
"""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.hardware import calibration, save
from costmodel.hardware.calibration import read
from profilers import scores
from profilers.fit import calibrate, validate

OF = (("a100_sxm", "sglang"), ("l40s", "vllm"))

COUNTS, DRAWS, SHARE, MOST = (120, 600), 4, 0.34, 3000

NAME = "mygpu"


def main(path: str) -> None:
    """Print, of each draw, what the fit states, and error, coverage and width on other pairs; their means by count."""
    gemm = pd.read_parquet(path)
    held: dict[int, list[float]] = {}
    for gpu, backend in OF:
        rows = gemm[(gemm.gpu == gpu) & (gemm["math"] == "bfloat16") & (gemm.backend == backend)]
        with mock.patch.object(calibration, "_of", partial(_without, calibration._of, gpu)):
            for count in COUNTS:
                for seed in range(1, DRAWS + 1):
                    stated, found = _drawn(rows.assign(gpu=NAME, backend="own"), gpu, count, seed)
                    held.setdefault(count, []).append(found["coverage"])
                    line = f"stated {stated:.1%}, error {found['mape']:.1%}, holds {found['coverage']:.1%}"
                    print(gpu, count, "rows:", line, f"width {found['width']:.0%}", flush=True)
    for count, each in held.items():
        print(count, f"rows hold {np.mean(each):.1%} in the mean, {min(each):.1%}-{max(each):.1%}")


def _without(found, gpu, *given, **named):
    return [fit for fit in found(*given, **named) if fit.device != gpu]


def _drawn(rows: pd.DataFrame, gpu: str, count: int, seed: int) -> tuple[float, dict[str, float]]:
    """The coverage that a calibration of so many rows states, and its scores on rows of other pairs."""
    own = rows[["n", "k"]].drop_duplicates().sample(frac=SHARE, random_state=seed)
    seen = pd.MultiIndex.from_frame(rows[["n", "k"]]).isin(pd.MultiIndex.from_frame(own))
    with TemporaryDirectory() as home, mock.patch.dict(os.environ, BITFRONT_HOME=home):
        save.write(replace(hardware.gpu(gpu), name=NAME), Path(home) / "gpus" / f"{NAME}.toml")
        path = calibrate(rows[seen].sample(count, random_state=seed).reset_index(drop=True))[0]
        test = rows[~seen].sample(MOST, random_state=0).reset_index(drop=True)
        (fit,) = read(path)
        return fit.held_out_error["residual_coverage"], scores.score(validate(test))


if __name__ == "__main__":
    main(sys.argv[1])
