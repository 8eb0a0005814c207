"""Whole networks in every format and way of launching, on the CPU: the flow that a GPU takes."""

import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import costmodel as cm
from costmodel import hardware
from costmodel.catalog import UnknownNameError
from profilers import campaign, end_to_end, pass_timing, timing
from profilers.case import COMPILED, EAGER, GRAPH, TRAINING, Case
from profilers.cases import MORE_CASES
from profilers.networks import network
from profilers.networks.experts import Experts
from profilers.networks.llama import DecoderBlock, PromptBlock
from profilers.networks.narrow import LAYERS, narrow
from profilers.timing import HostClock

FORMATS = ("bf16", "fp8", "int8", "int4")
VIT = Case("vit_tiny_patch16_224", "bf16", 1)
H100 = hardware.gpu("h100_sxm")


def _backend(**clocks):
    return SimpleNamespace(name="torch", clocks=clocks, power_of=lambda _way: {})


@pytest.fixture(scope="module")
def measured():
    """A small network in four formats, launched in the two ways of a GPU, both by the host's clock here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    clocks = {GRAPH: HostClock(), EAGER: HostClock()}
    backend = _backend(**clocks)
    cases = [("vit_tiny_patch16_224", fmt, 1) for fmt in FORMATS]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timing, "LEAST_RUNS", 2)
        yield pass_timing.measure(cases, backend, device="h100_sxm", where="cpu", budget_s=0.01)
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
    calls, _ = end_to_end.as_run(VIT, H100)
    assert eager == pytest.approx(1e-3 * sum(op.count for op in calls))
    assert graph < eager
    bf16, fp8 = (
        end_to_end.predicted(row.iloc[[1]].assign(precision=fmt)).predicted_s.item() for fmt in ("bf16", "fp8")
    )
    assert fp8 - bf16 == pytest.approx(1e-3 * 48 * (end_to_end.HOST_CALLS["fp8"] + 1))  # a bias is added apart


def test_narrow_layers_alone_are_narrow_and_their_quantisers_are_calls_of_a_gpu():
    calls, used = end_to_end.as_run(VIT._replace(precision="int8"), H100)
    by = dict(zip([op.name for op in calls], used, strict=True))
    assert by["blocks.0.attn.qkv"].math_pipe == "int8"
    assert by["head"].math_pipe == by["blocks.0.norm1"].math_pipe == "bf16"  # 1000 classes are no multiple of 16
    assert {"blocks.0.attn.qkv.quantise", "blocks.0.attn.qkv.rescale"} <= set(by)
    cpu = hardware.Cpu("c", H100.peak_flops, 1e9, 1e9, 1)
    on_cpu, _ = end_to_end.as_run(VIT._replace(precision="int8"), cpu)
    assert len(on_cpu) < len(calls)


def test_a_case_without_a_kernel_is_told_and_the_rest_measured(monkeypatch):
    real = pass_timing._pass

    def lacking(case, where):
        if case.precision == "fp8":
            raise RuntimeError("no such kernel\nat all")
        return real(case, where)

    monkeypatch.setattr(pass_timing, "_pass", lacking)
    backend = _backend(eager=HostClock())
    cases = [("vit_tiny_patch16_224", fmt, 1) for fmt in ("fp8", "bf16")]
    found = pass_timing.measure(cases, backend, device="c", where="cpu", budget_s=0.02)
    assert found.failed == {"vit_tiny_patch16_224 fp8 1": "no such kernel"}
    assert found.rows.precision.tolist() == ["bf16"]


def test_a_pass_whose_runs_do_not_fit_the_time_is_told_and_so_are_its_larger_batches(monkeypatch):
    ran = []

    def slow(case, _where):
        def work():
            ran.append((case.precision, case.batch))
            time.sleep(0.5 if case.precision == "bf16" else 0.0)

        return work

    monkeypatch.setattr(pass_timing, "_pass", slow)
    monkeypatch.setattr(timing, "LEAST_RUNS", 6)
    backend = _backend(eager=HostClock())
    cases = [("n", fmt, batch) for fmt in ("bf16", "fp32") for batch in (1, 4)]
    found = pass_timing.measure(cases, backend, device="c", where="cpu", budget_s=0.01, limit_s=2.0)
    assert set(found.failed) == {"n bf16 1", "n bf16 4"}
    assert found.failed["n bf16 4"].startswith("a pass takes 0.5")
    assert "s, 6 do not fit the" in found.failed["n bf16 4"]
    assert [case for case in ran if case[0] == "bf16"] == [("bf16", 1)]
    assert found.rows[["precision", "batch"]].to_numpy().tolist() == [["fp32", 1], ["fp32", 4]]
    nothing = pass_timing.measure(cases, backend, device="c", where="cpu", budget_s=0.01, limit_s=0.0)
    assert set(nothing.failed.values()) == {"no time is left"}
    assert end_to_end.predicted(nothing.rows).empty


def test_what_a_call_costs_the_host_is_measured_on_blocks_too_small_to_matter():
    backend = SimpleNamespace(clocks={"eager": HostClock()})
    assert 1e-7 < pass_timing.host_call_s(backend, "cpu", budget_s=0.05) < 1e-3


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
    cases = pd.DataFrame(campaign.GPU_CASES).rename(columns={"precision": "fmt"})
    assert set(cases.network) == {"resnet50", "vit_base_patch16_224", "llama-3.1-8b block"}
    for name, part in cases.groupby("network"):
        assert part.groupby("fmt").batch.nunique().min() >= 3
        wanted = {"bf16"} if name == "resnet50" else set(FORMATS)
        assert wanted <= set(part.fmt)
        for case in part.itertuples(index=False):
            calls, used = end_to_end.as_run(Case(case.network, case.fmt, case.batch), H100)
            assert len(calls) == len(used)


def test_a_training_pass_is_forward_and_backward_and_priced_as_one(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_RUNS", 2)
    cases = [VIT, VIT._replace(run=TRAINING)]
    found = pass_timing.measure(cases, _backend(eager=HostClock()), device="h100_sxm", where="cpu", budget_s=0.01)
    assert not found.failed
    assert found.rows.run.tolist() == ["forward", "training"]
    assert found.rows.latency_s.iloc[1] > 1.5 * found.rows.latency_s.iloc[0]
    forward, both = end_to_end.predicted(found.rows.assign(launched="graph")).predicted_s
    assert 2.0 < both / forward < 5.0


def test_the_gradient_of_every_parameter_is_made():
    work = pass_timing._pass(Case("all-minilm-l6-v2", "fp32", 1, TRAINING), "cpu")
    work()
    module = work.args[0]
    missing = [name for name, weight in module.named_parameters() if weight.grad is None and "pooler" not in name]
    assert not missing


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_a_compiled_network_computes_the_same_and_is_a_backend_of_its_own(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_RUNS", 2)
    torch.manual_seed(0)
    case = Case("all-minilm-l6-v2", "fp32", 1, compiled=True)
    with torch.no_grad():
        work = pass_timing._pass(case, "cpu")
        plain = work.func._orig_mod(*work.args)
        torch.testing.assert_close(work()[0], plain[0], rtol=1e-3, atol=1e-4)
    found = pass_timing.measure([case], _backend(eager=HostClock()), device="h100_sxm", where="cpu", budget_s=0.01)
    assert found.rows.backend.tolist() == [f"torch{COMPILED}"]


def test_compiled_networks_fuse_and_are_those_of_no_named_software():
    fused, _ = end_to_end.as_run(VIT._replace(compiled=True), H100)
    apart, _ = end_to_end.as_run(VIT, H100)
    assert sum(float(op.launches) for op in fused) < sum(float(op.launches) for op in apart)
    row = {"gpu": "h100_sxm", "backend": f"torch{COMPILED}", "launched": "graph", "host_call_s": 0.0, "latency_s": 1.0}
    named = pd.DataFrame([{"network": VIT.network, "precision": "bf16", "batch": 1, **row}])
    (latency_s,) = end_to_end.predicted(named).predicted_s
    whole = cm.estimate(cm.zoo.build(VIT.network, batch=1), "bf16", H100)
    assert latency_s == pytest.approx(whole.totals["latency_s"])


def test_a_prompt_block_is_the_decoder_block_run_over_its_prompt():
    """Its last token's output is what a step after the others gives."""
    torch.manual_seed(0)
    prompt = PromptBlock(64, 4, 2, 128, 2, 6)
    step = DecoderBlock(64, 4, 2, 128, 2, 6)
    step.load_state_dict(prompt.state_dict())
    x = torch.randn(2, 6, 64)
    with torch.inference_mode():
        whole = prompt(x)
        step.cache[0].copy_(prompt.cache[0])
        step.cache[1].copy_(prompt.cache[1])
        torch.testing.assert_close(step(x[:, -1:]), whole[:, -1:], rtol=1e-4, atol=1e-5)


def test_grouped_experts_are_each_token_by_its_own_experts():
    torch.manual_seed(0)
    experts = Experts(4, 2, 16, 8, 5)
    rows = torch.randn(10, 16)
    found, start = experts(rows), 0
    for i, end in enumerate(experts.ends.tolist()):
        gate, up = (rows[start:end] @ experts.inward[i]).chunk(2, -1)
        torch.testing.assert_close(found[start:end], (nn.functional.silu(gate) * up) @ experts.outward[i])
        start = end


@pytest.mark.parametrize("group", MORE_CASES)
def test_every_further_case_is_a_network_that_is_counted(group):
    for case in MORE_CASES[group]:
        calls, used = end_to_end.as_run(case, H100)
        assert len(calls) == len(used) > 2


def test_a_network_that_nobody_has_is_named_with_near_ones():
    with pytest.raises(UnknownNameError, match="resnet50"):
        network("resnet5")
    with pytest.raises(ValueError, match="timm has vision networks, gpt2 is a language model"):
        network("gpt2")
