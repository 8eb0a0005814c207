"""Search with measured objectives: resumed, seeded, within budgets; NSGA-II against a brute force."""

import itertools

import numpy as np
import pytest

import costmodel as cm
import dse
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.evolve import evolve
from dse.metric import weight_bytes
from dse.pareto import mask
from dse.search import search

FORMATS = ["int2", "int4", "int8"]


@pytest.fixture(scope="module")
def problem():
    ops = tuple(linear(f"fc{i}", 4, 32 * (i + 1), 32) for i in range(4))
    return dse.choices(Workload("net", ops), FORMATS).on(cm.gpu("h100_sxm"))


def interacting(choice):
    """Loss that does not add up: neighbours that differ cost extra."""
    return float((2 - choice).sum() + 3 * (choice[1:] != choice[:-1]).sum() + 0.1 * choice[0])


def every(problem):
    return np.array(list(itertools.product(range(len(FORMATS)), repeat=len(problem.layers))))


def test_the_best_within_a_budget_is_found(problem):
    choices = every(problem)
    sizes = problem.costs["weight_bytes"][np.arange(4), choices].sum(axis=1)
    limit = float(np.median(sizes))
    least = min(interacting(c) for c, size in zip(choices, sizes, strict=True) if size <= limit)
    found = search(problem, interacting, evaluations=40, subject_to=[weight_bytes <= limit])
    assert found.values[found.best[0], 0] == least
    assert len(found.choices) <= 40
    assert (problem.costs["weight_bytes"][np.arange(4), found.choices].sum(axis=1) <= limit).all()
    assert len({tuple(c) for c in found.choices.tolist()}) == len(found.choices)


def test_seeds_are_evaluated_first(problem):
    seeds = [[2, 2, 2, 2], [1, 1, 2, 2]]
    found = search(problem, interacting, evaluations=4, seeds=seeds)
    assert found.choices[:2].tolist() == seeds


def test_a_killed_search_resumes_from_its_journal(problem, tmp_path):
    journal, calls = tmp_path / "search.log", []

    def dies(choice):
        calls.append(tuple(choice.tolist()))
        if len(calls) == 6:
            raise KeyboardInterrupt
        return interacting(choice)

    first = search(problem, dies, evaluations=12, storage=journal)
    assert first.stopped
    assert len(first.choices) == 5
    again = search(
        problem, lambda c: calls.append(tuple(c.tolist())) or interacting(c), evaluations=12, storage=journal
    )
    assert again.choices[:5].tolist() == first.choices.tolist()
    assert len(again.choices) == 12
    whole = search(problem, lambda _: 1 / 0, evaluations=12, storage=journal)
    assert whole.choices.tolist() == again.choices.tolist()


def test_a_database_serves_as_well(problem, tmp_path):
    url = f"sqlite:///{tmp_path / 'runs.db'}"
    found = search(problem, interacting, evaluations=5, storage=url)
    assert search(problem, lambda _: 1 / 0, evaluations=5, storage=url).values.tolist() == found.values.tolist()


def test_several_objectives_give_a_front(problem):
    def both(choice):
        return interacting(choice), float(problem.costs["weight_bytes"][np.arange(4), choice].sum())

    found = search(problem, both, evaluations=20, objectives=2)
    assert (np.isin(np.arange(len(found.values)), found.best) == mask(found.values)).all()


def test_nsga2_finds_the_front_of_a_brute_force(problem):
    def both(choices):
        sizes = problem.costs["weight_bytes"][np.arange(4), choices].sum(axis=1)
        changes = (choices[:, 1:] != choices[:, :-1]).sum(axis=1)
        return np.stack([(2 - choices).sum(axis=1) + 3 * changes + 0.1 * choices[:, 0], sizes], axis=1)

    choices = every(problem)
    front = {tuple(p) for p in both(choices)[mask(both(choices))].tolist()}
    found = evolve(problem, both, generations=25, population=40, seeds=[[2, 2, 2, 2]])
    assert {tuple(p) for p in found.values[found.best].tolist()} == front


def test_unavailable_options_are_never_asked_for(problem):
    forbidden = np.zeros(problem.loss.shape, dtype=bool)
    forbidden[1, 0] = forbidden[2, 2] = True
    narrowed = problem.without(forbidden)
    asked = search(narrowed, interacting, evaluations=15).choices
    bred = evolve(narrowed, lambda c: c.sum(axis=1, keepdims=True) * 1.0, generations=5, population=10).choices
    for choices in (asked, bred):
        assert not forbidden[np.arange(4), choices].any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"evaluations": 0}, "at least 1"),
        ({"evaluate": lambda _: float("nan")}, "1 finite numbers, got"),
        ({"evaluate": lambda _: (1.0, 2.0)}, "1 finite numbers, got"),
        ({"subject_to": [weight_bytes <= 1], "seeds": [[2, 2, 2, 2]]}, "a seed breaks a budget"),
        ({"subject_to": [dse.metric.lut <= 1]}, "unknown additive budget 'lut'"),
    ],
)
def test_bad_input(problem, change, says):
    with pytest.raises(ValueError, match=says):
        search(problem, **({"evaluate": interacting, "evaluations": 3} | change))


OTHERS = [b"no journal\n", b"[]\n", b"{}\n", b"7\n", b"\xff\xfe\x00", b"junk", b'{"a": 1}\n{"b"']


@pytest.mark.parametrize("text", OTHERS)
def test_another_file_is_left_as_it_is(problem, tmp_path, text):
    (tmp_path / "notes").write_bytes(text)
    with pytest.raises(ValueError, match="notes is no journal of a search; name another file"):
        search(problem, interacting, evaluations=3, storage=tmp_path / "notes")
    assert (tmp_path / "notes").read_bytes() == text


def test_what_is_no_database_is_named(problem, tmp_path):
    (tmp_path / "notes").write_bytes(b"no database" * 100)
    with pytest.raises(ValueError, match=r"no search can be kept in sqlite:///.*: .*not a database"):
        search(problem, interacting, evaluations=3, storage=f"sqlite:///{tmp_path / 'notes'}")
