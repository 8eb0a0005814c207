import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spaces
from hypothesis import given
from hypothesis import strategies as st

from dse.digests import digest
from dse.space import ID_DIGITS, Block, Space

ROOT = Path(__file__).parents[2]


def test_the_product_has_every_design_once():
    space = spaces.small()
    assert space.shape == (2, 3, 6, 3)
    assert space.size == 108
    designs = [json.dumps(space.design(i)) for i in range(space.size)]
    assert len(set(designs)) == 108
    assert space.design(0) == {"model": "zoo:resnet18", "batch": 1, "precision": "int4/int8", "device": "a100_sxm"}
    assert space.design(1)["device"] == "h100_sxm"


def test_groups_number_the_values_of_their_axes():
    space = spaces.small(groups=["device", "batch"])
    found = space.group(np.arange(space.size))
    expected = [
        3 * ["a100_sxm", "h100_sxm", "t4"].index(d["device"]) + [1, 4, 16].index(d["batch"])
        for d in map(space.design, range(space.size))
    ]
    assert found.tolist() == expected
    assert set(spaces.small(groups=[]).group(np.arange(9)).tolist()) == {0}


@given(st.integers(0, 107), st.integers(0, 108), st.integers(1, 40))
def test_blocks_cover_a_range_once(start, length, most):
    space = spaces.small()
    stop = min(start + length, space.size)
    covered = [index for block in space.blocks(start, stop, most) for index in indices(space, block)]
    assert covered == list(range(start, stop))
    assert all(block.size <= most for block in space.blocks(start, stop, most))


def indices(space: Space, block: Block) -> list[int]:
    precisions, devices = space.inner()
    base = block.outer * precisions * devices
    rows, columns = (range(part.start, part.stop) for part in (block.rows, block.columns))
    found = [base + row * devices + column for row in rows for column in columns]
    assert found[0] == block.start
    return found


def test_ids_are_of_the_values_alone():
    space, wider = spaces.small(), spaces.small(batch=[4, 1], objectives=["energy_j"])
    ids = {space.id(i) for i in range(space.size)}
    assert len(ids) == space.size
    assert all(len(found) == ID_DIGITS for found in ids)
    by_design = {json.dumps(wider.design(i)): wider.id(i) for i in range(wider.size)}
    shared = [i for i in range(space.size) if json.dumps(space.design(i)) in by_design]
    assert len(shared) == 72
    assert all(by_design[json.dumps(space.design(i))] == space.id(i) for i in shared)


def test_ids_and_hash_are_the_same_in_another_process():
    space = spaces.small()
    code = f"from dse.space import Space; s = Space.read({spaces.SMALL!r}); print(s.hash, s.id(0), s.id(107))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [space.hash, space.id(0), space.id(107)]


def test_shorthands_are_the_same_space():
    written_out = spaces.small(precision=["w4a8", "int4/bf16", "w8a8", "w8a16", "bf16/int8", "bf16/bf16"])
    assert written_out.hash == spaces.small().hash
    assert Space.read(spaces.small().spec).hash == spaces.small().hash


@pytest.mark.parametrize(
    "changed",
    [
        {"batch": [1, 4]}, {"objectives": ["latency_s"]}, {"constraints": []}, {"groups": []}, {"metrics": ["bops"]},
        {"latency": "estimate"}, {"rows": True}, {"device": ["a100_sxm", "h100_sxm", "l4"]},
    ],
)  # fmt: skip
def test_what_decides_the_result_is_in_the_hash(changed):
    assert spaces.small(**changed).hash != spaces.small().hash


def test_the_figures_of_a_device_are_in_the_hash(tmp_path):
    text = (ROOT / "costmodel" / "hardware" / "gpus" / "t4.toml").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(text)
    first = spaces.small(device=str(path)).hash
    path.write_text(text.replace("memory_bytes_per_s = 320e9", "memory_bytes_per_s = 321e9"))
    assert spaces.small(device=str(path)).hash != first


def test_digest_ignores_the_order_of_keys():
    assert digest({"a": 1, "b": [2, 3]}) == digest({"b": [2, 3], "a": 1})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"objectives": []}, "at least one objective"),
        ({"objectives": ["latancy_s"]}, "latency_s"),
        ({"objectives": ["loss", "loss"]}, "differ"),
        ({"objectives": "loss"}, "list of strings"),
        ({"objectives": ["device"]}, "text"),
        ({"constraints": ["latency_s <= 3GB"]}, "latency_s is in s"),
        ({"constraints": ["footprint <= 3GB"]}, "footprint_bytes"),
        ({"constraints": [3]}, "list of strings"),
        ({"groups": ["devices"]}, "did you mean device"),
        ({"groups": ["context"]}, "axis of this space"),
        ({"metrics": ["flips"]}, "flops"),
        ({"latency": "guess"}, "guess"),
        ({"rows": "yes"}, "true or false"),
        ({"device": ["h100"]}, "h100"),
    ],
)
def test_bad_input_is_one_line(changed, says):
    with pytest.raises(ValueError, match=says) as error:
        spaces.small(**changed)
    assert "\n" not in str(error.value)


def test_files_are_named_in_errors(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text("objctives = ['loss']")
    with pytest.raises(ValueError, match=r"space.toml: unknown key of a space 'objctives'; did you mean objectives"):
        Space.load(path)
    with pytest.raises(ValueError, match="cannot read"):
        Space.load(tmp_path / "none.toml")
