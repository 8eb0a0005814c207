"""Sweeps end with the same bytes, whoever does them and whatever happens meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import spaces
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dse import journal, store, sweep
from dse.chunk import blocks
from dse.journal import CorruptError
from dse.pareto import mask

ROOT = Path(__file__).parents[2]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few designs, so that a small space has many."""
    monkeypatch.setattr(sweep, "TARGET", 200.0)
    monkeypatch.setattr(sweep, "MOST_CHUNKS", 10**6)


@pytest.fixture
def undisturbed(tmp_path: Path, short_chunks: None) -> Path:
    folder = tmp_path / "undisturbed"
    sweep.sweep(spaces.small(), folder)
    return folder


def test_the_front_equals_brute_force(tmp_path: Path, short_chunks: None) -> None:
    for groups in ([], ["device"], ["model", "batch"]):
        space = spaces.small(groups=groups, objectives=["maximise batch / latency_s", "footprint_bytes", "loss"])
        run = sweep.sweep(space, tmp_path / "-".join(["run", *groups]))
        assert run.plan.chunks > 10
        every = list(blocks(space, 0, space.size))
        columns = np.concatenate([e.columns for e in every])
        feasible = np.concatenate([e.feasible for e in every])
        points = columns[:, :3] * [-1, 1, 1]
        group = space.group(np.arange(space.size))
        expected = []
        for g in np.unique(group[feasible]):
            mine = np.flatnonzero(feasible & (group == g))
            kept = mine[mask(points[mine])]
            firsts = {tuple(points[i]): i for i in reversed(kept)}
            expected += list(firsts.values())
        assert sorted(run.front.index.tolist()) == sorted(expected)
        table = store.front_of(run).to_pylist()
        assert {row["id"] for row in table} == {space.id(i) for i in expected}
        assert all(row["batch / latency_s"] > 0 for row in table)
        assert run.counts.designs == space.size
        assert run.counts.designs - run.counts.excluded - run.counts.unknown == feasible.sum()


@pytest.mark.parametrize("workers", [2, pytest.param(3, marks=pytest.mark.long)])
def test_processes_give_the_same_bytes(undisturbed: Path, tmp_path: Path, workers: int) -> None:
    sweep.sweep(spaces.small(), tmp_path / "run", workers=workers)
    assert contents(tmp_path / "run") == contents(undisturbed)


def test_a_complete_run_stays_as_it_is(undisturbed: Path) -> None:
    before = contents(undisturbed)
    told: list[int] = []
    sweep.sweep(spaces.small(), undisturbed, progress=lambda done, _: told.append(done))
    assert contents(undisturbed) == before
    assert told == []


def test_cut_anywhere_it_ends_with_the_same_bytes(undisturbed: Path, tmp_path: Path) -> None:
    """At every byte of the last record and of the header's end, and at others all over the journal."""
    data = (undisturbed / store.JOURNAL).read_bytes()
    expected = contents(undisturbed)
    header = len(journal.first_line(undisturbed / store.JOURNAL))
    last = len(data) - 200
    cuts = [0, 1, header - 1, header, header + 1, *range(header + 2, last, 1499), *range(last, len(data), 17)]
    for cut in cuts:
        folder = tmp_path / "cut"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(undisturbed, folder)
        (folder / store.FRONT).unlink()
        os.truncate(folder / store.JOURNAL, cut)
        sweep.sweep(spaces.small(), folder)
        assert contents(folder) == expected, cut


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(12)), st.integers(0, 12), st.booleans())
def test_chunks_in_any_order_end_with_the_same_bytes(undisturbed: Path, order, kept, with_front) -> None:
    expected = contents(undisturbed)
    plan = store.plan_of(undisturbed)
    records = journal.read(undisturbed / store.JOURNAL, plan.header).records
    shuffled = [n for n in [*order, *range(12, plan.chunks)] if n < plan.chunks][:kept]
    folder = undisturbed.parent / "shuffled"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    parts = [journal.pack(n, records[n]) for n in shuffled]
    (folder / store.JOURNAL).write_bytes(plan.header + b"".join(parts + parts[:1]))
    if with_front:
        (folder / store.FRONT).write_bytes(b"half of a")
    (folder / f".{store.FRONT}.left").write_bytes(b"by a killed write")
    sweep.sweep(spaces.small(), folder)
    assert contents(folder) == expected


def test_rows_are_kept_and_mended(tmp_path: Path, short_chunks: None) -> None:
    import pyarrow.parquet as pq

    space = spaces.small(rows=True)
    run = sweep.sweep(space, tmp_path / "run", workers=2)
    expected = contents(tmp_path / "run")
    rows = pq.read_table(tmp_path / "run" / store.ROWS).to_pylist()
    assert [row["design"] for row in rows] == list(range(space.size))
    assert {row["device"] for row in rows} == {"a100_sxm", "h100_sxm", "t4"}
    assert sum(row["feasible"] for row in rows) == run.counts.designs - run.counts.excluded - run.counts.unknown
    store.rows_path(tmp_path / "run", 0).unlink()
    os.truncate(store.rows_path(tmp_path / "run", 1), 100)
    damaged = store.rows_path(tmp_path / "run", 2)
    damaged.write_bytes(damaged.read_bytes()[::-1])
    sweep.sweep(space, tmp_path / "run")
    assert contents(tmp_path / "run") == expected


