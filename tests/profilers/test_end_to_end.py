"""Whole networks in every format and way of launching, on the CPU: the flow that a GPU takes."""

import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from costmodel import hardware
from profilers import campaign, end_to_end, timing
from profilers.networks.narrow import LAYERS, narrow
from profilers.timing import HostClock

FORMATS = ("bf16", "fp8", "int8", "int4")
H100 = hardware.gpu("h100_sxm")


@pytest.fixture(scope="module")
def measured():
    """A small network in four formats, launched in the two ways of a GPU, both by the host's clock here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    clocks = {end_to_end.GRAPH: HostClock(), end_to_end.EAGER: HostClock()}
    backend = SimpleNamespace(name="torch", clocks=clocks)
    cases = [("vit_tiny_patch16_224", fmt, 1) for fmt in FORMATS]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timing, "LEAST_RUNS", 2)
        yield end_to_end.measure(cases, backend, device="h100_sxm", where="cpu", budget_s=0.01)
    torch.set_num_threads(threads)


def test_every_format_and_way_of_launching_is_a_row(measured):
    assert not measured.failed
    rows = measured.rows
    pairs = set(zip(rows.precision, rows.launched, strict=True))
    assert pairs == {(fmt, way) for fmt in FORMATS for way in ("graph", "eager")}
    assert (rows.latency_s > 0).all()
    assert rows.host_call_s.isna().all()


def test_rows_are_predicted_with_intervals_by_their_formats(measured):
    done = end_to_end.predicted(measured.rows)
    assert ((done.low_s < done.predicted_s) & (done.predicted_s < done.high_s)).all()
    by = done[done.launched == "graph"].set_index("precision").predicted_s
    assert by.nunique() == len(FORMATS)
    np.testing.assert_allclose(done.error, done.predicted_s / done.latency_s - 1.0)


def test_calls_that_the_host_launches_take_its_time_at_least(measured):
    row = measured.rows.iloc[[0, 1]].assign(launched=["graph", "eager"], host_call_s=1e-3)
    graph, eager = end_to_end.predicted(row).predicted_s
    calls, _ = end_to_end.as_run("vit_tiny_patch16_224", "bf16", 1, H100)
    assert eager == pytest.approx(1e-3 * sum(op.count for op in calls))
    assert graph < eager
    bf16, fp8 = (
        end_to_end.predicted(row.iloc[[1]].assign(precision=fmt)).predicted_s.item() for fmt in ("bf16", "fp8")
    )
    assert fp8 - bf16 == pytest.approx(1e-3 * 48 * (end_to_end.HOST_CALLS["fp8"] + 1))  # a bias is added apart


def test_narrow_layers_alone_are_narrow_and_their_quantisers_are_calls_of_a_gpu():
    calls, used = end_to_end.as_run("vit_tiny_patch16_224", "int8", 1, H100)
    by = dict(zip([op.name for op in calls], used, strict=True))
    assert by["blocks.0.attn.qkv"].math_pipe == "int8"
    assert by["head"].math_pipe == by["blocks.0.norm1"].math_pipe == "bf16"  # 1000 classes are no multiple of 16
    assert {"blocks.0.attn.qkv.quantise", "blocks.0.attn.qkv.rescale"} <= set(by)
    on_cpu, _ = end_to_end.as_run("vit_tiny_patch16_224", "int8", 1, hardware.Cpu("c", H100.peak_flops, 1e9, 1e9, 1))
    assert len(on_cpu) < len(calls)


def test_a_case_without_a_kernel_is_told_and_the_rest_measured(monkeypatch):
    real = end_to_end._pass

    def lacking(name, fmt, batch, where):
        if fmt == "fp8":
            raise RuntimeError("no such kernel\nat all")
        return real(name, fmt, batch, where)

    monkeypatch.setattr(end_to_end, "_pass", lacking)
    backend = SimpleNamespace(name="torch", clocks={"eager": HostClock()})
    cases = [("vit_tiny_patch16_224", fmt, 1) for fmt in ("fp8", "bf16")]
    found = end_to_end.measure(cases, backend, device="c", where="cpu", budget_s=0.02)
    assert found.failed == {"vit_tiny_patch16_224 fp8 1": "no such kernel"}
    assert found.rows.precision.tolist() == ["bf16"]


def test_a_pass_whose_runs_do_not_fit_the_time_is_told_and_so_are_its_larger_batches(monkeypatch):
    ran = []

    def slow(_name, fmt, batch, _where):
        def work():
            ran.append((fmt, batch))
            time.sleep(0.5 if fmt == "bf16" else 0.0)

        return work

    monkeypatch.setattr(end_to_end, "_pass", slow)
    monkeypatch.setattr(timing, "LEAST_RUNS", 6)
    backend = SimpleNamespace(name="torch", clocks={"eager": HostClock()})
    cases = [("n", fmt, batch) for fmt in ("bf16", "fp32") for batch in (1, 4)]
    found = end_to_end.measure(cases, backend, device="c", where="cpu", budget_s=0.01, limit_s=2.0)
    assert set(found.failed) == {"n bf16 1", "n bf16 4"}
    assert found.failed["n bf16 4"].startswith("a pass takes 0.5")
    assert "s, 6 do not fit the" in found.failed["n bf16 4"]
    assert [case for case in ran if case[0] == "bf16"] == [("bf16", 1)]
    assert found.rows[["precision", "batch"]].to_numpy().tolist() == [["fp32", 1], ["fp32", 4]]
    nothing = end_to_end.measure(cases, backend, device="c", where="cpu", budget_s=0.01, limit_s=0.0)
    assert set(nothing.failed.values()) == {"no time is left"}
    assert end_to_end.predicted(nothing.rows).empty


def test_what_a_call_costs_the_host_is_measured_on_blocks_too_small_to_matter():
    backend = SimpleNamespace(clocks={"eager": HostClock()})
    assert 1e-7 < end_to_end.host_call_s(backend, "cpu", budget_s=0.05) < 1e-3


@pytest.mark.parametrize("fmt", LAYERS)
def test_a_narrow_layer_computes_what_its_weights_say(fmt):
    torch.manual_seed(0)
    wide = nn.Linear(256, 32).to(torch.bfloat16)
    x = torch.randn(3, 5, 256, dtype=torch.bfloat16)
    with torch.inference_mode():
        layer = narrow(nn.Sequential(wide), fmt)[0]
        found = layer(x).float()
        weight = layer.packed.unpacked() if fmt == "int4" else wide.weight.float()
        exact = nn.functional.linear(x.float(), weight, wide.bias.float())
    assert found.shape == (3, 5, 32)
    assert (found - exact).norm() < 0.05 * exact.norm()


def test_layers_that_do_not_fit_stay():
    kept = narrow(nn.Sequential(nn.Linear(256, 30), nn.Conv2d(16, 16, 3)), "fp8")
    assert type(kept[0]) is nn.Linear
    assert type(kept[1]) is nn.Conv2d


def test_the_campaign_of_a_gpu_has_three_networks_at_several_batches_and_formats():
    cases = pd.DataFrame(campaign.GPU_CASES, columns=["network", "fmt", "batch"])
    assert set(cases.network) == {"resnet50", "vit_base_patch16_224", "llama-3.1-8b block"}
    for name, part in cases.groupby("network"):
        assert part.groupby("fmt").batch.nunique().min() >= 3
        wanted = {"bf16"} if name == "resnet50" else set(FORMATS)
        assert wanted <= set(part.fmt)
        for case in part.itertuples(index=False):
            calls, used = end_to_end.as_run(case.network, case.fmt, case.batch, H100)
            assert len(calls) == len(used)
