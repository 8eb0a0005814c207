"""The explorer's columns are those of costmodel.estimate, design by design."""

from dataclasses import replace

import numpy as np
import pytest
import spaces

import costmodel as cm
from costmodel.estimators import energy, roofline
from costmodel.estimators.fpga import fold, overlay
from dse import passes
from dse.chunk import blocks
from dse.sensitivity import sqnr_loss
from dse.space import Space

NAMES = [
    "latency_s", "energy_j", "weight_bytes", "kv_bytes", "peak_activation_bytes", "footprint_bytes", "bytes_moved",
    "params", "macs", "flops", "vector_flops", "bops",
]  # fmt: skip


def columns(space):
    found = list(blocks(space, 0, space.size))
    return {name: np.concatenate([e.columns[:, i] for e in found]) for i, name in enumerate(space.columns)}


def test_equal_estimate_on_gpus():
    space = spaces.small(
        latency="estimate", objectives=["latency_s"], constraints=[], metrics=[*NAMES, "examples_per_s"]
    )
    found = columns(space)
    for i in range(0, space.size, 5):
        design = space.design(i)
        workload = passes.build(design).workload
        precision, device = cm.precision(design["precision"]), cm.device(design["device"])
        if np.isnan(found["latency_s"][i]):
            with pytest.raises(ValueError, match="pipe"):
                cm.estimate(workload, precision, device)
            continue
        totals = cm.estimate(workload, precision, device).totals
        for name in NAMES:
            assert found[name][i] == pytest.approx(totals[name], rel=1e-12), (design, name)
        assert found["examples_per_s"][i] == pytest.approx(design["batch"] / totals["latency_s"], rel=1e-12)


def test_what_layers_write_is_told_apart_and_counts_as_in_estimate():
    axes = {"model": ["zoo:resnet18", "zoo:gpt2"], "device": ["a100_sxm", "l4"], "batch": [1, 8]}
    axes["precision"] = ["int8/int8", "int8/int8>bf16", "bf16"]
    space = Space.read({"objectives": ["latency_s"], "latency": "estimate", "metrics": NAMES, "axes": axes})
    found = columns(space)
    for i in range(space.size):
        design = space.design(i)
        totals = cm.estimate(passes.build(design).workload, design["precision"], cm.gpu(design["device"])).totals
        for name in NAMES:
            assert found[name][i] == pytest.approx(totals.get(name, np.nan), rel=1e-12, nan_ok=True), (design, name)


def test_a_changed_bandwidth_or_l2_counts_as_in_estimate():
    axes = {"device.memory_bytes_per_s": [1e10, 3e11], "device.l2_bytes": [1e7, 5e7]}
    space = Space.read({
        "objectives": ["latency_s"], "metrics": ["weight_bytes"],
        "axes": {"model": "zoo:deit_tiny_patch16_224", "precision": ["bf16", "w8a8"], "device": "l4", **axes},
    })  # fmt: skip
    found = columns(space)
    for i in range(space.size):
        design = space.design(i)
        gpu = replace(cm.gpu("l4"), **{name.removeprefix("device."): design[name] for name in axes})
        totals = cm.estimate(passes.build(design).workload, design["precision"], gpu).totals
        assert found["latency_s"][i] == pytest.approx(totals["latency_s"], rel=1e-12)
        read_s = found["weight_bytes"][i] / gpu.memory_bytes_per_s
        assert (found["latency_s"][i] < read_s) == (totals["footprint_bytes"] <= gpu.l2_bytes and read_s > 1e-3)


def test_roofline_equals_the_sum_of_its_formula_and_the_proxy_that_of_choices():
    space = spaces.small(objectives=["latency_s"], constraints=[], metrics=["energy_j", "loss"])
    found = columns(space)
    for i in range(0, space.size, 7):
        design = space.design(i)
        workload = passes.build(design).workload
        precision, device = cm.precision(design["precision"]), cm.gpu(design["device"])
        expected = roofline.latency_s(workload.batch_of_ops, precision, device).sum()
        np.testing.assert_allclose(found["latency_s"][i], expected, rtol=1e-12)
        joules = energy.energy_j(workload.batch_of_ops, precision, device).sum()
        np.testing.assert_allclose(found["energy_j"][i], joules, rtol=1e-12)
        layers = [op for op in workload.ops if op.weight_elements > 0]
        np.testing.assert_allclose(found["loss"][i], sqnr_loss(layers, [precision]).sum(), rtol=1e-12)


