"""Limits and objectives in words: whatever a space takes is told, and only names, signs and plain numbers change."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import limits
from app.report import exploration_section
from costmodel.catalog import read_toml
from dse import expression
from dse.metric import METRICS

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.toml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("lut <= 17744", "LUTs ≤ 17.74 k"),
        ("latency_s < 1e-1", "latency < 100 ms"),
        ("latency_s <= 100ms", "latency ≤ 100ms"),
        ("footprint_bytes <= 5GB", "memory footprint ≤ 5GB"),
        ("footprint_bytes<=0.9*memory_bytes", "memory footprint ≤ 0.9 × memory"),
        ("8 >= batch", "8 ≥ batch"),
        ("latency_s / batch <= 10ms", "latency / batch ≤ 10ms"),
        ("device != \"l40s\" and precision == 'int8/int8'", "device ≠ \"l40s\" and precision = 'int8/int8'"),
        ("device != \"a lut <= b\"", "device ≠ \"a lut <= b\""),
        ("device.memory_bytes_per_s >= 1e12B/s or batch < 9", "memory bandwidth ≥ 1e12B/s or batch < 9"),
    ],
)  # fmt: skip
def test_a_limit_in_words(text: str, told: str) -> None:
    assert expression.limit(text)
    assert limits.limit(text) == told


def test_an_objective_keeps_its_quotient() -> None:
    assert limits.in_words("minimise latency_s / batch") == "minimise latency / batch"
    assert limits.in_words("maximise batch/latency_s") == "maximise batch/latency"
    assert limits.in_words("uram + l2_bytes + memory_bytes") == "UltraRAMs + L2 cache + memory"


@given(
    st.sampled_from(sorted(METRICS)), st.sampled_from(["<=", ">=", "<", ">", "==", "!="]),
    st.floats(min_value=1e-9, max_value=1e15), st.sampled_from(["", "k", "M", "u", "GB", "ms", "J", "Hz", "/s"]),
)  # fmt: skip
def test_every_comparison_with_a_number_is_told(name: str, sign: str, number: float, unit: str) -> None:
    told = limits.limit(f"{name} {sign} {number:g}{unit}")
    assert told.count(" ") >= 2
    assert told.endswith(f"{number:g}{unit}") or not unit


def test_what_each_example_asks_is_reported() -> None:
    asked = [read_toml(path) for path in EXAMPLES]
    assert sum("constraints" in each for each in asked) > 3
    for each in asked:
        constraints, objectives = each.get("constraints", []), each.get("objectives", [])
        run = {
            "space": {"axes": {}}, "objectives": objectives, "constraints": constraints, "groups": [], "front": [],
            "columns": [], "designs": 0, "designs_done": 0, "excluded": 0, "unknown": 0, "points": 0, "complete": True,
            "latency": "estimate",
        }  # fmt: skip
        told = " ".join(exploration_section.section("run", run).sentences)
        assert told.count(" ≤ ") == sum(text.count("<=") for text in constraints)
        assert "_bytes" not in told
        assert "_s" not in told
