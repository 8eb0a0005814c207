"""The axes of a space: what each may hold, as lists, ranges or samples."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costmodel.catalog import require
from costmodel.display import quantity
from costmodel.hardware import Cpu, Fpga, Gpu, PeakFlops
from costmodel.hardware.load import check_unit
from costmodel.precision import precision
from costmodel.strategies._named import as_text

NAMES = ("model", "strategy", "batch", "context", "resolution", "tokens", "mapping", "precision", "device")
"""Axes in the order in which a design's index counts, the last fastest; fields of the device follow them."""

SHAPE = ("batch", "context", "resolution")
"""Axes that shape a model's pass."""
WHOLE = (*SHAPE, "tokens")
"""Axes of whole numbers: `tokens` are those that a language model is trained on, which only its training loss reads."""
MAPPINGS = ("dataflow", "streamed", "overlay")
"""How a network lies on an FPGA: a unit a layer, its weights on the chip or as far as they fit, or one array of all."""
FIELD = "device."
CORRECT = "correct"
"""How often one sample of a model is right, which its `right_answers` and `wrong_answers` start from."""
MODEL_KEYS = ("model", "phase", CORRECT, *SHAPE)

NUMERIC_FIELDS = tuple(
    sorted(
        {f.name for cls in (Gpu, Cpu, Fpga) for f in fields(cls)}
        - {"name", "sources", "peak_flops", "dsp_kind", "memory_kind"}
        | {f"peak_flops.{f.name}" for f in fields(PeakFlops)}
    )
)
"""Fields of a device that an axis may vary or a constraint name."""

MOST_VALUES = 2**20
"""Values that a range may have: each is kept."""


@dataclass(frozen=True)
class Axis:
    """A named axis: `values` are strings, numbers, or tables of them, each different."""

    name: str
    values: tuple[Any, ...]

    @property
    def labels(self) -> tuple[Any, ...]:
        """What a table shows of each value: numbers and strings as they are, a table as its name and fields."""
        return tuple(label(value) for value in self.values)


def label(value: Any) -> Any:
    """Return a number or string as it is, a table as "first key=value ...", a list as "one + the next".

    Of a strategy it is what `costmodel.strategies.strategy` reads back.
    """
    if isinstance(value, list):
        return " + ".join(str(label(part)) for part in value)
    if not isinstance(value, Mapping):
        return value
    if "name" in value:
        fields = ",".join(f"{key}={as_text(part)}" for key, part in value.items() if key != "name")
        return f"{value['name']}:{fields}" if fields else value["name"]
    first, *rest = value.items()
    return " ".join([str(first[1]), *(f"{key}={part}" for key, part in rest)])


def told(name: str, value: Any) -> str:
    """A value of an axis in words: a size with its name, a field of a device with its name and unit."""
    shown = label(value)
    if name.startswith(FIELD) and isinstance(value, int | float):
        field = name.removeprefix(FIELD)
        return f"{field} {quantity(field, float(value))}"
    return f"{name} {shown}" if name in WHOLE or name.startswith(FIELD) or shown == "none" else str(shown)


def read(data: Mapping[str, Any]) -> tuple[Axis, ...]:
    """Read {axis: values} into axes in their order; `model`, `precision` and `device` must be there.

    A value list is a list or one value; numbers also {from, to, points, spacing} or {from, to, samples, seed, spacing},
    spacing "linear" or "log". `precision` is also {weight, activation, kv}: the product of their formats. ValueError in
    one line names the axis and the value.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"axes must be a table of names and values, got {data!r}")
    known = [*NAMES, *(FIELD + name for name in NUMERIC_FIELDS)]
    for name in data:
        require("axis", name, known)
    for name in ("model", "precision", "device"):
        if name not in data:
            raise ValueError(f"a space needs the axis {name!r}, got {', '.join(data) or 'none'}")
    return tuple(Axis(name, _distinct(name, _values(name, data[name]))) for name in known if name in data)


def _values(name: str, given: Any) -> list[Any]:
    if name == "precision":
        return [precision(text).name for text in _precisions(given)]
    if name in ("model", "strategy"):
        entries = _listed(given)
        if name == "model":
            return [_model(table) for entry in entries for table in _tables(name, entry)]
        return [spelled for entry in entries for spelled in _strategies(entry)]
    if name in ("mapping", "device"):
        texts = [_text(name, entry) for entry in _listed(given)]
        return texts if name == "device" else [require("mapping", text, MAPPINGS) for text in texts]
    if isinstance(given, Mapping):
        return _range(name, given)
    return [number(name, entry, whole=name in WHOLE) for entry in _listed(given)]


def _listed(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else [given]


def _distinct(name: str, values: list[Any]) -> tuple[Any, ...]:
    if not values:
        raise ValueError(f"axis {name!r} is empty")
    seen = set()
    for value in values:
        key = json.dumps(value, sort_keys=True)
        if key in seen:
            raise ValueError(f"axis {name!r} has {label(value)!r} twice")
        seen.add(key)
    return tuple(values)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"axis {name!r} takes names, got {value!r}")
    return value


def require_unit(name: str, value: float) -> None:
    """ValueError where a value of a device's field lies where only one in another unit would."""
    if name.startswith(FIELD):
        check_unit(f"axis {name}", name.rpartition(".")[2], value)


