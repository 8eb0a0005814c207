"""Block RAM, UltraRAM and DSP rules against the rows that Yosys mapped, and their laws."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.estimators.fpga.block_ram import best_mix, ram_blocks, rom_blocks, uram_blocks
from costmodel.estimators.fpga.hard_product import product_blocks
from costmodel.hardware.calibration import FOLDER
from profilers.fpga.block_rows import predicted

TABLE = predicted(pd.read_parquet(FOLDER / "fpga_blocks.parquet"))
sizes = st.integers(1, 40_000), st.integers(1, 300)


@pytest.mark.parametrize("family", ["xc7", "xcup"])
@pytest.mark.parametrize(
    ("kinds", "resource", "least"), [(("ram", "rom"), "bram18", 200), (("int", "uint"), "dsp", 200)]
)
def test_every_row_is_exact(family, kinds, resource, least):
    rows = TABLE[(TABLE["device_family"] == family) & TABLE["kind"].isin(kinds)]
    assert len(rows) >= least
    wrong = rows[rows[f"predicted_{resource}"] != rows[resource]]
    assert wrong.empty, wrong.to_string()


def test_ultra_rams_are_exact():
    rows = TABLE[TABLE["kind"] == "ultra"]
    assert len(rows) >= 24
    assert (rows["predicted_uram"] == rows["uram"]).all()


@given(*sizes)
def test_constant_memories_hardly_take_more_than_writable_ones(depth, bits):
    """Yosys weighs blocks with the multiplexers between banks, so that a few more may be cheaper; a bank is one."""
    assert rom_blocks(depth, bits) <= ram_blocks(depth, bits) * (1.0 if depth <= 512 else 1.1)
    assert 18_432 * rom_blocks(depth, bits) >= depth * bits


@given(*sizes)
def test_the_best_mix_beats_every_single_shape(depth, bits):
    single = [-(-depth // 2 ** (14 - i)) * -(-bits // word) for i, word in enumerate((1, 2, 4, 9, 18, 36))]
    assert 18_432 * best_mix(depth, bits) >= depth * bits
    assert best_mix(depth, bits) <= min(single)


@given(st.integers(1, 3000), st.integers(1, 7))
def test_the_best_mix_is_that_of_an_exhaustive_search(depth, bits):
    shapes = [(word, -(-depth // 2 ** (14 - i))) for i, word in enumerate((1, 2, 4, 9, 18, 36))]

    def search(left):
        return 0 if left <= 0 else min(cost + search(left - word) for word, cost in shapes)

    assert best_mix(depth, bits) == search(bits)


@given(st.lists(st.tuples(*sizes), min_size=1, max_size=5))
def test_arrays_equal_their_members(shapes):
    depth, bits = np.array(shapes, dtype=np.float64).T
    for rule in (ram_blocks, rom_blocks, uram_blocks):
        assert np.array_equal(rule(depth, bits), [rule(d, b) for d, b in shapes])


def test_no_words_take_no_blocks_and_an_empty_mix_is_an_error():
    assert ram_blocks(0, 8) == rom_blocks(8, 0) == uram_blocks(0, 0) == 0
    with pytest.raises(ValueError, match="at least a word of a bit, got depth=0"):
        best_mix(0, 8)


@given(st.integers(1, 32), st.integers(1, 32), st.booleans(), st.sampled_from(["DSP48E1", "DSP48E2", "DSP58"]))
def test_products_take_blocks_whichever_way_round(a, b, signed, kind):
    blocks = product_blocks(a, b, signed=signed, kind=kind)
    assert blocks == product_blocks(b, a, signed=signed, kind=kind)
    assert (blocks == 0) == (min(a, b) < 2 or a + b < 9)


@pytest.mark.parametrize(("a", "b", "blocks"), [(8, 8, 1), (16, 16, 1), (18, 27, 1), (24, 24, 2), (4, 4, 0)])
def test_published_products_on_ultrascale(a, b, blocks):
    """Widths of synthesised products; 18 x 27 and 24 x 24 signed."""
    assert product_blocks(a, b, signed=True, kind="DSP48E2") == blocks
