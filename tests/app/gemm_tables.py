"""Tables of matrix products whose truth is known: a committed calibration's predictions times known noise."""

import attention_tables
import numpy as np
import pandas as pd

from costmodel import hardware
from costmodel.estimators import gemm_kind
from costmodel.estimators.gemm_latency import predict
from costmodel.hardware.calibration import FOLDER, read

SIZES = (128, 256, 512, 1024, 2048, 4096, 8192, 16384)
MS = (1, 3, 8, 16, 32, 64, 100, 128, 256, 512, 1024, 2048, 4096, 8192)


def noisy_rows(noise=0.05, gpu="h100_sxm", math="bfloat16", backend="vllm", seed=0, sizes=SIZES, ms=MS):
    m, n, k = (axis.reshape(-1) for axis in np.meshgrid(ms, sizes, sizes))
    fits = [fit for path in sorted(FOLDER.glob("*_gemm.toml")) for fit in read(path) if not fit.by_name]
    exact = predict(m, n, k, gemm_kind.named(math), hardware.gpu(gpu), backend=backend, fits=fits).latency_s
    measured = exact * np.exp(np.random.default_rng(seed).normal(0.0, noise, len(m)))
    return pd.DataFrame({"gpu": gpu, "backend": backend, "math": math, "m": m, "n": n, "k": k, "latency_s": measured})


GOOD = noisy_rows(sizes=(128, 1024), ms=(1, 64, 4096))


def bad_tables():
    """Name, table and what the one line must say."""
    latency = GOOD.latency_s
    return [
        ("no_rows", GOOD.iloc[:0], "got 0"),
        ("one_row", GOOD.iloc[:1], "at least 2 rows"),
        ("no_latency", GOOD.drop(columns="latency_s"), "'latency_s'"),
        ("no_sizes", GOOD.drop(columns=["m", "k"]), "columns 'm', 'k' are missing"),
        ("nan", GOOD.assign(latency_s=latency.where(GOOD.index != 2)), "latency_s must be a finite number above 0"),
        ("zero", GOOD.assign(latency_s=latency.where(GOOD.index != 2, 0.0)), "in row 2"),
        ("milliseconds", GOOD.assign(latency_s=latency * 1e3), "milliseconds"),
        ("microseconds", GOOD.assign(latency_s=latency * 1e6), "microseconds"),
        ("part", GOOD.assign(m=GOOD.m + 0.5), "m must be a whole number, got 1.5 in row 0"),
        ("too_fast", GOOD.assign(latency_s=latency * 1e-4), "is it in seconds?"),
        ("unknown_gpu", GOOD.assign(gpu="h100"), "h100_sxm"),
        ("null_gpu", GOOD.assign(gpu=None), "gpu must be the name of a device, got None in row 0"),
        ("unknown_math", GOOD.assign(math="bf16"), "unknown math 'bf16'"),
        ("nested", GOOD.assign(m=[[1, 2]] * len(GOOD)), "m must be"),
        ("attention", pd.DataFrame({"gpu": ["h100_sxm"] * 2, "kind": "ctx", "num_heads": 8, "latency_s": 1e-3}),
         "a table of attention has"),
        ("passes", pd.DataFrame({"gpu": ["h100_sxm"] * 2, "network": "vgg16", "precision": "bf16", "batch": 1}),
         "these look like whole passes, which python -m profilers --fit compares"),
        ("two_tables", pd.concat([GOOD, attention_tables.noisy_rows().head(3)], ignore_index=True),
         "matrix products and of attention are in one table"),
        ("fpga", pd.DataFrame({"unit": ["dot"] * 2, "device_family": "xc7", "sites": 9}), "row 0: unknown format"),
    ]  # fmt: skip


def bad_bytes():
    """File name, content and what the one line must say."""
    return [
        ("empty.parquet", b"", "is empty"),
        ("text.parquet", b"gpu,math\n1,2\n", "as parquet"),
        ("cut.parquet", b"PAR1" + b"\x00" * 64, "as parquet"),
        ("binary.csv", b"\xff\xfe\x00\x01", "as csv"),
        ("blank.csv", b"\n\n", "as csv"),
        ("rows.json", b"[]", ".parquet or .csv"),
    ]
