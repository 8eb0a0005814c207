"""Designs as columns, their fronts, and one opened: the same figures as costmodel and dse give."""

import dataclasses

import numpy as np
import pytest

import costmodel as cm
import dse
from app.explore import designs, detail, front, listing, mixture, opened, question
from app.figures.front import front as drawn_front
from app.text import quantity
from dse import foldings, pareto, run_ranges
from dse.metric import METRICS
from dse.space import Space
from dse.sweep import sweep

ASKED = {"model": "zoo:resnet18", "devices": "t4,u250", "precisions": "w8a8,w4a4,int3/int3", "batch": "1"}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "r"
    sweep(question.read(ASKED, {}).space, folder)
    return designs.load(folder)


@pytest.fixture(scope="module")
def mixed(swept):
    return mixture.with_fronts(swept, ("latency_s", "loss"))[0]


def test_rows_are_the_designs_that_run(swept):
    assert len(swept) == 6
    for row in range(len(swept)):
        values = swept.values(row)
        found = cm.estimate(cm.zoo.build("resnet18"), values["precision"], cm.device(values["device"]))
        assert swept.columns["latency_s"][row] == pytest.approx(found.totals["latency_s"])


def test_ids_find_their_rows(mixed):
    ids = [mixed.id(row) for row in range(len(mixed))]
    assert len(set(ids)) == len(ids)
    for row, name in enumerate(ids):
        assert mixed.find(name) == mixed.find(f"{name}.{row}") == mixed.find(f"{name}.0") == row
    for wrong in ("", "x", "x.0", f"{ids[0]}x", "0"):
        with pytest.raises(ValueError, match="no design here"):
            mixed.find(wrong)
    for row in (-1, len(mixed)):
        with pytest.raises(IndexError):
            mixed.id(row)


def test_an_opened_design_has_the_columns_of_its_row(mixed):
    for row in (0, 1, 5, mixed.swept, len(mixed) - 1):
        found = opened.open_design(mixed, row)
        assert found.id == mixed.id(row)
        for name in ("loss", "latency_s", "weight_bytes", "energy_j", "lut", "dsp"):
            value = mixed.columns[name][row]
            if np.isfinite(value):
                assert found.columns[name] == pytest.approx(value), (row, name)


def test_a_design_of_a_run_by_the_roofline_is_drawn_by_it_and_says_so_beside_its_estimate(tmp_path):
    axes = {"model": "zoo:resnet18", "batch": [1, 64], "device": "l4", "precision": ["w8a8", "bf16"]}
    given = {"axes": axes, "objectives": ["latency_s", "energy_j"], "metrics": ["examples_per_s"], "rows": True}
    sweep(Space.read({**given, "latency": "roofline"}), tmp_path / "r")
    run = designs.load(tmp_path / "r")
    for row in range(len(run)):
        found = opened.open_design(run, row)
        swept = {name: column[row] for name, column in run.columns.items()}
        assert {name: found.drawn[name] for name in swept} == pytest.approx(swept)
        assert found.columns["latency_s"] == pytest.approx(found.estimate.totals["latency_s"])
        told = str(detail.totals(found, run.values(row), 0))
        assert f"{quantity('latency_s', run.columns['latency_s'][row])} as drawn" in told
        assert quantity("latency_s", found.columns["latency_s"]) in told
    every = tuple((layer, "int4/int8") for layer in found.estimate.workload.layers)
    edited = opened.open_design(run, 0, every)
    assert edited.drawn["latency_s"] < opened.open_design(run, 0).drawn["latency_s"]
    assert edited.drawn["latency_s"] == pytest.approx(run.columns["latency_s"][0], rel=0.5)


@pytest.mark.long
def test_three_axes_show_the_mixed_fronts_of_their_pairs(swept):
    shown = ("latency_s", "loss", "footprint_bytes")
    found, about = mixture.with_fronts(swept, shown)
    assert "each pair of metrics (latency and predicted loss; latency and weight storage;" in about
    assert len({found.id(row) for row in range(len(found))}) == len(found)
    two = mixture.with_fronts(swept, shown[:2])[0]
    assert {two.id(row) for row in range(two.swept, len(two))} & {
        found.id(row) for row in range(found.swept, len(found))
    }
    for row in (found.swept, len(found) - 1):
        told = opened.open_design(found, row).columns
        assert [found.columns[n][row] for n in shown] == pytest.approx([told[n] for n in shown])
    on_front = np.concatenate(list(front.view(found, shown).places.fronts.values()))
    assert (on_front >= found.swept).any()