SLOW = """
import sys, time
sys.path.insert(0, {tests!r})
import spaces
from pathlib import Path
from dse import sweep
sweep.TARGET, sweep.MOST_CHUNKS = 200.0, 10**6
def slowly(*args, evaluate=sweep.part_of):
    time.sleep(0.02)
    return evaluate(*args)
sweep.part_of = slowly
sweep.sweep(spaces.small(), Path({folder!r}), workers={workers}, progress=lambda done, total: print(done, flush=True))
"""


def start(folder: Path, workers: int) -> "subprocess.Popen[str]":
    code = SLOW.format(tests=str(Path(__file__).parent), folder=str(folder), workers=workers)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 2])
def test_a_driver_killed_again_and_again_ends_with_the_same_bytes(
    undisturbed: Path, tmp_path: Path, workers: int
) -> None:
    folder = tmp_path / "killed"
    killed = 0
    for after in (1, 3, 2, 4):
        with start(folder, workers) as driver:
            assert driver.stdout
            for _ in range(after):
                driver.stdout.readline()
            driver.send_signal(signal.SIGKILL)
            killed += driver.wait() == -signal.SIGKILL
        done = len(store.read(folder).done)
        assert done >= after - 1
    assert killed >= 3
    sweep.sweep(spaces.small(), folder, workers=workers)
    assert contents(folder) == contents(undisturbed)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def test_a_killed_worker_changes_nothing(undisturbed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with start(folder, 2) as driver:
        assert driver.stdout
        driver.stdout.readline()
        os.kill(children(driver.pid)[0], signal.SIGKILL)
        driver.communicate(timeout=60)
    assert driver.returncode == 0
    assert contents(folder) == contents(undisturbed)


def test_an_interrupt_keeps_what_is_done(undisturbed: Path, tmp_path: Path) -> None:
    class Stop(KeyboardInterrupt):
        pass

    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise Stop

    folder = tmp_path / "run"
    with pytest.raises(Stop):
        sweep.sweep(spaces.small(), folder, workers=2, progress=interrupt)
    found = store.read(folder)
    assert not found.complete
    assert found.counts.designs > 54
    sweep.sweep(spaces.small(), folder)
    assert contents(folder) == contents(undisturbed)


def test_what_is_not_this_run_is_left_alone(undisturbed: Path, tmp_path: Path) -> None:
    def refused(space, folder, says, error=ValueError):
        before = contents(folder) if folder.is_dir() else folder.read_bytes()
        with pytest.raises(error, match=says) as found:
            sweep.sweep(space, folder)
        assert "\n" not in str(found.value)
        assert (contents(folder) if folder.is_dir() else folder.read_bytes()) == before

    refused(spaces.small(batch=[2]), undisturbed, "another space")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    refused(spaces.small(), other, "holds no run: it has thesis.tex")
    refused(spaces.small(), other / "thesis.tex", "is a file")
    path = undisturbed / store.JOURNAL
    whole = path.read_bytes()
    at = len(journal.first_line(path)) + 60
    for damaged in (
        whole[:at] + b"?" + whole[at + 1 :],
        b"?" + whole[1:],
        whole + b"garbage",
        whole.replace(b"a100", b"a101"),
    ):
        path.write_bytes(damaged)
        refused(spaces.small(), undisturbed, "corrupted|unknown device")
    foreign = json.loads(whole.split(b"\n", 1)[0]) | {"bitfront": "99.0"}
    path.write_bytes(json.dumps(foreign).encode() + b"\n")
    refused(spaces.small(), undisturbed, "made by bitfront 99.0")


def test_a_record_of_no_chunk_is_corrupt(undisturbed: Path) -> None:
    path = undisturbed / store.JOURNAL
    header = journal.first_line(path)
    for payload in (b"short", bytes(48)):
        path.write_bytes(header + journal.pack(0, payload))
        with pytest.raises(CorruptError):
            sweep.sweep(spaces.small(), undisturbed)
    path.write_bytes(header + journal.pack(9999, bytes(48)))
    with pytest.raises(CorruptError, match="9999"):
        sweep.sweep(spaces.small(), undisturbed)


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        sweep.sweep(spaces.small(), tmp_path / "run", workers=0)
    with pytest.raises(ValueError, match="takes no context"):
        sweep.sweep(spaces.small(context=[512]), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_chunks_are_whole_rows_and_few() -> None:
    space = spaces.small(batch={"from": 1, "to": 4000, "points": 4000})
    designs = sweep.chunk_designs(space)
    assert designs % 18 == 0
    assert 1 < space.size / designs <= sweep.MOST_CHUNKS


def test_the_work_of_other_processes_checks_their_figures() -> None:
    space = spaces.small()
    plan = store.Plan(space, 50)
    assert sweep.work_of(plan)(1).counts.designs == 50
    with pytest.raises(ValueError, match="other figures"):
        sweep.work(json.dumps(space.spec), "0" * 64, 50, 1)


def test_time_is_not_in_the_bytes(undisturbed: Path, tmp_path: Path) -> None:
    time.sleep(0.01)
    sweep.sweep(spaces.small(), tmp_path / "later")
    assert contents(tmp_path / "later") == contents(undisturbed)
