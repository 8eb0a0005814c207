"""Memories and multipliers through Yosys itself."""

import pytest

from profilers.fpga.block_rows import predicted, rows
from profilers.fpga.cache import Cache
from profilers.fpga.hard_blocks import Memory, Multiplier, measure, script
from profilers.fpga.sample_blocks import sample

BLOCKS = (
    Memory(600, 40),
    Memory(2100, 11, writable=False),
    Multiplier(8, 8),
    Multiplier(4, 4),
    Multiplier(30, 20, False),
)


@pytest.mark.long
def test_rows_are_what_the_rules_say_and_come_from_the_cache_again(tmp_path):
    cache, seen = Cache(tmp_path), []
    table = predicted(rows(BLOCKS, "xc7", cache=cache, progress=seen.append))
    for resource in ("bram18", "uram", "dsp"):
        assert table[resource].tolist() == table[f"predicted_{resource}"].tolist()
    assert table["dsp"].tolist()[2:] == [1, 0, 4]
    assert seen[-1].done == len(BLOCKS)
    again = []
    assert predicted(rows(BLOCKS, "xc7", cache=cache, progress=again.append)).equals(table)
    assert again[0].cached == len(BLOCKS)


def test_samples_are_stable_and_distinct():
    found = sample("xcup", 40, 3)
    assert found == sample("xcup", 40, 3)
    assert len(set(found)) == len(found) == 85


@pytest.mark.parametrize(
    "bad", [{"depth": 1, "bits": 4}, {"depth": 8, "bits": 0}, {"depth": 8, "bits": 8, "style": "x"}]
)
def test_a_memory_needs_words_of_bits(bad):
    with pytest.raises(ValueError, match="a memory has depth"):
        Memory(**bad)


def test_bad_widths_families_and_styles_are_one_line(tmp_path):
    with pytest.raises(ValueError, match="1 to 64 bits"):
        Multiplier(0, 8)
    with pytest.raises(ValueError, match="family must be one of"):
        script("spartan2")
    with pytest.raises(ValueError, match="xc7 has no UltraRAM"):
        measure([Memory(4096, 72, style="ultra")], "xc7", cache=Cache(tmp_path))
