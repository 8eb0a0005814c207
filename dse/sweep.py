"""Sweep a space to the fronts of its groups: chunk by chunk into a run directory, which a killed sweep resumes from."""

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias
from zlib import crc32

import numpy as np

from costmodel.files import write_atomically
from costmodel.hardware import Fpga
from dse import journal, passes, store
from dse.chunk import Counts, Evaluated, blocks, corners, feasible, merge
from dse.design_columns import takes_cells
from dse.records import Part, Record
from dse.refused import runnable, sketched
from dse.space import Space
from dse.store import Plan, Run

Work: TypeAlias = Callable[[int], Part]
Completed: TypeAlias = Iterator[tuple[int, Part]]
Tell: TypeAlias = Callable[[int, int], object]

TARGET = 2.0**20
"""Work of a chunk in units of an op at a precision on a device by the roofline: a fraction of a second."""
UNITS = {"roofline": 1.0, "cells": 2.0, "estimate": 2.0**6, "fpga": 2.0**11}
"""Units of a distinct op of a design by what evaluates it, judged from the speeds of all four on one core."""
MOST_CHUNKS = 4096
FEWEST_CHUNKS = 16
"""Chunks that workloads which share cells are cut into at least, so that every process has some."""
MOST_PARTS = 64
"""Fronts of chunks that are kept before they are reduced to one."""
MOST_ROWS = 2**16
"""Feasible designs within a chunk that are kept before they are reduced to their front."""


def sweep(space: Space, folder: Path, *, workers: int = 1, cluster: str = "", progress: Tell | None = None) -> Run:
    """Evaluate every design that `folder` does not have yet and return the complete run.

    workers   processes of this machine; 1 evaluates in this one
    cluster   address of a Dask scheduler, tcp://..., whose workers do it instead
    progress  told (designs done, designs in all)

    Killed at any instant, the same call goes on where the journal ends, and the folder ends with the same bytes. An
    interrupt leaves what is done. ValueError, and nothing overwritten, where the folder holds another space, something
    else, or a corrupted run; where another process writes to it; where a chunk kills its worker repeatedly.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    plan = Plan(space, chunk_designs(space))
    if cluster:
        from dse.cluster import client_of

        client_of(cluster).close()  # before a folder is made
    open_folder(plan, folder)
    with journal.locked(folder / store.JOURNAL) as file:
        run = _Writer.resume(plan, folder, file)
        pending = [number for number in range(plan.chunks) if number not in run.ready]
        done = run.counts.designs
        for number, part in _completed(plan, pending, workers, cluster):
            run.add(number, part)
            done += part.counts.designs
            if progress:
                progress(done, space.size)
        return run.finish()


class _Writer:
    """A run that is being written: `recorded` chunks are in the journal, `ready` ones have their rows too."""

    def __init__(self, plan: Plan, folder: Path, file: BinaryIO, records: dict[int, Record]) -> None:
        self.plan, self.folder, self.file = plan, folder, file
        self.recorded = set(records)
        self.ready = {number for number, record in records.items() if has_rows(folder, number, record)}
        self.parts: list[Part | Record] = [records[number] for number in sorted(self.ready)]

    @staticmethod
    def resume(plan: Plan, folder: Path, file: BinaryIO) -> "_Writer":
        """Read what a journal has, and cut off what a crash left half-written."""
        contents = journal.read(folder / store.JOURNAL, plan.header)
        records = {n: Record.read(payload, len(plan.space.columns)) for n, payload in contents.records.items()}
        for number, record in records.items():
            start, stop = plan.span(number)
            if record.counts.designs != stop - start:
                raise journal.CorruptError(
                    f"{folder} is corrupted: chunk {number} counts {record.counts.designs} designs"
                )
        if not contents.end:
            file.write(plan.header)
        file.truncate(contents.end or len(plan.header))
        file.seek(0, os.SEEK_END)
        clean(folder)
        return _Writer(plan, folder, file, records)

    @property
    def counts(self) -> Counts:
        """What became of the designs so far."""
        return store.counted(self.parts)

    def add(self, number: int, part: Part) -> None:
        """Keep a chunk: its rows first, then the record that says they are there."""
        if part.file:
            write_atomically(store.rows_path(self.folder, number), part.file)
            journal.sync_folder(self.folder / store.ROWS)
        if number not in self.recorded:
            journal.append(self.file, number, part.payload())
        self.parts.append(part)
        if len(self.parts) > MOST_PARTS:
            self.parts = [Part(*store.combined(self.plan.space, self.parts))]

    def finish(self) -> Run:
        """Write the front, and the journal with every chunk once and in order where it is not so."""
        path = self.folder / store.JOURNAL
        records = journal.read(path, self.plan.header).records
        ordered = self.plan.header + b"".join(journal.pack(number, records[number]) for number in sorted(records))
        if path.read_bytes() != ordered:
            write_atomically(path, ordered)
        front, counts = store.combined(self.plan.space, self.parts)
        run = Run(self.folder, self.plan, tuple(range(self.plan.chunks)), front, counts)
        store.write_front(run)
        journal.sync_folder(self.folder)
        return run


def part_of(space: Space, start: int, stop: int) -> Part:
    """Evaluate designs start..stop: the fronts of their groups, counts, and every row where the space keeps them."""
    kept: list[Evaluated] = []
    rows, counts = [store.empty(space)], Counts()
    for evaluated in blocks(space, start, stop):
        rows.append(feasible(space, evaluated))
        counts = counts.plus(evaluated.counts)
        if space.rows:
            kept.append(evaluated)
        if sum(map(len, rows)) > MOST_ROWS:
            rows = [merge(space, rows)]
    if not space.rows:
        return Part(merge(space, rows), counts)
    from dse.run_tables import rows_file

    return Part(merge(space, rows), counts, rows_file(space, kept))


def work_of(plan: Plan) -> Work:
    """A function of a chunk's number that other processes can run."""
    return partial(work, json.dumps(plan.space.spec), plan.space.hash, plan.chunk_designs)


