"""What a study asks: its TOML as a record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costmodel.catalog import read_toml, require
from costmodel.formats import get

KEYS = ("device", "throughput_per_s", "terms", "seeds", "points", "formats", "networks")


@dataclass(frozen=True)
class Question:
    """`networks` are widths of app.demo.network.DigitsNet by name, each trained from every one of `seeds`.

    throughput_per_s  images a second at which whole networks are compared
    terms             of the dot product that LUTs a MAC are counted in
    points            percentage points of accuracy that may be lost
    """

    device: str
    throughput_per_s: float
    terms: int
    seeds: tuple[int, ...]
    points: tuple[float, ...]
    formats: tuple[str, ...]
    networks: tuple[tuple[str, int], ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every (weight, activation)."""
        return [(weight, activation) for weight in self.formats for activation in self.formats]


def read(path: Path) -> Question:
    """Read a study; ValueError names the file and what is missing, unknown or out of range in it."""
    if not path.is_file():
        raise ValueError(f"no study file {str(path)!r}")
    data = read_toml(path)
    for key in data:
        require(f"key in {path}", key, KEYS)
    for key in KEYS:
        if key not in data:
            raise ValueError(f"{path}: {key} is missing")
    _check(path, data)
    return Question(
        str(data["device"]),
        float(data["throughput_per_s"]),
        int(data["terms"]),
        tuple(data["seeds"]),
        tuple(data["points"]),
        tuple(data["formats"]),
        tuple(data["networks"].items()),
    )


def _check(path: Path, data: dict[str, Any]) -> None:
    for name in data["formats"]:
        get(name)
    counts = {"terms": data["terms"], **data["networks"]}
    for name, value in (*counts.items(), *((f"seeds[{i}]", s + 1) for i, s in enumerate(data["seeds"]))):
        if not isinstance(value, int) or not 1 <= value <= 10_000:
            raise ValueError(f"{path}: {name} must be a whole number in its range, got {value!r}")
    if not data["throughput_per_s"] > 0 or not all(p > 0 for p in data["points"]):
        raise ValueError(f"{path}: throughput_per_s and points must be positive")
    if not (data["formats"] and data["networks"] and data["seeds"] and data["points"]):
        raise ValueError(f"{path}: formats, networks, seeds and points must not be empty")
