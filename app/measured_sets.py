"""Sets of measured rows to hold predictions against: those that come with calibrations, and a user's files."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from app.accuracy import Measured
from costmodel.catalog import require
from costmodel.hardware.calibration import FOLDER, every

CIRCUITS = "FPGA circuits (synthesised here)"
CIRCUIT_ROWS = FOLDER / "xc7_fpga_rows.parquet"
CALLS, PASSES = "_rows", "_networks"
"""How files of measured calls and of whole passes end, after a device and the software."""

Read = Callable[[], Measured]


def names(files: Sequence[Path]) -> list[str]:
    """The sets of measured rows to show: the files that the dashboard was given, then our own."""
    return [*dict.fromkeys([*(path.name for path in files), *shipped()])]


@lru_cache(maxsize=16)
def measured(name: str, files: tuple[Path, ...]) -> Measured:
    """The rows of a set, predicted; ValueError where none has that name, or its file is no table of measurements."""
    given: dict[str, Read] = {path.name: partial(_of_file, path) for path in files}
    known = {**shipped(), **given}
    return known[require("measurements", name, known)]()


def check(path: Path) -> None:
    """ValueError in one line where a file is no table of measurements that `measured` takes."""
    from profilers import end_to_end, measured_rows, rows_file
    from profilers.split_rows import split

    rows = rows_file.read(path)
    try:
        if "sites" in rows:
            _held_out_circuits(rows)
        elif end_to_end.are_passes(rows):
            end_to_end.check(rows)
        else:
            for part in split(rows):
                measured_rows.check(part)
    except ValueError as error:
        raise ValueError(f"--measured {path}: {error}") from None


@cache
def shipped() -> Mapping[str, Read]:
    """The sets that come with calibrations, by name, those that no fit saw first."""
    passes = {f"{_whose(path)}: whole passes": partial(_passes, path) for path in FOLDER.glob(f"*{PASSES}.parquet")}
    unseen: dict[str, Read] = {}
    seen: dict[str, Read] = {}
    for path in sorted(FOLDER.glob(f"*_torch{CALLS}.parquet"), reverse=True):
        whose = _whose(path)
        if _kinds_of_others(path):
            unseen[f"{whose}: calls, by fits of other software"] = partial(_by_others, path)
        else:
            unseen[f"{whose}: calls, by fits of other devices"] = partial(_carried, path)
        if _own_fits(path):
            seen[f"{whose}: calls, by fits that saw them"] = partial(_seen, path)
    return {**unseen, **passes, **seen, CIRCUITS: partial(_circuits, CIRCUIT_ROWS)}


def _device(path: Path) -> str:
    return path.stem.rpartition("_")[0].rpartition("_")[0]


def _software(path: Path) -> str:
    return path.stem.split("_")[-2]


def _whose(path: Path) -> str:
    return f"{_device(path)} under {_software(path)}"


def _own_fits(path: Path) -> bool:
    """Whether calibrations were fitted to these rows."""
    fits = (fit for model in ("gemm", "attention", "operation") for fit in every(model))
    return any((fit.device, fit.backend) == (_device(path), _software(path)) and fit.by_name for fit in fits)


def _carried(path: Path) -> Measured:
    told = "No fit used here saw a row of this device: those of other devices are carried over by the spec sheets."
    return _timed(told, _rows(path), level="spec")


def _kinds_of_others(path: Path) -> set[str]:
    """Kinds of work of which the device has fits to other software's rows."""
    fits = (fit for model in ("gemm", "attention") for fit in every(model))
    return {fit.math for fit in fits if fit.device == _device(path) and not fit.by_name}


def _by_others(path: Path) -> Measured:
    kinds = _kinds_of_others(path)
    rows = _rows(path)
    told = (
        "The fits are of this device's rows under other software; none saw a row of these. Kinds of work that those "
        "fits do not know are left out."
    )
    return _timed(told, rows[rows["math"].isin(kinds)].assign(backend=""))


def _seen(path: Path) -> Measured:
    told = (
        "Not held out: the fits saw these rows. How far they are off rows of sizes that they did not see stands in the "
        "table above, kind by kind."
    )
    return _timed(told, _rows(path))


def _of_file(path: Path) -> Measured:
    from profilers import end_to_end
    from profilers.pair_split import of_test_pairs

    rows = _rows(path)
    if "sites" in rows:
        return _circuits(path)
    if end_to_end.are_passes(rows):
        return _passes(path)
    return _timed("Held-out rows alone: of sizes that no fit sees.", of_test_pairs(rows))


def _rows(path: Path) -> Any:
    from profilers import rows_file

    return rows_file.read(path)


def _held_out_circuits(rows: Any) -> Any:
    from profilers.fpga.predict_rows import validate

    done = validate(rows)
    return done[done["held_out"] & done["predicted_sites"].notna() & (done["sites"] > 0)]


def _circuits(path: Path) -> Measured:
    done = _held_out_circuits(_rows(path))
    none = np.full(len(done), np.nan)
    groups, group = np.unique(done["unit"].to_numpy(str), return_inverse=True)
    sites, predicted = (done[column].to_numpy(np.float64) for column in ("sites", "predicted_sites"))
    told = "Circuits whose designs no fit saw; their model states no interval."
    return Measured(told, "LUT sites", tuple(groups.tolist()), group, sites, predicted, none, none)


def _passes(path: Path) -> Measured:
    from profilers import end_to_end

    done = end_to_end.predicted(_rows(path))
    told = (
        "Forward passes of whole networks, which no fit saw; the H100's set one constant, what a call takes longer "
        "amid others. Replayed as a graph, or eager, where the host launches call by call and its own pace is known to "
        "a factor of 2.5 alone."
    )
    return _of_seconds(told, done, ("gpu", "network", "launched"))


def _timed(told: str, rows: Any, level: str = "auto") -> Measured:
    from profilers.fit import validate

    return _of_seconds(told, validate(rows, level), ("gpu", "math", "backend"))


def _of_seconds(told: str, done: Any, by: Sequence[str]) -> Measured:
    """Predicted latencies, grouped by those of the columns that differ."""
    varied = [name for name in by if done[name].nunique() > 1] or [by[1]]
    labels = done[varied].astype(str).agg(" ".join, axis=1).str.strip().to_numpy(str)
    groups, group = np.unique(labels, return_inverse=True)
    seconds, predicted, low, high = (
        done[column].to_numpy(np.float64) for column in ("latency_s", "predicted_s", "low_s", "high_s")
    )
    return Measured(told, "s", tuple(groups.tolist()), group, seconds, predicted, low, high)
