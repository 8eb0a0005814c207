"""Axes and names beside points: units at every tick, no more ticks or names than can be read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.figures.axis import axis, hover
from app.figures.explored import explored
from app.figures.names import GAP, LETTER, PLACES, SAME, SIZE, placed

UNIT = ((0.0, 1.0), (0.0, 1.0))


def test_a_tick_has_its_prefix_and_unit_between_decades_as_well():
    found = axis("latency_s", [0.004, 0.3], log=True)
    assert (found["title"]["text"], found["ticksuffix"], found["type"]) == ("Latency", "s", "log")
    assert {"5m": "5ms", "200m": "200ms"}.items() <= found["labelalias"].items()
    assert axis("latency_s / batch", [0.1])["title"]["text"] == "Latency / batch"
    assert axis("latency_s / batch", [0.1])["ticksuffix"] == "s"


def test_numbers_without_a_unit_are_written_out_until_they_are_large():
    assert axis("loss", [1e-6, 0.3]) == {"title": {"text": "Predicted loss"}, "tickformat": "~g"}
    assert axis("lut", [3e4])["tickformat"] == "~s"
    assert hover("loss", [0.1], "y") == "Predicted loss %{y:.4~g}"
    assert hover("weight_bytes", [1.0], "x") == "Weight storage %{x:.4~s}B"


@pytest.mark.parametrize("values", [[], [np.nan], [0.0, -1.0], [0.0, 1.0], [2.0, 2.0], [1e-300, 1e300]])
def test_any_values_have_an_axis(values):
    assert 1 <= axis("loss", values, log=True)["nticks"] <= 9


def test_values_that_are_all_alike_stand_in_the_middle_of_their_axis():
    assert axis("latency_s", [2e-4, 2e-4 * (1 + 1e-12)])["range"] == [0.0, pytest.approx(4e-4)]
    assert axis("loss", [-3.0])["range"] == [-6.0, 0.0]
    assert "range" not in axis("latency_s", [2e-4, 3e-4])
    assert "range" not in axis("latency_s", [0.0, 0.0])


def test_names_avoid_each_other_and_points_and_edges():
    texts, places = placed([0.1, 0.11, 0.99], [0.5, 0.5, 0.5], ["one", "two", "three"], within=UNIT, log=(False, False))
    assert texts == ["one", "two", "three"]
    assert places[0] != places[1]
    assert places[2] == "top left"
    texts, _ = placed([0.5] * 7, [0.5] * 7, list("abcdefg"), within=UNIT, log=(False, False))
    assert texts == ["a", "b", "c", "d", "e", "f", ""]
    assert placed([0.5, 0.5, 0.52], [0.5, 0.5, 0.5], ["a", "b", "c"], within=UNIT, log=(False, False))[0] == [
        "a",
        "b",
        "c",
    ]
    around = ([0.51, 0.51, 0.49, 0.49], [0.51, 0.49, 0.51, 0.49])
    assert placed([0.5], [0.5], ["name"], within=UNIT, log=(False, False), others=around)[0] == [""]


def test_the_end_of_a_front_that_falls_to_its_right_has_a_name():
    steps = np.arange(1, 20) / 200
    for falls in (0.3 * steps, 3 * steps):
        front = (steps, 1 - falls)
        assert placed([0.0], [1.0], ["int4_g128/bf16"], within=UNIT, log=(False, False), others=front)[0][0]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.text("abc", min_size=1, max_size=12)), min_size=1, max_size=12
    ),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=12),
)
def test_a_name_is_nearer_to_its_own_point_than_to_any_other(points, others):
    x, y, names = zip(*points, strict=True)
    further = tuple(zip(*others, strict=True)) or ((), ())
    texts, places = placed(x, y, names, within=UNIT, log=(False, False), others=further)
    every = np.array([*zip(x, y, strict=True), *others]) * SIZE
    for own, text, place in zip(np.array([x, y]).T * SIZE, texts, places, strict=True):
        right, above = PLACES[place]
        steps = np.linspace(GAP, GAP + LETTER * len(text), 30)
        written = np.stack([own[0] + right * steps, np.full(30, own[1] + above)], axis=1)
        strangers = every[np.abs(every - own).max(axis=1) > SAME]
        if text and len(strangers):
            to_strangers = np.hypot(*(strangers[:, None] - written[None]).transpose(2, 0, 1)).min()
            assert np.hypot(*(written - own).T).min() <= to_strangers + 8.0  # half a line


ROWS = [
    {"id": f"{d}{b}", "device": d, "batch": b, "latency_s": t, "examples_per_s": r}
    for d, b, t, r in (("a", 1, 1.0, 1.0), ("a", 2, 2.0, 3.0), ("a", 3, 3.0, 2.0), ("b", 1, 1.5, 4.0))
]


def test_an_exploration_has_a_front_a_group_and_shows_what_is_on_it_by_other_objectives():
    found = explored(ROWS, x="latency_s", y="examples_per_s", groups=["device"], higher={"examples_per_s"}, title="t")
    by_name = {trace.name: list(trace.hovertext) for trace in found.data}
    assert by_name["a (2)"] == ["a1", "a2"]
    assert by_name["b (1)"] == ["b1"]
    assert by_name["On the front by other objectives"] == ["a3"]


def test_of_too_many_groups_the_first_column_with_few_values_has_the_colours():
    rows = [{**ROWS[0], "device": d, "batch": b, "latency_s": b} for d in "ab" for b in range(1, 10)]
    found = explored(rows, x="latency_s", y="examples_per_s", groups=["batch", "device"], title="t")
    assert {trace.name for trace in found.data if trace.name[:1] in "ab"} == {"a (1)", "b (1)"}
    rows = [{**row, "device": row["batch"]} for row in rows]
    one = explored(rows, x="latency_s", y="examples_per_s", groups=["batch", "device"], title="t").data
    assert len(one) == 5
    assert [trace.name for trace in one].count("On its hull") == 1
    assert explored([{"id": "x"}], x="latency_s", y="loss", groups=[], title="t").data


def test_a_logarithmic_axis_of_small_numbers_has_them_all_as_powers():
    assert axis("loss", [1e-8, 0.3], log=True)["tickformat"] == "~e"
    assert axis("loss", [1e-3, 0.3], log=True)["tickformat"] == "~g"
