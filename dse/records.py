"""What a chunk of a sweep adds to a run, and how the journal keeps it."""

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from dse.chunk import Counts
from dse.journal import CorruptError
from dse.reduction import Rows

HEAD = 6
"""Numbers before the rows: rows, designs, excluded, unknown, bytes and CRC-32 of the chunk's rows file."""


@dataclass(frozen=True)
class Part:
    """What a chunk adds to a run: the fronts of its groups, counts, and its rows file where rows are kept."""

    rows: Rows
    counts: Counts
    file: bytes = b""

    def payload(self) -> bytes:
        """The journal's record: little-endian int64 and float64."""
        counts = self.counts
        head = [len(self.rows), counts.designs, counts.excluded, counts.unknown, len(self.file), crc32(self.file)]
        integers = (self.rows.index, self.rows.group, self.rows.equals)
        parts = [np.array(head), *integers]
        return b"".join(part.astype("<i8").tobytes() for part in parts) + self.rows.values.astype("<f8").tobytes()


@dataclass(frozen=True)
class Record:
    """A chunk as the journal has it; `file_bytes` and `file_crc` are of its rows file, zero where there is none."""

    rows: Rows
    counts: Counts
    file_bytes: int = 0
    file_crc: int = 0

    @staticmethod
    def read(payload: bytes, columns: int) -> "Record":
        """Read a record of a space with so many result columns; CorruptError where its length is another."""
        head = np.frombuffer(payload[: len(payload) // 8 * 8], dtype="<i8")[:HEAD].tolist()
        if len(head) < HEAD or len(payload) != 8 * (HEAD + head[0] * (3 + columns)):
            raise CorruptError(f"a record has {len(payload)} bytes, which no chunk of this space has")
        count, designs, excluded, unknown, size, crc = head
        middle = 8 * (HEAD + 3 * count)
        integers = np.frombuffer(payload[8 * HEAD : middle], dtype="<i8").astype(np.int64).reshape(3, count)
        values = np.frombuffer(payload[middle:], dtype="<f8").astype(np.float64).reshape(count, columns)
        rows = Rows(integers[0], integers[1], integers[2], values)
        return Record(rows, Counts(designs, excluded, unknown), size, crc)
