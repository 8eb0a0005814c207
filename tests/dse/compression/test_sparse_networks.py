"""Masks, filters and gates on a trained network of digits: what is zero, what it costs, and what it loses."""

import numpy as np
import pytest
import torch
from torch import nn

import costmodel as cm
from app.demo.network import DigitsNet
from costmodel.importers import torch_export
from costmodel.strategies import DecayingMask, DynamicFilters, FilterPruning
from dse.compression import filter_scores, fine_tune, fire_together, nm_mask, norms_of, train_decaying, zeros
from dse.compression.firing import _fires, firing_shares
from dse.sensitivity.evaluate import accuracy


@pytest.fixture(scope="module")
def workload():
    return torch_export.read(DigitsNet(), (torch.zeros(1, 1, 8, 8),))


def _macs(net):
    return sum(op.macs for op in net.ops)


def test_of_every_m_weights_in_a_row_the_n_largest_stay():
    weight = torch.randn(6, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    groups = weight.flatten(1).unflatten(1, (-1, 4)).abs()
    kept = nm_mask(weight, 2, 4).flatten(1).unflatten(1, (-1, 4))
    assert (kept.sum(2) == 2).all()
    assert (groups[kept].unflatten(0, (-1, 2)).amin(1) >= groups[~kept].unflatten(0, (-1, 2)).amax(1)).all()


@pytest.mark.parametrize("schedule", ["sdgf_stepwise", "mdgf_linear"])
def test_a_decay_ends_at_n_of_m_and_uses_what_its_schedule_says(trained, data, workload, schedule):
    how = DecayingMask(1, 4, schedule, dense=0.1, fine_tune=0.3, rate=1.5, layers=("block*",))
    layers = [op.name for op in workload.ops if how.touches(op)]
    done = train_decaying(trained, layers, how, data["train"], epochs=3)
    assert "block3.conv2" in layers
    assert done.mean_density == pytest.approx(how.mean_density, abs=0.03)
    for name in layers:
        groups = done.module.get_submodule(name).weight.detach().flatten(1).unflatten(1, (-1, 4))
        assert ((groups != 0).sum(2) <= 1).all()
    assert accuracy(done.module, data["test"]) > accuracy(trained, data["test"]) - 0.05
    assert (trained.block3.conv2.weight != 0).all()


def test_beta_scores_are_magnitude_times_response():
    torch.manual_seed(0)
    conv, x = nn.Conv2d(2, 3, 3, stride=2, padding=1), torch.randn(16, 2, 6, 6)
    found = filter_scores(nn.Sequential(conv), ["0"], x)["0"]
    y, padded = conv(x).detach().double().numpy(), nn.functional.pad(x, (1, 1, 1, 1)).double().numpy()
    weight = conv.weight.detach().double().numpy()
    for f in range(3):
        total = 0.0
        for row in range(3):
            for column in range(3):
                patch = padded[:, :, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
                total += y[:, f, row, column].std(ddof=1) / patch.std(ddof=1)
        assert float(found[f]) == pytest.approx(np.abs(weight[f]).mean() * total, rel=1e-5)


def test_what_is_pruned_by_masks_computes_what_the_smaller_network_does(trained, data, workload):
    """Half of all channels: the network of half the width, with the weights that stay, gives the same logits."""
    how = FilterPruning(0.5)
    layers = [op.name for op in workload.ops if op.kind == "conv"]
    masks = zeros(workload, how(workload), filter_scores(trained, layers, data["calibration"][0]), trained)
    small, masked = DigitsNet(6).eval(), fine_tune(trained, data["train"], epochs=0, masks=masks)
    stem, first, second = ("stem", "block2.conv2", "block3.conv2")
    reads = {"stem": None, "head": second, "block1.conv1": stem, "block2.conv1": stem, "block2.shortcut": stem}
    reads |= {f"block{i}.conv2": f"block{i}.conv1" for i in (1, 2, 3)}
    reads |= {"block3.conv1": first, "block3.shortcut": first}
    state = {}
    for name, value in trained.state_dict().items():
        layer, kind = name.rsplit(".", 1)
        made = masks.get(f"{layer}.weight")
        kept = value[made.flatten()] if made is not None and value.ndim else value
        read = masks[f"{reads[layer]}.weight"].flatten() if reads.get(layer) else None
        state[name] = kept[:, read] if read is not None and kind == "weight" else kept
    small.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(masked(data["test"][0]), small(data["test"][0]), rtol=1e-4, atol=1e-4)
    built = torch_export.read(DigitsNet(6), (torch.zeros(1, 1, 8, 8),))
    assert [op.macs for op in how(workload).ops] == [op.macs for op in built.ops]
    assert [op.params for op in how(workload).ops] == [op.params for op in built.ops]


def test_fine_tuning_brings_a_pruned_network_back_and_keeps_its_zeros(trained, data, workload):
    pruned = FilterPruning(0.6)(workload)
    scores = filter_scores(trained, [op.name for op in workload.ops if op.kind == "conv"], data["calibration"][0])
    masks = zeros(workload, pruned, scores, trained)
    cut, tuned = (fine_tune(trained, data["train"], epochs=epochs, masks=masks) for epochs in (0, 3))
    assert accuracy(tuned, data["test"]) > max(0.9, accuracy(cut, data["test"]) + 0.3)
    assert all((tuned.get_parameter(name)[~mask.expand_as(tuned.get_parameter(name))] == 0).all()
               for name, mask in masks.items())  # fmt: skip


def test_the_strongest_filters_that_make_up_the_mass_fire():
    activations = torch.tensor([[0.5, 0.3, 0.2, 0.0], [1.0, 1.0, 1.0, 1.0]])
    assert _fires(activations, 0.5).tolist()[0] == [1, 0, 0, 0]
    assert _fires(activations, 0.75).tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    assert _fires(activations, 1.0).tolist()[0] == [1, 1, 1, 0]


def test_gated_filters_fire_by_input_and_cost_what_fires(trained, data, workload):
    gates = {conv: norm for conv, norm in norms_of(workload).items() if conv.endswith(".conv1")}
    some, most = (fire_together(trained, gates, data["train"], mass=mass, epochs=3) for mass in (0.6, 0.95))
    assert 0.1 < some.keep < most.keep < 1
    assert 0 < some.deviation < 0.3
    shares = firing_shares(some.module, data["test"][0])
    assert abs(float(shares.mean()) - some.keep) < 0.05
    how = DynamicFilters(some.keep, tuple(gates), deviation=some.deviation)
    assert _macs(how(workload)) < 0.9 * _macs(workload)
    assert accuracy(most.module, data["test"]) > accuracy(trained, data["test"]) - 0.05


def test_a_filter_that_does_not_fire_gives_nothing(trained, data, workload):
    gates = {"block2.conv1": norms_of(workload)["block2.conv1"]}
    gated = fire_together(trained, gates, data["train"], mass=0.7, epochs=1).module
    seen = []
    gated.inner.block2.conv2.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        gated(data["test"][0][:32])
    silent = gated.gates[0].mask == 0
    assert silent.any()
    assert (seen[0].flatten(2).amax(2)[silent] == 0).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda net, _: nm_mask(net.stem.weight, 5, 3), "0 < n <= m must hold and m divide"),
        (lambda net, _: nm_mask(net.stem.weight, 2, 4), "m divide a row of 9 weights"),
        (lambda net, data: train_decaying(net, ["stem"], DecayingMask(1, 4), data, epochs=1), r"\['stem'\]"),
        (lambda net, data: train_decaying(net, ["head"], DecayingMask(1, 4), data, epochs=0), "epochs=0"),
        (lambda net, data: filter_scores(net, ["stem"], data[0], score="rank"), "score must be one of beta, l1"),
        (lambda net, data: fire_together(net, {}, data, mass=0.0, epochs=1), r"mass must be in \(0, 1\]"),
        (lambda net, data: fire_together(net, {}, data, mass=0.5, epochs=1), "gates at least 1, got .*, 0"),
        (lambda net, data: fine_tune(net, data, epochs=-1), "epochs must be at least 0, got -1"),
    ],
)
def test_bad_input_is_one_line(trained, data, call, says):
    with pytest.raises(ValueError, match=says) as caught:
        call(trained, data["calibration"])
    assert "\n" not in str(caught.value)


def test_pruned_layers_need_scores(trained, workload):
    with pytest.raises(ValueError, match="needs scores, stem has none"):
        zeros(workload, FilterPruning(0.5)(workload), {}, trained)


def test_filters_of_a_gate_and_its_value_have_no_scores_of_their_own(trained):
    vig = cm.zoo.build("vig_tiny")
    with pytest.raises(ValueError, match=r"a channel of blocks.\d.mlp.gate_proj is one output of it, got a gate and"):
        zeros(vig, FilterPruning(by_layer=("*.gate_proj=0.5",))(vig), {}, trained)