def number(name: str, value: Any, *, whole: bool) -> Any:
    """Return a positive finite number, an int where it must be `whole`; ValueError names the axis and value."""
    kind = "a whole number of at least 1" if whole else "a positive finite number"
    right = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    if not right or (whole and (value < 1 or value != int(value))):
        raise ValueError(f"axis {name!r} takes {kind}, got {value!r}")
    require_unit(name, value)
    return int(value) if whole else float(value)


def _share(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"axis {name!r} takes a share within [0, 1], got {value!r}")
    return float(value)


def _range(name: str, given: Mapping[str, Any]) -> list[Any]:
    for key in given:
        require(f"key of axis {name}", key, ("from", "to", "points", "samples", "seed", "spacing"))
    if "from" not in given or "to" not in given or ("points" in given) == ("samples" in given):
        raise ValueError(f"a range of axis {name!r} has from, to, and points or samples, got {dict(given)}")
    low, high = (number(name, given[key], whole=name in WHOLE) for key in ("from", "to"))
    if not low < high:
        raise ValueError(f"a range of axis {name!r} needs from < to, got from={low}, to={high}")
    spacing = given.get("spacing", "linear")
    if spacing not in ("linear", "log"):
        raise ValueError(f'spacing of axis {name!r} must be "linear" or "log", got {spacing!r}')
    wanted = next(key for key in ("points", "samples") if key in given)
    if number(f"{name} {wanted}", given[wanted], whole=True) > MOST_VALUES:
        raise ValueError(f"axis {name!r} may have {MOST_VALUES} {wanted}, got {given[wanted]}")
    share = _shares(name, given)
    values = low * (high / low) ** share if spacing == "log" else low + (high - low) * share
    values = np.clip(values, low, high)
    return [int(v) for v in np.unique(np.rint(values))] if name in WHOLE else values.tolist()


def _shares(name: str, given: Mapping[str, Any]) -> NDArray[np.float64]:
    """Where each value is between the ends, 0 to 1: evenly, or drawn from the seed."""
    if "points" in given:
        if "seed" in given:
            raise ValueError(f"axis {name!r} has points, which need no seed; samples do")
        points = number(f"{name} points", given["points"], whole=True)
        if points < 2:
            raise ValueError(f"axis {name!r} needs at least 2 points, got {points}")
        return np.linspace(0.0, 1.0, points)
    seed = given.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise ValueError(f"the seed of axis {name!r} must be a whole number of at least 0, got {seed!r}")
    samples = number(f"{name} samples", given["samples"], whole=True)
    return np.sort(np.random.default_rng(seed).random(samples))


def _precisions(given: Any) -> list[str]:
    if not isinstance(given, Mapping):
        return [_text("precision", entry) for entry in _listed(given)]
    for key in given:
        require("key of axis precision", key, ("weight", "activation", "kv"))
    if "weight" not in given or "activation" not in given:
        raise ValueError(f"precision as a table needs weight and activation, got {', '.join(given)}")
    parts = [
        [_text(f"precision.{k}", v) for v in _listed(given[k])] for k in ("weight", "activation", "kv") if k in given
    ]
    return ["/".join(formats) for formats in product(*parts)]


def _tables(name: str, entry: Any) -> list[dict[str, Any]]:
    """The tables that an entry stands for: a strategy's lists of numbers, any list of a model, make a product."""
    if isinstance(entry, str) and entry:
        return [{_key(name): entry}]
    if not isinstance(entry, Mapping) or not isinstance(entry.get(_key(name)), str):
        raise ValueError(f"axis {name!r} takes names, or tables with {_key(name)!r}, got {entry!r}")
    keys = [_key(name), *sorted(key for key in entry if key != _key(name))]
    parts = [_listed(entry[key]) if name == "model" or _numbers(entry[key]) else [entry[key]] for key in keys]
    return [dict(zip(keys, values, strict=True)) for values in product(*parts)]


def _numbers(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(part, int | float) for part in given)


def _key(name: str) -> str:
    return "model" if name == "model" else "name"


def _model(table: dict[str, Any]) -> Any:
    for key, value in table.items():
        require("key of a model", key, MODEL_KEYS)
        if key in SHAPE:
            table[key] = number(f"model.{key}", value, whole=True)
        elif key == CORRECT:
            table[key] = _share(f"model.{key}", value)
        elif not isinstance(value, str):
            raise ValueError(f"{key} of a model must be a string, got {value!r}")
    return table["model"] if len(table) == 1 else table


def _strategies(entry: Any) -> list[Any]:
    """The strategies that an entry stands for; a list of entries is the one after the other, and a product."""
    if isinstance(entry, list | tuple):
        return [list(steps) for steps in product(*(_strategies(part) for part in entry))]
    return [table["name"] if len(table) == 1 else table for table in _tables("strategy", entry)]
