"""A file of a front's answers, one JSON line each, so that a killed run goes on where it stopped."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dse.boxes import Answer, Point
from dse.tables import Floats


def key(problems: Sequence[Mapping[str, Floats]], ties: object) -> str:
    """What identifies problems: a hash of the tables of each and their ties."""
    digest = hashlib.sha256(repr(ties).encode())
    for name, table in (item for tables in problems for item in tables.items()):
        digest.update(name.encode() + np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class PointsFile:
    """Answers of a problem, or of several parts, in a file, made with its first line where it does not exist."""

    path: Path
    key: str

    def answers(self, part: int = 0) -> list[Answer]:
        """The answers of a part so far, but for a last line that was cut off.

        ValueError where the file is another problem's.
        """
        if not self.path.exists() or not self.path.stat().st_size:
            self.path.write_text(json.dumps({"problem": self.key}) + "\n")
            return []
        whole, _, cut = self.path.read_bytes().rpartition(b"\n")
        lines = whole.splitlines()
        try:
            if json.loads(lines[0])["problem"] != self.key:
                raise ValueError(f"{self.path} holds the front of another problem; name another file")
            rows = [json.loads(line) for line in lines[1:]]
            found = [_answer(row) for row in rows if row.get("part", 0) == part]
        except (IndexError, KeyError, TypeError, AttributeError, json.JSONDecodeError):
            raise ValueError(f"{self.path} is no file of a front's points; name another file") from None
        if cut:
            os.truncate(self.path, len(whole) + 1)
        return found

    def keep(self, answer: Answer, part: int = 0) -> None:
        """Append an answer of a part, on the disk before it returns."""
        point = answer.point
        row: dict[str, Any] = {"part": part} if part else {}
        row |= {"limits": [None if limit == np.inf else limit for limit in answer.limits]}
        row |= {"values": list(point.values), "choice": list(point.choice)} if point else {}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _answer(row: Mapping[str, list[float]]) -> Answer:
    limits = tuple(np.inf if limit is None else limit for limit in row["limits"])
    point = Point(tuple(row["values"]), tuple(map(int, row["choice"]))) if "values" in row else None
    return Answer(limits, point)
