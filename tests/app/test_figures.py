"""Figures are pure functions of results; what they plot is what they were given."""

import numpy as np
import pytest

from app.designs import distinct
from app.figures.bits import bits, blocks
from app.figures.pareto import pareto
from app.figures.resources import resources
from app.figures.roofline import roofline
from app.figures.utilisation import utilisation

DESIGNS = [
    {"name": "fp32", "kind": "reference", "totals": {"weight_bytes": 40.0}, "loss": 0.0, "accuracy": 1.0},
    {"name": "int8", "kind": "uniform", "totals": {"weight_bytes": 10.0, "lut": 7.0}, "loss": 0.1, "accuracy": 0.9},
    {"name": "int4", "kind": "uniform", "totals": {"weight_bytes": 5.0, "lut": 3.0}, "loss": 0.5, "accuracy": 0.8},
    {"name": "plan", "kind": "plan", "totals": {"weight_bytes": 6.0, "lut": 4.0}, "loss": 0.2},
]


def traces(figure):
    return {trace.name: trace for trace in figure.data}


def test_pareto_plots_error_and_leaves_out_what_has_none():
    found = traces(pareto(DESIGNS, cost="weight_bytes", quality="error", title="t"))
    assert set(found) == {"reference, 0 at the axis' end", "uniform"}
    assert list(found["uniform"].x) == [5.0, 10.0]
    assert list(found["uniform"].y) == pytest.approx([0.2, 0.1])
    reference = found["reference, 0 at the axis' end"]
    assert list(reference.y) == pytest.approx([0.05])
    assert "error 0, drawn at the axis' end" in reference.hovertext[0]


def test_axes_are_in_words_with_units_and_same_designs_share_their_names():
    same = [{**d, "assignment": {"a": "int4/int4"}} for d in (DESIGNS[2], {**DESIGNS[2], "name": "plan at lut of x/x"})]
    figure = pareto([*DESIGNS[:2], *same], cost="weight_bytes", quality="error", title="t")
    assert (figure.layout.xaxis.title.text, figure.layout.xaxis.ticksuffix) == ("Weight storage", "B")
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis.ticksuffix) == ("Test error", None)
    assert traces(figure)["uniform"].hovertext[0].startswith("int4 = plan at LUTs of x<br>")
    assert [d["name"] for d in distinct([*DESIGNS[:2], *same])] == ["fp32", "int8", "int4"]


def test_uniform_designs_and_references_are_named_where_names_leave_each_other_readable():
    found = traces(pareto([*DESIGNS, {**DESIGNS[1], "name": "other"}], cost="weight_bytes", quality="loss", title="t"))
    assert list(found["uniform"].text) == ["int4", "int8", "other"]
    assert len(set(found["uniform"].textposition[1:])) == 2
    assert list(found["reference, 0 at the axis' end"].text) == ["fp32"]
    assert set(found["plan"].text) == {""}


def test_pareto_draws_the_front_as_steps():
    found = traces(pareto(DESIGNS, cost="lut", quality="loss", title="t", front=[[3.0, 0.5], [7.0, 0.1]]))
    assert list(found["exact front"].x) == [3.0, 7.0]
    assert found["exact front"].line.shape == "hv"
    assert list(found["plan"].y) == [0.2]
    thinned = {"front": [[3.0, 0.5], [7.0, 0.1]], "points": {"kept": 2, "of": 9}}
    assert "exact front, 2 of 9 points" in traces(pareto(DESIGNS, cost="lut", quality="loss", title="t", **thinned))


def test_colours_stay_with_their_kind():
    one, other = (traces(pareto(DESIGNS, cost=c, quality="loss", title="t")) for c in ("weight_bytes", "lut"))
    assert one["plan"].marker.color == other["plan"].marker.color


def test_bits_has_a_bar_for_each_operand():
    figure = bits([{"name": "a", "precision": "int4_g64/int8", "weight_bits": 4.25, "activation_bits": 8.0}], title="t")
    assert {t.name: list(t.y) for t in figure.data} == {"weights": [4.25], "activations": [8.0]}