def test_training_keeps_gradients_and_states():
    model = {"model": "zoo:resnet18", "phase": "training"}
    space = spaces.small(model=model, objectives=["footprint_bytes"], constraints=[], precision="bf16", device="t4")
    found = columns(space)["footprint_bytes"]
    for i in range(space.size):
        totals = cm.estimate(passes.build(space.design(i)).workload, "bf16", cm.gpu("a100_sxm")).totals
        assert found[i] == pytest.approx(totals["footprint_bytes"], rel=1e-12)


def test_fpgas_beside_gpus():
    space = Space.read({
        "axes": {"model": "zoo:resnet18", "precision": ["w4a4", "w8a8", "bf16"], "device": ["t4", "u250"]},
        "objectives": ["latency_s", "lut"], "constraints": ["device.lut < 2e6"],
        "metrics": ["throughput_per_s", "bops"],
    })  # fmt: skip
    found = columns(space)
    totals = cm.estimate(cm.zoo.build("resnet18"), cm.W4A4, cm.fpga("u250")).totals
    assert space.design(1)["device"] == "u250"
    for name in ("latency_s", "lut", "throughput_per_s", "bops"):
        assert found[name][1] == pytest.approx(totals[name])
    assert np.isnan(found["lut"][[0, 2, 4, 5]]).all(), "a GPU has none, and no formula covers bf16"
    feasible = np.concatenate([e.feasible for e in blocks(space, 0, space.size)])
    assert feasible.tolist() == [False, True, False, True, False, False]


@pytest.mark.parametrize(
    ("model", "device", "misfit"),
    [("zoo:resnet18", "zcu104", "w8a8"), ({"model": "zoo:llama-2-70b", "phase": "decode"}, "a100_sxm", "w16a16"),
     ("zoo:llama-3.2-1b", "pynq_z1", "w4a4")],
)  # fmt: skip
def test_what_does_not_fit_is_on_no_front_unless_asked_for(model, device, misfit):
    """A design that a device cannot hold has figures, which no other design should have to beat."""
    told = {"axes": {"model": model, "precision": misfit, "device": device}, "objectives": ["latency_s"]}
    (held,), (kept,) = (list(blocks(s, 0, 1)) for s in (Space.read(told), Space.read(told | {"misfits": True})))
    assert not held.feasible.any()
    assert held.counts.excluded == 1
    assert kept.feasible.all()
    assert Space.read(told | {"misfits": True}).columns == ("latency_s", "fits")
    assert kept.columns[0, 1] == 0
    assert kept.columns[0, 0] > 0


def test_a_mapping_is_an_axis_of_fpgas():
    axes = {"model": "zoo:resnet18", "resolution": 64, "precision": "w4a4", "device": "u250"}
    axes |= {"mapping": ["dataflow", "overlay"]}
    found = columns(Space.read({"axes": axes, "objectives": ["latency_s", "maximise throughput_per_s"]}))
    workload, device = cm.models.load("zoo:resnet18", resolution=64), cm.device("u250")
    for i, design in enumerate((fold, overlay.fit)):
        totals = cm.estimate(workload, "w4a4", device, design=design).totals
        assert {name: column[i] for name, column in found.items()} == {n: totals[n] for n in found}
    with pytest.raises(ValueError, match="the axis 'mapping' is for FPGAs, and h100_sxm is none"):
        Space.read({"axes": axes | {"device": ["u250", "h100_sxm"]}, "objectives": ["latency_s"]})
    with pytest.raises(ValueError, match="unknown mapping 'overlap'; did you mean overlay"):
        Space.read({"axes": axes | {"mapping": "overlap"}, "objectives": ["latency_s"]})


def test_a_roofline_of_an_fpga_is_refused():
    with pytest.raises(ValueError, match="zcu104"):
        columns(spaces.small(device="zcu104", batch=[1]))


