"""Fronts point by point, hulls and hypervolumes, against brute force and moocore."""

import itertools
import signal

import moocore
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import costmodel as cm
import dse
from dse import allocate, frontier, pareto
from dse.hull import supported
from dse.restrictions import restricted


def network(seed, layers=4, options=3, costs=2, whole=True):
    random = np.random.default_rng(seed)
    table = (lambda: random.integers(0, 9, (layers, options)).astype(float)) if whole else (
        lambda: random.uniform(size=(layers, options)))  # fmt: skip
    return table(), {f"c{i}": table() for i in range(costs)}


def values(points):
    return sorted(point.values for point in points)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.booleans())
def test_boxes_find_the_merged_front(seed, costs, whole):
    loss, tables = network(seed, costs=costs, whole=whole)
    front = frontier.exact(loss, tables, ties=[[0, 2]])
    kept = []
    answers = list(frontier.stream(loss, tables, ties=[[0, 2]], keep=kept.append))
    assert len(kept) >= len(answers)
    rows = np.arange(len(loss))
    for point in answers:
        choice = np.array(point.choice)
        assert choice[0] == choice[2]
        assert point.values == pytest.approx([t[rows, choice].sum() for t in (loss, *tables.values())], rel=1e-12)
    assert np.array(values(answers)) == pytest.approx(np.array(sorted(map(tuple, front.points.tolist()))), rel=1e-12)


def test_a_killed_run_goes_on_where_it_stopped(monkeypatch):
    loss, tables = network(7, layers=5)
    kept = []
    whole = list(frontier.stream(loss, tables, keep=kept.append))
    first = list(itertools.islice(frontier.stream(loss, tables, keep=lambda _: None), 3))
    assert first == whole[:3]
    half, more = kept[: len(kept) // 2], []
    again = list(frontier.stream(loss, tables, known=half, keep=more.append))
    assert again == whole
    assert half + more == kept


def test_two_columns_and_small_fronts_stream_at_once():
    loss, tables = network(3, layers=6, costs=1)
    assert values(frontier.stream(loss, tables)) == sorted(map(tuple, frontier.exact(loss, tables).points.tolist()))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 4))
def test_non_dominated_points_are_those_of_moocore_and_of_brute_force(seed, count, columns):
    points = np.random.default_rng(seed).integers(0, 6, (count, columns)).astype(float)
    kept = pareto.mask(points)
    assert kept.tolist() == moocore.is_nondominated(points, keep_weakly=True).tolist()
    assert kept.tolist() == [
        not any((other <= row).all() and (other < row).any() for other in points) for row in points
    ]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(2, 3))
def test_hypervolume_counts_the_dominated_cells(seed, count, columns):
    points = np.random.default_rng(seed).integers(0, 5, (count, columns)).astype(float)
    front = frontier.Front(("x",) * columns, points[pareto.mask(points)], np.zeros((count, 1), np.int64))
    cells = np.array(list(itertools.product(range(6), repeat=columns)))
    assert front.hypervolume([6.0] * columns) == (points[None] <= cells[:, None]).all(axis=2).any(axis=1).sum()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 3))
def test_supported_points_are_found_by_weights(seed, columns):
    points = np.unique(np.random.default_rng(seed).integers(0, 12, (14, columns)).astype(float), axis=0)
    points = points[pareto.mask(points)]
    flags = supported(points)
    random = np.random.default_rng(1)
    weights = np.concatenate([random.dirichlet(np.ones(columns), 3000), np.full((1, columns), 1 / columns)])
    best = np.unique((weights @ points.T).argmin(axis=1))
    assert flags[best].all()
    for row in np.flatnonzero(~flags):  # two others mix to something at most this point
        others = np.delete(points, row, axis=0)
        from scipy.optimize import linprog

        found = linprog(
            np.r_[np.zeros(len(others)), -1.0],
            A_ub=np.c_[others.T, np.ones(columns)], b_ub=points[row],
            A_eq=[[1.0] * len(others) + [0.0]], b_eq=[1.0], bounds=[(0, None)] * len(others) + [(None, None)],
        )  # fmt: skip
        assert -found.fun > -1e-9


def test_ladders_and_merging_agree_where_costs_share_a_divisor():
    random = np.random.default_rng(5)
    size = random.choice([64, 192, 256, 4096, 147], (14, 1)) * np.array([2.0, 3.0, 4.0, 8.0])
    loss = random.lognormal(0, 1, (14, 1)) * 4.0 ** -np.array([2.0, 3.0, 4.0, 8.0])
    front = frontier.exact(loss, {"bits": size})
    shaken = frontier.exact(loss, {"bits": size * (1 + 1e-9 * random.uniform(size=size.shape))})
    rows = np.arange(14)
    assert front.points[:, 1] == pytest.approx([size[rows, c].sum() for c in front.choices])
    assert front.points[:, 0] == pytest.approx([loss[rows, c].sum() for c in front.choices])
    for cost, least in zip(front.points[:, 1], front.points[:, 0], strict=True):
        near = shaken.points[shaken.points[:, 1] <= cost * (1 + 2e-9), 0].min()
        assert least == pytest.approx(near, rel=1e-12)
    assert front.supported[[0, -1]].all()


