import shutil
from pathlib import Path

import pytest
import spaces

from dse import store, sweep
from dse.comparison import compare


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    sweep.sweep(spaces.small(rows=True), folder / "a")
    sweep.sweep(spaces.small(batch=[4, 16, 64], metrics=["bops"]), folder / "b")
    return folder


def test_runs_are_found_in_their_folder_and_in_themselves(runs: Path) -> None:
    assert store.runs(runs) == [runs / "a", runs / "b"]
    assert store.runs(runs / "a") == [runs / "a"]
    with pytest.raises(ValueError, match="no folder"):
        store.runs(runs / "c")
    with pytest.raises(ValueError, match="bitfront explore"):
        store.read(runs)


def test_sql_over_one_run_and_several(runs: Path) -> None:
    front = store.front_of(store.read(runs / "a"))
    counted = store.query(runs / "a", "select device, count(*) as n from front group by device order by device")
    assert sum(counted.column("n").to_pylist()) == len(front)
    both = store.query(runs, "select run, count(*) as n, count(bops) as with_bops from front group by run order by run")
    assert both.column("run").to_pylist() == ["a", "b"]
    assert both.column("with_bops").to_pylist() == [0, both.column("n").to_pylist()[1]]
    rows = store.query(runs / "a", "select count(*) as n from rows where feasible")
    counts = store.read(runs / "a").counts
    assert rows.column("n").to_pylist() == [counts.designs - counts.excluded - counts.unknown]


def test_a_corrupted_run_is_left_out_where_others_are_asked(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a", tmp_path / "a")
    shutil.copytree(runs / "b", tmp_path / "b")
    kept = next(path for path in (tmp_path / "b").iterdir() if path.name == store.JOURNAL)
    kept.write_bytes(b"no journal\n" + kept.read_bytes()[20:])
    told: list[ValueError] = []
    found = store.query(tmp_path, "select distinct run from front", told.append)
    assert found.column("run").to_pylist() == ["a"]
    assert len(told) == 1
    with pytest.raises(ValueError, match=str(kept.parent.name)):
        store.query(tmp_path / "b", "select 1", told.append)


@pytest.mark.parametrize(
    "sql",
    [
        "select nothing from front", "selct 1", "select * from rows2", "",
        "copy (select 1) to 'x.csv'", "select 1; copy front to 'x.csv'", "explain analyze copy front to 'x.csv'",
    ],
)  # fmt: skip
def test_bad_sql_is_one_line(runs: Path, sql: str) -> None:
    with pytest.raises(ValueError, match="SQL") as error:
        store.query(runs, sql)
    assert "\n" not in str(error.value)


def test_a_run_is_equal_to_itself(runs: Path) -> None:
    run = store.read(runs / "a")
    same = compare(run, run)
    assert (dict(same.spaces), same.only_a, same.only_b, dict(same.changed)) == ({}, (), (), {})
    assert len(same.common) == len(run.front)
    assert same.coverage == (1.0, 1.0)


def test_a_comparison_names_what_differs(runs: Path) -> None:
    a, b = store.read(runs / "a"), store.read(runs / "b")
    found = compare(a, b)
    assert found.spaces["axes.batch"] == ([1, 4, 16], [4, 16, 64])
    assert found.spaces["rows"] == (True, False)
    ids = [{row["id"] for row in store.front_of(run).to_pylist()} for run in (a, b)]
    assert set(found.only_a) == ids[0] - ids[1]
    assert set(found.only_b) == ids[1] - ids[0]
    assert set(found.common) == ids[0] & ids[1]
    assert found.changed == {}
    reverse = compare(b, a)
    assert found.coverage
    assert reverse.coverage == found.coverage[::-1]


def test_other_objectives_have_no_coverage(runs: Path, tmp_path: Path) -> None:
    sweep.sweep(spaces.small(objectives=["loss", "latency_s"]), tmp_path / "c")
    assert compare(store.read(runs / "a"), store.read(tmp_path / "c")).coverage is None


def test_a_damaged_first_line_names_the_run(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "a", tmp_path / "a")
    kept = tmp_path / "a" / store.JOURNAL
    line, rest = kept.read_bytes().split(b"\n", 1)
    kept.write_bytes(line.replace(b"int4", b"xxx4") + b"\n" + rest)
    with pytest.raises(ValueError, match=rf"{kept} is damaged in its first line"):
        store.read(tmp_path / "a")
