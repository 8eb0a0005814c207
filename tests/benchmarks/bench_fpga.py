"""FPGA figures: LUT sites on the held-out designs of the committed rows, peers beside ours; hard blocks; speed.

Peers, on the same rows: a behavioural product a*b of the operands' whole widths, counted as its partial products'
bits, with an adder tree and accumulator of a site a bit; and FINN-R's published formula (doi 10.1145/3242897) for a
product of the bits of both operands with FINN's adder tree.
"""

import time

import numpy as np
import pandas as pd
from fpga_published import print_all
from scipy.stats import spearmanr

from costmodel.estimators.fpga.finn_requantisation import multiplier
from costmodel.estimators.fpga.sites import sites
from costmodel.formats import get
from costmodel.hardware.calibration import FOLDER
from costmodel.record import mesh
from profilers.fpga.block_rows import predicted
from profilers.fpga.fit_sites import KINDS, fit, kinds, measured, predictions
from profilers.fpga.predict_rows import validate

GOALS = {
    ("product", "integer"): 4, ("product", "minifloat"): 6, ("product", "mixed"): 6,
    ("dot", "integer"): 3, ("dot", "minifloat"): 4, ("dot", "mixed"): 5,
}  # fmt: skip
OTHER_GOAL = 8
FEWEST = 5


def finn(rows: pd.DataFrame) -> np.ndarray:
    """FINN-R's LUTs of n products, tree and accumulator, without its constant of a whole layer's control."""
    bits = np.array([get(a).bits + get(b).bits for a, b in zip(rows["a_format"], rows["b_format"], strict=True)])
    n = rows["n"].to_numpy()
    return n * multiplier(bits) + np.where(n > 1, bits * (2 * n - 1), 0) + rows["acc_bits"].to_numpy()


def behavioural(rows: pd.DataFrame) -> np.ndarray:
    """a*b on whole codes: a row of the longer operand's bits for each bit of the shorter; then tree and accumulator."""
    pairs = [(get(a).bits, get(b).bits) for a, b in zip(rows["a_format"], rows["b_format"], strict=True)]
    area, width = (np.array([f(pair) for pair in pairs]) for f in (lambda p: p[0] * p[1], sum))
    n = rows["n"].to_numpy()
    return n * area + (n - 1) * (width + np.log2(np.maximum(n, 1)) / 2) + rows["acc_bits"].to_numpy()


def accuracy(done: pd.DataFrame) -> None:
    """One line a unit and kind of operands."""
    test = done[done["held_out"]].reset_index(drop=True)
    print(f"LUT sites, {len(done)} designs, {len(test)} held out by the hash of their name; errors in %")
    print(f"{'unit':17}{'operands':11}{'rows':>5}{'MAPE':>7}{'median':>8}{'p90':>7}{'goal':>6}{'a*b':>7}{'FINN-R':>8}")
    for unit, part in test.groupby("unit"):
        for kind in KINDS if unit in ("product", "dot") else ("all",):
            own = (part if kind == "all" else part[kinds(part) == kind]).reset_index(drop=True)
            error = 100 * np.abs(own["predicted_sites"] / measured(own) - 1)
            line = f"{unit:17}{kind:11}{len(own):5}{error.mean():7.1f}{error.median():8.1f}{error.quantile(0.9):7.1f}"
            line += f"{GOALS.get((unit, kind), OTHER_GOAL):6}"
            if kind != "all":
                line += "".join(f"{100 * np.abs(f(own) / measured(own) - 1).mean():{w}.0f}" for f, w in PEERS)
            print(line)
    both = test[test["unit"].isin(["product", "dot"])]
    rank = spearmanr(both["sites"], both["predicted_sites"]).statistic
    error = 100 * np.abs(both["predicted_sites"] / both["sites"] - 1)
    print(f"products and dot products: p90 {error.quantile(0.9):.1f} % (goal 12), rank correlation {rank:.4f} (0.995)")


PEERS = ((behavioural, 7), (finn, 8))


def left_out(table: pd.DataFrame) -> None:
    """Each format left out of the fit from both operands, predicted from the rest: products and dot products apart."""
    for unit in ("product", "dot"):
        rows = table[table["unit"] == unit].reset_index(drop=True)
        rows = rows.assign(held_out=False)
        found = []
        for name in sorted(set(rows["a_format"]) | set(rows["b_format"])):
            own = (rows["a_format"] == name) | (rows["b_format"] == name)
            if own.sum() < FEWEST:
                continue
            test = rows[own].reset_index(drop=True)
            predicted = predictions(test, fit(rows[~own].reset_index(drop=True)))
            found.append((float(np.abs(predicted / measured(test) - 1).mean()), name))
        worst = max(found)
        mean = np.mean([error for error, _ in found])
        print(f"leave one format out, {unit}: {100 * mean:.1f} % (goal 7), worst {worst[1]} {100 * worst[0]:.1f} %")


def blocks(table: pd.DataFrame) -> None:
    """Block RAM, URAM and DSP of memories and multipliers that Yosys mapped, by our rules and by FINN's."""
    done = predicted(table)
    memory = done[done["kind"].isin(["ram", "rom"])]
    for name in ("bram18", "uram", "dsp"):
        own = done[(done[name] > 0) | (done[f"predicted_{name}"] > 0)]
        print(f"{name}: {(own[name] == own[f'predicted_{name}']).sum()} of {len(own)} exact (goal all)")
    print(f"bram18 by FINN's formula: {(memory['bram18'] == memory['finn_bram18']).sum()} of {len(memory)} exact")


def speed() -> None:
    """Evaluations a second of a grid: pairs of formats x terms x accumulators, one array call."""
    names = [f"int{b}" for b in range(2, 9)] + ["e2m1", "e3m2", "e2m3", "e4m3", "e5m2", "e3m4", "e4m1", "e1m2"]
    formats = [get(name) for name in names]
    a, b = mesh(formats, formats)
    terms, acc = np.arange(2, 102)[:, None], np.arange(24, 64)
    a, b = (_column(fmt) for fmt in (a, b))
    sites(a, b, n=terms, acc_bits=acc)
    start = time.process_time()
    found = sites(a, b, n=terms, acc_bits=acc)
    rate = found.size / (time.process_time() - start) / 1e6
    print(f"unit costs: {found.size} in one call, {rate:.0f} M/s of processor time (goal 20)")


def _column(fmt):
    from dataclasses import fields, replace

    wide = {f.name: getattr(fmt, f.name) for f in fields(fmt)}
    grid = {name: np.asarray(v) for name, v in wide.items() if isinstance(v, np.ndarray)}
    return replace(fmt, **{name: v.reshape(*v.shape, 1, 1) if v.ndim == 2 else v for name, v in grid.items()})


if __name__ == "__main__":
    table = pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet")
    accuracy(validate(table))
    left_out(table)
    blocks(pd.read_parquet(FOLDER / "fpga_blocks.parquet"))
    print_all()
    speed()
