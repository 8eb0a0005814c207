"""Write calibrations as one readable TOML a device, with the residual models' arrays beside it."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from costmodel.files import write_atomically
from costmodel.hardware.calibration import SHARED, Calibration

PLAIN = ("math", "backend", "backend_version", "how", "rows", "pairs", "ranges")
TABLES = ("constants", "goes_by", "held_out_error", "intervals")


def write(fits: Sequence[Calibration], folder: Path) -> list[Path]:
    """Write the fits of one `stem` as `<stem>.toml` and `<stem>_residual.npz`; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem(fits[0])}.toml"
    arrays = {
        f"{_key(fit, fits)}.{part}.{name}": array
        for fit in fits
        for part, stored in fit.residual.items()
        for name, array in stored.items()
    }
    paths = [path]
    residual = path.with_name(f"{path.stem}_residual.npz")
    if arrays:
        _write_arrays(arrays, residual)
        paths.append(residual)
    else:
        residual.unlink(missing_ok=True)
    write_atomically(path, dump(fits))
    return paths


def _key(fit: Calibration, fits: Sequence[Calibration]) -> str:
    """What a residual model's arrays are named by: the kind where all of its fits share it, else its backend too."""
    shared = all(other.residual is fit.residual for other in fits if other.math == fit.math)
    return fit.math if shared else f"{fit.math}@{fit.backend}"


def stem(fit: Calibration) -> str:
    """The name of a fit's file: device and model, with the backend between where only that asks for it."""
    return "_".join((fit.device, *([fit.backend] if fit.by_name else []), fit.model))


def dump(fits: Sequence[Calibration]) -> str:
    """The fits as TOML text, in the form that costmodel.hardware.calibration reads back."""
    text = "".join(f"{name} = {_value(getattr(fits[0], name))}\n" for name in SHARED)
    text += "by_name = true\n" * fits[0].by_name
    for fit in fits:
        text += "\n[[fit]]\n" + "".join(f"{name} = {_value(getattr(fit, name))}\n" for name in PLAIN)
        for table in TABLES:
            values: Mapping[str, Any] = getattr(fit, table)
            if table == "goes_by" and not values:
                continue
            text += f"\n[fit.{table}]\n" + "".join(f"{name} = {_value(value)}\n" for name, value in values.items())
    return text


def _value(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(item)}" for name, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, int):
        return str(value)
    return repr(float(f"{float(value):.6g}"))


def _write_arrays(arrays: Mapping[str, Any], path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())
