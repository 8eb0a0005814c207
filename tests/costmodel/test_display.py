"""What a notebook shows: units, the slowest layers, escaped text; one or many records alike."""

from dataclasses import fields
from html.parser import HTMLParser

import pytest

import costmodel as cm
from costmodel import display, formats
from costmodel.hardware.calibration import calibrations
from costmodel.record import mesh, stack
from costmodel.workload import Workload, ops


class Balanced(HTMLParser):
    """Counts what is open; tags of ours all close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def html(record: object) -> str:
    text = record._repr_html_()
    reader = Balanced()
    reader.feed(text)
    assert reader.open == []
    return text


def test_quantities_have_prefixes_and_units() -> None:
    assert display.quantity("latency_s", 0.0031) == "3.1 ms"
    assert display.quantity("memory_bytes_per_s", 3.35e12) == "3.35 TB/s"
    assert display.quantity("int8_flops_per_s", 1e15) == "1 PFLOP/s"
    assert display.told("sm_count", stack([cm.gpu("a100_sxm"), cm.gpu("h100_sxm")]).sm_count) == "108 to 132 (2 values)"


def test_an_expression_has_the_unit_of_its_first_part_where_no_other_has_one() -> None:
    assert display.quantity("latency_s / batch", 0.0031) == "3.1 ms"
    units = {"latency_s * 2 / batch": "s", "bytes_moved / latency_s": "", "2 * latency_s": "", "a_s + b_j": ""}
    assert {text: display.unit(text) for text in units} == units


@pytest.mark.parametrize(("device", "precision"), [("h100_sxm", "w8a8"), ("zcu102", "w4a4")])
def test_an_estimate_shows_units_and_its_slowest_layers(device: str, precision: str) -> None:
    found = cm.estimate(cm.zoo.build("resnet18"), cm.precision(precision), cm.device(device))
    shown = html(found)
    assert display.quantity("latency_s", found.totals["latency_s"]) in shown
    slowest = max(found.table(), key=lambda row: row["latency_s"])
    first = shown.split("<tbody>")[1].split("</tr>")[0]
    assert f">{slowest['name']}<" in first
    assert f">{display.quantity('latency_s', slowest['latency_s'])}<" in first
    assert ".table()" in shown
    assert "1 image of 224 x 224 pixels" in shown


def test_what_is_not_counted_is_shown_and_text_is_escaped() -> None:
    op = ops.linear("<b>x</b>", 2, 3, 4)
    workload = Workload("<i>net</i>", (op,), uncounted=("a & b",))
    for record in (workload, cm.estimate(workload, cm.W16A16, cm.gpu("l4"))):
        shown = html(record)
        assert "<b>" not in shown
        assert "<i>" not in shown
        assert "Not counted: a &amp; b" in shown


def test_devices_show_what_they_have() -> None:
    t4, board = html(cm.gpu("t4")), html(cm.fpga("pynq_z1"))
    assert "65.13 TFLOP/s" in t4 or "65 TFLOP/s" in t4
    assert "fp8_flops_per_s" not in t4
    assert "sources: .sources" in t4
    assert ">53.2 k<" in board
    assert "nan" not in t4 + board
    both = html(stack([cm.gpu("t4"), cm.gpu("l4")]))
    assert "(2 values)" in both


@pytest.mark.parametrize("spelled", [*cm.strategies.examples()[1:], "nm_sparsity:n=2,m=4 + token_merging:r=13"])
def test_a_strategy_shows_its_fields_and_what_it_does(spelled: str) -> None:
    strategy = cm.strategies.strategy(spelled)
    shown = html(strategy)
    assert f"Strategy {type(strategy).__name__}" in shown
    told = [field.name for field in fields(strategy) if getattr(strategy, field.name) not in ("", ())]
    assert all(f">{name}<" in shown for name in told)
    assert "<p>" in shown


def test_a_share_is_no_thousandth() -> None:
    assert ">0.25<" in html(cm.strategies.strategy("unstructured_sparsity:density=0.25"))


def test_precisions_and_formats_show_their_bits() -> None:
    assert "int4_g128, 4.125 bits" in html(cm.precision("int4_g128/bf16")).replace("&#x27;", "'")
    shown = html(formats.get("mxfp4"))
    assert "4.25" in shown
    assert "e8m0" in shown
    assert "codebook" in html(formats.get("nf4"))


def test_an_op_shows_what_is_not_as_by_default() -> None:
    op = ops.linear("<fc>", 4, 1000, 10, inputs=("pool",))
    html = op._repr_html_()
    assert "Op &lt;fc&gt;: linear" in html
    assert ">pool<" in html
    assert ">40 k<" in html, "macs"
    assert ">10.01 k<" in html, "parameters"
    assert "kv_elements" not in html
    assert "10 to 20 (2 values)" in stack([op, ops.linear("b", 4, 1000, 20)])._repr_html_()


def test_batches_of_precisions_formats_and_ops_name_a_few() -> None:
    batch = stack([cm.W8A8, cm.W4A4, cm.precision("w8a8kv8")])
    assert batch.name.tolist() == ["int8/int8", "int4/int4", "int8/int8/int8"]
    assert "int8, int4 (3 values), 4 to 8 (3 values) bits" in html(batch)
    column, _ = mesh([cm.W8A8, cm.W4A4], [cm.W8A8])
    assert "Precision int8/int8, int4/int4 (2 values)" in html(column)
    grouped = html(stack([formats.get("int8"), formats.get("int4_g128")]))
    assert "Format int8, int4_g128 (2 values)" in grouped
    assert "4.125 to 8 (2 values)" in grouped
    layers = html(cm.zoo.build("resnet18").batch_of_ops)
    assert len(layers.split("</caption>")[0]) < 150


def test_a_language_model_shows_its_shape() -> None:
    shown = html(cm.zoo.llama("3.1-8b"))
    assert "128.3 k" in shown
    assert "Attention, 32 heads" in shown
    assert len(shown) < 1500


def test_an_estimate_says_what_its_latency_rests_on() -> None:
    network = cm.zoo.build("resnet50")
    plain, torch, fpga = (
        cm.estimate(network, "int8", cm.device(name)) for name in ("h100_sxm", "h100_sxm:torch", "zcu104")
    )
    pruned = cm.estimate(cm.strategies.NMSparsity(n=2, m=4)(network), "int8", cm.device("h100_sxm"))
    fused, sparse = pruned.assumed
    assert plain.assumed == (fused,)
    assert "h100_sxm:torch" in fused
    assert "sparse pipe" in sparse
    assert torch.assumed == fpga.assumed == ()
    assert plain.latency_told.startswith("Latency: ")
    assert f"{plain.latency_sources['transferred']:.0%} transferred" in repr(plain)
    assert plain.latency_told in html(plain)
    assert fused in html(plain)
    assert "Latency:" not in repr(fpga)


def test_layers_outside_of_what_was_measured_are_counted() -> None:
    wide = cm.estimate(Workload("wide", (ops.linear("a", 1e6, 512, 512),)), "bf16", cm.device("h100_sxm"))
    assert wide.latency_told.endswith(" 1 layer lies outside the shapes that were measured, or where few were.")
    both = cm.estimate(
        Workload("both", tuple(ops.linear(n, 1e6, 512, 512) for n in "ab")), "bf16", cm.device("h100_sxm")
    )
    assert both.latency_told.endswith(" 2 layers lie outside the shapes that were measured, or where few were.")


def test_a_calibration_shows_how_right_it_is() -> None:
    fit = next(fit for fit in calibrations("gemm") if fit.device == "l40s")
    shown = html(fit)
    assert f'held-out residual_mape</th><td style="text-align:right">{fit.held_out_error["residual_mape"]:.4g}' in shown
    assert fit.source in shown
