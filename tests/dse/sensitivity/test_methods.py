import numpy as np
import pytest
import torch
from torch import nn

import dse
from costmodel.catalog import UnknownNameError
from costmodel.importers import torch_export
from costmodel.precision import precision
from dse.sensitivity import cutoffs, methods
from dse.sensitivity.clipping import clip, least_squares
from dse.sensitivity.loss import measure
from dse.sensitivity.predictions import predictions
from dse.sensitivity.ranges import observe

OPTIONS = tuple(precision(name) for name in ("int3/int4", "int8/int8"))


@pytest.fixture(scope="module")
def net():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(96, 6, generator=generator)
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    return module, (x, module(x).argmax(1)), torch_export.read(module, (x[:1],)).ops


def found(net, method, **how):
    module, data, ops = net
    return methods.sensitivity(module, data, OPTIONS, [op for op in ops if op.weight_elements], method=method, **how)


@pytest.mark.parametrize("method", methods.SOURCES)
def test_every_method_says_that_wide_formats_cost_less_and_how_well_it_adds_up(net, method):
    result = found(net, method, assignments=8)
    assert result.layers == ("0", "2", "4")
    assert (np.abs(result.loss[:, 0]) > np.abs(result.loss[:, 1])).all()
    assert result.additivity.spearman > 0.5
    assert len(result.additivity.measured) == 8


def test_measured_methods_are_measure_with_their_targets(net):
    module, data, _ = net
    own = measure(module, (data[0], predictions(module, data[0])), OPTIONS)
    assert found(net, "kl").loss == pytest.approx(own.loss)
    assert found(net, "loss").loss == pytest.approx(measure(module, data, OPTIONS).loss)
    quantised = dse.sensitivity.apply(module, {"4": OPTIONS[0]}, observe(module, ["4"], data[0]))
    expected = float((quantised(data[0]) - module(data[0])).detach().double().square().mean())
    assert found(net, "mse").loss[2, 0] == pytest.approx(expected, rel=1e-5)


def test_ranges_are_cut_off_by_their_rule(net):
    module, data, ops = net
    plain = observe(module, [op.name for op in ops if op.weight_elements], data[0])
    cut = {rule: cutoffs.cut(module, data, OPTIONS, plain, rule) for rule in (*cutoffs.RULES, "percentile:90")}
    assert cut["min-max"] == plain
    formats = [option.activation for option in OPTIONS]
    assert cut["mse"]["2"].limits == clip(module, plain, data[0], formats, least_squares)["2"].limits
    assert cut["percentile:90"]["2"].limits["int8"] < cut["percentile"]["2"].limits["int8"] <= plain["2"].absmax
    kl = {
        rule: measure(module, (data[0], predictions(module, data[0])), OPTIONS, ranges=ranges, assignments=4)
        for rule, ranges in cut.items()
    }
    whole = {rule: result.additivity.measured for rule, result in kl.items()}
    assert not np.allclose(whole["learned"], whole["min-max"])


def test_interactions_need_a_measured_method(net):
    module, data, _ = net
    ranges = observe(module, ["0", "2", "4"], data[0])
    pairs = methods.pairwise(module, data, OPTIONS, ranges, method="mse")
    assert pairs.alone == pytest.approx(found(net, "mse").loss, abs=1e-9)
    with pytest.raises(ValueError, match="interactions are measured, by loss, kl, mse; fisher foretells"):
        methods.pairwise(module, data, OPTIONS, ranges, method="fisher")


@pytest.mark.parametrize("rule", ["percentile:0", "percentile:x", "mse:3", "median"])
def test_a_rule_that_is_none_is_refused(rule):
    with pytest.raises(ValueError, match=rule):
        cutoffs.parse(rule)


def test_choices_refuse_what_a_workload_cannot_have(net):
    module, data, _ = net
    workload = torch_export.read(module, (data[0][:1],))
    with pytest.raises(ValueError, match="fisher sensitivity needs a torch module with calibration data"):
        dse.choices(workload, ["int4"], method="fisher")
    with pytest.raises(ValueError, match="learned ranges needs"):
        dse.choices(workload, ["int4"], ranges="learned")
    with pytest.raises(UnknownNameError, match="fischer"):
        dse.choices(module, ["int4"], data, method="fischer")
