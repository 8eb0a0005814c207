"""A journal: a header and checked records appended one after another; what a crash leaves at its end is redone."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from costmodel.files import write_atomically

MAGIC = b"\xb1tfr"
_HEAD = struct.Struct("<4sIQI")
_CRC = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _CRC.size
"""Of a record: magic, number, length and CRC-32 of the payload, then the CRC-32 of these."""


class CorruptError(ValueError):
    """A file that is neither whole nor cut short: something else wrote to it."""


@dataclass(frozen=True)
class Contents:
    """A journal as read: payloads by number, and where the last whole record ends."""

    records: dict[int, bytes]
    end: int


def pack(number: int, payload: bytes) -> bytes:
    """Return a record."""
    head = _HEAD.pack(MAGIC, number, len(payload), crc32(payload))
    return head + _CRC.pack(crc32(head)) + payload


def create(path: Path, header: bytes) -> None:
    """Start a journal whose first line is `header`; a reader sees all of it or no file."""
    write_atomically(path, header)
    sync_folder(path.parent)


def read(path: Path, header: bytes) -> Contents:
    """Read a journal that begins with `header`.

    A tail that a crash can leave, which is the beginning of a record, a record whose payload did not reach the disk, or
    zeros, is not in `records`; so is a journal cut within its header. CorruptError names the place of anything else.
    """
    data = path.read_bytes()
    if not data.startswith(header):
        if header.startswith(data):
            return Contents({}, 0)
        raise CorruptError(
            f"{path} is corrupted in its first line; write to another folder, or delete it to begin anew"
        )
    records: dict[int, bytes] = {}
    at = len(header)
    while at < len(data):
        found = _record(data, at)
        if found is None:
            if not _torn(data, at):
                raise CorruptError(
                    f"{path} is corrupted at byte {at}; cut a copy to its first {at} bytes, which are whole, to go on "
                    "from there, or delete it to begin anew"
                )
            break
        number, payload = found
        records.setdefault(number, payload)
        at += HEAD_BYTES + len(payload)
    return Contents(records, at)


def first_line(path: Path) -> bytes:
    """The first line of a journal, its end of line included, or all there is."""
    with path.open("rb") as file:
        return file.readline()


def append(file: BinaryIO, number: int, payload: bytes) -> None:
    """Write a record and wait until it is on the disk."""
    file.write(pack(number, payload))
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def locked(path: Path) -> Iterator[BinaryIO]:
    """Open a journal for one writer at a time; ValueError where another process has it."""
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ValueError(f"another bitfront is writing to {path.parent}") from None
        yield file


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _record(data: bytes, at: int) -> tuple[int, bytes] | None:
    """The record at a place, None where none is whole and right."""
    head = _head(data, at)
    if head is None:
        return None
    number, length, crc = head
    payload = data[at + HEAD_BYTES : at + HEAD_BYTES + length]
    return (number, payload) if len(payload) == length and crc32(payload) == crc else None


def _head(data: bytes, at: int) -> tuple[int, int, int] | None:
    head = data[at : at + HEAD_BYTES]
    if (
        len(head) < HEAD_BYTES
        or head[: len(MAGIC)] != MAGIC
        or _CRC.unpack(head[_HEAD.size :])[0] != crc32(head[: _HEAD.size])
    ):
        return None
    _, number, length, crc = _HEAD.unpack(head[: _HEAD.size])
    return number, length, crc


def _torn(data: bytes, at: int) -> bool:
    """Whether the rest of the data is what a crash leaves behind."""
    rest = data[at:]
    if not rest.strip(b"\0"):
        return True
    if len(rest) < HEAD_BYTES:
        return rest.startswith(MAGIC) or MAGIC.startswith(rest)
    head = _head(data, at)
    return head is not None and at + HEAD_BYTES + head[1] >= len(data)
