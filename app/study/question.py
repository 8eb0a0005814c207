"""What a study asks: its TOML as a record."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.study.networks import MINILM, Network
from costmodel.catalog import read_toml, require
from costmodel.formats import get

KEYS = ("device", "throughput_per_s", "terms", "seeds", "points", "formats", "networks")


@dataclass(frozen=True)
class Question:
    """`networks` by name: widths of app.demo.network.DigitsNet, each trained from every one of `seeds`, or "minilm".

    throughputs       examples a second at which each whole network is compared
    terms             of the dot product that LUTs a MAC are counted in
    points            percentage points of accuracy that may be lost
    """

    device: str
    throughputs: tuple[tuple[str, float], ...]
    terms: int
    seeds: tuple[int, ...]
    points: tuple[float, ...]
    formats: tuple[str, ...]
    networks: tuple[tuple[str, Network], ...]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every (weight, activation)."""
        return [(weight, activation) for weight in self.formats for activation in self.formats]

    def throughput_per_s(self, network: str) -> float:
        """Examples a second of a network."""
        return dict(self.throughputs)[network]


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
        tuple((name, float(rate)) for name, rate in _throughputs(path, data).items()),
        int(data["terms"]),
        tuple(data["seeds"]),
        tuple(data["points"]),
        tuple(data["formats"]),
        tuple(data["networks"].items()),
    )


def _check(path: Path, data: dict[str, Any]) -> None:
    for name in data["formats"]:
        get(name)
    widths = {name: asked for name, asked in data["networks"].items() if asked != MINILM}
    counts = {"terms": data["terms"], **widths}
    for name, value in (*counts.items(), *((f"seeds[{i}]", s + 1) for i, s in enumerate(data["seeds"]))):
        if not isinstance(value, int) or not 1 <= value <= 10_000:
            raise ValueError(f"{path}: {name} must be a whole number in its range, got {value!r}")
    rates = _throughputs(path, data).values()
    if not all(rate > 0 for rate in rates) or not all(p > 0 for p in data["points"]):
        raise ValueError(f"{path}: throughput_per_s and points must be positive")
    if not (data["formats"] and data["networks"] and data["seeds"] and data["points"]):
        raise ValueError(f"{path}: formats, networks, seeds and points must not be empty")


def _throughputs(path: Path, data: dict[str, Any]) -> dict[str, float]:
    """One rate of all networks, or one of each by name."""
    given = data["throughput_per_s"]
    if not isinstance(given, dict):
        return dict.fromkeys(data["networks"], given)
    if set(given) != set(data["networks"]):
        raise ValueError(f"{path}: throughput_per_s is one number or names every network, got {', '.join(given)}")
    return given
