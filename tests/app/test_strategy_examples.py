"""Every example space of a strategy loads, is swept in a moment, and gives a front on a calibrated device."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from costmodel.strategies import names
from dse import Space
from dse.axes import label
from dse.sweep import sweep

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("strategy_*.toml"))
CALIBRATED = {"a100_sxm", "h100_sxm", "l40s"}


def used(entry) -> set[str]:
    """Names of the strategies of a value on the axis."""
    if isinstance(entry, list):
        return set().union(*(used(part) for part in entry))
    return {str(label(entry)).split()[0].partition(":")[0]}


@pytest.mark.parametrize(
    "path", [pytest.param(p, id=p.stem, marks=pytest.mark.long if i % 4 else ()) for i, p in enumerate(EXAMPLES)]
)
def test_an_example_gives_a_front_of_its_strategy(path, tmp_path):
    space = Space.load(path)
    name = path.stem.removeprefix("strategy_")
    assert name in names()
    assert name in set().union(*(used(value) for value in space.axis("strategy").values))
    assert CALIBRATED & set(space.axis("device").values)
    run = sweep(space, tmp_path / "run")
    assert any(name in used(space.design(int(index))["strategy"]) for index in run.front.index)
    assert run.counts.unknown < space.size


ROOT = EXAMPLES[0].parent
ASSUMED = {"acceptance_rate", "acceptance", "correct", "false_positive", "true_positive", "skew", "foreseen", "spread",
           "deviation"}  # fmt: skip
"""Fields of strategies that say how texts, images, models and tests are: no design chooses them."""


def steps(value) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [{"name": step} if isinstance(step, str) else step for step in listed]


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.toml")), ids=lambda path: path.stem)
def test_no_front_chooses_what_is_assumed(path):
    axes = tomllib.loads(path.read_text()).get("axes", {})
    for entry in axes.get("strategy", ()):
        for step in steps(entry):
            several = {key for key in ASSUMED & step.keys() if isinstance(step[key], list)}
            assert not several, f"{step['name']} has {several} to choose: the front always has the kindest"


def strategies_on(space, front) -> set[str]:
    return set().union(*(used(space.design(int(index))["strategy"]) for index in front.index))


def test_a_space_of_a_cpu_has_smaller_products_on_its_front(tmp_path, monkeypatch, cpu_file):
    """Zeros left out one by one are multiplied: they save no time, and stand behind what makes products smaller."""
    monkeypatch.chdir(cpu_file.parent)
    space = Space.load(ROOT / "cpu_sparsity.toml")
    run = sweep(space, tmp_path / "run")
    assert run.counts.unknown == 0
    assert strategies_on(space, run.front) == {"none", "filter_pruning", "block_sparsity"}


def test_a_space_of_fpgas_has_what_units_skip_on_its_front(tmp_path):
    told = dict(Space.load(ROOT / "fpga_sparsity.toml").spec)
    small = Space.read(told | {"axes": told["axes"] | {"device": ["zcu104"], "precision": ["w4a4"]}})
    run = sweep(small, tmp_path / "run")
    assert strategies_on(small, run.front) == {"filter_pruning", "block_sparsity", "nm_sparsity"}
    assert run.counts.excluded > 0, "the dense network does not fit"


def test_filters_that_an_input_chooses_are_all_built_and_stand_behind_the_dense_network(tmp_path):
    """Their predictors are parameters, and no quality."""
    told = dict(Space.load(ROOT / "fpga_sparsity.toml").spec)
    strategies = ["none", {"name": "dynamic_filters", "keep": 0.5}]
    varied = {"device": ["u250"], "precision": ["w8a8"], "strategy": strategies}
    space = Space.read(told | {"axes": told["axes"] | varied})
    assert strategies_on(space, sweep(space, tmp_path / "run").front) == {"none"}


def test_a_space_of_scans_and_attention_has_a_front_at_every_resolution(tmp_path):
    space = Space.load(EXAMPLES[0].parent / "linear_scans.toml")
    run = sweep(space, tmp_path / "run")
    assert run.counts.unknown == 0
    assert len(set(space.group(run.front.index).tolist())) == 10


def test_each_number_of_gpus_has_a_front_on_each_device(tmp_path):
    """Nothing in that space charges for a GPU: beside more of them fewer would be nowhere."""
    told = dict(Space.load(ROOT / "strategy_parallel.toml").spec)
    space = Space.read(told | {"axes": told["axes"] | {"batch": [1]}})
    found = [space.design(int(index)) for index in sweep(space, tmp_path / "run").front.index]
    shared = {(d["device"], label(d["strategy"])) for d in found}
    assert shared == {(d, f"parallel:tensor={n}") for d in space.axis("device").values for n in (2, 4, 8)} | {
        (d, "none") for d in space.axis("device").values
    }