def test_metrics_that_do_not_add_up_keep_the_mixed_designs(swept):
    found, about = mixture.with_fronts(swept, ("examples_per_s", "loss"))
    assert "front of latency and predicted loss" in about
    assert found.mixed
    assert np.isfinite(found.columns["examples_per_s"][found.swept :]).all()
    found, about = mixture.with_fronts(swept, ("examples_per_s", "latency_s"))
    assert {found.values(row)["device"] for row in range(found.swept, len(found))} <= {"u250"}
    assert "t4 has none: no two of the metrics" in about


@pytest.mark.parametrize("shown", [("lut", "loss"), pytest.param(("latency_s", "loss"), marks=pytest.mark.long)])
def test_an_fpga_has_its_front_over_the_foldings_of_every_format(swept, shown):
    found, about = mixture.with_fronts(swept, shown)
    rows = [row for row in range(found.swept, len(found)) if found.values(row)["device"] == "u250"]
    device, choices = cm.device("u250"), dse.choices(cm.zoo.build("resnet18"), ["int8", "int4", "int3"])
    metrics = [METRICS[name] for name in shown]
    fit = [METRICS[name] <= float(getattr(device, name)) for name in ("lut", "dsp", "bram18", "uram")]
    expected = dse.front(foldings.laid_out(choices, device, metrics), metrics, subject_to=fit)
    points = {tuple(float(f"{found.columns[n][row]:.9g}") for n in shown) for row in [*rows, 1, 3, 5]}
    assert {tuple(float(f"{value:.9g}") for value in point) for point in expected.points.tolist()} <= points
    for row in rows[:: max(1, len(rows) // 4)]:
        totals = opened.open_design(found, row).columns
        assert all(totals[name] <= getattr(device, name) for name in ("lut", "dsp", "bram18", "uram"))
        assert totals[shown[0]] == pytest.approx(found.columns[shown[0]][row])
    assert "the exact front of u250 at batch 1, proven among the foldings made for each format" in about.replace(
        " of latency and predicted loss", ""
    )
    own = [m for m in found.mixed if m.laid_for and set(m.assignment.values()) == {m.laid_for}]
    assert own == []


def test_designs_at_one_place_of_a_front_are_one_mark_and_one_row_that_says_how_many_they_are(swept):
    sums = {"loss": np.array([0.3, 0.1 + 0.2, 0.1])}  # in another order they do not beat each other
    columns = {n: np.array([1.0, 1.0, 2.0]) for n in swept.columns} | sums
    three = designs.Designs(swept.space, swept.index[:3], columns)
    seen = front.view(three, ("latency_s", "loss"))
    assert (seen.cloud.tolist(), seen.places.drawn.tolist()) == ([0, 1, 2], [0, 2])
    assert [rows.tolist() for rows in seen.places.fronts.values()] == [[0, 2]]
    assert seen.places.shared == {0: 2, 2: 1}
    assert [(row["row"], row["equals"]) for row in listing.rows(three, seen)] == [(0, 2), (2, 1)]
    assert listing.about(seen).startswith("The front: 2 places with 3 designs; of those at one place, the first")
    kept = dataclasses.replace(three, complete=False, equals=np.array([5, 1, 7]))
    assert front.view(kept, ("latency_s", "loss")).places.shared == {0: 6, 2: 7}


def test_a_mixed_design_at_a_place_of_a_kept_front_is_one_more_there(swept):
    columns = {"latency_s": np.array([1.0, 2.0]), "loss": np.array([2.0, 1.0])}
    kept = designs.Designs(swept.space, swept.index[:2], columns, complete=False, left_out=3, equals=np.array([5, 7]))
    layers = {"conv1": "int4/int4"}
    added = {"latency_s": np.array([1.0, 0.5]), "loss": np.array([2.0, 4.0])}
    found = kept.with_mixed([designs.Mixed(0, layers), designs.Mixed(1, layers)], added)
    assert (found.equals.tolist(), found.complete, found.left_out, found.swept) == ([5, 7, 1, 1], False, 3, 2)
    names = ("latency_s", "loss")
    seen = front.view(found, names)
    assert [(row["row"], row["equals"]) for row in listing.rows(found, seen)] == [(3, 1), (0, 6), (1, 7)]
    at = dataclasses.asdict(seen.places)
    drawn = drawn_front(found.columns, names, cloud=at.pop("drawn"), **at, uniform={}, log=(False, False))
    (told,) = (trace.hovertext for trace in drawn.data if trace.name == "Front (3)")
    assert list(told) == ["1 design here", "6 designs here", "7 designs here"]
    assert dataclasses.replace(kept, equals=None).with_mixed(list(found.mixed), added).equals is None


def test_an_edit_moves_the_design_as_the_estimate_says(mixed):
    base, edited = opened.open_design(mixed, 0), opened.open_design(mixed, 0, (("conv1", "int4/int4"),))
    assert edited.id != base.id
    assert edited.columns["weight_bytes"] == base.columns["weight_bytes"] - 64 * 3 * 49 / 2
    assert edited.columns["loss"] > base.columns["loss"]
    with pytest.raises(ValueError, match="unknown layer"):
        opened.open_design(mixed, 0, (("conv9", "int4/int4"),))
    with pytest.raises(ValueError, match="no fp8 pipe"):
        opened.open_design(mixed, mixed.find(mixed.id(0)), (("conv1", "fp8_e4m3"),))


def test_times_of_stages_that_work_at_once_are_not_added_up_as_a_latency(mixed):
    gpu, fpga = (opened.open_design(mixed, row) for row in range(2))
    bars = [" ".join(bar.y) for found in (gpu, fpga) for bar in detail.figures(found)[1].data[:1]]
    assert ["Latency" in bar for bar in bars] == [True, False]
    shares = [[max(bar.x) for bar in detail.figures(found)[1].data] for found in (gpu, fpga)]
    assert all(share > 1e-3 for found in shares for share in found)
    assert "Busy time of layers" in bars[1]
    fields = [c["field"] for c in detail.columns((), fpga.estimate.columns)]
    assert "busy_s" in fields
    assert "latency_s" not in fields
    slowest = max(detail.rows(fpga), key=lambda row: row["cycles"])
    assert f"{slowest['name']}, is busy for {slowest['told']['busy_s']} of a pass" in str(detail.totals(fpga, {}, 0))


def test_edits_come_back_from_a_link():
    assert opened.parse_edits("a.b:w4a16,c:int8/int8") == {"a.b": "int4/bf16", "c": "int8/int8"}
    with pytest.raises(ValueError, match="layer:precision"):
        opened.parse_edits("w4a16")


@pytest.mark.parametrize("per", ["", "device"])
def test_fronts_are_what_nothing_beats(mixed, per):
    seen = front.view(mixed, ("latency_s", "loss"), per)
    points = np.stack([[float(f"{value:.11g}") for value in mixed.columns[n]] for n in ("latency_s", "loss")], axis=1)
    fronts, hulls = seen.places.fronts, seen.places.hulls
    on_any = np.concatenate(list(fronts.values()))
    for rows in fronts.values():
        assert pareto.mask(points[rows]).all()
        assert (np.diff(points[rows, 0]) > 0).all()
    if not per:
        assert set(on_any) == set(np.flatnonzero(pareto.distinct(points)))
    assert all(set(hulls[name]) <= set(rows) for name, rows in fronts.items())
    assert list(seen.uniform.values())[:2] == ["int8, t4", "int8, u250"]


def test_sources_say_where_numbers_come_from(mixed):
    gpu, fpga = opened.open_design(mixed, 0).estimate, opened.open_design(mixed, 1).estimate
    assert "spec" in run_ranges.source(gpu, "latency_s")
    assert "transferred" in run_ranges.source(gpu, "energy_j")
    assert "synthesis-calibrated" in run_ranges.source(fpga, "lut")
    assert run_ranges.source(fpga, "latency_s") == "formula"
    assert run_ranges.source(gpu, "loss") == run_ranges.PROXY
