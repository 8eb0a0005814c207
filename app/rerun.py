"""Make a kept result again, by what its provenance says, and compare every value."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.report.shape import SHAPES, check
from app.report.source import kind_of, results
from app.text import plain

Run = Mapping[str, Any]

COMMANDS = ("demo", "front", "optimize")
OURS = ("--out", "--points", "--report", "--json")
"""Options that say where results go, not what they are."""
NOT_COMPARED = ("provenance", "run", "fixed")
"""What is told of the making of a result: `fixed` follows from its command, and older files lack it."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """A value that came out otherwise; `where` is its path in the result."""

    where: str
    was: Any
    now: Any


@dataclass(frozen=True)
class Check:
    """What a second run found: how many values were compared, those that differ, and what of its making changed."""

    compared: int
    differences: tuple[Difference, ...]
    changed: tuple[Difference, ...]


def rerun(data: Mapping[str, Any], name: str, *, rtol: float = 0.0) -> Check:
    """Make the results in a report or result file again and compare them; numbers may differ by `rtol` of themselves.

    An exploration is swept anew from the space in the file; anything else is its command, run in this folder.
    ValueError where a result does not say how it was made, or its command fails now, and for no share as `rtol`.
    """
    if not rtol >= 0:
        raise ValueError(f"rtol must be at least 0, got {rtol}")
    kept = results(data, name)
    for key, run in kept.items():
        check(run, SHAPES[kind_of(run)], f"{name}: {key}")
    try:
        again = _again(kept, name)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{name} is damaged: {type(error).__name__} {error}") from None
    differences: list[Difference] = []
    changed: list[Difference] = []
    compared = 0
    for key, run in kept.items():
        pairs = list(_pairs(key, run, again.get(key, {})))
        compared += len(pairs)
        differences += [Difference(*pair) for pair in pairs if not _equal(pair[1], pair[2], rtol)]
        origins = (dict(_told(side)) for side in (run, again.get(key, {})))
        changed += [Difference(*pair) for pair in _pairs(key, *origins) if pair[1] != pair[2]]
    return Check(compared, tuple(differences), tuple(changed))


def _told(run: Run) -> Iterator[tuple[str, Any]]:
    """What of a provenance may change numbers: not the command, which is the same but for where results go."""
    for part in ("versions", "calibrations", "inputs", "seed", "threads"):
        if part in run.get("provenance", {}):
            yield part, run["provenance"][part]


def _again(kept: Mapping[str, Run], name: str) -> dict[str, Run]:
    found: dict[str, Run] = {}
    made: dict[tuple[str, ...], dict[str, Run]] = {}
    for key, run in kept.items():
        if "space" in run:
            found[key] = _explored(run, name)
            continue
        command = tuple(_command(run, f"{name}: {key}"))
        if command not in made:
            made[command] = results(_output(command, run["provenance"].get("threads")), " ".join(command))
        only = made[command]
        found[key] = only[key] if key in only else next(iter(only.values()))
    return found


def _explored(run: Run, name: str) -> Run:
    from app.provenance import provenance
    from app.runs import as_dict, devices_of, models_of, ranged
    from dse.space import Space
    from dse.sweep import sweep

    if not run["complete"]:
        raise ValueError(f"{name} is of an exploration that is not complete; the same explore command goes on")
    space = Space.read(run["space"])
    with tempfile.TemporaryDirectory(prefix="bitfront") as folder:
        swept = sweep(space, Path(folder) / "run", workers=len(os.sched_getaffinity(0)))
        found = ranged(swept) if "ranges" in run else as_dict(swept)
    again: Run = plain(found | {"provenance": provenance(devices_of(space), models_of(space))})
    return again


def _command(run: Run, where: str) -> list[str]:
    """The command that made a result, without where it wrote to."""
    given = (run.get("provenance") or {}).get("command")
    if not isinstance(given, list) or len(given) < 2 or not all(isinstance(part, str) for part in given):
        raise ValueError(f"{where} does not say which command made it, so it cannot be run again")
    if given[0] != "bitfront" or given[1] not in COMMANDS:
        raise ValueError(f"{where} was made by {' '.join(given[:2])!r}; {', '.join(COMMANDS)} can be run again")
    kept: list[str] = []
    skip = False
    for part in given[1:]:
        if skip or part == "--json" or part.startswith(("--out=", "--points=", "--report=")):
            skip = False
        elif part in OURS:
            skip = True
        else:
            kept.append(part)
    return kept


def _output(arguments: tuple[str, ...], threads: Any) -> dict[str, Any]:
    """What the command prints as JSON now."""
    environment = {**os.environ, **(dict.fromkeys(THREADS, str(threads)) if isinstance(threads, int) else {})}
    with tempfile.TemporaryDirectory(prefix="bitfront") as folder:
        out = ("--out", folder) if arguments[0] == "demo" else ()
        command = [sys.executable, "-c", "from app.cli import main; main()", *arguments, *out, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ValueError(f"bitfront {arguments[0]} fails now: {lines[-1].removeprefix('bitfront: ')}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _pairs(where: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every value of either side with its path, ABSENT where one has none."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*was, *now]):
            if key not in NOT_COMPARED:
                yield from _pairs(f"{where}.{key}", was.get(key, ABSENT), now.get(key, ABSENT))
    elif isinstance(was, list) and isinstance(now, list):
        for i in range(max(len(was), len(now))):
            sides = (side[i] if i < len(side) else ABSENT for side in (was, now))
            yield from _pairs(f"{where}[{i}]", *sides)
    else:
        yield where, was, now


def _equal(was: Any, now: Any, rtol: float) -> bool:
    numbers = isinstance(was, int | float) and isinstance(now, int | float)
    return bool(was == now or (numbers and abs(was - now) <= rtol * max(abs(was), abs(now))))
