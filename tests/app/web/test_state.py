"""A state goes into a link and comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web import state

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_links_come_back(given_state):
    assert state.parse(state.encode(given_state)) == given_state


def test_controls_become_text():
    told = state.encode({"a": ["x", "y"], "n": 2, "f": 0.5, "on": True, "off": False, "none": None, "empty": ""})
    assert told == "?a=x,y&n=2&f=0.5&on=True"


def test_what_is_not_known_is_left_out():
    found = state.parse("?formats=int4,evil,int4&batch=1,x,-2,8,99999999999999999999")
    assert state.several(found, "formats", ["int4", "int8"], ["int8"]) == ["int4"]
    assert state.several(found, "other", ["int4"], ["int8"]) == ["int8"]
    assert state.whole_numbers(found, "batch", [1]) == [1, 8]


@pytest.mark.parametrize("search", ["x" * 70_000, 3, ["a"]])
def test_links_that_are_none(search):
    with pytest.raises(ValueError, match="query"):
        state.parse(search)
