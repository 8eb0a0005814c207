"""bitfront exam, small: it runs, resumes, and refuses another exam's folder."""

import json
from pathlib import Path

import pytest
import torch

from app.exam.run import run
from app.exam.setup import FULL, QUICK
from app.exam.units import units


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    threads = torch.get_num_threads()
    out = tmp_path_factory.mktemp("exam")
    yield out, run(QUICK, out, subjects=("digits",), workers=1, progress=lambda *_: None)
    torch.set_num_threads(threads)


def test_every_arm_has_its_true_quality(taken):
    out, summary = taken
    arms = {row["arm"] for row in summary["rows"]}
    assert arms == {"uniform", "plan", "plan refined", "hessian", "data-free", "random"}
    assert {row["repair"] for row in summary["rows"]} == {True, False}
    for row in summary["rows"]:
        assert row["low"] <= row["high"]
        assert row["examples"] == 719
    uniform = next(row for row in summary["rows"] if row["arm"] == "uniform")
    assert all(row["bytes"] <= uniform["bytes"] for row in summary["rows"])
    assert json.loads((out / "exam.json").read_text())["rows"] == json.loads(json.dumps(summary["rows"]))


def test_what_is_done_is_not_done_again(taken, monkeypatch):
    out, summary = taken
    monkeypatch.setattr("app.exam.units._digits", lambda *_: pytest.fail("done again"))
    steps = []
    again = run(QUICK, out, subjects=("digits",), workers=1, progress=lambda *step: steps.append(step))
    assert again["rows"] == summary["rows"]
    assert steps == [(1, 1)]


def test_another_exams_folder_is_refused(taken, refused_here):
    line = refused_here("exam", "--only", "digits", "--out", str(taken[0]))
    assert "holds an exam of another size" in line


def test_parts_come_after_those_that_they_read():
    todo = units(FULL, ("digits", "minilm"))
    seen = set()
    for unit in todo:
        assert seen.issuperset(unit.after)
        seen.add(unit.name)
    assert len(seen) == len(todo)


@pytest.mark.long
def test_minilm_sits_a_small_exam_in_two_processes(tmp_path: Path):
    summary = run(QUICK, tmp_path, subjects=("minilm",), workers=2, progress=lambda *_: None)
    rows = {(row["arm"], row["metric"], row["repair"]): row for row in summary["rows"]}
    assert rows["uniform", "cosine", False]["loss"] > 0.05
    assert {metric for _, metric, _ in rows} == {"rank", "retrieval", "cosine"}
    assert len({arm for arm, _, _ in rows}) == 7
