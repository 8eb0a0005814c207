"""A file of a front's points, one JSON line each, so that a killed run goes on where it stopped.

Answers of integer programs come one after another; points that are found at once end with how many there are.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dse.boxes import Answer, Point
from dse.tables import Floats

Whole = tuple[Floats, NDArray[np.int16], bool]
"""Points float64[points, columns], the options of each layer, and whether no plan beats them as evaluated."""


def key(problems: Sequence[Mapping[str, Floats]], ties: object) -> str:
    """What identifies problems: a hash of the tables of each and their ties."""
    digest = hashlib.sha256(repr(ties).encode())
    for name, table in (item for tables in problems for item in tables.items()):
        digest.update(name.encode() + np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class PointsFile:
    """Points of a problem, or of several parts, in a file, made with its first line where it does not exist."""

    path: Path
    key: str

    def answers(self, part: int = 0) -> list[Answer]:
        """The answers of integer programs of a part so far, but for a last line that was cut off.

        ValueError where the file is another problem's.
        """
        return [_answer(row) for row in self._rows(part) if "limits" in row]

    def keep(self, answer: Answer, part: int = 0) -> None:
        """Append an answer of a part, on the disk before it returns."""
        limits = [None if limit == np.inf else limit for limit in answer.limits]
        self._append([{"limits": limits} | (_told(answer.point) if answer.point else {})], part)

    def whole(self, find: Callable[[], Whole], part: int = 0) -> Whole:
        """All points of a part that are found at once: those kept, the rest found and appended where some are missing.

        ValueError as of `answers`, or where the points kept are none of those found.
        """
        rows = self._rows(part)
        kept, ends = [row for row in rows if "values" in row], [row for row in rows if "points" in row]
        if ends:
            width = len(kept[0]["choice"]) if kept else 0
            values, choices = ([row[name] for row in kept] for name in ("values", "choice"))
            sums = np.array(values, np.float64).reshape(len(kept), -1 if kept else 0)
            return sums, np.array(choices, np.int16).reshape(len(kept), width), bool(ends[0]["proven"])
        sums, choice, proven = find()
        points = [Point(tuple(v), tuple(c)) for v, c in zip(sums.tolist(), choice.tolist(), strict=True)]
        if [Point(tuple(row["values"]), tuple(row["choice"])) for row in kept] != points[: len(kept)]:
            raise ValueError(f"{self.path} holds other points than those of this front; name another file")
        more = [*map(_told, points[len(kept) :]), {"points": len(points), "proven": proven}]
        self._append(more, part)
        return sums, choice, proven

    def _rows(self, part: int) -> list[dict[str, Any]]:
        """The lines of a part; the file is made where there is none."""
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.write_text(json.dumps({"problem": self.key}) + "\n")
            return []
        whole, _, cut = self.path.read_bytes().rpartition(b"\n")
        lines = whole.splitlines()
        try:
            if json.loads(lines[0])["problem"] != self.key:
                raise ValueError(f"{self.path} holds the front of another problem; name another file")
            found = [row for line in lines[1:] if (row := json.loads(line)).get("part", 0) == part]
            for row in found:
                _checked(row)
        except (IndexError, KeyError, TypeError, AttributeError, json.JSONDecodeError):
            raise ValueError(f"{self.path} is no file of a front's points; name another file") from None
        if cut:
            os.truncate(self.path, len(whole) + 1)
        return found

    def _append(self, rows: Sequence[Mapping[str, Any]], part: int) -> None:
        own: dict[str, Any] = {"part": part} if part else {}
        with self.path.open("a") as file:
            file.write("".join(json.dumps({**own, **row}) + "\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())


def _told(point: Point) -> dict[str, Any]:
    return {"values": list(point.values), "choice": list(point.choice)}


def _checked(row: Mapping[str, Any]) -> None:
    """KeyError or TypeError where a line is neither an answer, a point nor the end of a part."""
    if "points" in row:
        bool(row["proven"])
    elif "limits" in row:
        _answer(row)
    else:
        Point(tuple(row["values"]), tuple(row["choice"]))


def _answer(row: Mapping[str, list[float]]) -> Answer:
    limits = tuple(np.inf if limit is None else limit for limit in row["limits"])
    point = Point(tuple(row["values"]), tuple(map(int, row["choice"]))) if "values" in row else None
    return Answer(limits, point)
