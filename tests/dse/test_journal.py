import multiprocessing
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse import journal
from dse.journal import CorruptError

HEADER = b'{"space": 1}\n'


def write(path: Path, payloads: list[bytes]) -> bytes:
    journal.create(path, HEADER)
    with path.open("ab") as file:
        for number, payload in enumerate(payloads):
            journal.append(file, number, payload)
    return path.read_bytes()


def test_reads_back_what_was_appended(tmp_path):
    payloads = [b"", b"a", b"\0" * 9, journal.MAGIC * 3]
    data = write(tmp_path / "journal", payloads)
    found = journal.read(tmp_path / "journal", HEADER)
    assert found.records == dict(enumerate(payloads))
    assert found.end == len(data)


def test_cut_at_every_byte_it_keeps_the_whole_records(tmp_path):
    path = tmp_path / "journal"
    payloads = [b"first", b"", b"the third", journal.MAGIC + b"x"]
    data = write(path, payloads)
    ends = [len(HEADER)]
    for payload in payloads:
        ends.append(ends[-1] + journal.HEAD_BYTES + len(payload))
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        found = journal.read(path, HEADER)
        whole = sum(end <= cut for end in ends[1:])
        assert found.records == dict(enumerate(payloads[:whole]))
        assert found.end == (ends[whole] if cut >= len(HEADER) else 0)


@given(st.integers(0, 60), st.integers(0, 80))
def test_zeros_where_blocks_never_reached_the_disk_are_a_cut(cut, zeros):
    data = HEADER + journal.pack(0, b"kept") + journal.pack(1, b"lost perhaps")
    whole = len(HEADER) + journal.HEAD_BYTES + 4
    with_path(data[: max(cut, whole)] + bytes(zeros), {0: b"kept"}, {0: b"kept", 1: b"lost perhaps"})


def with_path(data: bytes, *allowed: dict[int, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        path.write_bytes(data)
        with suppress(CorruptError):
            assert journal.read(path, HEADER).records in allowed


@given(st.integers(0, 90), st.integers(1, 255))
def test_a_changed_byte_never_gives_a_wrong_record(at, change):
    records = {0: b"first record", 1: b"second", 2: b"third"}
    data = bytearray(HEADER + b"".join(journal.pack(n, p) for n, p in records.items()))
    data[at % len(data)] ^= change
    with_path(bytes(data), records, {0: records[0], 1: records[1]})


def test_a_record_done_twice_counts_once(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(HEADER + journal.pack(3, b"a") + journal.pack(3, b"a") + journal.pack(1, b"b"))
    assert list(journal.read(path, HEADER).records.items()) == [(3, b"a"), (1, b"b")]


@pytest.mark.parametrize("garbage", [b"garbage that no crash leaves behind", b"\1", HEADER])
def test_garbage_is_an_error_that_names_the_byte(tmp_path, garbage):
    data = write(tmp_path / "journal", [b"one"])
    (tmp_path / "journal").write_bytes(data + garbage)
    with pytest.raises(CorruptError, match=f"at byte {len(data)}"):
        journal.read(tmp_path / "journal", HEADER)
    (tmp_path / "journal").write_bytes(b"x" + data)
    with pytest.raises(CorruptError, match="first line"):
        journal.read(tmp_path / "journal", HEADER)


def _hold(path, ready, done):
    with journal.locked(path):
        ready.set()
        done.wait(20)


def test_one_writer_at_a_time(tmp_path):
    path = tmp_path / "journal"
    write(path, [])
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, ready, done))
    other.start()
    assert ready.wait(20)
    with pytest.raises(ValueError, match="another bitfront"), journal.locked(path):
        pass
    done.set()
    other.join()
    with journal.locked(path):
        pass
