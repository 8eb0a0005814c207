"""Synthesis results on disk, one file each, by the hash of everything that decides them."""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def default_folder() -> Path:
    """The user's cache folder: BITFRONT_CACHE, or the platform's usual place."""
    named = os.environ.get("BITFRONT_CACHE")
    if named:
        return Path(named) / "fpga"
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return root / "bitfront" / "fpga"


def key(*parts: str) -> str:
    """The hash of the texts that decide a result; parts never run together."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode() + part.encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class Cache:
    """A folder of results as JSON with a checksum; an entry that does not match its own is none."""

    folder: Path

    def get(self, name: str) -> dict[str, Any] | None:
        """The entry of that key, None where it is absent or damaged."""
        try:
            entry = json.loads(self._path(name).read_text())
            result: dict[str, Any] = entry["result"]
            return result if entry["sum"] == _checksum(result) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, name: str, result: Mapping[str, Any]) -> None:
        """Write an entry, whole or not at all."""
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"sum": _checksum(result), "result": result})
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"


def _checksum(result: Any) -> str:
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()
