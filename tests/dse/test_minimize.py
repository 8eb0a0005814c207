"""Plans of named problems: on the estimate's own grid, within every kind of budget."""

import itertools
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

import costmodel as cm
import dse
from costmodel import display
from costmodel.catalog import UnknownNameError
from costmodel.estimators.fpga import overlay
from costmodel.workload import Workload
from costmodel.workload.ops import linear
from dse.metric import (
    bops,
    cycles,
    energy_j,
    footprint_bytes,
    latency_s,
    loss,
    lut,
    peak_activation_bytes,
    throughput_per_s,
    weight_bytes,
)
from dse.sensitivity.methods import SOURCES


@pytest.fixture(scope="module")
def resnet():
    return dse.choices(cm.zoo.build("resnet18"), ["int4", "int8", "bf16"])


@pytest.fixture(scope="module")
def on_gpu(resnet):
    return resnet.on(cm.gpu("h100_sxm"))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    x = torch.randn(32, 1, 8, 8)
    return dse.choices(module, ["int2", "int4", "int8"], (x, torch.zeros(32, dtype=torch.long)))


def test_a_budget_that_a_sum_misses_by_its_rounding_is_met(on_gpu):
    least = math.fsum(on_gpu.costs["energy_j"].min(axis=1))
    budget = energy_j <= np.nextafter(least, 0.0)
    plan = dse.minimize(loss, over=on_gpu, subject_to=[budget])
    assert budget.met(plan.totals["energy_j"])
    assert budget.met(plan.estimate().totals["energy_j"])
    front = dse.front(on_gpu, [loss, energy_j], subject_to=[budget])
    assert budget.met(front.points[:, 1]).all()
    with pytest.raises(dse.InfeasibleError, match="energy_j is at least"):
        dse.minimize(loss, over=on_gpu, subject_to=[energy_j <= least * (1 - 1e-9)])


def test_plan_totals_are_those_of_its_estimate(on_gpu):
    plan = dse.minimize(loss, over=on_gpu, subject_to=[weight_bytes <= 9e6, latency_s <= 1.0])
    found = plan.estimate()
    assert plan.proven
    assert plan.totals["weight_bytes"] <= 9e6
    for name in ("weight_bytes", "latency_s", "bops", "energy_j", "bytes_moved"):
        assert plan.totals[name] == pytest.approx(found.totals[name], rel=1e-12)
    assert set(plan.assignment) == set(cm.zoo.build("resnet18").layers)


@pytest.mark.parametrize("option", [0, 1, 2])
def test_uniform_choice_is_the_uniform_estimate(on_gpu, option):
    uniform = cm.estimate(on_gpu.workload, on_gpu.options[option], on_gpu.device)
    found = on_gpu.estimate(on_gpu.uniform(option))
    assert found.totals == pytest.approx(uniform.totals, rel=1e-12)


def test_formats_mean_what_design_says(resnet):
    assert [o.name for o in resnet.options(cm.gpu("h100_sxm"))] == ["int4/bf16", "int8/bf16", "bf16/bf16"]
    assert next(iter(resnet.options(cm.gpu("t4")))).name == "int4/fp16"
    pairs = dse.choices(resnet.workload, ["w8a8", "int4_g128/bf16/fp8_e4m3"]).options(cm.gpu("h100_sxm"))
    assert [o.name for o in pairs] == ["int8/int8", "int4_g128/bf16/fp8_e4m3"]
    integers = dse.choices(resnet.workload, ["int4", "int8"]).options(cm.fpga("zcu104"))
    assert [o.name for o in integers] == ["int4/int4", "int8/int8"]


def test_any_additive_metric_can_be_minimised_under_a_loss_budget(on_gpu):
    best = dse.minimize(energy_j, over=on_gpu, subject_to=[loss <= 0.05])
    assert best.proven
    assert on_gpu.total_loss(best.choice) <= 0.05
    assert dse.minimize(energy_j, over=on_gpu).objective <= best.objective


def test_small_network_equals_brute_force_on_an_fpga(small):
    problem = replace(small, formats=("int2/int8", "int4/int8", "int8/int8"), measured={}).on(cm.fpga("pynq_z1"))
    limit, least = brute_force(problem, 0.5)
    plan = dse.minimize(loss, over=problem, subject_to=[lut <= limit])
    assert plan.proven
    assert plan.objective == pytest.approx(least, rel=1e-12)


