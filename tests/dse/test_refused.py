"""Designs that a strategy refuses: left out of the front and told, where others remain."""

import pytest

from dse import Space
from dse.passes import RefusedError
from dse.refused import refusals
from dse.sweep import sweep

AXES = {
    "model": {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64},
    "device": ["a100_sxm", "h100_sxm"],
    "batch": [1, 4],
    "precision": ["bf16"],
    "strategy": ["none", {"name": "parallel", "tensor": [2, 3]}, {"name": "parallel", "data": [2]}],
}
SPACE = {"axes": AXES, "objectives": ["latency_s / batch", "footprint_bytes"], "rows": True}


@pytest.mark.parametrize("latency", ["estimate", "roofline"])
def test_what_a_strategy_refuses_is_left_out_and_told(tmp_path, latency):
    space = Space.read(SPACE | {"latency": latency})
    run = sweep(space, tmp_path / "run")
    assert [(row["strategy"], row["designs"]) for row in refusals(space)] == [
        ("parallel:tensor=3", 4), ("parallel:data=2", 2),
    ]  # fmt: skip
    assert (run.counts.designs, run.counts.unknown) == (16, 6)
    assert "GPUs do not divide" in refusals(space)[0]["reason"]
    assert "replicas do not divide a batch of 1" in refusals(space)[1]["reason"]
    kept = ["none", {"name": "parallel", "tensor": 2}, {"name": "parallel", "data": 2}]
    fewer = Space.read(SPACE | {"latency": latency, "axes": AXES | {"strategy": kept, "batch": 4}})
    alone, found = (_front(one, each) for one, each in ((fewer, sweep(fewer, tmp_path / "fewer")), (space, run)))
    assert {key: value for key, value in found.items() if key in alone} == pytest.approx(alone)


def _front(space, run):
    """The first objective of each point by its design's id."""
    return {space.id(int(i)): float(v[0]) for i, v in zip(run.front.index, run.front.values, strict=True)}


def test_a_space_of_which_nothing_is_left_is_refused_in_a_line(tmp_path):
    space = Space.read(SPACE | {"axes": AXES | {"strategy": {"name": "parallel", "tensor": 3}}})
    with pytest.raises(RefusedError, match=r"^parallel:tensor=3: .*3 GPUs do not divide"):
        sweep(space, tmp_path / "run")
    assert not (tmp_path / "run").exists()


CODED = {"model": {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64}, "device": ["a100_sxm", "l40s"],
         "batch": [1, 4], "precision": ["int4_g128/bf16", "w8a8", "nf4/bf16"]}  # fmt: skip


@pytest.mark.parametrize("latency", ["estimate", "roofline"])
@pytest.mark.parametrize("field", [{}, {"device.memory_bytes": [8e10]}])
def test_formats_of_other_bits_than_the_codes_that_are_stored_are_left_out_and_told(tmp_path, latency, field):
    """One workload at a time or several: the same designs have no value."""
    told = {"objectives": ["latency_s", "weight_bytes"], "latency": latency}
    axes = CODED | field | {"strategy": ["none", "double_rounding", "double_rounding:stored_bits=8,bits=8"]}
    space = Space.read(told | {"axes": axes})
    run = sweep(space, tmp_path / "run")
    (row,) = refusals(space)
    assert row["strategy"] == "double_rounding"
    assert "is stored in codes of 4 bits: a weight format of as many is needed, got int8 of 8" in row["reason"]
    assert (row["designs"], run.counts.unknown, run.counts.designs) == (4, 4, 36)
    with pytest.raises(RefusedError, match=r"^double_rounding: .*stored in codes of 4 bits"):
        sweep(
            Space.read(told | {"axes": axes | {"precision": ["w8a8"], "strategy": "double_rounding"}}), tmp_path / "n"
        )
    assert not (tmp_path / "n").exists()


LLAMA = {"model": "zoo:llama-3.2-1b", "phase": "decode", "context": 64}
MIXTRAL = {"model": "zoo:mixtral-8x7b", "phase": "decode", "context": 64}
ALONE = [
    ("jetson_orin", LLAMA, "bf16", "parallel:tensor=2", "jetson_orin has no link to other GPUs, over", "estimate"),
    ("jetson_orin", LLAMA, "bf16", "parallel:tensor=2", "jetson_orin has no link to other GPUs, over", "roofline"),
    ("jetson_orin", MIXTRAL, "int4_g128/bf16", "edge_moe", "has no link to memory outside of it, from", "estimate"),
    ("mine.toml", LLAMA, "bf16", "parallel:tensor=2", "mine has no link to other GPUs, over which", "estimate"),
    ("mine.toml", LLAMA, "bf16", "parallel:tensor=2", "mine has no link to other GPUs, over which", "roofline"),
    (
        "mine.toml",
        LLAMA,
        "bf16",
        "parallel:pipeline=2,stage=0",
        "mine has no link to other GPUs, for which",
        "estimate",
    ),
    ("zcu104", "zoo:resnet18", "int8/int8", "aqlm:codebooks=8,code_bits=8", "no decoder of codebooks is", "estimate"),
]


@pytest.mark.parametrize(("device", "model", "precision", "strategy", "says", "latency"), ALONE)
def test_what_a_device_cannot_run_is_left_out_and_told(
    device, model, precision, strategy, says, latency, tmp_path, monkeypatch, cpu_file
):
    """It has no value there, on a GPU beside it as ever; where nothing else is asked for, one line says why."""
    monkeypatch.chdir(cpu_file.parent)
    axes = {"model": model, "device": ["a100_sxm", device], "precision": precision, "strategy": ["none", strategy]}
    told = {"objectives": ["latency_s", "footprint_bytes"], "latency": latency, "misfits": True}
    space = Space.read(told | {"axes": axes})
    run = sweep(space, tmp_path / "run")
    (row,) = refusals(space)
    assert (row["designs"], run.counts.unknown, run.counts.designs) == (1, 1, 4)
    assert says in row["reason"]
    with pytest.raises(RefusedError, match=rf"^{row['strategy']}: .*{says}"):
        sweep(Space.read(told | {"axes": axes | {"device": device, "strategy": strategy}}), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_field_that_an_axis_gives_a_device_is_what_it_has(tmp_path):
    axes = {"model": MIXTRAL, "device": ["jetson_orin"], "precision": "int4_g128/bf16", "strategy": ["edge_moe"]}
    given = axes | {"device.storage_bytes_per_s": [1e9, 7e9]}
    space = Space.read({"axes": given, "objectives": ["latency_s", "footprint_bytes"], "misfits": True})
    run = sweep(space, tmp_path / "run")
    assert (refusals(space), run.counts.unknown, run.counts.designs) == ([], 0, 2)
    assert space.design(int(run.front.index[0]))["device.storage_bytes_per_s"] == 7e9
