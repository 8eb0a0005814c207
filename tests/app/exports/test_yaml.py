"""Our YAML is what PyYAML reads back."""

import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from app.exports._yaml import dump

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
)


@given(DATA)
@example({"\U00010000\x7f\x85\n": [1e16, 5e-324, -1e300, 0.5, -0.0], "yes": {"": []}, -1: ["\u2028", "- a: b #"]})
@example({"\x7f" * 103: 1, "b" * 1001: {"c": [2]}, "d" * 1001: [{"e": 3}], "f" * 1000: "g"})
def test_round_trip(data):
    assert yaml.safe_load(dump(data)) == data
