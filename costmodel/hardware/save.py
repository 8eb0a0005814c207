"""Write a device as TOML, in the form that `costmodel.hardware.load` reads back."""

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from decimal import Decimal
from pathlib import Path

from costmodel.files import write_atomically
from costmodel.hardware.load import KINDS, Device, check_number
from costmodel.record import Real


def write(device: Device, path: Path) -> Path:
    """Write the device's TOML, whole or not at all: a reader never sees half a file.

    Folders are made as needed. ValueError where a value that a device must have is not a positive finite number.
    """
    text = dump(device)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path


def dump(device: Device) -> str:
    """The device as TOML text; optional values that are not known (nan) are left out, as are pipes that it lacks."""
    kind = next(kind for kind, cls in KINDS.items() if isinstance(device, cls))
    flat: dict[str, str | Real] = {"kind": kind}
    tables: dict[str, Mapping[str, str | Real]] = {}
    optional = {f.name for f in fields(device) if f.default is not MISSING}
    for f in fields(device):
        value = getattr(device, f.name)
        if f.name == "peak_flops":
            tables["peak_flops"] = {p.name: getattr(value, p.name) for p in fields(value)}
            for pipe, peak in _known(tables["peak_flops"]).items():
                check_number(device.name, pipe, peak)
        elif f.name == "sources":
            tables["sources"] = value
        elif isinstance(value, str) or (f.name in optional and math.isnan(value)):
            flat[f.name] = value
        else:
            check_number(device.name, f.name, value)
            flat[f.name] = value
    parts = [_lines(flat), *(f"\n[{name}]\n{_lines(table)}" for name, table in tables.items() if table)]
    return "".join(parts)


def _lines(table: Mapping[str, str | Real]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in _known(table).items())


def _known(table: Mapping[str, str | Real]) -> dict[str, str | Real]:
    return {k: v for k, v in table.items() if (v != "" if isinstance(v, str) else not math.isnan(v))}


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _value(key)


def _value(value: str | Real) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    short = Decimal(repr(float(value))).normalize().to_eng_string().replace("E+", "e").replace("E-", "e-")
    if not float(value).is_integer():
        return short
    return str(int(value)) if value < 1e6 else min(short, str(int(value)), key=len)
