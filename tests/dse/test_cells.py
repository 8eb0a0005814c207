"""Many workloads together give what costmodel.estimate says of each."""

import numpy as np
import pytest

import costmodel as cm
from dse import design_columns
from dse.chunk import blocks
from dse.designs import estimate_of
from dse.space import Space

SPACE = Space.read({
    "objectives": ["maximise examples_per_s", "latency_s", "loss"],
    "constraints": ["footprint_bytes <= 0.9 * memory_bytes", "batch != 5"],
    "metrics": ["energy_j", "weight_bytes", "kv_bytes", "bytes_moved", "macs", "peak_activation_bytes"],
    "axes": {
        "model": {"model": "zoo:llama-3.1-8b", "phase": "decode"},
        "batch": [1, 5, 64], "context": [1000, 4000],
        "strategy": [
            "none",
            {"name": "speculative_decoding", "draft_tokens": [1, 4], "acceptance_rate": [0.6, 0.8]},
            [{"name": "nm_sparsity", "n": 2, "m": 4}, {"name": "speculative_decoding", "draft_tokens": [2]}],
        ],
        "precision": ["bf16", "fp8_e4m3/fp8_e4m3", "w8a8", "w4a16kv8", "w4a8", "mxfp4/bf16", "bf16/bf16/int4"],
        "device": ["h100_sxm", "a100_sxm", "l40s"],
    },
})  # fmt: skip


def _columns(space, cuts):
    design_columns._KEPT.clear()
    parts = [e for start, stop in cuts for e in blocks(space, start, stop)]
    return np.concatenate([e.columns for e in parts]), np.concatenate([e.feasible for e in parts])


def test_columns_are_those_of_estimate():
    columns, feasible = _columns(SPACE, [(0, SPACE.size)])
    names = SPACE.columns
    rng = np.random.default_rng(3)
    for i in rng.choice(SPACE.size, 30, replace=False).tolist():
        design, row = SPACE.design(i), dict(zip(names, columns[i], strict=True))
        if np.isnan(row["latency_s"]):
            with pytest.raises(ValueError, match="pipe"):
                estimate_of(SPACE, i)
            assert not feasible[i]
            continue
        totals = estimate_of(SPACE, i).totals
        for name in names[1:]:
            if name != "loss":
                assert row[name] == pytest.approx(totals[name], rel=1e-9), (design, name)
        assert row["examples_per_s"] == pytest.approx(design["batch"] / totals["latency_s"], rel=1e-9)
        fits = totals["footprint_bytes"] <= 0.9 * cm.gpu(design["device"]).memory_bytes
        assert feasible[i] == (fits and design["batch"] != 5)


def test_columns_do_not_depend_on_how_a_space_is_cut():
    whole, kept = _columns(SPACE, [(0, SPACE.size)])
    unit = int(np.prod(SPACE.inner()))
    middle = SPACE.size // unit // 2 * unit
    in_parts, too = _columns(SPACE, [(middle, SPACE.size), (0, middle)])
    np.testing.assert_array_equal(
        np.concatenate([in_parts[SPACE.size - middle :], in_parts[: SPACE.size - middle]]), whole
    )
    assert kept.sum() == too.sum()
    ragged, _ = _columns(SPACE, [(0, 7), (7, 100), (100, SPACE.size)])
    np.testing.assert_allclose(ragged, whole, rtol=1e-9)


def test_a_draft_adds_no_noise_and_a_narrow_cache_and_pruning_do():
    columns, _ = _columns(SPACE, [(0, SPACE.size)])
    loss = columns[:, SPACE.columns.index("loss")].reshape(SPACE.shape)[0, :, 0, 0, :, 0]
    plain, drafted, pruned = loss[0], loss[1], loss[-1]
    np.testing.assert_array_equal(plain, drafted)
    assert (pruned > plain).all()
    assert plain[-1] > plain[0], "bf16 with a cache of 4 bits"


def test_many_workloads_of_vision_networks_too():
    space = Space.read({
        "objectives": ["latency_s"], "metrics": ["energy_j", "footprint_bytes"],
        "axes": {"model": ["zoo:resnet18", "zoo:mobilenetv2_100"], "batch": [1, 7], "precision": ["bf16", "w8a8"],
                 "device": ["a100_sxm", "t4", "l4"]},
    })  # fmt: skip
    columns, _ = _columns(space, [(0, space.size)])
    for i in range(space.size):
        if np.isfinite(columns[i, 0]):
            totals = estimate_of(space, i).totals
            assert columns[i].tolist() == pytest.approx([totals[n] for n in space.columns], rel=1e-9)
    assert np.isfinite(columns[:, 0]).sum() == 20