def brute_force(problem, share):
    """A limit of LUTs that a share of all plans keeps, and the least loss of these."""
    every = [np.array(c) for c in itertools.product(range(3), repeat=len(problem.layers))]
    taken = [problem.estimate(c).totals["lut"] for c in every]
    limit = np.quantile(taken, share)
    return limit, min(problem.total_loss(c) for c, spent in zip(every, taken, strict=True) if spent <= limit)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_plans_whose_outputs_depend_on_what_reads_them_keep_budgets_as_evaluated_within_a_bound(small, share):
    problem = small.on(cm.fpga("pynq_z1"))
    limit, least = brute_force(problem, share)
    plan = dse.minimize(loss, over=problem, subject_to=[lut <= limit])
    assert plan.totals["lut"] == plan.estimate().totals["lut"] <= limit
    assert plan.bound <= least * (1 + 1e-9)
    assert plan.objective == pytest.approx(least, rel=1e-9)  # by changes of one or two layers, as it happens


@pytest.mark.parametrize("metric", [peak_activation_bytes, footprint_bytes])
@pytest.mark.parametrize(
    ("phase", "device", "formats"),
    [
        ("forward", cm.fpga("pynq_z1"), ["int2", "int4", "int8"]),
        ("forward", cm.gpu("a100_sxm"), ["int4/int8", "int8/int8", "int4/bf16"]),
        ("training", cm.gpu("h100_sxm"), ["fp8_e4m3/fp8_e4m3", "bf16", "fp32/fp32"]),
    ],
)
def test_peak_budgets_are_met_exactly(metric, phase, device, formats):
    net = Workload("net", (linear("a", 6, 8, 16), linear("b", 6, 16, 4), linear("c", 6, 4, 32)))
    problem = dse.choices(cm.training(net) if phase == "training" else net, formats).on(device)
    every = [np.array(c) for c in itertools.product(range(3), repeat=len(problem.layers))]
    peaks = [problem.estimate(c).totals[metric.name] for c in every]
    for limit in np.unique(peaks):
        best = min(problem.total_loss(c) for c, peak in zip(every, peaks, strict=True) if peak <= limit)
        plan = dse.minimize(loss, over=problem, subject_to=[metric <= limit])
        assert plan.estimate().totals[metric.name] <= limit
        assert plan.objective == pytest.approx(best, rel=1e-12)
    with pytest.raises(dse.InfeasibleError) as refused:
        dse.minimize(loss, over=problem, subject_to=[metric <= min(peaks) / 2])
    assert refused.value.least == {metric.name: pytest.approx(min(peaks), rel=2e-6)}


def test_the_least_peak_told_is_that_of_the_fullest_moment(small):
    problem = small.on(cm.fpga("pynq_z1"))
    every = [np.array(c) for c in itertools.product(range(3), repeat=len(problem.layers))]
    peaks = np.array([problem.estimate(c).totals["peak_activation_bytes"] for c in every])
    losses = np.array([problem.total_loss(c) for c in every])
    with pytest.raises(dse.InfeasibleError) as alone:
        dse.minimize(loss, over=small, on=problem.device, subject_to=[lut <= 1e5, peak_activation_bytes <= 1])
    assert alone.value.alone
    assert alone.value.least["peak_activation_bytes"] == peaks.min()
    assert str(alone.value) == (
        f"no plan meets the budget: peak_activation_bytes is at least {peaks.min():.9g} (budget 1)"
    )
    most = float(np.quantile(losses, 0.2))
    with pytest.raises(dse.InfeasibleError, match=r"together: given the others, loss is .* and peak_a") as together:
        dse.minimize(loss, over=problem, subject_to=[loss <= most, peak_activation_bytes <= peaks.min()])
    assert together.value.least == {
        "loss": pytest.approx(losses[peaks == peaks.min()].min(), rel=1e-9),
        "peak_activation_bytes": pytest.approx(peaks[losses <= most].min(), rel=2e-6),
    }


def test_throughput_and_cycles_limit_the_slowest_layer(small):
    problem = small.on(cm.fpga("pynq_z1"))
    rate = problem.estimate(problem.uniform(2)).totals["throughput_per_s"]
    assert dse.minimize(loss, over=problem, subject_to=[throughput_per_s >= rate * 0.999]).proven
    with pytest.raises(dse.InfeasibleError, match="cycles") as caught:
        dse.minimize(loss, over=problem, subject_to=[cycles <= 1])
    assert caught.value.least["cycles"] > 1


