"""Calibration: the fitted constants of one model on one device, and what is known of their error; one TOML a device.

A file holds one `[[fit]]` a kind of work and backend; the residual model's arrays lie beside it, in
`<stem>_residual.npz`.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from costmodel import display
from costmodel.catalog import read_toml
from costmodel.hardware.load import user_folder

FOLDER = Path(__file__).parent / "calibrations"

SHARED = ("model", "device", "measured_on", "source")
"""Texts that the fits of a file have in common; `by_name` is another value of all of them."""


Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays of one part of a residual model by name."""


@dataclass(frozen=True)
class Calibration:
    """One fit. `how` is "calibrated" (its own rows decided) or "transferred" (few rows moved others' constants).

    One `by_name` answers only where its backend is named: software that others are not to be pooled with. The `users`
    own say what their software takes, whatever its name.
    `ranges` are the smallest and largest shape measured, `intervals` the offsets of log(measured / predicted) that
    bound the errors (see estimators/uncertainty.py), `residual` the arrays of its residual model by part: its bias, and
    the spread of errors where rows are many enough to tell it. `goes_by` are the constants of the latency formula that
    a fit of power takes activity from, whatever latency is fitted later; empty where it names none.
    """

    model: str
    device: str
    math: str
    backend: str
    constants: Mapping[str, float]
    held_out_error: Mapping[str, float]
    intervals: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]]
    rows: int
    pairs: int
    measured_on: str
    source: str
    how: str = "calibrated"
    backend_version: str = ""
    backends: tuple[str, ...] = ()
    by_name: bool = False
    users: bool = False
    goes_by: Mapping[str, float] = field(default_factory=dict)
    residual: Mapping[str, Arrays] = field(default_factory=dict, repr=False, compare=False)

    @property
    def by_folds(self) -> bool:
        """Whether it saw all rows that it was made from, so that the errors that it states are those of folds."""
        return self.held_out_error.get("rows") == self.rows

    def _repr_html_(self) -> str:
        about = {"how": self.how, "rows": self.rows, "pairs": self.pairs, "measured_on": self.measured_on}
        title = f"Calibration {self.model} of {self.device}: {self.math} {self.backend} {self.backend_version}".rstrip()
        errors = {f"held-out {name}": f"{value:.4g}" for name, value in self.held_out_error.items()}
        return display.card(title, about | dict(self.constants) | errors, notes=(self.source,))


def calibrations(model: str, backend: str = "") -> tuple[Calibration, ...]:
    """The calibrations of a model that answer for a backend, "" for none named.

    Of the user's own (user_folder()/calibrations) each replaces that of its device, math and backend, and a backend
    without a fit of its own takes none but theirs where they have any of device and math. ValueError where two files of
    one folder calibrate the same device, math and backend.
    """
    found = [fit for fit in _every(model, named=bool(backend)) if backend == fit.backend or not fit.by_name]
    own = {(fit.device, fit.math) for fit in found if fit.users}
    return tuple(fit for fit in found if fit.users or backend == fit.backend or (fit.device, fit.math) not in own)


def every(model: str) -> tuple[Calibration, ...]:
    """The calibrations of a model for whatever backend is named."""
    return _every(model, named=True)


def _every(model: str, *, named: bool) -> tuple[Calibration, ...]:
    """Those of a model: of what came with this package the ones by name only if one is `named`."""
    own, brought = _of(_user(), model), _of(FOLDER, model, named=named)
    replaced = {(fit.device, fit.math, fit.backend) for fit in own}
    return (
        *(replace(fit, users=True) for fit in own),
        *(fit for fit in brought if (fit.device, fit.math, fit.backend) not in replaced),
    )


def shipped(model: str) -> tuple[Calibration, ...]:
    """The calibrations of a model that came with this package and answer for any backend, whoever's replace them."""
    return tuple(fit for fit in _of(FOLDER, model, named=False) if not fit.by_name)


def brought(model: str, backend: str) -> tuple[Calibration, ...]:
    """The calibrations of a model that came with this package and answer for a backend, whoever's replace them."""
    return tuple(fit for fit in _of(FOLDER, model) if backend == fit.backend or not fit.by_name)


def files() -> list[tuple[str, str, str, tuple[bytes, ...]]]:
    """(id, model, device, contents) of every calibration file, with its residual's arrays; the user's are user/ID."""
    found = []
    for folder, prefix in ((_user(), "user/"), (FOLDER, "")):
        for path in sorted(folder.glob("*.toml")):
            parts = [p for p in (path, path.with_name(f"{path.stem}_residual.npz")) if p.is_file()]
            written = tuple((p, p.stat().st_mtime_ns, p.stat().st_size) for p in parts)
            found.append((prefix + path.stem, *_contents(written)))
    return found


