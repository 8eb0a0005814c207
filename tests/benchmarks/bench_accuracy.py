"""Accuracy of predicted latency of products and attention, on pairs and head configurations that no fit has seen.

    python tests/benchmarks/bench_accuracy.py [gemm.parquet attention.parquet power.parquet]

Prints, for every device, kind and backend: the plain roofline, the analytic model alone, and with its residual model,
each with its error figures and its 90 % interval's coverage and width; then sums over random networks; then every
device predicted from the others, by spec sheet alone and with 30 of its rows; then what the intervals of borrowed
constants rest on; then speed. Of rows with board power: errors of power and of energy instead. Last, an H100
and H200s that this project measured itself.
"""

import sys
import time
from pathlib import Path

import borrowed_errors
import numpy as np
import own_rows
import pandas as pd

from costmodel import hardware
from costmodel.estimators import gemm_kind
from costmodel.estimators.calibrated import predict
from costmodel.estimators.transfer import carried
from costmodel.hardware.calibration import calibrations
from profilers import error_tables, pair_split, power_fit, scores
from profilers.constants_fit import fit_constants
from profilers.fit import validate
from profilers.measured_rows import check, of, roofline_s

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "gpu"
SEEDS = 5
HEAD = f"{'device':9s} {'math':18s} {'backend':7s} {'model':9s}"


def main(path: Path) -> None:
    """Print every table of one file."""
    if not path.is_file():
        sys.exit(
            f"bench-accuracy: no measured rows at {path}; make bench-accuracy GEMM=FILE ATTENTION=FILE POWER=FILE names"
            " others"
        )
    rows = check(pd.read_parquet(path))
    if "power_w" in rows.columns:
        boards(power_fit.check(rows))
        return
    print(f"\n{of(rows).name}")
    test, seen = rows[pair_split.held_out(rows)], rows[~pair_split.held_out(rows)]
    calibrated(test)
    pooled(test)
    networks(test)
    left_out(test, seen)
    borrowed_errors.report(seen)
    speed(seen)


def boards(rows: pd.DataFrame) -> None:
    """Errors of board power and of energy, with the coverage of the intervals that `estimate` reports."""
    print("\nboard power and energy of matrix products on held-out pairs, %")
    print(f"{'device':9s} {'math':12s} {'of':18s} rows    MAPE  median   p90    bias    tau  cover")
    test = rows[pair_split.held_out(rows)]
    for fit in calibrations("power"):
        part = test[(test.gpu == fit.device) & (test.math == fit.math)]
        found = power_fit.stated(part, gemm_kind.named(fit.math), hardware.gpu(fit.device), fit) if len(part) else {}
        for stage, what in (("analytic", "power"), ("residual", "power, with trees"), ("energy", "energy")):
            if found:
                told = " ".join(f"{100 * found[f'{stage}_{n}']:7.2f}" for n in ("mape", "median", "p90", "bias"))
                tau, cover = found[f"{stage}_kendall_tau"], 100 * found[f"{stage}_coverage"]
                count = found.get(f"{stage}_rows", len(part))
                print(f"{fit.device:9s} {fit.math:12s} {what:18s} {count:5.0f} {told} {tau:6.3f} {cover:6.1f}")
        if found:
            print(
                f"  energy's interval has a mean width of {100 * found['energy_width']:.0f} %; of all {len(part)} rows,"
                f" those that may time pauses of the host too, it holds {100 * found['energy_all_coverage']:.1f} %"
            )


def calibrated(test: pd.DataFrame) -> None:
    """Errors on held-out pairs; "global" is the width of the one factor that covers 90 % of that group's rows."""
    print(
        f"\nheld-out pairs ({len(test)} rows), % \n{HEAD} rows    MAPE  median   p90    bias    tau"
        "  cover  width  median width  global/median"
    )
    stages = {"analytic": validate(test, residual=False), "residual": validate(test)}
    for (gpu, math, backend), part in test.groupby(["gpu", "math", "backend"]):
        name = f"{gpu:9s} {math:18s} {backend:7s}"
        roofline = roofline_s(part, hardware.gpu(gpu), math)
        print(f"{name} {'roofline':9s}", line(part.latency_s.to_numpy(), roofline))
        for stage, done in stages.items():
            own = done.loc[part.index]
            width = ((own.high_s - own.low_s) / own.predicted_s).median()
            narrower = 2 * np.sinh(np.quantile(np.abs(np.log(own.latency_s / own.predicted_s)), 0.9)) / width
            print(f"{name} {stage:9s}", scored(own), f"{100 * width:6.1f} {narrower:8.2f} {own.how.iloc[0]}")
    everything = stages["residual"]
    factor = np.quantile(np.abs(np.log(everything.latency_s / everything.predicted_s)), 0.9)
    width = 100 * (everything.high_s - everything.low_s) / everything.predicted_s
    print(
        f"all rows: mean width {width.mean():.1f} %, median {width.median():.1f} %,"
        f" one global factor {200 * np.sinh(factor):.1f} %"
    )