def test_ties_hold_by_name(small):
    problem = small.on(cm.fpga("pynq_z1"))
    limit = problem.estimate(problem.uniform(1)).totals["bops"] * 1.1
    plan = dse.minimize(loss, over=problem, subject_to=[bops <= limit], ties=[[problem.layers[0], problem.layers[-1]]])
    assert plan.choice[0] == plan.choice[-1]


def test_front_ends_at_the_cheapest_and_the_best(small):
    problem = small.on(cm.fpga("pynq_z1"))
    found = dse.front(problem, [loss, weight_bytes])
    assert found.points[0, 1] == problem.costs["weight_bytes"].min(axis=1).sum()
    assert found.points[-1, 0] == pytest.approx(problem.loss.min(axis=1).sum(), rel=1e-12)


def test_a_workload_without_weights_takes_the_proxy_and_says_so(on_gpu, small):
    assert on_gpu.loss_source == SOURCES["sqnr"]
    assert small.on(cm.fpga("pynq_z1")).loss_source.startswith("measured")


def test_bad_questions_are_one_line(resnet, on_gpu):
    with pytest.raises(ValueError, match="no fp8 pipe"):
        dse.choices(resnet.workload, ["fp8_e4m3/fp8_e4m3"]).on(cm.gpu("a100_sxm"))
    with pytest.raises(ValueError, match="differ"):
        dse.choices(resnet.workload, ["int8", "int8/bf16"]).on(cm.gpu("h100_sxm"))
    with pytest.raises(ValueError, match="at least one"):
        dse.choices(resnet.workload, [])
    with pytest.raises(TypeError, match=r"formats must be a list of names, as \['int4', 'int8'\], got 'int8'$"):
        dse.choices(resnet.workload, "int8")
    with pytest.raises(TypeError, match=r"formats must be a list of names, .* got 3 in it$"):
        dse.choices(resnet.workload, ["int8", 3])
    with pytest.raises(ValueError, match=r"peak_activation_bytes is no metric to minimise: .* no sum over layers"):
        dse.minimize(dse.metric.peak_activation_bytes, over=on_gpu)
    with pytest.raises(ValueError, match="needs a device"):
        dse.minimize(loss, over=resnet)
    with pytest.raises(ValueError, match="no throughput budget"):
        dse.minimize(loss, over=on_gpu, subject_to=[throughput_per_s >= 5])
    with pytest.raises(UnknownNameError, match="budget on h100_sxm"):
        dse.minimize(loss, over=on_gpu, subject_to=[lut <= 5])
    with pytest.raises(TypeError, match=r"choices takes a torch module and .*, got \(Linear, int\)$"):
        dse.choices((nn.Linear(2, 2), 3), ["int8"])
    with pytest.raises(TypeError, match=r"choices takes a torch module and .*, got a LanguageModel$"):
        dse.choices(cm.zoo.llama("3.2-1b"), ["int8"])
    with pytest.raises(ValueError, match="calibration data"):
        dse.choices(nn.Linear(2, 2), ["int8"])
    with pytest.raises(UnknownNameError, match="layer"):
        dse.minimize(loss, over=on_gpu, ties=[["conv1", "nope"]])


class Attentive(nn.Module):
    """A network with weights that no module of their own multiplies: projections of an attention that stays whole."""

    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(16, 16)
        self.self_attn = nn.MultiheadAttention(16, 2, batch_first=True, add_zero_attn=True)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = self.linear1(x)
        return self.head(self.self_attn(x, x, x)[0].mean(1))


def test_weights_that_cannot_be_measured_stay_at_the_widest_option():
    torch.manual_seed(0)
    module = Attentive().eval()
    choices = dse.choices(module, ["int4", "int8"], (torch.randn(20, 5, 16), torch.zeros(20, dtype=torch.long)))
    problem = choices.on(cm.gpu("h100_sxm"))
    assert problem.layers == ("linear1", "head")
    narrow = problem.estimate(problem.uniform(0))
    by_name = {row["name"]: row["precision"] for row in narrow.table()}
    assert by_name["linear1"] == "int4/bf16"
    assert {by_name[op.name] for op in problem.workload.ops if "self_attn" in op.name} == {"int8/bf16"}
    plan = dse.minimize(loss, over=problem, subject_to=[weight_bytes <= narrow.totals["weight_bytes"]])
    assert plan.totals["weight_bytes"] == narrow.totals["weight_bytes"]
    assert plan.estimate().totals["latency_s"] == pytest.approx(plan.totals["latency_s"], rel=1e-12)