def test_axes_vary_fields_of_the_device():
    rates = [1e12, 2e12, 8e12]
    space = spaces.small(
        objectives=["latency_s"], constraints=[], batch=[1], metrics=["weight_bytes"],
        **{"device.memory_bytes_per_s": rates, "device.peak_flops.bf16": [1e14, 1e15]},
    )  # fmt: skip
    found = columns(space)["latency_s"].reshape(*space.shape)
    assert found.shape == (2, 1, 6, 3, 3, 2)
    device = cm.gpu("h100_sxm")
    ops = cm.zoo.build("resnet18").batch_of_ops
    from dataclasses import replace

    for i, rate in enumerate(rates):
        peaks = replace(device.peak_flops, bf16=1e15)
        changed = replace(device, memory_bytes_per_s=rate, peak_flops=peaks)
        expected = roofline.latency_s(ops, cm.precision("bf16"), changed).sum()
        np.testing.assert_allclose(found[0, 0, 5, 1, i, 1], expected, rtol=1e-12)
    assert (found[..., 0, :] >= found[..., 2, :]).all() or np.isnan(found).any()


def test_a_field_that_a_device_lacks_is_refused():
    with pytest.raises(ValueError, match="a Gpu has no lut"):
        columns(spaces.small(**{"device.lut": [1e5, 2e5]}))


def test_constraints_mask_the_same_designs_as_python():
    limits = ["batch * weight_bits <= 64", "precision != 'int4/bf16'", "footprint_bytes <= 0.01 * memory_bytes"]
    space = spaces.small(constraints=limits, objectives=["latency_s"], metrics=["footprint_bytes"])
    found = columns(space)
    feasible = np.concatenate([e.feasible for e in blocks(space, 0, space.size)])
    for i in range(space.size):
        design = space.design(i)
        precision, device = cm.precision(design["precision"]), cm.gpu(design["device"])
        footprint = found["footprint_bytes"][i]
        allowed = design["batch"] * precision.weight.bits <= 64 and design["precision"] != "int4/bf16"
        assert feasible[i] == (
            allowed and footprint <= 0.01 * device.memory_bytes and np.isfinite(found["latency_s"][i])
        )
    counts = [e.counts for e in blocks(space, 0, space.size)]
    assert sum(c.designs - c.excluded - c.unknown for c in counts) == feasible.sum()


def test_equal_ops_are_evaluated_once():
    llama = passes.build({"model": "zoo:llama-3.1-8b"})
    assert len(llama.counted.ops) < len(llama.workload.ops) / 20
    assert llama.counted.times.sum() == len(llama.workload.ops)
    assert llama.on_gpu.times.sum() == len(llama.workload.ops)


def test_what_does_not_apply_to_a_model_names_it():
    with pytest.raises(ValueError, match=r"zoo:resnet18.*takes no context"):
        passes.build({"model": "zoo:resnet18", "context": 512})
    with pytest.raises(ValueError, match="also fixed"):
        passes.build({"model": {"model": "zoo:resnet18", "batch": 2}, "batch": 4})
    with pytest.raises(ValueError, match="did you mean"):
        passes.build({"model": "zoo:resnet81"})


def test_strategies_by_file_name_and_fields():
    space = spaces.small(
        strategy=["none", {"name": "nm_sparsity", "n": [1, 2], "m": 4}], batch=[1], latency="estimate",
        objectives=["latency_s"], constraints=[], metrics=["weight_bytes"],
    )  # fmt: skip
    found = columns(space)["weight_bytes"].reshape(space.shape)
    assert (found[:, 1] < found[:, 2]).all()
    assert (found[:, 2] < found[:, 0]).all()
    sparse = cm.strategies.NMSparsity(2, 4)(cm.zoo.build("resnet18"))
    expected = cm.estimate(sparse, "w8a8", cm.gpu("a100_sxm")).totals["weight_bytes"]
    assert found[0, 2, 0, 2, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("spelled", "says"),
    [
        ("nm_sparcity", "did you mean nm_sparsity"),
        ({"name": "nm_sparsity", "n": 2}, r"strategy nm_sparsity needs m, as"),
        ({"name": "nm_sparsity", "n": 5, "m": 4}, "n=5"),
        ({"name": "nm_sparsity", "n": 2, "m": 4, "k": 1}, "'k'"),
        ({"name": "none", "n": 2}, "no fields, got n"),
    ],
)
def test_bad_strategies(spelled, says):
    with pytest.raises(ValueError, match=says):
        passes.strategy(spelled)
