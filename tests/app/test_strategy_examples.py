"""Every example space of a strategy loads, is swept in a moment, and gives a front on a calibrated device."""

from pathlib import Path

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


def test_a_space_of_scans_and_attention_has_a_front_at_every_resolution(tmp_path):
    space = Space.load(EXAMPLES[0].parent / "linear_scans.toml")
    run = sweep(space, tmp_path / "run")
    assert run.counts.unknown == 0
    assert len(set(space.group(run.front.index).tolist())) == 10