def test_a_budget_of_luts_holds_for_the_array_of_an_overlay():
    board = cm.fpga("zcu102")
    chosen = dse.choices(cm.zoo.build("resnet18"), ["int4", "int8"])
    problem = replace(chosen, design=partial(overlay.fit, most={"lut": 20e3})).on(board)
    plan = dse.minimize(loss, over=problem, subject_to=[lut <= 20e3])
    assert plan.estimate().totals["lut"] == problem.folding.lut <= 20e3
    with pytest.raises(dse.InfeasibleError, match="whatever the layers' formats, the budget allows 1000") as caught:
        dse.minimize(loss, over=problem, subject_to=[lut <= 1e3])
    assert caught.value.least == {"lut": problem.folding.lut}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"metric": "loss"}, r"takes a Metric, as dse.metric.loss, got 'loss'"),
        ({"over": "zoo:resnet18"}, r"what dse.choices\(model, formats, data\) gives, got a str"),
        ({"on": "h100_sxm"}, r"cm.device\('h100_sxm'\) gives, got 'h100_sxm'"),
        ({"subject_to": weight_bytes <= 1e6}, r"subject_to is a list of budgets"),
        ({"allow": {"conv1": "int8"}}, r"allow of conv1 must be a list of names, as \['int4', 'int8'\], got 'int8'"),
        ({"allow": [("conv1", "int8")]}, r"allow is a mapping of layers, as {'layer1.\*': \['int4', 'int8'\]}, got"),
        ({"pins": {"conv1": ["int8"]}}, r"pins have a format each, as {'conv1': 'int8'}, got \['int8'\] for conv1"),
        ({"ties": ["conv1"]}, r"ties are groups of layer names, .* got 'conv1' for a group"),
        ({"ties": 3}, r"ties are groups of layer names, .* got 3 for a group"),
        ({"conversion": "x"}, "a conversion must be a number or a rectangular table of numbers, got 'x'"),
    ],
)
def test_what_is_none_of_the_kinds_is_told(changed, told):
    given = {"metric": loss, "over": dse.choices(cm.zoo.build("resnet18"), ["int8"]), "on": cm.gpu("h100_sxm")}
    given |= changed
    with pytest.raises(TypeError, match=told):
        dse.minimize(given.pop("metric"), **given)


@pytest.mark.parametrize("device", ["h100_sxm", "pynq_z1"])
@pytest.mark.parametrize("measured", [False, True])
def test_a_model_without_weights_has_nothing_to_choose(device, measured):
    module, x = nn.Sequential(nn.ReLU()), torch.ones(2, 4)
    given = (module, ["int4", "int8"], (x, torch.zeros(2, dtype=torch.long)))
    over = dse.choices(*given) if measured else dse.choices(dse.choices(*given).workload, ["int4", "int8"])
    with pytest.raises(ValueError, match="Sequential has no layer with weights to choose a format for"):
        over.on(cm.device(device))


def test_calibration_data_of_another_kind_is_told(small):
    data = {"train": small.data, "calibration": small.data}
    with pytest.raises(ValueError, match=r"must be \(inputs, targets\) .* got {train: .*, calibration: .*}"):
        dse.choices(small.module, ["int4"], data)
    with pytest.raises(ValueError, match=r"must be \(inputs, targets\) .* got str"):
        dse.choices(small.module, ["int4"], "digits")


def test_choices_problems_and_metrics_have_short_cards(resnet, on_gpu, small):
    assert "int4, int8, bf16" in resnet._repr_html_()
    assert "kl on calibration data" in small._repr_html_()
    card = on_gpu._repr_html_()
    assert "Problem: resnet18 on h100_sxm" in card
    assert display.quantity("weight_bytes", float(on_gpu.costs["weight_bytes"][:, 0].sum())) in card
    assert "lower" in latency_s._repr_html_()
    assert "&lt;= 12.1 ms" in (latency_s <= 0.0121)._repr_html_()
    assert max(len(html) for html in (card, resnet._repr_html_(), latency_s._repr_html_())) < 3000
