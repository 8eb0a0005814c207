"""The figure of designs: points by row, lists as customdata, a density image beyond what a browser takes."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.io.json import to_json_plotly

from app.figures import front as figures
from app.figures.style import dressed

NONE = np.zeros(0, dtype=np.int64)


def drawn(count, **more):
    rng = np.random.default_rng(0)
    columns = {"latency_s": rng.uniform(1, 2, count), "loss": rng.uniform(1, 2, count), "lut": rng.uniform(1, 2, count)}
    front = np.argsort(columns["latency_s"])[:5]
    more = {"names": ("latency_s", "loss"), "log": (True, False), "uniform": {0: "int8"}} | more
    return figures.front(columns, cloud=np.arange(count), fronts={"Front": front}, hulls={"Front": front[:2]}, **more)


def test_customdata_reach_the_page_as_lists_of_rows():
    told = json.loads(to_json_plotly(dressed(drawn(500), False)))["data"]
    assert [len(trace["customdata"]) for trace in told] == [0, 0, 495, 5, 2, 1]
    assert all(isinstance(trace["customdata"], list) for trace in told)
    assert told[2]["type"] == "scattergl"
    assert isinstance(told[2]["customdata"][0], int)


def test_custom_data_of_any_shape_are_listed():
    figure = go.Figure(go.Scatter(x=[0, 1], customdata=np.array([[0, 300], [70000, 1]])))
    figure.add_scatter(x=[0], customdata=["a"])
    assert [t["customdata"] for t in dressed(figure, False)["data"]] == [[[0, 300], [70000, 1]], ["a"]]


def test_many_designs_are_an_image():
    figure = drawn(150_000)
    image = next(t for t in figure.data if t.type == "heatmap")
    assert image.customdata is None
    assert len(figure.to_json()) < 600_000
    assert sum(t.type == "scattergl" for t in figure.data) == 0


def test_zooming_in_shows_single_designs():
    figure = drawn(150_000, within=((1.0, 1.1), (1.0, 2.0)))
    cloud = next(t for t in figure.data if t.type == "scattergl")
    assert 10_000 < len(cloud.customdata) < 20_000
    assert 1.0 <= min(cloud.x) <= max(cloud.x) <= 1.1


def test_three_metrics_are_in_space():
    figure = drawn(500, names=("latency_s", "loss", "lut"), log=(True, False, False))
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert figure.layout.scene.xaxis.type == "log"


@pytest.mark.parametrize("dark", [True, False])
def test_dressing_keeps_the_data(dark):
    figure = drawn(500)
    told = dressed(figure, dark)
    assert told["layout"]["paper_bgcolor"] == "rgba(0,0,0,0)"
    assert len(told["data"][2]["customdata"]) == 495
    assert go.Figure(told).layout.xaxis.type == "log", "still a figure"


def test_a_density_is_light_on_a_dark_page(monkeypatch):
    monkeypatch.setattr(figures, "MOST_POINTS", 100)
    shades = [
        [trace["colorscale"][-1][1] for trace in dressed(drawn(500), dark)["data"] if trace["type"] == "heatmap"]
        for dark in (True, False)
    ]
    assert shades == [["rgba(225,238,252,0.95)"], ["rgba(60,85,120,0.95)"]]


def test_a_place_of_several_designs_says_how_many_and_many_places_are_no_elements_of_the_page(monkeypatch):
    front, hull = drawn(500, shared={0: 3}, uniform={}).data[3:5]
    assert (front.type, front.name, hull.type) == ("scatter", "Front (5)", "scatter")
    assert set(front.hovertext) == {"1 design here"}
    first = int(front.customdata[1])
    assert drawn(500, shared={first: 3}).data[3].hovertext[1] == "3 designs here"
    assert drawn(500, shared={first: 1}).data[3].hovertext is None
    monkeypatch.setattr(figures, "MOST_SVG", 4)
    assert [trace.type for trace in drawn(500).data[3:5]] == ["scattergl", "scattergl"]


def test_of_few_designs_all_are_drawn_in_any_view():
    assert len(drawn(500, within=((1.0, 1.1), (1.0, 2.0))).data[2].customdata) == 495


def test_many_references_have_their_names_where_there_is_room_and_all_on_hovering():
    shown = drawn(500, uniform={row: f"int8, device {row}" for row in range(40)}).data[-1]
    assert shown.mode == "markers+text"
    assert 5 < sum(map(bool, shown.text)) <= 40
    assert list(shown.hovertext) == [f"int8, device {row}" for row in range(40)]


def test_every_hull_is_marked_and_the_legend_says_so_once():
    columns = {"latency_s": np.array([1.0, 2.0, 3.0, 1.5, 4.0]), "loss": np.array([3.0, 2.0, 1.0, 4.0, 0.5])}
    fronts = {"empty": NONE, "all on it": np.array([0, 1, 2]), "one alone": np.array([3]), "some": np.array([0, 1, 4])}
    hulls = {"empty": NONE, "all on it": np.array([0, 1, 2]), "one alone": np.array([3]), "some": np.array([0, 4])}
    at = {"cloud": np.arange(5), "fronts": fronts, "hulls": hulls, "uniform": {}, "log": (False, False)}
    marked = [t for t in figures.front(columns, ("latency_s", "loss"), **at).data if t.name == "On its hull"]
    assert [trace.customdata.tolist() for trace in marked] == [[0, 1, 2], [3], [0, 4]]
    assert [trace.showlegend for trace in marked] == [True, False, False]
    assert {trace.legendgroup for trace in marked} == {"hull"}
