import json

import pytest

from profilers.fpga import Cache, Design, Progress, YosysError, measure, rows
from profilers.fpga import synthesis as synthesis_module
from profilers.fpga.expected import expected_s
from profilers.fpga.flow import script, synthesise
from profilers.fpga.rows import designs
from profilers.fpga.sites import Counts
from profilers.fpga.synthesis import BATCH_S
from profilers.fpga.tool import Yosys, yosys

ONE = Design("product", "int2", "uint2")
TWO = Design("binary_dot", "binary", "binary", 6)


@pytest.fixture
def runs(monkeypatch):
    """Batches that are synthesised, as they come."""
    seen = []

    def counted(batch, family, tool):
        seen.append([design.name for design in batch])
        return synthesise(batch, family, tool)

    monkeypatch.setattr(synthesis_module, "synthesise", counted)
    return seen


@pytest.mark.long
def test_results_are_cached_resumed_and_rebuilt(tmp_path, runs):
    cache, seen = Cache(tmp_path), []
    first = measure([ONE, TWO, ONE], cache=cache, progress=seen.append)
    assert first[0] == first[2]
    assert runs == [[ONE.name, TWO.name]]
    assert [(p.done, p.total, p.cached) for p in seen] == [(0, 2, 0), (2, 2, 0)]
    assert measure([TWO], cache=cache) == [first[1]]
    assert len(runs) == 1
    last = max(tmp_path.rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    last.write_text(last.read_text()[:-20])
    assert measure([ONE, TWO], cache=cache, progress=seen.append) == first[:2]
    assert runs[1:] == [[TWO.name]]
    assert seen[-1].cached == 1
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize(
    ("terms", "batches"),
    [((64, 63, 65, 64, 2), [4, 1]), ((1,) * 40, [16, 16, 8]), ((256, 256, 1), [1, 1, 1]), ((), [])],
)
def test_batches_of_long_dot_products_are_small(terms, batches):
    asked = [Design("dot", "int2", "int2", n) for n in terms]
    chunks = list(synthesis_module._chunks(asked, 16))
    assert [len(chunk) for chunk in chunks] == batches
    assert [design for chunk in chunks for design in chunk] == asked


WIDE = [Design("dot", "e5m10_ieee", "e5m10_ieee", 16, 93), Design("dot", "e5m10_ieee", "e5m10_ieee", 8, 92)]


def test_designs_that_take_minutes_are_batches_of_their_own():
    asked = [ONE, *WIDE, TWO, ONE]
    assert list(synthesis_module._chunks(asked, 16)) == [[ONE], [WIDE[0]], [WIDE[1], TWO, ONE]]
    small, large = expected_s([Design("dot", "int4", "int4", 16, 20), WIDE[0]])
    assert 10 * small < BATCH_S < large


def test_each_batch_is_told_before_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(synthesis_module, "synthesise", lambda batch, *_: batch)
    monkeypatch.setattr(synthesis_module, "verify", lambda *_: 0)
    monkeypatch.setattr(synthesis_module, "count", lambda _: Counts(1, 0, 1, 0, 0, 1))
    seen = []
    measure([ONE, TWO, *WIDE], cache=Cache(tmp_path), progress=seen.append, tool=Yosys(("yosys",), "0.70"))
    told = [f"{ONE.name} and 1 more", WIDE[0].name, WIDE[1].name, ""]
    assert [(p.done, p.now) for p in seen] == list(zip([0, 2, 3, 4], told, strict=True))
    assert seen[0].remaining_s == seen[0].expected[1] > 60
    halfway = Progress(3, 4, 0, 300.0, "", (150.0, 200.0))
    assert halfway.remaining_s == 100.0
    assert Progress(3, 4, 1, 10.0).remaining_s == 5.0


def test_what_is_kept_is_told_where_an_interruption_comes_amid_a_batch(monkeypatch, tmp_path):
    def checked(design, _circuit):
        if design == TWO:
            raise KeyboardInterrupt

    monkeypatch.setattr(synthesis_module, "synthesise", lambda batch, *_: batch)
    monkeypatch.setattr(synthesis_module, "verify", checked)
    monkeypatch.setattr(synthesis_module, "count", lambda _: Counts(1, 0, 1, 0, 0, 1))
    seen, again = [], []
    given = {"cache": Cache(tmp_path), "tool": Yosys(("yosys",), "0.70")}
    with pytest.raises(KeyboardInterrupt):
        measure([ONE, TWO], progress=seen.append, **given)
    assert [(p.done, p.total) for p in seen] == [(0, 2), (1, 2)]
    monkeypatch.setattr(synthesis_module, "verify", lambda *_: 0)
    measure([ONE, TWO], progress=again.append, **given)
    assert again[0].cached == 1


def test_a_changed_entry_is_no_entry(tmp_path):
    cache = Cache(tmp_path)
    cache.put("ab", {"sites": 3})
    assert cache.get("ab") == {"sites": 3}
    path = next(tmp_path.rglob("*.json"))
    path.write_text(path.read_text().replace("3}", "4}"))
    assert cache.get("ab") is None
    path.write_text(json.dumps([1]))
    assert cache.get("ab") is None
    assert cache.get("cd") is None


@pytest.mark.long
def test_rows_have_the_columns_that_validation_reads(tmp_path):
    table = rows([ONE], cache=Cache(tmp_path))
    named = ["unit", "a_format", "b_format", "n", "acc_bits", "device_family", "sites", "ff", "dsp", "bram18"]
    assert set(named) <= set(table)
    assert table["sites"][0] >= 3
    assert table["yosys"][0] == yosys().version
    assert designs(table) == [ONE]


def test_bad_families_and_batches_are_named():
    with pytest.raises(ValueError, match="one of xc7, xcup, got 'ecp5'"):
        script("ecp5")
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        measure([ONE], batch=0)


NETLIST = {"modules": {"design_0": {"cells": {"one": {}, "two": {}}}}}
STAT = {"modules": {"\\design_0": {"num_cells": 2}}}


@pytest.mark.parametrize(
    ("netlist", "stat", "message"),
    [
        (json.dumps(NETLIST)[:40], json.dumps(STAT), "incomplete netlist"),
        ("", json.dumps(STAT), "incomplete netlist"),
        (json.dumps({"modules": {}}), json.dumps(STAT), "wrote -1 cells of design_0, expected 2"),
        (json.dumps(NETLIST).replace(', "two": {}', ""), json.dumps(STAT), "wrote 1 cells of design_0, expected 2"),
        (json.dumps(NETLIST), json.dumps({"modules": {}}), "wrote 2 cells of design_0, expected None"),
    ],
)
def test_incomplete_results_are_refused(netlist, stat, message, monkeypatch):
    def run(tool, arguments, folder):
        (folder / "netlist.json").write_text(netlist)
        (folder / "stat.json").write_text(stat)

    monkeypatch.setattr(Yosys, "run", run)
    with pytest.raises(YosysError, match=message):
        synthesise([ONE], "xc7", Yosys(("yosys",), "0.70"))


def test_yosys_errors_are_one_line(tmp_path):
    with pytest.raises(YosysError, match="ERROR: No such command: nonsense"):
        yosys().run(["-q", "-p", "nonsense"], tmp_path)