def work(spec: str, expected: str, designs: int, number: int) -> Part:
    """Evaluate a chunk; ValueError where this process sees other figures of devices or models than the caller."""
    space = _space(spec)
    if space.hash != expected:
        raise ValueError("a worker sees other figures of the devices or models than the process that started the sweep")
    return part_of(space, *Plan(space, designs).span(number))


@lru_cache(maxsize=4)
def _space(spec: str) -> Space:
    return Space.read(json.loads(spec))


def chunk_designs(space: Space) -> int:
    """Designs of a chunk, whole rows of a workload where they fit.

    ValueError where a model refuses an axis's ends, or strategies and devices all of them.
    """
    if takes_cells(space):
        sizes = _sizes(space, lambda corner: sum(len(part.ops) for part in sketched(space, corner).passes))
        kind = "cells"
    else:
        sizes = _sizes(space, lambda corner: len(runnable(space, corner).counted.ops))
        kind = "fpga" if any(isinstance(device, Fpga) for device in space.devices) else space.latency
    distinct = float(np.mean(sizes))
    wanted = max(TARGET / (UNITS[kind] * distinct), space.size / MOST_CHUNKS, 1.0)
    precisions, devices = space.inner()
    if kind == "cells":
        wanted = min(wanted, max(space.size / FEWEST_CHUNKS, 2.0 * precisions * devices))
    unit = next((u for u in (precisions * devices, devices) if u <= wanted), 1)
    return min(unit * math.ceil(wanted / unit), space.size)


def _sizes(space: Space, size: Callable[[Mapping[str, Any]], int]) -> list[int]:
    """The ops of each corner that is not refused; the first refusal where all are."""
    found: list[int] = []
    refused: passes.RefusedError | None = None
    for corner in corners(space):
        try:
            found.append(size(corner))
        except passes.RefusedError as error:
            refused = refused or error
    if refused is not None and not found:
        raise refused
    return found


def open_folder(plan: Plan, folder: Path) -> None:
    """Make the folder and its journal if they are not there; ValueError where it holds something else."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is a file, not a folder for a run")
    if store.is_run(folder):
        line = journal.first_line(folder / store.JOURNAL)
        if not plan.header.startswith(line):
            store.plan_of(folder)
            raise ValueError(f"{folder} holds a run of another space; name another folder with --out")
    else:
        foreign = (
            [p.name for p in folder.iterdir() if not p.name.startswith(f".{store.JOURNAL}.")] if folder.is_dir() else []
        )
        if foreign:
            raise ValueError(f"{folder} is not empty and holds no run: it has {sorted(foreign)[0]}")
        folder.mkdir(parents=True, exist_ok=True)
        journal.create(folder / store.JOURNAL, plan.header)
    if plan.space.rows:
        (folder / store.ROWS).mkdir(exist_ok=True)


def _completed(plan: Plan, pending: list[int], workers: int, cluster: str) -> Completed:
    """Chunks as they are done, in any order."""
    if cluster:
        from dse.cluster import completed

        return completed(cluster, work_of(plan), pending, plan.space.hash)
    if workers > 1 and len(pending) > 1:
        from dse.pool import completed as by_processes

        return by_processes(work_of(plan), pending, min(workers, len(pending)))
    return _here(plan, pending)


def _here(plan: Plan, pending: Iterable[int]) -> Completed:
    for number in pending:
        yield number, part_of(plan.space, *plan.span(number))


def has_rows(folder: Path, number: int, record: Record) -> bool:
    """Whether a chunk's rows file is there and whole, or none is kept."""
    if not record.file_bytes:
        return True
    path = store.rows_path(folder, number)
    if not path.is_file() or path.stat().st_size != record.file_bytes:
        return False
    return crc32(path.read_bytes()) == record.file_crc


def clean(folder: Path) -> None:
    """Delete the temporary files of writes that were killed."""
    names = (f".{store.JOURNAL}.*", f".{store.FRONT}.*", f".{store.PROVENANCE}.*", f"{store.ROWS}/.*")
    for path in (path for name in names for path in folder.glob(name)):
        path.unlink()
