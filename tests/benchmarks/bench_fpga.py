"""FPGA figures: LUT sites on the held-out designs of the committed rows, peers beside ours; hard blocks; speed.

Every figure that has a goal says whether it holds; the errors of a split are those of designs that no fit saw.
"""

import time
from dataclasses import fields, replace

import numpy as np
import pandas as pd
from fpga_peers import behavioural, finn
from fpga_published import print_all
from scipy.stats import spearmanr

from costmodel.estimators.fpga.sites import sites
from costmodel.formats import get
from costmodel.hardware.calibration import FOLDER
from costmodel.record import map_fields, mesh, stack
from profilers.fpga.block_rows import predicted
from profilers.fpga.fit_sites import KINDS, fit, kinds, measured, predictions
from profilers.fpga.predict_rows import validate

GOALS = {
    ("product", "integer"): 4, ("product", "minifloat"): 6, ("product", "mixed"): 6,
    ("dot", "integer"): 3, ("dot", "minifloat"): 4, ("dot", "mixed"): 5,
}  # fmt: skip
OTHER_GOAL, LEFT_OUT_GOAL, P90_GOAL, RANK_GOAL, SPEED_GOAL, DESIGNS_GOAL = 8, 7, 12, 0.995, 20, 2500
FEWEST = 5
PEERS = (behavioural, finn)
TERMS = ((2, 3), (4, 7), (8, 15), (16, 31), (32, 47), (48, 48), (49, 63), (64, 64))
ROWS, REPEATS = 1_000_000, 5


def told(holds: bool) -> str:
    """Whether a goal is met."""
    return "met" if holds else "MISSED"


def accuracy(done: pd.DataFrame) -> None:
    """One line a unit and kind of operands; the goals of products and dot products together."""
    test = done[done["held_out"]].reset_index(drop=True)
    print(f"LUT sites, {len(done)} designs (goal {DESIGNS_GOAL}) {told(len(done) >= DESIGNS_GOAL)}, ", end="")
    print(f"{len(test)} held out by the hash of their name; errors in %")
    head = f"{'unit':17}{'operands':11}{'rows':>5}{'MAPE':>7}{'median':>8}{'p90':>7}{'worst':>7}{'goal':>6} {'':7}"
    print(f"{head}{'a*b':>6}{'FINN-R':>8}")
    for unit, part in test.groupby("unit"):
        for kind in KINDS if unit in ("product", "dot") else ("all",):
            own = (part if kind == "all" else part[kinds(part) == kind]).reset_index(drop=True)
            if unit == "dot":
                own = own[own["n"] > 1].reset_index(drop=True)
            error, goal = relative(own), GOALS.get((str(unit), kind), OTHER_GOAL)
            line = f"{unit:17}{kind:11}{len(own):5}{error.mean():7.1f}{error.median():8.1f}{error.quantile(0.9):7.1f}"
            line += f"{error.max():7.1f}{goal:6} {told(error.mean() <= goal):7}"
            others = [100 * np.abs(peer(own) / measured(own) - 1).mean() for peer in PEERS]
            spelled = ["-" if np.isnan(other) else f"{other:.0f}" for other in others]
            print(f"{line}{spelled[0]:>6}{spelled[1]:>8}")
    both = test[test["unit"].isin(["product", "dot"])]
    rank, p90 = spearmanr(both["sites"], both["predicted_sites"]).statistic, relative(both).quantile(0.9)
    print(f"products and dot products: p90 {p90:.1f} % (goal {P90_GOAL}) {told(p90 <= P90_GOAL)}, ", end="")
    print(f"rank correlation {rank:.4f} (goal {RANK_GOAL}) {told(rank >= RANK_GOAL)}")


def relative(rows: pd.DataFrame) -> "pd.Series[float]":
    """The absolute relative errors of predicted rows in percent; a design that needs no site counts as one."""
    return 100 * (rows["predicted_sites"] / np.maximum(rows["sites"], 1) - 1).abs()


def by_terms(done: pd.DataFrame) -> None:
    """Held-out dot products by how many terms they have, and the worst of each kind."""
    test = done[done["held_out"] & (done["unit"] == "dot") & (done["n"] > 1)].reset_index(drop=True)
    test = test.assign(error=relative(test), kind=kinds(test))
    print("dot products by terms: MAPE / worst in % (rows)")
    print(f"{'terms':10}" + "".join(f"{kind:>22}" for kind in KINDS))
    for low, high in TERMS:
        line = f"{low if low == high else f'{low}-{high}'!s:10}"
        for kind in KINDS:
            own = test[(test["kind"] == kind) & test["n"].between(low, high)]["error"]
            line += f"{f'{own.mean():.1f} / {own.max():.1f} ({len(own)})' if len(own) else '-':>22}"
        print(line)
    each = test.groupby(["kind", "n"])["error"].mean()
    for kind in KINDS:
        worst = test[test["kind"] == kind].nlargest(3, "error")
        n = each[kind].idxmax()
        print(
            f"{kind}: worst mean at N = {n}, {each[kind][n]:.1f} % ({(each[kind] > GOALS['dot', kind]).sum()} of ",
            end="",
        )
        print(f"{len(each[kind])} N above the goal); worst designs ", end="")
        print(", ".join(f"{d} {e:.0f} %" for d, e in zip(worst["design"], worst["error"], strict=True)))