@pytest.mark.parametrize("most", [0, frontier.MOST_POINTS])
def test_a_points_file_survives_kills_and_refuses_others(tmp_path, most):
    problem = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    problem = restricted(problem, dict.fromkeys(problem.layers[4:], "int8"), {})
    file = tmp_path / "points.jsonl"
    metrics = [dse.metric.loss, dse.metric.weight_bytes]
    whole = list(dse.fronts.stream(problem, metrics, file=file, most=most))
    front = dse.front(problem, metrics).points
    assert np.array(values(whole)) == pytest.approx(np.array(sorted(map(tuple, front.tolist()))), rel=1e-12)
    lines = file.read_bytes()
    assert (b"limits" in lines) == (most == 0)
    for cut in range(len(lines) // 2, len(lines), 97):
        file.write_bytes(lines[:cut])
        if b"\n" in lines[:cut]:
            assert list(dse.fronts.stream(problem, metrics, file=file, most=most)) == whole
            assert file.read_bytes() == lines
    with pytest.raises(ValueError, match="another problem"):
        list(dse.fronts.stream(problem, metrics[::-1], file=file))
    file.write_text("hello\nworld\n")
    with pytest.raises(ValueError, match="no file of a front"):
        list(dse.fronts.stream(problem, metrics, file=file))


def test_a_front_that_a_file_keeps_is_the_same_front_and_found_once(tmp_path, monkeypatch):
    problem = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    metrics, file = [dse.metric.loss, dse.metric.weight_bytes, dse.metric.bops], tmp_path / "points.jsonl"
    whole, exact, merged = dse.front(problem, metrics), frontier.exact, []
    monkeypatch.setattr(allocate, "dispatch", None)  # no program is asked
    monkeypatch.setattr(frontier, "exact", lambda *given, **more: merged.append(1) or exact(*given, **more))
    for cut in (1.0, 1.0, 0.99, 0.5, 0.01):
        lines = file.read_bytes() if file.exists() else b""
        file.write_bytes(lines[: int(cut * len(lines))])
        kept = dse.front(problem, metrics, file=file)
        assert kept.points.tolist() == whole.points.tolist()
        assert kept.choices.tolist() == whole.choices.tolist()
        assert kept.proven
        assert not lines or file.read_bytes() == lines
    assert len(merged) == 4
    first, second, *rest = file.read_text().splitlines(keepends=True)
    file.write_text("".join([first, *rest[:5]]))
    with pytest.raises(ValueError, match="holds other points than those of this front"):
        dse.front(problem, metrics, file=file)
    file.write_text(first + second.replace("choice", "chosen"))
    with pytest.raises(ValueError, match="no file of a front"):
        dse.front(problem, metrics, file=file)


def test_what_programs_began_they_end(tmp_path):
    problem = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"]).on(cm.gpu("h100_sxm"))
    problem = restricted(problem, dict.fromkeys(problem.layers[4:], "int8"), {})
    metrics, file = [dse.metric.loss, dse.metric.weight_bytes], tmp_path / "points.jsonl"
    begun = list(itertools.islice(dse.fronts.stream(problem, metrics, file=file, most=0), 3))
    found = dse.front(problem, metrics, file=file)
    assert found.points == pytest.approx(dse.front(problem, metrics).points)
    assert "points" not in file.read_text()
    assert [list(point.choice) for point in begun] == found.choices[::-1][:3].tolist()


def test_a_points_file_is_of_its_budgets_tables_too(tmp_path):
    choices = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"])
    metrics = [dse.metric.loss, dse.metric.weight_bytes]
    first, second = (choices.on(cm.gpu(name)) for name in ("h100_sxm", "l40s"))
    first, second = (restricted(p, dict.fromkeys(p.layers[4:], "int8"), {}) for p in (first, second))
    ends = first.uniform(1), np.append(first.uniform(0)[:4], first.uniform(1)[4:])
    budgets = [dse.metric.latency_s <= np.mean([first.totals(choice)["latency_s"] for choice in ends])]
    list(dse.fronts.stream(first, metrics, file=tmp_path / "points.jsonl", subject_to=budgets))
    with pytest.raises(ValueError, match="another problem"):
        list(dse.fronts.stream(second, metrics, file=tmp_path / "points.jsonl", subject_to=budgets))


def test_a_front_without_loss_keeps_pins():
    problem = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"]).on(cm.gpu("l40s"))
    pinned = restricted(problem, {"*": "int8"}, {})
    found = dse.front(pinned, [dse.metric.weight_bytes, dse.metric.latency_s])
    assert found.points[:, 0] == pytest.approx([problem.costs["weight_bytes"][:, 1].sum()])


@pytest.mark.parametrize("converted", [False, True])
def test_an_interrupt_ends_a_front_after_its_proven_points(monkeypatch, converted):
    loss, tables = network(11, layers=24, costs=1, whole=False)
    within = frontier.Within(conversion=0.05 * (1 - np.eye(3))) if converted else None
    kept, dispatch = [], allocate.dispatch
    whole = list(itertools.islice(frontier.stream(loss, tables, within=within, keep=kept.append), 8))

    def answers_until(at):
        def search(*given):
            searches.append(given)
            if len(searches) == at:
                signal.raise_signal(signal.SIGINT)
            return dispatch(*given)

        searches, more = [], []
        monkeypatch.setattr(allocate, "dispatch", search)
        with pytest.raises(KeyboardInterrupt):
            list(frontier.stream(loss, tables, within=within, keep=more.append))
        monkeypatch.setattr(allocate, "dispatch", dispatch)
        assert len(searches) == at
        return more

    for at in range(1, 8):
        more = answers_until(at)
        assert more == kept[: len(more)]
    again = frontier.stream(loss, tables, within=within, known=more, keep=lambda _: None)
    assert list(itertools.islice(again, 8)) == whole
