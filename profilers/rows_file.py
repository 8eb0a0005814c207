"""Tables of measurements as files: parquet, or CSV by suffix."""

import io
from pathlib import Path

import pandas as pd

from costmodel.files import require_folder, write_atomically

SUFFIXES = (".parquet", ".csv")


def read(path: Path) -> pd.DataFrame:
    """Read a table; ValueError in one line names the file and what is wrong with it."""
    _check_suffix(path)
    if not path.is_file():
        raise ValueError(f"no file {str(path)!r} to read measured rows from")
    if not path.stat().st_size:
        raise ValueError(f"{path} is empty")
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path, engine="pyarrow")
    except (ValueError, OSError) as error:
        raise ValueError(f"cannot read {path} as {path.suffix[1:]}: {error}") from None


def write(rows: pd.DataFrame, path: Path) -> None:
    """Write a table; a reader sees all of it or none."""
    check_target(path)
    buffer = io.BytesIO()
    if path.suffix == ".csv":
        rows.to_csv(buffer, index=False)
    else:
        rows.to_parquet(buffer, engine="pyarrow", index=False)
    write_atomically(path, buffer.getvalue())


def check_target(path: Path) -> None:
    """ValueError where a table cannot be written to `path`: to ask before the work, not after it."""
    _check_suffix(path)
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not a file to write")
    require_folder(path)


def _check_suffix(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise ValueError(f"a table of measured rows ends in {' or '.join(SUFFIXES)}, got {str(path)!r}")