def test_bits_of_many_layers_are_a_map_of_blocks():
    names = ["model.embed", *(f"model.layers.{i}.{part}" for i in range(20) for part in ("q", "k")), "head"]
    formats = {"embed": ("bf16/bf16", 16.0), "q": ("int8/int8", 8.0), "k": ("fp8_e4m3/fp8_e4m3", 8.0)}
    held = [formats.get(n.rpartition(".")[2], ("int8/bf16", 8.0)) for n in names]
    layers = [{"name": n, "precision": p, "weight_bits": b, "activation_bits": 16.0 if "bf16" in p else 8.0}
              for n, (p, b) in zip(names, held, strict=True)]  # fmt: skip
    figure = bits(layers, title="t")
    cells, *legend = figure.data
    assert list(cells.x) == ["embed", *map(str, range(20)), "head"]
    assert list(cells.y) == ["(no block)", "q", "k"]
    assert [trace.name for trace in legend] == ["fp8_e4m3 (20)", "int8 (20)", "int8/bf16 (1)", "bf16 (1)"]
    assert [cells.z[1][5], cells.z[2][5], cells.z[0][0], cells.z[1][0]] == [1, 0, 3, None]
    assert len({trace.marker.color for trace in legend}) == 4, "formats of as many bits are told apart"
    assert figure.layout.meta == {"wide": True}


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["conv1", *(f"layer{s}.{b}.conv{i}" for s in (1, 2) for b in range(3) for i in (1, 2, 3))], 7),
        ([str(i) for i in range(30)], 30),
        ([f"{side}.layers.{b}.{part}" for side in ("enc", "dec") for b in range(3) for part in "qkvo"], 6),
    ],
)
def test_no_two_layers_share_a_cell_of_the_map(names, columns):
    found = blocks(names)
    assert len(set(found)) == len(names)
    assert len({column for column, _ in found}) == columns


def test_roofline_has_a_dot_for_each_layer_with_flops_under_the_roof():
    layers = [
        {"name": "a", "precision": "p", "flops": 1e9, "bytes_moved": 1e6, "latency_s": 1e-3},
        {"name": "b", "precision": "p", "flops": 0.0, "bytes_moved": 1e6, "latency_s": 1e-3},
    ]
    found = traces(roofline(layers, peaks={"bf16": 1e15}, memory_bytes_per_s=1e12, title="t"))
    assert list(found["layers"].x) == [1000.0]
    assert list(found["layers"].y) == [1e12]
    assert np.max(found["bf16 roof"].y) == 1e15


def test_resources_are_shares_of_the_device():
    figure = resources([{"name": "a", "lut": 5.0, "dsp": 1.0}], available={"lut": 10.0, "dsp": 4.0}, title="t")
    assert [list(t.y) for t in figure.data] == [[0.5], [0.25]]


def test_names_beneath_bars_are_as_many_as_can_be_read_and_keep_their_ends():
    layers = [{"name": f"model.layers.{i}.self_attn.q_proj", "lut": 1.0} for i in range(100)]
    figure = resources(layers, available={"lut": 10.0}, title="", most_names=20)
    axis = figure.layout.xaxis
    assert len(axis.ticktext) == 20
    assert all(len(text) <= 20 and text.endswith(".q_proj") for text in axis.ticktext)
    assert axis.tickvals[1] == layers[5]["name"]


def test_amounts_stand_where_no_bar_can_push_them_out_of_the_figure():
    (bar,) = utilisation({"lut": 9e3}, {"lut": 10e3}, title="").data
    assert bar.text == ("90%",)
    assert bar.y == ("LUTs<br>9 k of 10 k",)


def test_a_maps_legend_has_a_line_a_precision_on_a_narrow_page():
    layers = [
        {"name": f"model.layers.{i // 7}.part{i % 7}", "precision": ("int4/bf16", "int8/int8")[i % 2],
         "weight_bits": 4.0, "activation_bits": 8.0}
        for i in range(70)
    ]  # fmt: skip
    looks = [bits(layers, title="", narrow=narrow).layout.legend for narrow in (False, True)]
    assert [look.orientation for look in looks] == ["h", "v"]
    assert {look.x for look in looks} == {0}


def mapped(blocks, parts, precisions, **how):
    layers = [
        {"name": f"layers.{b}.{p}", "precision": name, "weight_bits": 4.125, "activation_bits": 16.0}
        for b in range(blocks)
        for p, name in zip(range(parts), precisions * parts, strict=False)
    ]
    return bits(layers, title="Bits of each layer", **how)


def test_bits_are_written_in_cells_that_hold_them_alone():
    whole, half = mapped(14, 6, ["int4_g128/bf16"]), mapped(14, 6, ["int4_g128/bf16"], half=True)
    assert (whole.data[0].texttemplate, whole.layout.meta) == ("%{text}", {"wide": True})
    assert (half.data[0].texttemplate, half.layout.meta) == ("", None)
    assert mapped(6, 6, ["int4_g128/bf16"]).layout.meta is None
    assert mapped(80, 6, ["int4_g128/bf16"]).data[0].texttemplate == ""


def test_a_maps_title_has_a_line_of_its_own_above_each_line_of_the_legend():
    tops = [mapped(6, 12, [f"int{i}_g128/bf16" for i in range(2, 2 + n)]).layout.margin.t for n in (1, 3, 9)]
    assert tops[0] < tops[1] < tops[2]
    figure = mapped(6, 12, ["int4_g128/bf16"])
    assert (figure.layout.title.y, figure.layout.title.yanchor) == (1, "top")
    assert figure.layout.margin.t >= figure.layout.title.pad.t + figure.layout.title.font.size + 20
