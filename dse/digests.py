"""Hashes of what decides a space's results."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costmodel.strategies import Then, strategy


def digest(data: Any) -> str:
    """SHA-256 of plain data as JSON with sorted keys, in hexadecimal."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def traces(strategies: Sequence[Any]) -> dict[str, str]:
    """SHA-256 of each file that a strategy reads."""
    found = {}
    for spelled in strategies:
        chosen = strategy(spelled)
        for step in chosen.steps if isinstance(chosen, Then) else (chosen,):
            if path := getattr(step, "trace", ""):
                found[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return found


def files(models: Sequence[Any]) -> dict[str, str]:
    """SHA-256 of each model that is a file."""
    found = {}
    for model in models:
        scheme, _, path = (model if isinstance(model, str) else model["model"]).partition(":")
        if scheme in ("onnx", "hf", "ops") and Path(path).is_file():
            found[path] = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return found