@lru_cache(maxsize=64)
def _contents(written: tuple[tuple[Path, int, int], ...]) -> tuple[str, str, tuple[bytes, ...]]:
    """(model, device, contents) of a calibration's files, by when each was written and its size."""
    told = read_toml(written[0][0])
    return str(told.get("model", "")), str(told.get("device", "")), tuple(path.read_bytes() for path, _, _ in written)


def read(path: Path) -> tuple[Calibration, ...]:
    """The fits of one file; ValueError names the file and what is missing or unknown in it."""
    if not path.is_file():
        raise ValueError(f"no calibration file {str(path)!r}")
    residual = path.with_name(f"{path.stem}_residual.npz")
    stamp = (path.stat().st_mtime_ns, residual.stat().st_mtime_ns if residual.is_file() else 0)
    return _read(path, stamp)


def _user() -> Path:
    return user_folder() / "calibrations"


def _of(folder: Path, model: str, *, named: bool = True) -> list[Calibration]:
    found: dict[tuple[str, str, str], tuple[Path, Calibration]] = {}
    for path in sorted(folder.glob(f"*_{model}.toml")):
        for fit in read(path) if named or not _by_name(path, path.stat().st_mtime_ns) else ():
            first, _ = found.setdefault((fit.device, fit.math, fit.backend), (path, fit))
            if found[fit.device, fit.math, fit.backend][1] is not fit:
                name = f"{fit.device} {fit.math} {fit.backend}".strip()
                raise ValueError(f"{name!r} is calibrated twice: {first} and {path}; remove one")
    return [fit for _, fit in found.values()]


@lru_cache(maxsize=64)
def _by_name(path: Path, _stamp: int) -> bool:
    """Whether the fits of a file answer by name alone: what is said of them all stands before the first."""
    return bool(tomllib.loads(path.read_text(encoding="utf-8").partition("[[fit]]")[0]).get("by_name"))


@lru_cache(maxsize=64)
def _read(path: Path, stamp: tuple[int, int]) -> tuple[Calibration, ...]:
    data = read_toml(path)
    fits = data.pop("fit", [])
    for key in SHARED:
        if not isinstance(data.get(key), str):
            raise ValueError(f"{path}: {key} must be a text, got {data.get(key)!r}")
    arrays = _residuals(path.with_name(f"{path.stem}_residual.npz")) if stamp[1] else {}
    backends: dict[str, tuple[str, ...]] = {}
    for fit in fits:
        backends[fit.get("math", "")] = (*backends.get(fit.get("math", ""), ()), fit.get("backend", ""))
    return tuple(_fit(path, {**data, **fit}, arrays, backends) for fit in fits)


def _fit(
    path: Path,
    values: dict[str, Any],
    arrays: Mapping[str, Mapping[str, Arrays]],
    backends: Mapping[str, tuple[str, ...]],
) -> Calibration:
    known = {f.name for f in fields(Calibration)} - {"backends", "users", "residual"}
    needed = known - {"how", "backend_version", "by_name", "goes_by"}
    for wrong in sorted(set(values) - known):
        raise ValueError(f"{path}: unknown key {wrong!r}; a fit has {', '.join(sorted(known))}")
    for missing in sorted(needed - set(values)):
        raise ValueError(f"{path}: a fit lacks {missing}")
    math, own = values["math"], f"{values['math']}@{values['backend']}"
    values["ranges"] = {name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()}
    shared = (values["backend"],) if own in arrays else backends[math]
    return Calibration(**values, backends=shared, residual=arrays.get(own, arrays.get(math, {})))


@dataclass(frozen=True, eq=False)
class _Residual(Mapping[str, Arrays]):
    """The parts of one kind's residual model, each read from the file once it is asked for."""

    path: Path
    parts: dict[str, dict[str, str]]
    known: dict[str, Arrays] = field(default_factory=dict)

    def __getitem__(self, part: str) -> Arrays:
        if part not in self.known:
            with np.load(self.path, allow_pickle=False) as stored:
                self.known[part] = {array: stored[name] for array, name in self.parts[part].items()}
        return self.known[part]

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


def _residuals(path: Path) -> dict[str, _Residual]:
    """The residual models of a file, whose arrays are named `math.part.array`, or `math@backend.part.array`."""
    found: dict[str, _Residual] = {}
    with np.load(path, allow_pickle=False) as stored:
        for name in stored.files:
            math, part, array = name.rsplit(".", 2)
            parts = found.setdefault(math, _Residual(path, {})).parts
            parts.setdefault(part, {})[array] = name
    return found