def left_out(table: pd.DataFrame) -> None:
    """Each format left out of the fit from both operands, predicted from the rest: products and dot products apart."""
    for unit in ("product", "dot"):
        rows = table[table["unit"] == unit].reset_index(drop=True)
        rows = rows.assign(held_out=False)
        found, few = [], []
        for name in sorted(set(rows["a_format"]) | set(rows["b_format"])):
            own = (rows["a_format"] == name) | (rows["b_format"] == name)
            if own.sum() < FEWEST:
                few.append(name)
                continue
            test = rows[own].reset_index(drop=True)
            predicted = predictions(test, fit(rows[~own].reset_index(drop=True)))
            found.append((100 * float(np.abs(predicted / measured(test) - 1).mean()), name))
        mean = np.mean([error for error, _ in found])
        above = [name for error, name in found if error > LEFT_OUT_GOAL]
        print(f"leave one format out, {unit}: {mean:.1f} % over {len(found)} formats (goal {LEFT_OUT_GOAL}) ", end="")
        print(f"{told(mean <= LEFT_OUT_GOAL)}, worst {max(found)[1]} {max(found)[0]:.1f} %; above the goal: ", end="")
        print(f"{', '.join(above) or 'none'}; fewer than {FEWEST} rows, not judged: {', '.join(few) or 'none'}")


def families(table: pd.DataFrame, other: pd.DataFrame) -> None:
    """UltraScale+ beside 7-series: the same designs' counts, and what the 7-series constants predict for it."""
    pairs = other.merge(table, on="design", suffixes=("", "_xc7"))
    ratio = np.maximum(pairs["sites"], 1) / np.maximum(pairs["sites_xc7"], 1)
    same = ", ".join(f"{c} {(pairs[c] == pairs[f'{c}_xc7']).sum()}" for c in ("sites", "ff", "carry_bits", "levels"))
    print(f"xcup beside xc7, {len(pairs)} designs of both: equal {same}; ", end="")
    print(f"sites {ratio.min():.4f} to {ratio.max():.4f} of xc7's, on average {ratio.mean():.5f}")
    done = validate(other)
    print(f"{len(done)} xcup designs by xc7's constants: mean error {relative(done).mean():.1f} %")


def blocks(table: pd.DataFrame) -> None:
    """Block RAM, URAM and DSP of memories and multipliers that Yosys mapped, by our rules and by FINN's."""
    done = predicted(table)
    memory = done[done["kind"].isin(["ram", "rom"])]
    for name in ("bram18", "uram", "dsp"):
        own = done[(done[name] > 0) | (done[f"predicted_{name}"] > 0)]
        exact = (own[name] == own[f"predicted_{name}"]).sum()
        print(f"{name}: {exact} of {len(own)} exact (goal all) {told(exact == len(own))}")
    print(f"bram18 by FINN's formula: {(memory['bram18'] == memory['finn_bram18']).sum()} of {len(memory)} exact")


def speed() -> None:
    """Evaluations a second, one array call: a grid of pairs of formats x terms x accumulators, and rows at random."""
    names = [f"int{b}" for b in range(2, 9)] + ["e2m1", "e3m2", "e2m3", "e4m3", "e5m2", "e3m4", "e4m1", "e1m2"]
    formats = [get(name) for name in names]
    a, b = (_column(fmt) for fmt in mesh(formats, formats))
    _timed("a grid", a, b, np.arange(2, 102)[:, None], np.arange(24, 64))
    rng = np.random.default_rng(0)
    a, b = (map_fields(stack(formats), lambda column, i=i: column[i]) for i in rng.integers(0, len(formats), (2, ROWS)))
    _timed("rows at random", a, b, rng.integers(2, 65, ROWS), rng.integers(24, 64, ROWS))


def _timed(what: str, a, b, n: np.ndarray, acc_bits: np.ndarray) -> None:
    seconds = []
    for _ in range(REPEATS):
        start = time.process_time()
        size = sites(a, b, n=n, acc_bits=acc_bits).size
        seconds.append(time.process_time() - start)
    rate = size / np.median(seconds) / 1e6
    print(f"unit costs of {what}: {size} in one call, {rate:.0f} M/s of processor time (goal {SPEED_GOAL}) ", end="")
    print(told(rate >= SPEED_GOAL))


def _column(fmt):
    grid = {f.name: v for f in fields(fmt) if isinstance(v := getattr(fmt, f.name), np.ndarray)}
    return replace(fmt, **{name: v.reshape(*v.shape, 1, 1) if v.ndim == 2 else v for name, v in grid.items()})


if __name__ == "__main__":
    table = pd.read_parquet(FOLDER / "xc7_fpga_rows.parquet")
    done = validate(table)
    accuracy(done)
    by_terms(done)
    left_out(table)
    families(table, pd.read_parquet(FOLDER / "xcup_fpga_rows.parquet"))
    blocks(pd.read_parquet(FOLDER / "fpga_blocks.parquet"))
    print_all()
    speed()