def pooled(test: pd.DataFrame) -> None:
    """Errors where no backend is named, of each backend's rows: what `estimate` gives for such a device."""
    several = test.groupby(["gpu", "math"]).backend.transform("nunique") > 1
    if not several.any():
        return
    print("\nno backend named: MAPE %, coverage %, mean width %")
    done = validate(test[several].assign(backend="")).assign(backend=test[several].backend)
    for (gpu, math, backend), part in done.groupby(["gpu", "math", "backend"]):
        found = scores.score(part)
        print(f"{gpu:9s} {math:18s} {backend:7s}", *(f"{100 * found[x]:6.1f}" for x in ("mape", "coverage", "width")))


def networks(test: pd.DataFrame) -> None:
    """Coverage of the interval of a sum: random networks of held-out pairs."""
    print("\nsums over random networks of held-out pairs: coverage %, correlation")
    done = validate(test)
    for (gpu, math, backend), part in done.groupby(["gpu", "math", "backend"]):
        table = of(part)
        one = [size[:1] for size in table.sizes(part)]
        kind, device = table.model.named(math), hardware.gpu(gpu)
        rho = predict(table.model, one, kind, device, backend=backend).correlation
        columns = (part[name].to_numpy() for name in ("predicted_s", "low_s", "high_s"))
        sums = error_tables.network_sums(part, *columns, seed=1)
        print(f"{gpu:9s} {math:18s} {backend:7s} {100 * error_tables.network_coverage(sums, rho):5.1f} {rho:8.3f}")


def left_out(test: pd.DataFrame, seen: pd.DataFrame) -> None:
    """Every device from the others' constants: no row of it, then SEEDS draws of 30 rows."""
    print(f"\nleave one device out, % \n{HEAD} rows    MAPE  median   p90    bias    tau  cover  width")
    spec = validate(test, "spec")
    for (gpu, math, backend), part in spec.groupby(["gpu", "math", "backend"]):
        name = f"{gpu:9s} {math:18s} {backend:7s}"
        print(f"{name} {'spec':9s}", scored(part), part.how.iloc[0])
        own = seen[(seen.gpu == gpu) & (seen.math == math) & (seen.backend == backend)]
        found = adapted(part, own, gpu, math, backend)
        print(f"{name} {'30 rows':9s} MAPE {found.mean():.2f} of seeds {np.round(found, 1)}")


def adapted(part: pd.DataFrame, own: pd.DataFrame, gpu: str, math: str, backend: str) -> np.ndarray:
    """MAPE in % on the held-out rows after fits to 30 rows, one a seed."""
    model = of(part).model
    device, kind = hardware.gpu(gpu), model.named(math)
    others = [fit for fit in calibrations(model.name) if fit.device != gpu]
    prior = carried(model, math, device, others, backend)
    sizes = of(part).sizes(part)
    found = []
    for seed in range(SEEDS):
        constants = fit_constants(own.sample(30, random_state=100 + seed), kind, device, prior, starts=1, firm=True)
        predicted = model.terms(*sizes, kind, device, model.constants(**constants)).latency_s
        found.append(100 * np.mean(np.abs(predicted / part.latency_s.to_numpy() - 1)))
    return np.array(found)


def speed(seen: pd.DataFrame, count: int = 400_000) -> None:
    """Predictions a second by one array call, of shapes drawn from the rows of one kind on an H100."""
    model, gpu = of(seen).model, hardware.gpu("h100_sxm")
    fit = next(f for f in calibrations(model.name) if f.device == gpu.name and f.math.endswith("bfloat16"))
    rows = seen[(seen.gpu == gpu.name) & (seen.math == fit.math)].sample(count, replace=True, random_state=0)
    sizes, kind, constants = of(seen).sizes(rows), model.named(fit.math), model.constants(**fit.constants)
    analytic = best(lambda: model.terms(*sizes, kind, gpu, constants))
    part = [x[: count // 8] for x in sizes]
    residual = best(lambda: predict(model, part, kind, gpu, backend=fit.backend))
    print(f"\nspeed: analytic {count / analytic / 1e6:.2f} M/s, with residual {count / 8 / residual / 1e3:.0f} k/s")


def best(call, repeats: int = 3) -> float:
    """The shortest of a few runs, in seconds of this process: other load on the machine does not count."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def scored(done: pd.DataFrame) -> str:
    """Error figures of predicted rows as text, with their intervals' coverage and mean width."""
    found = scores.score(done)
    return f"{line(done.latency_s.to_numpy(), done.predicted_s.to_numpy())} " + " ".join(
        f"{100 * found[name]:6.1f}" for name in ("coverage", "width")
    )


def line(measured: np.ndarray, predicted: np.ndarray) -> str:
    """Error figures of one group as text."""
    f = scores.figures(measured, predicted)
    percent = " ".join(f"{100 * f[name]:7.2f}" for name in ("mape", "median", "p90", "bias"))
    return f"{len(measured):5d} {percent} {f['kendall_tau']:6.3f}"


if __name__ == "__main__":
    for file in sys.argv[1:] or (DATA / f"{name}.parquet" for name in ("gemm", "attention", "power")):
        main(Path(file))
    own_rows.report()
